package terms

import "casesync/domain"

// vocabulary lists the events of the documents by stored name; see casefile's for the rules.
var vocabulary = domain.NewVocabulary(
	domain.Entry[Event]{Name: "terms.published.v1", New: func() Event { return new(Published) }},
)

// Events returns the stored names of all events of the documents.
func Events() []string { return vocabulary.Names() }

// Name returns the stored name of event, and false for what is no event of the documents.
func Name(event any) (string, bool) { return vocabulary.Name(event) }

// New returns a new empty event for a stored name, and false for an unknown one.
func New(name string) (Event, bool) { return vocabulary.New(name) }
