package notification

import (
	_ "embed" // for the catalogue of types
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// TypeID names a type of notification; stored, so never changed.
type TypeID string

// SuppressCase is the type that asks operators to hide a case from all users (requirement 48).
const SuppressCase TypeID = "suppress-case"

// Type is a type of notification with its form. A type that is in the catalogue stays there: what was sent
// of it is shown by it.
type Type struct {
	ID    TypeID `json:"id"`
	Label string `json:"label"`
	Hint  string `json:"hint"` // when to choose it
	// OnClosed is whether it may be sent about a case that is closed.
	OnClosed bool    `json:"onClosed,omitzero"`
	Fields   []Field `json:"fields"` // in the order of the form
}

// Field is a field of a form. All values are texts.
type Field struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Kind     Kind   `json:"kind"`
	Required bool   `json:"required,omitzero"`
	// CharactersMax is the most Unicode characters of a text or line.
	CharactersMax int `json:"charactersMax,omitzero"`
	// Choices are the values of a choice, with what people call them.
	Choices []Choice `json:"choices,omitempty"`
}

// Choice is one of the values of a field.
type Choice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// Kind is what a field holds.
type Kind string

// The kinds of fields.
const (
	Text   Kind = "text"   // several lines
	Line   Kind = "line"   // one line
	Date   Kind = "date"   // a full-date of RFC 3339
	Amount Kind = "amount" // pounds, with or without two digits of pence: "1250.00"
	Pick   Kind = "choice"
)

// TypeCatalogue is the list of types, data and not code: see types.json.
type TypeCatalogue struct {
	Version int    `json:"version"` // counts up with every change
	Types   []Type `json:"types"`   // in the order in which they are offered
}

//go:embed types.json
var typesJSON []byte

// Types returns the catalogue that this version was built with.
var Types = sync.OnceValue(func() TypeCatalogue {
	catalogue, err := ParseTypes(typesJSON)
	if err != nil {
		panic(err) // embedded, and read by a test
	}
	return catalogue
})

// textCharactersMax is the most characters that a field may allow.
const textCharactersMax = 10_000

// ParseTypes reads a catalogue of types. It fails on one without a version, and on a type or field that
// nobody could fill in.
func ParseTypes(data []byte) (TypeCatalogue, error) {
	var catalogue TypeCatalogue
	if err := json.Unmarshal(data, &catalogue); err != nil {
		return TypeCatalogue{}, fmt.Errorf("parse types: %w", err)
	}
	if catalogue.Version < 1 {
		return TypeCatalogue{}, fmt.Errorf("parse types: version %d, want 1 or more", catalogue.Version)
	}
	ids := map[TypeID]bool{}
	for _, kind := range catalogue.Types {
		if kind.ID == "" || kind.Label == "" || kind.Hint == "" || ids[kind.ID] {
			return TypeCatalogue{}, fmt.Errorf("parse types: type %q needs an id of its own, a label and a hint", kind.ID)
		}
		ids[kind.ID] = true
		names := map[string]bool{}
		for _, field := range kind.Fields {
			if names[field.Name] {
				return TypeCatalogue{}, fmt.Errorf("parse types: type %q has two fields %q", kind.ID, field.Name)
			}
			names[field.Name] = true
			if err := field.check(); err != nil {
				return TypeCatalogue{}, fmt.Errorf("parse types: type %q: %w", kind.ID, err)
			}
		}
	}
	return catalogue, nil
}

// check says what is wrong with a field of the catalogue, or nil.
func (f Field) check() error {
	free := f.Kind == Text || f.Kind == Line
	switch {
	case f.Name == "" || f.Label == "":
		return fmt.Errorf("field %q needs a name and a label", f.Name)
	case !slices.Contains([]Kind{Text, Line, Date, Amount, Pick}, f.Kind):
		return fmt.Errorf("field %q is of no kind that there is: %q", f.Name, f.Kind)
	case free && (f.CharactersMax < 1 || f.CharactersMax > textCharactersMax):
		return fmt.Errorf("field %q may have %d characters, want 1 to %d", f.Name, f.CharactersMax, textCharactersMax)
	case !free && f.CharactersMax != 0:
		return fmt.Errorf("field %q has a length of its own", f.Name)
	case (f.Kind == Pick) != (len(f.Choices) > 0):
		return fmt.Errorf("field %q needs choices if it is a choice, and else none", f.Name)
	}
	for _, choice := range f.Choices {
		if choice.Value == "" || choice.Label == "" {
			return fmt.Errorf("field %q has a choice without value or label", f.Name)
		}
	}
	return nil
}

// Find returns the type with the given id, and false where the catalogue does not have it.
func (c TypeCatalogue) Find(id TypeID) (Type, bool) {
	i := slices.IndexFunc(c.Types, func(t Type) bool { return t.ID == id })
	if i < 0 {
		return Type{}, false
	}
	return c.Types[i], true
}

// Label returns what people call the type with the given id: the id where it is unknown.
func (c TypeCatalogue) Label(id TypeID) string {
	if kind, known := c.Find(id); known {
		return kind.Label
	}
	return string(id)
}

// wanted says what a value of the field looks like.
func (f Field) wanted() string {
	switch f.Kind {
	case Text:
		return fmt.Sprintf("text of at most %d characters", f.CharactersMax)
	case Line:
		return fmt.Sprintf("one line of at most %d characters", f.CharactersMax)
	case Date:
		return "a date such as 2025-01-31"
	case Amount:
		return "pounds such as 1250.00, without commas"
	}
	return "choose one from the list"
}
