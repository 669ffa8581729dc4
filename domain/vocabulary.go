package domain

import "reflect"

// Vocabulary is the list of a package's events by the names they are stored under. Stored names
// are literals: renaming a Go type changes nothing that was ever written.
type Vocabulary[Event any] struct {
	names  []string
	makers map[string]func() Event
	types  map[reflect.Type]string
}

// Entry is one event type of a Vocabulary.
type Entry[Event any] struct {
	Name string       // stored name, such as "casefile.converted.v1"
	New  func() Event // returns a new empty event
}

// NewVocabulary returns the vocabulary of entries, in their order. A name or a type that occurs
// twice is a programming error, and panics at start.
func NewVocabulary[Event any](entries ...Entry[Event]) *Vocabulary[Event] {
	v := &Vocabulary[Event]{
		makers: make(map[string]func() Event, len(entries)),
		types:  make(map[reflect.Type]string, len(entries)),
	}
	for _, entry := range entries {
		kind := reflect.TypeOf(entry.New())
		if _, taken := v.makers[entry.Name]; taken || v.types[kind] != "" {
			panic("event listed twice: " + entry.Name)
		}
		v.names = append(v.names, entry.Name)
		v.makers[entry.Name] = entry.New
		v.types[kind] = entry.Name
	}
	return v
}

// Names returns the stored names of all events, in the order of the list.
func (v *Vocabulary[Event]) Names() []string { return append([]string(nil), v.names...) }

// Name returns the stored name of event, and false for a type that is not in the list.
func (v *Vocabulary[Event]) Name(event any) (string, bool) {
	name, known := v.types[reflect.TypeOf(event)]
	return name, known
}

// New returns a new empty event for a stored name, and false for an unknown one.
func (v *Vocabulary[Event]) New(name string) (event Event, known bool) {
	maker, known := v.makers[name]
	if !known {
		return event, false
	}
	return maker(), true
}
