package headwatch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"casesync/eventstore"
	"casesync/eventstore/headwatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func at(n uint64) eventstore.Position { return eventstore.Position{Major: n} }

// Wait ends as soon as the watch is told of an event, or told to look and finds one, or polls one;
// the clock of the test shows which.
func TestWait(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for _, test := range []struct {
		name    string
		happens func(w *headwatch.Watch, log *atomic.Uint64, cancel func()) // after 3 s
		after   time.Duration
		want    error
	}{
		{"moved", func(w *headwatch.Watch, _ *atomic.Uint64, _ func()) { w.Moved(at(6)) }, 3 * time.Second, nil},
		{"looked", func(w *headwatch.Watch, log *atomic.Uint64, _ func()) { log.Store(6); w.Look() }, 3 * time.Second, nil},
		{"polled", func(_ *headwatch.Watch, log *atomic.Uint64, _ func()) { log.Store(6) }, 10 * time.Second, nil},
		{"moved, but not past it", func(w *headwatch.Watch, log *atomic.Uint64, _ func()) { log.Store(6); w.Moved(at(5)) }, 3 * time.Second, nil},
		{"cancelled", func(_ *headwatch.Watch, _ *atomic.Uint64, cancel func()) { cancel() }, 3 * time.Second, context.Canceled},
		{"unreadable", func(w *headwatch.Watch, log *atomic.Uint64, _ func()) { log.Store(99); w.Look() }, 3 * time.Second, gone},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var w headwatch.Watch
				w.Moved(at(4))
				var log atomic.Uint64
				log.Store(5)
				read := func(context.Context) (eventstore.Head, error) {
					if log.Load() == 99 {
						return eventstore.Head{}, gone
					}
					return eventstore.Head{Position: at(log.Load())}, nil
				}
				start := time.Now()
				time.AfterFunc(3*time.Second, func() { test.happens(&w, &log, cancel) })
				err := w.Wait(ctx, at(5), 10*time.Second, read)
				if took := time.Since(start); !errors.Is(err, test.want) || took != test.after {
					t.Errorf("got %v after %v, want %v after %v", err, took, test.want, test.after)
				}
			})
		})
	}
}

// Where there is an event already, Wait does not wait, nor read if it was told.
func TestWaitNot(t *testing.T) {
	t.Parallel()
	var w headwatch.Watch
	read := func(context.Context) (eventstore.Head, error) { return eventstore.Head{Position: at(3)}, nil }
	if err := w.Wait(t.Context(), at(2), time.Hour, read); err != nil {
		t.Errorf("read: got %v, want nil", err)
	}
	w.Moved(at(3))
	if err := w.Wait(t.Context(), at(2), time.Hour, nil); err != nil {
		t.Errorf("told: got %v, want nil", err)
	}
}
