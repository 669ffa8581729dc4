package outbox_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"casesync/adapters/outbox"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
)

// A log that is read ahead says what the log says, in order, also to who stops in the middle.
func TestReadingAhead(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		want := w.allocate("FOS-1", 3_000)
		ahead := outbox.ReadingAhead(w.log)
		_, notifies := ahead.(eventstore.Notifier)
		_, identifies := ahead.(eventstore.Identifier)
		if !notifies || !identifies {
			t.Fatal("got a log that can do less than before")
		}
		for _, stop := range []int{1, 300, len(want), len(want) + 1} {
			n := 0
			for recorded, err := range ahead.ReadAll(t.Context(), eventstore.Position{}) {
				w.must(err)
				if recorded.ID.String() != want[n] {
					t.Fatalf("event %d: got %s, want %s", n, recorded.ID, want[n])
				}
				if n++; n == stop {
					break
				}
			}
			if n != min(stop, len(want)) {
				t.Errorf("got %d events, want %d", n, min(stop, len(want)))
			}
		}
	})
}

// failing fails after so many events.
type failing struct {
	logOfTests
	eventstore.Notifier
	eventstore.Identifier

	after int
}

func (f failing) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		n := 0
		for recorded, err := range f.logOfTests.ReadAll(ctx, after) {
			if n++; n > f.after {
				err = errPlanted
			}
			if !yield(recorded, err) || err != nil {
				return
			}
		}
	}
}

// An error of the log comes after the events before it.
func TestReadingAheadFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	w.allocate("FOS-1", 600)
	for _, fine := range []int{0, 256, 300} {
		n := 0
		var got error
		for _, err := range outbox.ReadingAhead(failing{w.log, nil, nil, fine}).ReadAll(t.Context(), eventstore.Position{}) {
			if got = err; err == nil {
				n++
			}
		}
		if n != fine || !errors.Is(got, errPlanted) {
			t.Errorf("got %d events and %v, want %d and the fault", n, got, fine)
		}
	}
}
