package cms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/private"
	"casesync/domain/upload"
)

// The lengths of keyed hashes: 128 bits of HMAC-SHA256 are enough to tell messages and persons apart.
const hashBytes = 16

// A translator turns checked messages into the domain's facts. It is pure: one message gives one
// fact under one key.
type translator struct {
	// key is the secret of digests and of persons' pseudonyms.
	key []byte
}

// hash returns the keyed hash of texts; a byte that occurs in none of them keeps them apart.
func (t translator) hash(texts ...[]byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	for _, text := range texts {
		mac.Write(text)
		mac.Write([]byte{0xff})
	}
	return mac.Sum(nil)[:hashBytes]
}

// origin says where a message came from. Its digest is the same for two messages that say the
// same, whatever the order of their properties and the space between them.
func (t translator) origin(m *Message) feed.Origin {
	digest := t.hash([]byte("digest"), []byte(m.Type), appendCanonical(nil, m.data))
	return feed.Origin{
		Source: m.Source, ID: m.ID, Sequence: m.Sequence, Time: m.Time,
		Digest: base64.RawURLEncoding.EncodeToString(digest),
	}
}

// fingerprint is the same for the same bytes from the same source under the same id.
func (t translator) fingerprint(m *Message) string {
	return base64.RawURLEncoding.EncodeToString(t.hash([]byte("fingerprint"), []byte(m.Source), []byte(m.ID), m.Original))
}

// translate gives a message its origin and fact. A message with a fault is one of an unknown type.
func (t translator) translate(m *Message) {
	m.origin = t.origin(m)
	known := m.Fault == nil
	switch {
	case m.of(familyBusiness) && known:
		m.businessFact = businessUpdated(m.origin, m.data)
	case m.of(familyBusiness):
		m.businessFact = &business.FactUnrecognised{Origin: m.origin, Type: m.Type}
	case m.of(familyUpload) && known:
		m.uploadFact = uploadFacts[m.Type](m.origin, m.data)
	case m.of(familyUpload):
		m.uploadFact = &upload.FactUnrecognised{Origin: m.origin, Type: m.Type}
	case m.of(familyNotification) && known:
		m.notificationFact = notificationFacts[m.Type](m.origin, m.data)
	case m.of(familyNotification):
		m.notificationFact = &notification.FactUnrecognised{Origin: m.origin, Type: m.Type}
	case known:
		m.caseFact = caseFacts[m.Type](t, m.origin, m.data)
	default:
		m.caseFact = &casefile.FactUnrecognised{Origin: m.origin, Type: m.Type}
	}
}

func businessUpdated(o feed.Origin, d object) *business.Updated {
	return &business.Updated{Origin: o, FRN: d.text("frn"), Name: d.text("name"), Group: d.text("group")}
}

// uploadFacts makes the fact of each type of answer to an upload. Its reason is sealed by the decider, which
// alone knows the case.
var uploadFacts = map[string]func(feed.Origin, object) upload.Event{
	"cms.upload.accepted.v1": func(o feed.Origin, d object) upload.Event {
		return &upload.Accepted{Origin: o, Named: d.text("caseReference"), Reason: optional(d.text("reason"))}
	},
	"cms.upload.rejected.v1": func(o feed.Origin, d object) upload.Event {
		return &upload.Rejected{Origin: o, Named: d.text("caseReference"), Code: d.text("code"), Reason: optional(d.text("reason"))}
	},
}

// notificationFacts makes the fact of each type of answer to a notification; see uploadFacts.
var notificationFacts = map[string]func(feed.Origin, object) notification.Event{
	"cms.notification.acknowledged.v1": func(o feed.Origin, d object) notification.Event {
		return &notification.Acknowledged{Origin: o, Named: d.text("caseReference"), Reason: optional(d.text("reason"))}
	},
	"cms.notification.rejected.v1": func(o feed.Origin, d object) notification.Event {
		return &notification.Rejected{Origin: o, Named: d.text("caseReference"), Code: d.text("code"), Reason: optional(d.text("reason"))}
	},
}

// caseFacts makes the fact of each type of event of a case.
var caseFacts = map[string]func(translator, feed.Origin, object) casefile.Event{
	"cms.case.converted.v1": func(t translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Converted{
			Origin: o, FRN: d.text("frn"), Product: product(d), ConvertedAt: d.time("convertedAt"),
			Details: details(d), Consumer: t.party(o, d, "consumer"), Representative: t.party(o, d, "representative"),
		}
	},
	"cms.case.stage-changed.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.StageChanged{Origin: o, Stage: d.text("stage")}
	},
	"cms.case.priority-changed.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.PriorityChanged{Origin: o, Priority: private.Of(priority(d))}
	},
	"cms.case.action-requested.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.ActionRequested{
			Origin: o, ActionID: d.text("actionId"), DueDate: d.text("dueDate"), Action: private.Of(action(d)),
		}
	},
	"cms.case.action-extended.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.ActionExtended{Origin: o, ActionID: d.text("actionId"), DueDate: d.text("dueDate")}
	},
	"cms.case.action-closed.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.ActionClosed{Origin: o, ActionID: d.text("actionId"), Result: d.text("result")}
	},
	"cms.case.details-changed.v1": func(t translator, o feed.Origin, d object) casefile.Event {
		return &casefile.DetailsChanged{
			Origin: o, Details: details(d), Consumer: t.party(o, d, "consumer"), Representative: t.party(o, d, "representative"),
		}
	},
	"cms.case.recategorised.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Recategorised{Origin: o, Product: product(d)}
	},
	"cms.case.transferred.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Transferred{Origin: o, FRN: d.text("frn")}
	},
	"cms.case.handed-over.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.HandedOver{Origin: o, ToSource: d.text("toSource")}
	},
	"cms.case.document-published.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.DocumentPublished{
			Origin: o, DocumentID: d.text("documentId"), PublishedAt: d.time("publishedAt"), Document: private.Of(document(d)),
		}
	},
	"cms.case.closed.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Closed{
			Origin: o, Outcome: d.text("outcome"), ClosedAt: d.time("closedAt"), DecisionReference: d.text("decisionReference"),
		}
	},
	"cms.case.reopened.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Reopened{Origin: o, ReopenedAt: d.time("reopenedAt")}
	},
	"cms.case.suppressed.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Suppressed{Origin: o, Reason: optional(d.text("reason"))}
	},
	"cms.case.unsuppressed.v1": func(_ translator, o feed.Origin, d object) casefile.Event {
		return &casefile.Unsuppressed{Origin: o, Reason: optional(d.text("reason"))}
	},
	"cms.case.snapshot.v1": func(t translator, o feed.Origin, d object) casefile.Event { return t.snapshot(o, d) },
}

func (t translator) snapshot(o feed.Origin, d object) *casefile.SnapshotTaken {
	content := casefile.SnapshotContent{Priority: priority(d.object("priority"))}
	content.Details, _ = details(d).Get()
	closed := d.object("closed")
	s := &casefile.SnapshotTaken{
		Origin: o, FRN: d.text("frn"), Product: product(d), Stage: d.text("stage"), ConvertedAt: d.time("convertedAt"),
		Outcome: closed.text("outcome"), ClosedAt: closed.time("closedAt"), DecisionReference: closed.text("decisionReference"),
		ReopenedAt: d.time("reopenedAt"), Suppressed: d.flag("suppressed"),
		Consumer: t.party(o, d, "consumer"), Representative: t.party(o, d, "representative"),
	}
	for _, a := range d.list("actions") {
		if content.Actions == nil {
			content.Actions = map[string]casefile.Action{}
		}
		id := a.text("actionId")
		content.Actions[id] = action(a)
		s.Actions = append(s.Actions, casefile.SnapshotAction{ActionID: id, DueDate: a.text("dueDate"), Result: a.text("result")})
	}
	for _, doc := range d.list("documents") {
		if content.Documents == nil {
			content.Documents = map[string]casefile.Document{}
		}
		id := doc.text("documentId")
		content.Documents[id] = document(doc)
		s.Documents = append(s.Documents, casefile.SnapshotDocument{DocumentID: id, PublishedAt: doc.time("publishedAt")})
	}
	s.Content = private.Of(content)
	return s
}

// party returns the party under name, sealed under the person's own key where the source knows
// the person across cases.
func (t translator) party(o feed.Origin, d object, name string) private.Value[casefile.Party] {
	p := d.object(name)
	if p == nil {
		return private.Value[casefile.Party]{}
	}
	value := private.Of(casefile.Party{Name: p.text("name"), Email: p.text("email"), Phone: p.text("phone")})
	if person := p.text("personId"); person != "" {
		hash := t.hash([]byte("person"), []byte(o.Source), []byte(person))
		value = value.About("person-" + hex.EncodeToString(hash))
	}
	return value
}

func product(d object) casefile.Product {
	p := d.object("product")
	return casefile.Product{Sector: p.text("sector"), Group: p.text("group"), Product: p.text("product")}
}

// details returns what the data says of them, absent if it says nothing.
func details(d object) private.Value[casefile.Details] {
	v := casefile.Details{
		BusinessReference: pointer[string](d, "businessReference"), Issue: pointer[string](d, "issue"),
		SmallBusiness: pointer[bool](d, "smallBusiness"), Handler: pointer[string](d, "handler"),
	}
	if v == (casefile.Details{}) {
		return private.Value[casefile.Details]{}
	}
	return private.Of(v)
}

func priority(d object) casefile.Priority {
	return casefile.Priority{Priority: d.flag("priority"), Reason: d.text("reason")}
}

func action(d object) casefile.Action {
	return casefile.Action{Kind: d.text("kind"), Description: d.text("description")}
}

func document(d object) casefile.Document {
	size, _ := d["size"].(json.Number)
	bytes, _ := size.Float64() // exact: the schema allows integers up to 2^53, but also as 1e3
	return casefile.Document{
		Kind: d.text("kind"), Title: d.text("title"), MediaType: d.text("mediaType"), Size: int64(bytes),
		SHA256: d.text("sha256"), URL: d.text("url"), Confidential: d.flag("confidential"),
	}
}

func optional(text string) private.Value[string] {
	if text == "" {
		return private.Value[string]{}
	}
	return private.Of(text)
}

// object is a decoded JSON object that was checked against its schema. What is absent is zero.
type object map[string]any

func (d object) text(name string) string { text, _ := d[name].(string); return text }

func (d object) flag(name string) bool { flag, _ := d[name].(bool); return flag }

func (d object) object(name string) object { inner, _ := d[name].(map[string]any); return inner }

func (d object) time(name string) time.Time {
	text := d.text(name)
	if text == "" {
		return time.Time{}
	}
	t, _ := parseTime(text) // its schema has seen to it
	return t
}

func (d object) list(name string) []object {
	elements, _ := d[name].([]any)
	list := make([]object, 0, len(elements))
	for _, element := range elements {
		inner, _ := element.(map[string]any)
		list = append(list, inner)
	}
	return list
}

func pointer[T any](d object, name string) *T {
	if value, ok := d[name].(T); ok {
		return &value
	}
	return nil
}
