package notification

import "casesync/domain"

// vocabulary lists the events of a notification by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[Sent]("notification.sent.v1"),
	entry[Withdrawn]("notification.withdrawn.v1"),
	entry[Delivered]("notification.delivered.v1"),
	entry[SuppressionAnswered]("notification.suppression-answered.v1"),
	entry[Acknowledged]("notification.acknowledged.v1"),
	entry[Rejected]("notification.rejected.v1"),
	entry[FactHeld]("notification.fact-held.v1"),
	entry[FactUnrecognised]("notification.fact-unrecognised.v1"),
	entry[SequenceSkipped]("notification.sequence-skipped.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of a notification.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of a notification.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
