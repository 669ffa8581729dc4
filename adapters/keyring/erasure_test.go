package keyring_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/keyring"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
)

// The events of a case, sealed under a real ring: erasing the consumer takes her name from every
// place it was copied to and leaves the rest; erasing the case takes the rest.
func TestErasingTakesValuesWhereverTheyAre(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		ring := open(t, address, keyring.NewFileKEK(writeKey(t, strings.Repeat("5a", 32))), keyring.Config{})
		codec := eventstore.NewCodec(catalog.New(), ring)
		reference := "REF-1"
		fact := &casefile.Converted{
			FRN:      "123456",
			Details:  private.Of(casefile.Details{BusinessReference: &reference}),
			Consumer: private.Of(casefile.Party{Name: "Ada Example"}),
		}
		held := storeAndRead(t, codec, &casefile.FactHeld{Type: "casefile.converted.v1", Fact: fact})
		released := storeAndRead(t, codec, held.(*casefile.FactHeld).Fact).(*casefile.Converted)
		envelopes := []string{
			held.(*casefile.FactHeld).Fact.(*casefile.Converted).Consumer.Envelope(),
			released.Consumer.Envelope(),
			released.Details.Envelope(),
		}
		for _, step := range []struct {
			erase func() error
			open  []bool
		}{
			{func() error { return nil }, []bool{true, true, true}},
			{func() error { return ring.Destroy(t.Context(), "casefile-1/consumer") }, []bool{false, false, true}},
			{func() error { return ring.DestroyTree(t.Context(), "casefile-1") }, []bool{false, false, false}},
		} {
			if err := step.erase(); err != nil {
				t.Fatal(err)
			}
			opened, err := codec.OpenEnvelopes(t.Context(), envelopes...)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range step.open {
				if got := opened[i] != nil; got != want {
					t.Errorf("envelope %d opens: %v, want %v", i, got, want)
				}
				if opened[i] != nil && i < 2 && !strings.Contains(string(opened[i]), "Ada Example") {
					t.Errorf("envelope %d opens as %s, want the name", i, opened[i])
				}
			}
		}
	})
}

// storeAndRead returns event as it comes back out of a log.
func storeAndRead(t *testing.T, codec *eventstore.Codec, event any) any {
	t.Helper()
	encoded, err := codec.Encode(t.Context(), "casefile-1", eventstore.Metadata{CommandID: uuid.New()}, event)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(encoded[0].Data); strings.Contains(text, "Ada") || strings.Contains(text, "REF-1") {
		t.Fatalf("stored as %s, want nothing private in it", text)
	}
	decoded, err := codec.Decode(eventstore.Recorded{Event: encoded[0], Stream: "casefile-1"})
	if err != nil {
		t.Fatal(err)
	}
	return decoded.Event
}
