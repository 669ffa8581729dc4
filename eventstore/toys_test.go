package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"

	es "casesync/eventstore"
)

// The toys: events with private values, a catalog of them, and keys that live in memory.

var (
	commandID = uuid.MustParse("6f3f7c1e-58a0-4b55-9d5d-3f6e0f4d8a11")
	errOpen   = errors.New("secret is not sealed")
)

// secret is a private value as the domain has them.
type secret struct { //nolint:recvcheck // as the domain has them: read by value, sealed in place
	plain                   *string
	sealed, origin, subject string
}

func secretOf(text string) secret           { return secret{plain: &text} }
func (s secret) about(person string) secret { s.subject = person; return s }
func (s secret) envelope() string           { return s.origin + "|" + s.sealed }
func (s secret) IsZero() bool               { return s.plain == nil && s.sealed == "" }

func (s *secret) Subject() string                 { return s.subject }
func (s *secret) Sealed() (string, string)        { return s.sealed, s.origin }
func (s *secret) SetSealed(sealed, origin string) { s.sealed, s.origin = sealed, origin }
func (s *secret) SetPlain(data []byte) error      { return json.Unmarshal(data, &s.plain) }
func (s *secret) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &s.sealed) }

func (s *secret) Plain() ([]byte, bool, error) {
	if s.plain == nil {
		return nil, false, nil
	}
	data, err := json.Marshal(*s.plain)
	return data, true, err
}

func (s secret) MarshalJSON() ([]byte, error) {
	if s.sealed == "" {
		return nil, errOpen
	}
	return json.Marshal(s.sealed)
}

type opened struct {
	Number int    `json:"number"`
	Note   secret `json:"note,omitzero" seal:"case"`
	Person secret `json:"person,omitzero" seal:"case,person"`
	Second secret `json:"second,omitzero" seal:"case,person"`
}

type emptied struct {
	Number int `json:"number,omitzero"`
}

type held struct {
	Fact any `json:"fact"`
}

// UnmarshalJSON knows that a held fact of this test is always the same.
func (h *held) UnmarshalJSON(data []byte) error {
	fact := &opened{}
	h.Fact = fact
	return json.Unmarshal(data, &struct {
		Fact *opened `json:"fact"`
	}{fact})
}

type listing struct {
	Items []any `json:"items"`
}

type untagged struct {
	Person secret `json:"person"`
}

type mistagged struct {
	Person string `json:"person" seal:"case"`
}

type mapped struct {
	People map[string]secret `json:"people"`
}

type catalog struct{}

func (catalog) Name(event any) (string, bool) {
	switch event.(type) {
	case *opened, *emptied, *held, *listing, *untagged, *mistagged, *mapped:
		return fmt.Sprintf("test.%s.v1", strings.TrimPrefix(fmt.Sprintf("%T", event), "*eventstore_test.")), true
	}
	return "", false
}

func (catalog) New(name string) (any, bool) {
	switch name {
	case "test.opened.v1":
		return &opened{}, true
	case "test.emptied.v1":
		return &emptied{}, true
	case "test.held.v1":
		return &held{}, true
	}
	return nil, false
}

func (catalog) Upcast(name string, data []byte) (string, []byte, error) {
	if name == "test.opened.v0" {
		return "test.opened.v1", []byte(strings.Replace(string(data), "count", "number", 1)), nil
	}
	return name, data, nil
}

// testKeys are Keys in memory.
type testKeys struct {
	mu           sync.Mutex
	byID         map[string][]byte // nil where destroyed
	live         map[string]string // the live key's id by subject
	ensured      [][]string
	beforeEnsure func()
	fault        error
}

func newKeys() *testKeys { return &testKeys{byID: map[string][]byte{}, live: map[string]string{}} }

func newCodec(keys es.Keys) *es.Codec { return es.NewCodec(catalog{}, keys) }

func (k *testKeys) Ensure(_ context.Context, subjects ...string) ([]es.Key, error) {
	if k.beforeEnsure != nil {
		k.beforeEnsure()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ensured = append(k.ensured, subjects)
	keys := make([]es.Key, len(subjects))
	for i, subject := range subjects {
		id, ok := k.live[subject]
		for generation := 1; !ok || k.byID[id] == nil; generation++ {
			if id = subject; generation > 1 {
				id = fmt.Sprintf("%s#%d", subject, generation)
			}
			if _, taken := k.byID[id]; !taken {
				material := uuid.New()
				k.byID[id], k.live[subject], ok = append(material[:], material[:]...), id, true
			}
		}
		keys[i] = es.Key{ID: id, Secret: k.byID[id]}
	}
	return keys, k.fault
}

func (k *testKeys) Lookup(_ context.Context, ids ...string) ([]es.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := make([]es.Key, len(ids))
	for i, id := range ids {
		keys[i] = es.Key{ID: id, Secret: k.byID[id]}
	}
	return keys, k.fault
}

func (k *testKeys) destroy(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID[id] = nil
}
