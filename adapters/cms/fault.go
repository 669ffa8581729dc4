package cms

// A Fault says why a message was rejected.
type Fault struct {
	// Code is stable and machine-readable, in kebab case.
	Code string
	// Reason is one sentence for a person, that says what to do. It holds no personal data.
	Reason string
}

// The codes of the faults that are found before a case is asked. The case's own refusals, such as
// sequence-conflict, have their own codes.
const (
	// CodeTooLarge: the event is over the limit of one event (Limits.EventBytesMax).
	CodeTooLarge = "event-too-large"
	// CodeJSON: the message is not JSON, or is JSON that two readers could read differently.
	CodeJSON = "invalid-json"
	// CodeEnvelope: the message is no CloudEvent, or one without the attributes that are needed here.
	CodeEnvelope = "invalid-envelope"
	// CodeType: this version does not know the event's type.
	CodeType = "unknown-type"
	// CodeData: the data is not what the type's schema says.
	CodeData = "invalid-data"
	// CodeSubject: the subject and the data name two different things.
	CodeSubject = "subject-mismatch"
	// CodeSource: the sender may not speak for the event's source.
	CodeSource = "source-mismatch"
	// CodeNewer: the case holds an event that only a newer version of this program knows.
	CodeNewer = "newer-version-needed"
	// CodeDeadLettered: a message broker gave the message up; it may not have been taken here.
	CodeDeadLettered = "dead-lettered"
)
