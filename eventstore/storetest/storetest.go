// Package storetest is the contract of eventstore.Log as tests that every log passes, each case
// with a sentence of what it demands. It can fail, and proves it: faults planted in a sound log
// are found by the same checks.
package storetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// Handle is an open log.
type Handle interface {
	eventstore.Log
	Close() error
}

// Factory opens one and the same log each time, as another process would: handles share nothing in
// memory. A nil clock is time.Now.
type Factory func(now func() time.Time) (Handle, error)

// Config says where a log promises less than the contract, since what it stands on cannot give
// more. The zero Config is the whole contract. What it promises instead is tested instead.
type Config struct {
	// IDsPerStream: an event id is unique within its stream only. Elsewhere it is appended as if new.
	IDsPerStream bool
	// ServersClock: recorded times are those of the server, which the factory's clock does not set.
	ServersClock bool
	// EventBytesMax is the most data and metadata of one event, in bytes; 1 MiB by default.
	EventBytesMax int
}

// Run runs the whole contract in parallel subtests. fresh returns the factory of a new, empty log.
func Run(t *testing.T, fresh func(t *testing.T) Factory) { RunWith(t, Config{}, fresh) }

// RunWith runs the contract as far as config has the log promise it.
func RunWith(t *testing.T, config Config, fresh func(t *testing.T) Factory) {
	config.EventBytesMax = cmp.Or(config.EventBytesMax, 1<<20)
	for _, c := range slices.Concat(appendCases, idCases, readCases, waitCases, raceCases) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Log("The contract: " + c.demands)
				}
			})
			c.run(&bench{T: t, config: config, factory: fresh(t)})
		})
	}
}

// testCase is one demand of the contract.
type testCase struct {
	name string
	// demands is what the log has to do, in a sentence.
	demands string
	run     func(b *bench)
}

// bench is what a case works on.
type bench struct {
	*testing.T
	config  Config
	factory Factory
}

// open opens another handle, closed when the test ends.
func (b *bench) open() Handle {
	b.Helper()
	log, err := b.factory(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := log.Close(); err != nil {
			b.Errorf("close log: %v", err)
		}
	})
	return log
}

// append appends and fails the test if that fails.
func (b *bench) append(log eventstore.Log, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events ...eventstore.Event) eventstore.Appended {
	b.Helper()
	appended, err := log.Append(b.Context(), stream, expected, events...)
	if err != nil {
		b.Fatalf("append to %s: %v", stream, err)
	}
	return appended
}

// all reads the whole log.
func (b *bench) all(log eventstore.Log) []eventstore.Recorded {
	b.Helper()
	return b.collect(log.ReadAll(b.Context(), eventstore.Position{}))
}

// stream reads a whole stream.
func (b *bench) stream(log eventstore.Log, stream eventstore.StreamName) []eventstore.Recorded {
	b.Helper()
	return b.collect(log.ReadStream(b.Context(), stream, 0))
}

func (b *bench) collect(events func(func(eventstore.Recorded, error) bool)) []eventstore.Recorded {
	b.Helper()
	collected, err := collect(events)
	if err != nil {
		b.Fatalf("read: %v", err)
	}
	return collected
}

func collect(events func(func(eventstore.Recorded, error) bool)) (collected []eventstore.Recorded, err error) {
	for event, err := range events {
		if err != nil {
			return collected, err
		}
		collected = append(collected, event)
	}
	return collected, nil
}

// wantIDs compares the ids of recorded events with those of events.
func (b *bench) wantIDs(what string, got []eventstore.Recorded, want ...eventstore.Event) {
	b.Helper()
	ids := make([]uuid.UUID, len(got))
	for i, event := range got {
		ids[i] = event.ID
	}
	wanted := make([]uuid.UUID, len(want))
	for i, event := range want {
		wanted[i] = event.ID
	}
	if !slices.Equal(ids, wanted) {
		b.Errorf("%s: got %d events %v, want %d events %v", what, len(ids), ids, len(wanted), wanted)
	}
}

// events returns n new events.
func events(n int) []eventstore.Event {
	made := make([]eventstore.Event, n)
	for i := range made {
		id := uuid.New()
		data, err := json.Marshal(map[string]string{"text": strings.Repeat("x", 20), "id": id.String()})
		if err != nil {
			panic(err) // a map of strings is always JSON
		}
		made[i] = eventstore.Event{ID: id, Type: "storetest.happened.v1", Data: data, Metadata: []byte(`{"actor":"test"}`)}
	}
	return made
}

func event() eventstore.Event { return events(1)[0] }

// sameEvent reports whether two recorded events are the same in every field and byte.
func sameEvent(a, b eventstore.Recorded) bool {
	return a.ID == b.ID && a.Type == b.Type && bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Metadata, b.Metadata) &&
		a.Stream == b.Stream && a.Revision == b.Revision && a.Position == b.Position && a.RecordedAt.Equal(b.RecordedAt)
}

func streamName(i int) eventstore.StreamName {
	return eventstore.StreamName(fmt.Sprintf("storetest-%d", i))
}
