package documents

import "casesync/domain"

// vocabulary lists the events of the files of a case by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	entry[PlaceReserved]("documents.place-reserved.v1"),
	entry[DigestClaimed]("documents.digest-claimed.v1"),
	entry[PlaceReleased]("documents.place-released.v1"),
)

func entry[T any, P interface {
	*T
	Event
}](name string) domain.Entry[Event] {
	return domain.Entry[Event]{Name: name, New: func() Event { return P(new(T)) }}
}

// Events returns the stored names of all events of the files of a case.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of the files of a case.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
