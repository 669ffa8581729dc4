package cms

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"casesync/schemas"
)

// The names of the schemas' files, under cms/ in schemas.CMS.
const (
	envelopeSchema = "cloudevent"
	schemaSuffix   = ".schema.json"
)

// The years that a date may be of; the schemas' patterns say the same of the text.
const yearMin, yearMax = 1900, 2200

// A validator checks messages against the schemas of schemas/cms. The schemas are the contract:
// what they do not say is checked in event.go and translate.go, and is little.
type validator struct {
	envelope *jsonschema.Schema
	data     map[string]*jsonschema.Schema // by event type
	expected map[string]string             // what a schema's description says, by its URL
}

func newValidator() (*validator, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: momentFormat(time.RFC3339Nano)})
	compiler.RegisterFormat(&jsonschema.Format{Name: "date", Validate: momentFormat(time.DateOnly)})
	v := &validator{data: map[string]*jsonschema.Schema{}, expected: map[string]string{}}
	names, err := v.load(compiler)
	if err != nil {
		return nil, err
	}
	for name, url := range names {
		schema, err := compiler.Compile(url)
		switch {
		case err != nil:
			return nil, fmt.Errorf("compile schema %s: %w", name, err)
		case name == envelopeSchema:
			v.envelope = schema
		case strings.HasPrefix(name, "cms."):
			v.data[name] = schema
		}
	}
	return v, nil
}

// load gives the compiler every schema, and returns their URLs by name.
func (v *validator) load(compiler *jsonschema.Compiler) (map[string]string, error) {
	files, err := fs.Glob(schemas.CMS, "cms/*"+schemaSuffix)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	names := map[string]string{}
	for _, file := range files {
		text, err := schemas.CMS.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err)
		}
		document, err := parseJSON(text)
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", file, err)
		}
		object, _ := document.(map[string]any)
		url, _ := object["$id"].(string)
		if err := compiler.AddResource(url, document); err != nil {
			return nil, fmt.Errorf("add schema %s: %w", file, err)
		}
		v.describe(url+"#", document)
		names[strings.TrimSuffix(strings.TrimPrefix(file, "cms/"), schemaSuffix)] = url
	}
	return names, nil
}

// describe collects the descriptions of a schema and of those inside it.
func (v *validator) describe(url string, document any) {
	object, _ := document.(map[string]any)
	if text, ok := object["description"].(string); ok {
		v.expected[url] = text
	}
	for name, inner := range object {
		v.describe(url+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), inner)
	}
}

// knows reports whether there is a schema for events of a type.
func (v *validator) knows(eventType string) bool { return v.data[eventType] != nil }

// checkEnvelope returns what is wrong with a decoded CloudEvent beside its data, nil if nothing is.
func (v *validator) checkEnvelope(message map[string]any) *Fault {
	return v.check(v.envelope, message, "", CodeEnvelope)
}

// checkData returns what is wrong with the data of an event of a known type, nil if nothing is.
func (v *validator) checkData(eventType string, data any) *Fault {
	return v.check(v.data[eventType], data, "/data", CodeData)
}

func (v *validator) check(schema *jsonschema.Schema, value any, path, code string) *Fault {
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return &Fault{code, "The event cannot be checked against its schema."}
	}
	return &Fault{code, v.sentence(path, invalid)}
}

// What is wrong with a date; the text of an error goes on after the value.
var (
	errNotWritten = errors.New("")
	errNotThere   = errors.New(", which does not exist")
	errOutOfRange = errors.New(", which is out of range")
)

// momentFormat returns the check of dates of a layout. It is stricter than RFC 3339 in what Go
// cannot read (a leap second), and looks at the year in UTC, where the text's own may still be
// within the limits.
func momentFormat(layout string) func(any) error {
	return func(value any) error {
		text, ok := value.(string)
		if !ok {
			return nil
		}
		t, err := time.Parse(layout, text)
		var failed *time.ParseError
		switch {
		case errors.As(err, &failed) && failed.Message != "": // ": day out of range"
			return errNotThere
		case err != nil:
			return errNotWritten
		}
		if year := t.UTC().Year(); year < yearMin || year > yearMax {
			return errOutOfRange
		}
		return nil
	}
}
