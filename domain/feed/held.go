package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// DecodeHeld reads what the FactHeld events of deciders are stored as. The fact inside is
// made by newFact from the stored name beside it; a name that newFact does not know, and an
// absent fact, are errors: a fact that cannot be read must not be lost sight of.
func DecodeHeld[Fact any](data []byte, newFact func(name string) (Fact, bool)) (origin Origin, name string, fact Fact, err error) {
	var stored struct {
		Origin Origin          `json:"origin"`
		Type   string          `json:"type"`
		Fact   json.RawMessage `json:"fact"`
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		return Origin{}, "", fact, fmt.Errorf("decode held fact: %w", err)
	}
	if len(stored.Fact) == 0 || string(stored.Fact) == "null" {
		return Origin{}, "", fact, errors.New("decode held fact: there is no fact in it")
	}
	made, known := newFact(stored.Type)
	if !known {
		return Origin{}, "", fact, fmt.Errorf("decode held fact: %q is no type of fact", stored.Type)
	}
	if err := json.Unmarshal(stored.Fact, made); err != nil {
		return Origin{}, "", fact, fmt.Errorf("decode held fact: %w", err)
	}
	return stored.Origin, stored.Type, made, nil
}

// Clone returns a copy of the event that the pointer event points to, so that the copy can be
// completed and sealed without a change to the state or the command that event is from.
func Clone[Event any](event Event) Event {
	original := reflect.ValueOf(event).Elem()
	clone := reflect.New(original.Type())
	clone.Elem().Set(original)
	return clone.Interface().(Event)
}
