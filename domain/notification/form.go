package notification

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"casesync/domain/calendar"
)

// Patterns of the kinds of fields. They are written so that they mean the same here and in ECMA 262, which
// JSON Schema speaks. A text has something else in it than spaces, and no control characters but line
// breaks and tabs; a line has not even these.
const (
	textPattern   = `^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$`
	linePattern   = `^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$`
	datePattern   = `^(20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$`
	amountPattern = `^(0|[1-9][0-9]{0,9})(\.[0-9]{2})?$`
)

var patterns = map[Kind]*regexp.Regexp{
	Text: regexp.MustCompile(textPattern), Line: regexp.MustCompile(linePattern),
	Date: regexp.MustCompile(datePattern), Amount: regexp.MustCompile(amountPattern),
}

// Read returns the fields of a form that was filled in, without those that were left empty. It refuses a
// field that the form does not have, one that is not well formed, and the lack of one that is required;
// the reason names the first of them in the form's order. What it takes, Schema allows, and the other way round.
func (t Type) Read(filled map[string]string) (map[string]string, error) {
	for _, name := range slices.Sorted(maps.Keys(filled)) {
		if !slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == name }) {
			return nil, refuse("field-unknown", "The form for %q has a field too many. Reload it, and fill it in again.", t.Label)
		}
	}
	read := map[string]string{}
	for _, field := range t.Fields {
		value, given := filled[field.Name]
		switch {
		case !given && field.Required:
			return nil, refuse("field-required", "Fill in %q.", field.Label)
		case !given:
			continue
		case !field.takes(value):
			return nil, refuse("field-invalid", "Correct %q: %s.", field.Label, field.wanted())
		}
		read[field.Name] = value
	}
	return read, nil
}

// takes reports whether value is well formed.
func (f Field) takes(value string) bool {
	if f.Kind == Pick {
		return slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Value == value })
	}
	if !utf8.ValidString(value) || !patterns[f.Kind].MatchString(value) {
		return false
	}
	if f.Kind == Date {
		_, err := calendar.Parse(value)
		return err == nil
	}
	return f.CharactersMax == 0 || utf8.RuneCountInString(value) <= f.CharactersMax
}

// schema is what a JSON Schema says of a form or a field, in the order in which it is written.
type schema struct {
	Schema      string        `json:"$schema,omitempty"`
	ID          string        `json:"$id,omitempty"`
	Title       string        `json:"title"`
	Description string        `json:"description,omitempty"`
	Type        string        `json:"type"`
	Format      string        `json:"format,omitempty"`
	MaxLength   int           `json:"maxLength,omitempty"`
	Pattern     string        `json:"pattern,omitempty"`
	OneOf       []constSchema `json:"oneOf,omitempty"`
	Required    []string      `json:"required,omitempty"`

	Properties           map[string]schema `json:"properties,omitempty"`
	AdditionalProperties *bool             `json:"additionalProperties,omitempty"`
}

type constSchema struct {
	Const string `json:"const"`
	Title string `json:"title"`
}

// Schema returns the JSON Schema (2020-12) of the type's form, as it stands in schemas/portal/notifications.
func (t Type) Schema() ([]byte, error) {
	closed := false
	form := schema{
		Schema: "https://json-schema.org/draft/2020-12/schema",
		ID:     "https://casesync.example/schemas/portal/notifications/" + string(t.ID) + ".schema.json",
		Title:  t.Label, Description: t.Hint, Type: "object", Properties: map[string]schema{}, AdditionalProperties: &closed,
	}
	for _, field := range t.Fields {
		form.Properties[field.Name] = field.schema()
		if field.Required {
			form.Required = append(form.Required, field.Name)
		}
	}
	data, err := json.MarshalIndent(form, "", "  ")
	return append(data, '\n'), err
}

func (f Field) schema() schema {
	s := schema{Title: f.Label, Type: "string", MaxLength: f.CharactersMax}
	if f.Kind == Date {
		s.Format = "date"
	}
	if f.Kind != Pick {
		s.Pattern = patterns[f.Kind].String()
	}
	for _, choice := range f.Choices {
		s.OneOf = append(s.OneOf, constSchema{Const: choice.Value, Title: choice.Label})
	}
	return s
}
