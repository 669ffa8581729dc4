package ticket

import "casesync/domain"

// vocabulary lists the events of a ticket by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[Opened]("ticket.opened.v1"),
	entry[MessageAdded]("ticket.message-added.v1"),
	entry[Resolved]("ticket.resolved.v1"),
	entry[Reopened]("ticket.reopened.v1"),
	entry[Erased]("ticket.erased.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of a ticket.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of a ticket.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
