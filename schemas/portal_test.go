package schemas_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"casesync/domain/notification"
	"casesync/schemas"
)

var update = flag.Bool("update", false, "write generated schemas anew")

func formPath(id notification.TypeID) string {
	return "portal/notifications/" + string(id) + ".schema.json"
}

// TestNotificationForms: there is a schema for each type of the catalogue, as the catalogue has it now. A
// type is never removed, so neither is its schema.
func TestNotificationForms(t *testing.T) {
	t.Parallel()
	for _, kind := range notification.Types().Types {
		want, err := kind.Schema()
		if err != nil {
			t.Fatal(err)
		}
		path := formPath(kind.ID)
		if *update {
			if err := os.WriteFile(filepath.FromSlash(path), want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := fs.ReadFile(schemas.Portal, path); !*update && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%s is not what the catalogue says, %v: run go test ./schemas -run TestNotificationForms -update", path, err)
		}
	}
	files, err := fs.Glob(schemas.Portal, "portal/notifications/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		id := strings.TrimSuffix(filepath.Base(path), ".schema.json")
		if _, known := notification.Types().Find(notification.TypeID(id)); !known {
			t.Errorf("%s: the catalogue has no such type", path)
		}
	}
}

// values are what somebody may fill in, well formed for some field or for none.
var values = []string{
	"", " ", "\n", "\t x", "x", "two\nlines", "two\r\nlines", "\x00", "\x7f", "x\x1f", "é", "2025-02-30", "1969-12-31", "2199-12-31",
	"2024-02-29", "0", "250", "250.0", "01", "-1", "1,000", "1e3", "yes", "other", "Yes",
	strings.Repeat("é", 7), strings.Repeat("é", 8), strings.Repeat("x", 200), strings.Repeat("x", 201), strings.Repeat("é", 4000),
	strings.Repeat("x", 4001), strings.Repeat("x", 10000), strings.Repeat("x", 10001),
}

// usual returns a value that the field takes.
func usual(field notification.Field) string {
	switch field.Kind {
	case notification.Pick:
		return field.Choices[len(field.Choices)-1].Value
	case notification.Date:
		return "2025-01-31"
	case notification.Amount:
		return "1250.00"
	}
	return "word"
}

// TestNotificationFormsAgree: the schema of a form allows what the decider takes, and nothing else.
func TestNotificationFormsAgree(t *testing.T) {
	t.Parallel()
	for _, kind := range notification.Types().Types {
		t.Run(string(kind.ID), func(t *testing.T) {
			t.Parallel()
			form := compileForm(t, kind.ID)
			taken := 0
			rapid.Check(t, func(t *rapid.T) {
				filled, instance := map[string]string{}, map[string]any{}
				for _, field := range kind.Fields {
					switch chance := rapid.IntRange(0, 9).Draw(t, "chance"); {
					case chance > 2:
						filled[field.Name] = usual(field)
					case chance > 0:
						filled[field.Name] = rapid.SampledFrom(values).Draw(t, field.Name)
					}
				}
				if rapid.IntRange(0, 19).Draw(t, "one too many") == 7 {
					filled["extra"] = "x"
				}
				for name, value := range filled {
					instance[name] = value
				}
				_, refused := kind.Read(filled)
				if invalid := form.Validate(instance); (refused == nil) != (invalid == nil) {
					t.Fatalf("%q: the decider says %v, the schema %v", filled, refused, invalid)
				}
				if refused == nil {
					taken++
				}
			})
			if taken == 0 {
				t.Error("nothing was ever taken, so that agreement says little")
			}
		})
	}
}

func compileForm(t *testing.T, id notification.TypeID) *jsonschema.Schema {
	t.Helper()
	data, err := fs.ReadFile(schemas.Portal, formPath(id))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(formPath(id), document); err != nil {
		t.Fatal(err)
	}
	form, err := compiler.Compile(formPath(id))
	if err != nil {
		t.Fatal(err)
	}
	return form
}
