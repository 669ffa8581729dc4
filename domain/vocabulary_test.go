package domain_test

import (
	"slices"
	"testing"

	"casesync/domain"
)

type (
	opened struct{ At int }
	shut   struct{}
)

func entries() []domain.Entry[any] {
	return []domain.Entry[any]{
		{Name: "door.opened.v1", New: func() any { return new(opened) }},
		{Name: "door.shut.v1", New: func() any { return new(shut) }},
	}
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	doors := domain.NewVocabulary(entries()...)
	names := doors.Names()
	if want := []string{"door.opened.v1", "door.shut.v1"}; !slices.Equal(names, want) {
		t.Errorf("names: got %v, want %v", names, want)
	}
	names[0] = "changed"
	if got := doors.Names()[0]; got != "door.opened.v1" {
		t.Errorf("names: got %s after the caller changed its copy", got)
	}
	if name, known := doors.Name(&opened{At: 7}); name != "door.opened.v1" || !known {
		t.Errorf("name: got %q, %v, want door.opened.v1", name, known)
	}
	if name, known := doors.Name(opened{}); known {
		t.Errorf("name of a value: got %q, want none", name)
	}
	if event, known := doors.New("door.opened.v1"); !known || *event.(*opened) != (opened{}) {
		t.Errorf("new: got %v, %v, want an empty event", event, known)
	}
	if event, known := doors.New("door.painted.v1"); known {
		t.Errorf("new: got %v, want none", event)
	}
}

func TestVocabularyListsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]domain.Entry[any]{
		"name": {Name: "door.shut.v1", New: func() any { return new(struct{}) }},
		"type": {Name: "door.closed.v1", New: func() any { return new(shut) }},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("same %s twice: got no panic", name)
				}
			}()
			domain.NewVocabulary(append(entries(), again)...)
		}()
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	err := error(&domain.Refusal{Code: "sequence-conflict", Reason: "send a snapshot"})
	if got, want := err.Error(), "sequence-conflict: send a snapshot"; got != want {
		t.Errorf("error: got %q, want %q", got, want)
	}
}
