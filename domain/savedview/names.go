package savedview

import "casesync/domain"

// vocabulary lists the events of saved views by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[ViewSaved]("savedview.saved.v1"),
	entry[ViewRemoved]("savedview.removed.v1"),
	entry[ViewsCleared]("savedview.cleared.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of saved views.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of saved views.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
