package cms

import (
	"strconv"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// The families of event types beside that of cases. Each has streams of its own: the subjects of uploads and
// notifications are not cases, whatever they look like.
const (
	familyBusiness     = "cms.business."
	familyUpload       = "cms.upload."
	familyNotification = "cms.notification."
)

// typeBusinessUpdated is the one type that speaks of a business.
const typeBusinessUpdated = "cms.business.updated.v1"

// A Message is one event as it arrived: what could be read of it, and what is wrong with it.
type Message struct {
	// Original is the whole event in CloudEvents' JSON format, as it was sent where it was sent so.
	Original []byte
	// Source, ID, Type, Subject, Sequence and Time are the CloudEvents attributes. In a message
	// with a fault those are empty that could not be read or are not valid by themselves, so that
	// nothing personal stands in them by mistake.
	Source, ID, Type, Subject string
	// Sequence is 0 where the source gives none.
	Sequence int64
	Time     time.Time
	// Fault is why the message is rejected; nil if nothing is wrong with it so far.
	Fault *Fault

	data map[string]any
	// named is the case that an answer to an upload or a notification names, "" where it is not to be read.
	named string
	// What it says to the domain; absent where there is a fault other than CodeType.
	origin           feed.Origin
	caseFact         casefile.Event
	businessFact     business.Event
	uploadFact       upload.Event
	notificationFact notification.Event
}

// Parse reads one event in CloudEvents' JSON format. It always returns a message, maybe with a
// fault: whatever was sent can be kept. The event's data is checked
// against its type's schema, and translated.
//
// It is a parser of its own and not the CloudEvents SDK's, which takes duplicate names and invalid
// UTF-8, and decodes into types that lose what was sent; its speed is that of one pass.
func (in *Ingester) Parse(original []byte) Message {
	m := Message{Original: original}
	if len(original) > in.limits.EventBytesMax {
		m.Fault = &Fault{CodeTooLarge, "The event has " + strconv.Itoa(len(original)) + " bytes, at most " +
			strconv.Itoa(in.limits.EventBytesMax) + " are taken (--event-kib-max): send large texts as documents."}
	}
	value, err := parseJSON(original)
	if err != nil {
		if m.Fault == nil {
			m.Fault = &Fault{CodeJSON, "The event is not valid JSON: " + err.Error() + "."}
		}
		return m
	}
	object, ok := value.(map[string]any)
	if !ok {
		m.Fault = &Fault{CodeEnvelope, "The event is not a JSON object."}
		return m
	}
	if fault := in.validator.checkEnvelope(object); m.Fault == nil {
		m.Fault = fault
	}
	m.readAttributes(object)
	if m.Fault == nil {
		m.Fault = in.checkContent(&m)
	}
	if m.Fault == nil || m.Fault.Code == CodeType {
		in.translator.translate(&m)
	}
	m.data = nil
	return m
}

// readAttributes reads the attributes that are valid by themselves.
func (m *Message) readAttributes(object map[string]any) {
	text := func(name string, lengthMax int, valid func(rune) bool) string {
		return readable(object[name], lengthMax, valid)
	}
	m.Source = text("source", 512, isGraphic)
	m.ID = text("id", 256, isGraphic)
	m.Type = text("type", 128, isReference)
	m.Subject = text("subject", referenceBytesMax, isReference)
	m.Sequence = parseSequence(text("sequence", 16, isGraphic))
	when, _ := object["time"].(string)
	m.Time, _ = parseTime(when)
	m.data, _ = object["data"].(map[string]any)
	if m.of(familyUpload) || m.of(familyNotification) {
		m.named = readable(m.data["caseReference"], referenceBytesMax, isReference)
	}
	if m.Fault == nil && m.Sequence == 0 && object["sequence"] != nil {
		m.Fault = &Fault{CodeEnvelope, "/sequence is above 9007199254740991, the highest that is taken."}
	}
}

// referenceBytesMax is the most that the reference of a case has, and any other subject.
const referenceBytesMax = 64

// readable returns value where it is a text of such characters, else "".
func readable(value any, bytesMax int, valid func(rune) bool) string {
	text, _ := value.(string)
	if len(text) > bytesMax || strings.ContainsFunc(text, func(r rune) bool { return !valid(r) }) {
		return ""
	}
	return text
}

// checkContent checks what the envelope cannot say by itself.
func (in *Ingester) checkContent(m *Message) *Fault {
	if !in.validator.knows(m.Type) {
		return &Fault{CodeType, "The type " + strconv.Quote(m.Type) + " is not known to this version. " +
			"The event is kept and can be retried after an upgrade; check the spelling if it should be known."}
	}
	if m.data == nil {
		return &Fault{CodeData, "/data is missing or not an object: send the object that the type's schema describes."}
	}
	if fault := in.validator.checkData(m.Type, m.data); fault != nil {
		return fault
	}
	if m.Type == typeBusinessUpdated && m.data["frn"] != m.Subject {
		return &Fault{CodeSubject, "/subject and /data/frn differ: the subject of an event of a business is its FRN."}
	}
	return checkUnique(m.data)
}

// checkUnique finds an action or document that a snapshot has twice.
func checkUnique(data map[string]any) *Fault {
	for list, id := range map[string]string{"actions": "actionId", "documents": "documentId"} {
		seen := map[any]bool{}
		elements, _ := data[list].([]any)
		for i, element := range elements {
			member, _ := element.(map[string]any)
			value := member[id]
			if seen[value] {
				return &Fault{CodeData, "/data/" + list + "/" + strconv.Itoa(i) + "/" + id + " is there twice: each " + id + " may occur once."}
			}
			seen[value] = true
		}
	}
	return nil
}

// parseSequence returns 0 for what is no sequence.
func parseSequence(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > feed.SequenceMax || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return n
}

// parseTime returns a time in UTC to the microsecond, as it is kept.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UTC().Truncate(time.Microsecond), err
}

func isGraphic(r rune) bool { return '!' <= r && r <= '~' }

func isReference(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-'
}

// stream returns the stream of what the message speaks of, "" where it does not say of what. An event of
// a family that this version does not know belongs to a case, because its place in that case's sequence
// must be passed for the events after it.
func (m *Message) stream() eventstore.StreamName {
	switch {
	case m.Subject == "":
		return ""
	case m.of(familyBusiness):
		return commands.BusinessStream(m.Subject)
	case m.of(familyUpload):
		return commands.UploadStream(m.Subject)
	case m.of(familyNotification):
		return commands.NotificationStream(m.Subject)
	}
	return commands.CaseStream(m.Subject)
}

// about returns the stream of the case or business that the message says something private of: for an answer
// the case that it names, so that what is kept of it goes with that case.
func (m *Message) about() eventstore.StreamName {
	if m.named != "" {
		return commands.CaseStream(m.named)
	}
	return m.stream()
}

// of reports whether the message is of a family.
func (m *Message) of(family string) bool { return strings.HasPrefix(m.Type, family) }
