package schemas_test

import (
	"encoding/json"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"casesync/domain/catalog"
	"casesync/schemas"
)

func TestEveryEventHasAnExample(t *testing.T) {
	t.Parallel()
	for _, name := range catalog.New().Names() {
		if _, err := fs.Stat(schemas.Events, "events/"+name+".json"); err != nil {
			t.Errorf("event %s has no example: %v", name, err)
		}
	}
}

// TestEveryExampleDecodes holds for current versions and for old ones: an example is never
// removed, and what it holds comes back whole.
func TestEveryExampleDecodes(t *testing.T) {
	t.Parallel()
	events := catalog.New()
	examples, err := fs.Glob(schemas.Events, "events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range examples {
		stored := strings.TrimSuffix(strings.TrimPrefix(path, "events/"), ".json")
		t.Run(stored, func(t *testing.T) {
			t.Parallel()
			data, err := fs.ReadFile(schemas.Events, path)
			if err != nil {
				t.Fatal(err)
			}
			name, current, err := events.Upcast(stored, data)
			if err != nil {
				t.Fatal(err)
			}
			event, known := events.New(name)
			if !known {
				t.Fatalf("catalog knows no event %s", name)
			}
			if err := json.Unmarshal(current, event); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := parse(t, again), parse(t, current); !reflect.DeepEqual(got, want) {
				t.Errorf("encoded again: got %s, want %s", again, current)
			}
			if got, _ := events.Name(event); got != name {
				t.Errorf("name: got %s, want %s", got, name)
			}
		})
	}
}

// TestExamplesUseEveryField: an example that left a field out would not hold its name.
func TestExamplesUseEveryField(t *testing.T) {
	t.Parallel()
	events := catalog.New()
	for _, name := range events.Names() {
		data, err := fs.ReadFile(schemas.Events, "events/"+name+".json")
		if err != nil {
			t.Fatal(err)
		}
		event, _ := events.New(name)
		if err := json.Unmarshal(data, event); err != nil {
			t.Fatal(err)
		}
		fields := reflect.ValueOf(event).Elem()
		for i := range fields.NumField() {
			if fields.Field(i).IsZero() {
				t.Errorf("example of %s: nothing in field %s", name, fields.Type().Field(i).Name)
			}
		}
	}
}

func parse(t *testing.T, data []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("parse %s: %v", data, err)
	}
	return value
}
