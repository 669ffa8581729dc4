package connection

import "casesync/domain"

// vocabulary lists the events of a connection by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[SettingsSet]("connection.set.v1"),
	entry[Retired]("connection.retired.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of a connection.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of a connection.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
