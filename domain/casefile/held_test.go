package casefile_test

import (
	"encoding/json"
	"io/fs"
	"reflect"
	"testing"

	"casesync/domain/casefile"
	"casesync/schemas"
)

func TestHeldFactIsReadByItsType(t *testing.T) {
	t.Parallel()
	for _, name := range casefile.Events() {
		fact, _ := casefile.New(name)
		data, err := json.Marshal(&casefile.FactHeld{Origin: at(3), Type: name, Fact: fact})
		if err != nil {
			t.Fatal(err)
		}
		var held casefile.FactHeld
		err = json.Unmarshal(data, &held)
		_, nested := fact.(*casefile.FactHeld)
		_, ofSource := casefile.OriginOf(fact)
		switch {
		case (nested || !ofSource) && err == nil:
			t.Errorf("%s: got %v, want an error: it is no fact", name, held.Fact)
		case !nested && ofSource && (err != nil || !reflect.DeepEqual(held.Fact, fact)):
			t.Errorf("%s: got %v, %v, want %v", name, held.Fact, err, fact)
		}
	}
}

func TestHeldFactThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"type":"casefile.mediated.v1","fact":{}}`,
		`{"type":"","fact":{}}`,
		`{"type":"casefile.closed.v1"}`,
		`{"type":"casefile.closed.v1","fact":null}`,
		`{"type":"casefile.closed.v1","fact":[]}`,
		`{"type":"casefile.fact-held.v1","fact":{"type":"casefile.closed.v1","fact":{}}}`,
		`[]`,
	} {
		var held casefile.FactHeld
		if err := json.Unmarshal([]byte(data), &held); err == nil {
			t.Errorf("%s: got %+v, want an error", data, held)
		}
	}
}

// FuzzFactHeld: whatever is read as a held fact can be stored, read again, and is the same.
func FuzzFactHeld(f *testing.F) {
	example, err := fs.ReadFile(schemas.Events, "events/casefile.fact-held.v1.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(`{"type":"casefile.fact-held.v1","fact":{"type":"casefile.closed.v1","fact":{}}}`))
	f.Add([]byte(`{"type":"casefile.snapshot-taken.v1","fact":{"actions":[{}],"content":"v1.a.b.c"}}`))
	f.Add([]byte(`{"type":"casefile.closed.v1","fact":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var held casefile.FactHeld
		if json.Unmarshal(data, &held) != nil {
			return
		}
		if name, known := casefile.Name(held.Fact); !known || name != held.Type {
			t.Fatalf("got a %T under the name %s", held.Fact, held.Type)
		}
		stored, err := json.Marshal(&held)
		if err != nil {
			t.Fatalf("store %+v: %v", held, err)
		}
		var again casefile.FactHeld
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatalf("read again: %v", err)
		}
		restored, err := json.Marshal(&again)
		if err != nil || string(restored) != string(stored) {
			t.Fatalf("stored again: got %s, %v, want %s", restored, err, stored)
		}
	})
}
