package catalog

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"testing"

	"casesync/domain/casefile"
)

func TestNamesAndEvents(t *testing.T) {
	t.Parallel()
	catalog := New()
	form := regexp.MustCompile(`^(casefile|business|membership|account|reservation|onboarding|terms|connection|upload|documents|notification|ticket|savedview)\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*$`)
	seen := make(map[string]bool)
	for _, name := range catalog.Names() {
		if !form.MatchString(name) || seen[name] {
			t.Errorf("name %q: not of the form kind.event-name.v1, or listed twice", name)
		}
		seen[name] = true
		event, known := catalog.New(name)
		if !known {
			t.Errorf("new %s: unknown", name)
		}
		if got, known := catalog.Name(event); !known || got != name {
			t.Errorf("name of %T: got %q, %v, want %q", event, got, known, name)
		}
	}
	want := 0
	for _, v := range vocabularies {
		want += len(v.events())
	}
	if got := len(seen); got != want || !seen["business.updated.v1"] {
		t.Errorf("events: got %d, want %d", got, want)
	}
	one, _ := catalog.New("casefile.closed.v1")
	two, _ := catalog.New("casefile.closed.v1")
	if one == two {
		t.Error("new: got the same event twice")
	}
}

func TestWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	catalog := New()
	if event, known := catalog.New("casefile.mediated.v1"); known || event != nil {
		t.Errorf("new: got %v, %v, want none", event, known)
	}
	for _, value := range []any{nil, "casefile.closed.v1", casefile.Closed{}, &struct{}{}} {
		if name, known := catalog.Name(value); known {
			t.Errorf("name of %T: got %s, want none", value, name)
		}
	}
}

// TestUpcasters holds for those of this version: each leads to an event, in finitely many steps.
func TestUpcasters(t *testing.T) {
	t.Parallel()
	catalog := New()
	for _, u := range upcasters {
		if _, current := catalog.New(u.From); current {
			t.Errorf("upcaster of %s: that is a current event", u.From)
		}
		name := u.From
		for range len(upcasters) + 1 {
			if next, old := catalog.upcasters[name]; old {
				name = next.To
			}
		}
		if _, current := catalog.New(name); !current {
			t.Errorf("upcaster of %s: leads to %s, which is no current event", u.From, name)
		}
	}
}

// rename returns an upcaster that renames a field.
func rename(from, to, oldField, newField string) Upcaster {
	return Upcaster{From: from, To: to, Upcast: func(data []byte) ([]byte, error) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, err
		}
		fields[newField] = fields[oldField]
		delete(fields, oldField)
		return json.Marshal(fields)
	}}
}

// past is a catalog with a history: two older versions of an event, both made up.
func past() *Catalog {
	return newCatalog([]Upcaster{
		rename("casefile.finished.v1", "casefile.finished.v2", "how", "result"),
		rename("casefile.finished.v2", "casefile.closed.v1", "result", "outcome"),
	})
}

func TestUpcast(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, data, to, want string }{
		{"casefile.finished.v1", `{"how":"change"}`, "casefile.closed.v1", `{"outcome":"change"}`},
		{"casefile.finished.v2", `{"result":"change"}`, "casefile.closed.v1", `{"outcome":"change"}`},
		{"casefile.closed.v1", `{"outcome": "change"}`, "casefile.closed.v1", `{"outcome": "change"}`},
		{"casefile.mediated.v1", `?`, "casefile.mediated.v1", `?`},
		{
			"casefile.fact-held.v1", `{"case":"1","origin":{"id":"m1"},"type":"casefile.finished.v1","fact":{"how":"change"}}`,
			"casefile.fact-held.v1", `{"case":"1","fact":{"outcome":"change"},"origin":{"id":"m1"},"type":"casefile.closed.v1"}`,
		},
		{
			"business.fact-held.v1", `{"type": "business.updated.v1", "fact": {}}`,
			"business.fact-held.v1", `{"type": "business.updated.v1", "fact": {}}`,
		},
	} {
		name, data, err := past().Upcast(test.from, []byte(test.data))
		if err != nil || name != test.to || string(data) != test.want {
			t.Errorf("upcast %s %s: got %s %s, %v, want %s %s", test.from, test.data, name, data, err, test.to, test.want)
		}
	}
}

func TestHeldFactOfAnOldVersionDecodes(t *testing.T) {
	t.Parallel()
	_, data, err := past().Upcast("casefile.fact-held.v1",
		[]byte(`{"origin":{"sequence":3},"type":"casefile.finished.v1","fact":{"origin":{"sequence":3},"how":"change"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var held casefile.FactHeld
	if err := json.Unmarshal(data, &held); err != nil {
		t.Fatal(err)
	}
	want := &casefile.Closed{Outcome: "change"}
	want.Origin.Sequence = 3
	if !reflect.DeepEqual(held.Fact, want) {
		t.Errorf("held fact: got %+v, want %+v", held.Fact, want)
	}
}

func TestUpcastFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, data string }{
		{"casefile.finished.v1", `?`},
		{"casefile.fact-held.v1", `?`},
		{"casefile.fact-held.v1", `{"type":"casefile.finished.v1","fact":"?"}`},
	} {
		name, data, err := past().Upcast(test.name, []byte(test.data))
		if err == nil {
			t.Errorf("upcast %s %s: got %s %s, want an error", test.name, test.data, name, data)
		}
	}
	broken := errors.New("cannot read it")
	catalog := newCatalog([]Upcaster{{From: "a", To: "b", Upcast: func([]byte) ([]byte, error) { return nil, broken }}})
	if _, _, err := catalog.Upcast("a", nil); !errors.Is(err, broken) {
		t.Errorf("upcast: got %v, want the upcaster's error", err)
	}
}
