package cms

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/schemas"
)

var digestKey = []byte(strings.Repeat("k", digestKeyBytes))

// newParser returns an ingester that can parse, which needs neither log nor database.
func newParser(tb testing.TB) *Ingester {
	tb.Helper()
	in, err := NewIngester(Config{DigestKey: digestKey})
	if err != nil {
		tb.Fatalf("make ingester: %v", err)
	}
	return in
}

// examples returns the event of each type that stands in schemas/cms/examples.
func examples(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := fs.Glob(schemas.CMS, "cms/examples/*.json")
	if err != nil {
		tb.Fatalf("list examples: %v", err)
	}
	events := map[string][]byte{}
	for _, file := range files {
		text, err := schemas.CMS.ReadFile(file)
		if err != nil {
			tb.Fatalf("read example: %v", err)
		}
		events[strings.TrimSuffix(path.Base(file), ".json")] = text
	}
	return events
}

// edited returns an event of a type with changes made to it: by a path of names, "data.frn"; nil
// removes.
func edited(tb testing.TB, eventType string, changes map[string]any) []byte {
	tb.Helper()
	var event map[string]any
	if err := json.Unmarshal(examples(tb)[eventType], &event); err != nil {
		tb.Fatalf("read example of %s: %v", eventType, err)
	}
	for where, value := range changes {
		object := event
		names := strings.Split(where, ".")
		for _, name := range names[:len(names)-1] {
			object, _ = object[name].(map[string]any)
		}
		if value == nil {
			delete(object, names[len(names)-1])
			continue
		}
		object[names[len(names)-1]] = value
	}
	text, err := json.Marshal(event)
	if err != nil {
		tb.Fatalf("write event: %v", err)
	}
	return text
}

// Every type has a schema, an example that is valid, and a fact.
func TestExamples(t *testing.T) {
	t.Parallel()
	in := newParser(t)
	events := examples(t)
	if got, want := slices.Sorted(maps.Keys(events)), slices.Sorted(maps.Keys(in.validator.data)); !slices.Equal(got, want) {
		t.Errorf("got examples of %v, want of %v", got, want)
	}
	for eventType, text := range events {
		m := in.Parse(text)
		if m.Fault != nil || m.Type != eventType || m.ID == "" || m.Source == "" || m.Sequence == 0 || m.Time.IsZero() {
			t.Errorf("%s: got %+v, fault %+v", eventType, m, m.Fault)
			continue
		}
		fact, want := factOf(t, &m), strings.Split(eventType, ".")[1]
		kind, _, _ := strings.Cut(fact, ".")
		if got := strings.TrimSuffix(kind, "file"); got != want || strings.Contains(fact, "unrecognised") {
			t.Errorf("%s: got the fact %s, want one of the %s", eventType, fact, want)
		}
	}
}

// factOf returns the stored name of the one fact that a message has.
func factOf(t *testing.T, m *Message) string {
	t.Helper()
	var names []string
	for _, fact := range []any{m.caseFact, m.businessFact, m.uploadFact, m.notificationFact} {
		if name, is := catalog.New().Name(fact); is {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		t.Fatalf("%s: got the facts %v, want one", m.Type, names)
	}
	return names[0]
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	in := newParser(t)
	const (
		converted = "cms.case.converted.v1"
		requested = "cms.case.action-requested.v1"
		closed    = "cms.case.closed.v1"
	)
	cases := []struct {
		name       string
		text       []byte
		code, want string
	}{
		{"not JSON", []byte(`{"id":`), CodeJSON, "not valid JSON: the JSON text ends too early (at byte 6)."},
		{"not an object", []byte(`[]`), CodeEnvelope, "not a JSON object"},
		{"invalid UTF-8", []byte("{\"id\":\"\xff\"}"), CodeJSON, "not valid UTF-8 (at byte 7)"},
		{"a property twice", []byte(`{"id":"1","id":"2"}`), CodeJSON, "same property twice"},
		{"2 MB string", edited(t, converted, map[string]any{"data.issue": strings.Repeat("x", 2<<20)}), CodeTooLarge, "at most 1048576 are taken"},
		{"a string over its limit", edited(t, converted, map[string]any{"data.issue": strings.Repeat("x", 501)}), CodeData, "/data/issue has 501 characters, at most 500 are allowed."},

		{"no attributes", []byte(`{}`), CodeEnvelope, "/id is missing; /source is missing; /specversion is missing; /subject is missing; /time is missing; and 1 more fields."},
		{"CloudEvents 0.3", edited(t, converted, map[string]any{"specversion": "0.3"}), CodeEnvelope, `/specversion is "0.3", expected "1.0".`},
		{"id with a space", edited(t, converted, map[string]any{"id": "Jane Doe"}), CodeEnvelope, "/id is not valid, expected: unique within source"},
		{"no time", edited(t, converted, map[string]any{"time": nil}), CodeEnvelope, "/time is missing."},
		{"time without offset", edited(t, converted, map[string]any{"time": "2026-03-02T10:15:00"}), CodeEnvelope, `/time is "2026-03-02T10:15:00", expected: RFC 3339`},
		{"subject with a slash", edited(t, converted, map[string]any{"subject": "a/b"}), CodeEnvelope, "/subject is not valid, expected: the case reference"},
		{"sequence 0", edited(t, converted, map[string]any{"sequence": "0"}), CodeEnvelope, `/sequence is "0", expected: cloudEvents sequence extension`},
		{"negative sequence", edited(t, converted, map[string]any{"sequence": "-1"}), CodeEnvelope, `/sequence is "-1", expected`},
		{"sequence with a leading zero", edited(t, converted, map[string]any{"sequence": "01"}), CodeEnvelope, `/sequence is "01", expected`},
		{"sequence as a number", edited(t, converted, map[string]any{"sequence": 1}), CodeEnvelope, "/sequence is a number, expected a string"},
		{"sequence out of range", edited(t, converted, map[string]any{"sequence": "9007199254740992"}), CodeEnvelope, "/sequence is above 9007199254740991"},
		{"data in base64", edited(t, converted, map[string]any{"data_base64": "AA=="}), CodeEnvelope, "data_base64, which is not taken: send JSON in data"},
		{"data in XML", edited(t, converted, map[string]any{"datacontenttype": "text/xml"}), CodeEnvelope, `/datacontenttype is "text/xml", expected: application/json, or absent.`},

		{"unknown type", edited(t, converted, map[string]any{"type": "cms.case.renamed.v1"}), CodeType, `"cms.case.renamed.v1" is not known to this version`},
		{"upload, not known yet", edited(t, converted, map[string]any{"type": "cms.upload.archived.v1"}), CodeType, "is not known to this version"},
		{"upload without its case", edited(t, "cms.upload.accepted.v1", map[string]any{"data.caseReference": nil}), CodeData, "/data/caseReference is missing."},
		{"notification of a case that none can be", edited(t, "cms.notification.rejected.v1", map[string]any{"data.caseReference": "A B"}), CodeData, "/data/caseReference is not valid, expected: case reference"},
		{"a code in words", edited(t, "cms.upload.rejected.v1", map[string]any{"data.code": "Mr Specimen"}), CodeData, "/data/code is not valid"},
		{"no data", edited(t, converted, map[string]any{"data": nil}), CodeData, "/data is missing or not an object"},
		{"bad FRN", edited(t, converted, map[string]any{"data.frn": "12AB"}), CodeData, `/data/frn is "12AB", expected: firm reference number: text of 6 or 7 digits, never padded.`},
		{"FRN as a number", edited(t, converted, map[string]any{"data.frn": 123456}), CodeData, "/data/frn is a number, expected a string."},
		{"a day that does not exist", edited(t, requested, map[string]any{"data.dueDate": "2026-02-30"}), CodeData, `/data/dueDate is "2026-02-30", which does not exist, expected: RFC 3339 full-date of a day that exists`},
		{"a year before 1900", edited(t, requested, map[string]any{"data.dueDate": "1899-12-31"}), CodeData, `/data/dueDate is "1899-12-31", which is out of range, expected`},
		{"a year after 2200", edited(t, closed, map[string]any{"data.closedAt": "2201-01-01T00:00:00Z"}), CodeData, `/data/closedAt is "2201-01-01T00:00:00Z", which is out of range, expected`},
		{"a year after 2200 in UTC", edited(t, closed, map[string]any{"data.closedAt": "2200-12-31T23:00:00-12:00"}), CodeData, ", which is out of range, expected"},
		{"an hour that does not exist", edited(t, closed, map[string]any{"data.closedAt": "2026-01-01T25:00:00Z"}), CodeData, ", which does not exist, expected"},
		{"unknown outcome", edited(t, closed, map[string]any{"data.outcome": "upheld"}), CodeData, `/data/outcome is "upheld", expected one of "change", "no-change"`},
		{"a name in the wrong field", edited(t, closed, map[string]any{"data.outcome": "Alex Specimen"}), CodeData, "/data/outcome is not valid, expected one of"},
		{"an e-mail address in the wrong field", edited(t, requested, map[string]any{"data.dueDate": "alex@consumer.example"}), CodeData, "/data/dueDate is not valid, expected: RFC 3339"},
		{"a telephone number in the wrong field", edited(t, requested, map[string]any{"data.actionId": "01632 960000"}), CodeData, "/data/actionId is not valid, expected"},
		{"several fields", edited(t, converted, map[string]any{"data.frn": "1", "data.convertedAt": nil, "data.product.group": 7}), CodeData,
			"/data/convertedAt is missing; /data/frn is \"1\", expected: firm reference number: text of 6 or 7 digits, never padded; /data/product/group is a number, expected a string."},
		{"nothing changed", edited(t, "cms.case.details-changed.v1", map[string]any{"data": map[string]any{}}), CodeData, "/data says nothing"},
		{"an FRN that is not the subject", edited(t, "cms.business.updated.v1", map[string]any{"subject": "654321"}), CodeSubject, "/subject and /data/frn differ"},
		{"an action twice", edited(t, "cms.case.snapshot.v1", map[string]any{"data.actions": []any{
			map[string]any{"actionId": "A", "kind": "k", "description": "d", "dueDate": "2026-01-01"},
			map[string]any{"actionId": "A", "kind": "k", "description": "d", "dueDate": "2026-01-02"},
		}}), CodeData, "/data/actions/1/actionId is there twice"},
		{"a bad document of a snapshot", edited(t, "cms.case.snapshot.v1", map[string]any{"data.documents": []any{map[string]any{"documentId": "D"}}}), CodeData,
			"/data/documents/0/kind is missing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := in.Parse(c.text)
			if m.Fault == nil {
				t.Fatal("got no fault")
			}
			if m.Fault.Code != c.code || !strings.Contains(m.Fault.Reason, c.want) {
				t.Errorf("got %s: %s\nwant %s: %s", m.Fault.Code, m.Fault.Reason, c.code, c.want)
			}
		})
	}
}

// Reasons stand in answers, lists and logs: nothing personal may be in them.
func TestReasonsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	in := newParser(t)
	const personal = "Jane\x7fDoe"
	for _, where := range []string{
		"id", "subject", "source", "data.consumer.name", "data.consumer.email", "data.consumer.phone", "data.consumer.personId", "data.representative.name",
		"data.handler", "data.issue", "data.businessReference", "data.product.product",
	} {
		m := in.Parse(edited(t, "cms.case.converted.v1", map[string]any{where: personal}))
		if m.Fault == nil {
			t.Errorf("%s: got no fault", where)
			continue
		}
		if strings.Contains(m.Fault.Reason, "Jane") {
			t.Errorf("%s: the reason repeats it: %s", where, m.Fault.Reason)
		}
		if strings.Contains(m.Source+m.ID+m.Subject+m.Type, "Jane") {
			t.Errorf("%s: an attribute in clear repeats it: %+v", where, m)
		}
	}
}

func TestUnknownPropertiesAreIgnored(t *testing.T) {
	t.Parallel()
	m := newParser(t).Parse(edited(t, "cms.case.stage-changed.v1", map[string]any{"data.note": "new", "tracestate": "x"}))
	if m.Fault != nil {
		t.Errorf("got %+v, want no fault", m.Fault)
	}
}

func TestTranslateConverted(t *testing.T) {
	t.Parallel()
	m := newParser(t).Parse(edited(t, "cms.case.converted.v1", map[string]any{"data.convertedAt": "2026-03-02T10:15:00.123456789+01:00"}))
	got, ok := m.caseFact.(*casefile.Converted)
	if !ok {
		t.Fatalf("got %T, want Converted; fault %+v", m.caseFact, m.Fault)
	}
	if want := time.Date(2026, 3, 2, 9, 15, 0, 123456000, time.UTC); !got.ConvertedAt.Equal(want) || got.ConvertedAt.Location() != time.UTC {
		t.Errorf("got convertedAt %v, want %v", got.ConvertedAt, want)
	}
	if got.FRN != "123456" || got.Product != (casefile.Product{Sector: "Banking and credit", Group: "Cards", Product: "Credit card"}) {
		t.Errorf("got %+v", got)
	}
	consumer, _ := got.Consumer.Get()
	if want := (casefile.Party{Name: "Alex Specimen", Email: "alex@consumer.example", Phone: "01632 960000"}); consumer != want {
		t.Errorf("got consumer %+v, want %+v", consumer, want)
	}
	if subject := got.Consumer.Subject(); !strings.HasPrefix(subject, "person-") || strings.Contains(subject, "P-20411") {
		t.Errorf("got subject %q, want a pseudonym of the person", subject)
	}
	if subject := got.Representative.Subject(); subject != "" {
		t.Errorf("got subject %q of a representative without personId, want none", subject)
	}
	details, _ := got.Details.Get()
	if details.SmallBusiness == nil || *details.SmallBusiness || details.Handler == nil || *details.Handler != "Sam Example" {
		t.Errorf("got details %+v", details)
	}
	if got.Origin.Source != "https://cms.example/first" || got.Origin.ID != m.ID || got.Origin.Sequence != 1 || got.Origin.Digest == "" {
		t.Errorf("got origin %+v", got.Origin)
	}
}

func TestTranslateSnapshot(t *testing.T) {
	t.Parallel()
	m := newParser(t).Parse(examples(t)["cms.case.snapshot.v1"])
	got, ok := m.caseFact.(*casefile.SnapshotTaken)
	if !ok {
		t.Fatalf("got %T, want SnapshotTaken; fault %+v", m.caseFact, m.Fault)
	}
	content, _ := got.Content.Get()
	if len(got.Actions) != 2 || got.Actions[0].Result != "completed" || got.Actions[1].Result != "" || content.Actions["A-2"].Kind != "reply-to-view" {
		t.Errorf("got actions %+v with %+v", got.Actions, content.Actions)
	}
	if len(got.Documents) != 1 || content.Documents["D-1"].Size != 48213 || got.Documents[0].PublishedAt.IsZero() {
		t.Errorf("got documents %+v with %+v", got.Documents, content.Documents)
	}
	if got.Outcome != "change" || got.ClosedAt.IsZero() || got.ReopenedAt.IsZero() || got.DecisionReference != "DRN-1234567" || !got.Closed() {
		t.Errorf("got %+v", got)
	}
	if content.Priority != (casefile.Priority{Priority: true, Reason: "medical"}) || content.Details.Issue == nil {
		t.Errorf("got content %+v", content)
	}
}

// A message of an unknown type takes its place on the stream that its subject names.
func TestStreams(t *testing.T) {
	t.Parallel()
	in := newParser(t)
	cases := []struct{ eventType, want string }{
		{"cms.case.stage-changed.v1", "casefile-FOS-1000042"},
		{"cms.case.unheard-of.v9", "casefile-FOS-1000042"},
		{"com.example.other", "casefile-FOS-1000042"},
		{"cms.business.unheard-of.v9", "business-FOS-1000042"},
		{"cms.upload.accepted.v1", "upload-FOS-1000042"},
		{"cms.upload.unheard-of.v9", "upload-FOS-1000042"},
		{"cms.notification.rejected.v1", "notification-FOS-1000042"},
		{"cms.notification.unheard-of.v9", "notification-FOS-1000042"},
	}
	for _, c := range cases {
		m := in.Parse(edited(t, "cms.case.stage-changed.v1", map[string]any{"type": c.eventType}))
		if got := string(m.stream()); got != c.want {
			t.Errorf("%s: got stream %q, want %q", c.eventType, got, c.want)
		}
	}
	m := in.Parse(edited(t, "cms.business.updated.v1", map[string]any{"type": "cms.business.updated.v2"}))
	if fact, ok := m.businessFact.(*business.FactUnrecognised); !ok || fact.Type != "cms.business.updated.v2" {
		t.Errorf("got %#v, want the business's FactUnrecognised", m.businessFact)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	in := newParser(t)
	digest := func(text string) string {
		m := in.Parse([]byte(text))
		if m.Fault != nil {
			t.Fatalf("parse %s: %+v", text, m.Fault)
		}
		return m.origin.Digest
	}
	event := func(id, data string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"s","type":"cms.case.action-extended.v1","subject":"c","time":"2026-01-01T00:00:00Z","data":` + data + `}`
	}
	first := digest(event("1", `{"actionId":"A","dueDate":"2026-01-02"}`))
	if got := digest(event("2", ` { "dueDate" : "2026-01-02", "actionId":"\u0041" } `)); got != first {
		t.Errorf("got %s, want %s: both say the same", got, first)
	}
	if got := digest(event("1", `{"actionId":"A","dueDate":"2026-01-03"}`)); got == first {
		t.Error("got one digest for two contents")
	}
	if m := in.Parse([]byte(event("1", `{"actionId":"A","dueDate":"2026-01-02"}`))); len(m.origin.Digest) != 22 {
		t.Errorf("got a digest of %d characters, want 22", len(m.origin.Digest))
	}
}

// FuzzParse: whatever arrives, there is a message with a fault or a fact, and nothing of it is in
// the reason that is not known to be harmless.
func FuzzParse(f *testing.F) {
	for _, text := range examples(f) {
		f.Add(text)
	}
	f.Add([]byte(`{"specversion":"1.0","sequence":"99999999999999999999","data":{"frn":1e99}}`))
	in := newParser(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		m := in.Parse(text)
		switch {
		case m.Fault == nil && m.caseFact == nil && m.businessFact == nil && m.uploadFact == nil && m.notificationFact == nil:
			t.Error("there is neither a fault nor a fact")
		case m.Fault == nil && (m.stream() == "" || m.ID == "" || m.Source == "" || m.Time.IsZero() || m.Sequence < 0):
			t.Errorf("taken without what it needs: %+v", m)
		case m.Fault != nil && (m.Fault.Code == "" || m.Fault.Reason == "" || len(m.Fault.Reason) > 4000):
			t.Errorf("got fault %+v", m.Fault)
		}
		if m.Fault == nil {
			if year := m.Time.Year(); year < yearMin || year > yearMax {
				t.Errorf("taken with the time %v", m.Time)
			}
		}
	})
}
