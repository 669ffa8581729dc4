package follower_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/adapters/state"
	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var errPlanted = errors.New("planted fault")

// world is a log and the checkpoints of a subscription, both real.
type world struct {
	t           *testing.T
	log         eventstore.Log
	checkpoints *state.Checkpoints
	appended    int
}

func openLog(t *testing.T, address string) eventstore.Log {
	t.Helper()
	ctx := context.Background()
	if path, sqlite := strings.CutPrefix(address, "sqlite:"); sqlite {
		log, err := sqlitelog.Open(ctx, filepath.Join(filepath.Dir(path), "log.db"), sqlitelog.Config{})
		if err != nil {
			t.Fatalf("open log: %v", err)
		}
		t.Cleanup(func() { _ = log.Close() })
		return log
	}
	log, err := pglog.Open(ctx, address, pglog.Config{})
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	db, err := sqldb.Open(context.Background(), address)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	checkpoints, err := state.OpenCheckpoints(context.Background(), db, nil)
	if err != nil {
		t.Fatalf("open checkpoints: %v", err)
	}
	return &world{t: t, log: openLog(t, address), checkpoints: checkpoints}
}

// append appends n events of a type, each named by a number of its own.
func (w *world) append(n int, eventType string) (last eventstore.Position) {
	w.t.Helper()
	for range n {
		event := eventstore.Event{ID: uuid.New(), Type: eventType, Data: fmt.Appendf(nil, "%d", w.appended), Metadata: []byte("{}")}
		w.appended++
		appended, err := w.log.Append(context.Background(), "thing-1", eventstore.Any, event)
		if err != nil {
			w.t.Fatalf("append: %v", err)
		}
		last = appended.Position
	}
	return last
}

// seen collects what was taken.
type seen struct {
	mu   sync.Mutex
	list []string
	more chan struct{}
}

func newSeen() *seen { return &seen{more: make(chan struct{}, 1)} }

func (s *seen) take(batch []eventstore.Recorded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, event := range batch {
		s.list = append(s.list, string(event.Data))
	}
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// wait waits until n events were taken, and returns what was.
func (s *seen) wait(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		list := slices.Clone(s.list)
		s.mu.Unlock()
		if len(list) >= n {
			return list
		}
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("got %v, want %d events", list, n)
		}
	}
}

func (w *world) config(take func(context.Context, []eventstore.Recorded) error) follower.Config {
	return follower.Config{
		Name: "test", Log: w.log, Checkpoints: w.checkpoints, Take: take, BatchEventsMax: 3, LeaseTTL: 2 * time.Second,
		RetryPauseFirst: time.Millisecond, RetryPauseMax: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

// run runs a follower until stop, which returns its error.
func run(t *testing.T, config follower.Config) (f *follower.Follower, stop func() error) {
	t.Helper()
	f, err := follower.New(config)
	if err != nil {
		t.Fatalf("configure: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return f, stop
}

func numbers(from, to int) []string {
	var list []string
	for n := from; n < to; n++ {
		list = append(list, fmt.Sprint(n))
	}
	return list
}

func (w *world) waitFor(position eventstore.Position) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := follower.WaitFor(ctx, w.checkpoints, "test", position); err != nil {
		w.t.Fatalf("wait: %v", err)
	}
}

// Events are taken in order, once, also over a restart and as they come.
func TestFollowsAndGoesOn(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, got := newWorld(t, address), newSeen()
		take := func(_ context.Context, batch []eventstore.Recorded) error { got.take(batch); return nil }
		w.append(7, "thing.done.v1")
		f, stop := run(t, w.config(take))
		got.wait(t, 7)
		last := w.append(2, "thing.done.v1")
		got.wait(t, 9)
		w.waitFor(last)
		status, err := f.Status(context.Background())
		if err != nil || !status.Holding || status.Position != last || status.LagEvents != 0 || status.Err != nil {
			t.Errorf("got status %+v, %v, want it at %v", status, err, last)
		}
		if err := stop(); err != nil {
			t.Errorf("stopped: got %v", err)
		}
		w.append(4, "thing.done.v1")
		status, err = f.Status(context.Background())
		if err != nil || status.Holding || status.Position != last || status.LagEvents != 4 {
			t.Errorf("stopped: got status %+v, %v, want a lag of 4", status, err)
		}
		_, _ = run(t, w.config(take))
		if list := got.wait(t, 13); !slices.Equal(list, numbers(0, 13)) {
			t.Errorf("got %v, want each once in order", list)
		}
	})
}

// A crash between what Take does and the checkpoint has the same events taken again.
func TestCrashBeforeCheckpoint(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, got := newWorld(t, address), newSeen()
		w.append(2, "thing.done.v1")
		ctx, crash := context.WithCancel(context.Background())
		err := follower.Run(ctx, w.config(func(_ context.Context, batch []eventstore.Recorded) error {
			got.take(batch)
			crash()
			return nil
		}))
		if err != nil {
			t.Fatalf("run: %v", err)
		}
		_, _ = run(t, w.config(func(_ context.Context, batch []eventstore.Recorded) error { got.take(batch); return nil }))
		if list := got.wait(t, 4); !slices.Equal(list, []string{"0", "1", "0", "1"}) {
			t.Errorf("got %v, want both again", list)
		}
	})
}

// What fails is tried again from where it failed, nothing behind it is taken, and Status tells.
func TestFailingTake(t *testing.T) {
	t.Parallel()
	w, got := newWorld(t, sqldbtest.SQLite(t)), newSeen()
	last := w.append(5, "thing.done.v1")
	tries := make(chan int)
	f, _ := run(t, w.config(func(ctx context.Context, batch []eventstore.Recorded) error {
		for i, event := range batch {
			if string(event.Data) == "1" {
				select {
				case n := <-tries:
					if n > 0 {
						return &follower.PartialError{Taken: i, Err: errPlanted}
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			got.take(batch[i : i+1])
		}
		return nil
	}))
	tries <- 1
	tries <- 1
	tries <- 1
	status, err := f.Status(context.Background())
	if err != nil || !errors.Is(status.Err, errPlanted) || status.FailingSince.IsZero() || status.Attempts < 2 || status.LagEvents != 4 {
		t.Errorf("got status %+v, %v, want it failing with a lag of 4", status, err)
	}
	tries <- 0
	if list := got.wait(t, 5); !slices.Equal(list, numbers(0, 5)) {
		t.Errorf("got %v, want each once in order", list)
	}
	w.waitFor(last)
	if status, err = f.Status(context.Background()); err != nil || status.Err != nil || status.LagEvents != 0 {
		t.Errorf("got status %+v, %v, want it well", status, err)
	}
}

// Of two holders one runs; when it ends the other goes on where it was.
func TestTwoHolders(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		all, first, second := newSeen(), make(chan struct{}, 100), make(chan struct{}, 100)
		taking := func(who chan struct{}) follower.Config {
			config := w.config(func(_ context.Context, batch []eventstore.Recorded) error {
				who <- struct{}{}
				all.take(batch)
				return nil
			})
			config.LeaseTTL = 400 * time.Millisecond
			return config
		}
		last := w.append(1, "thing.done.v1")
		_, stop := run(t, taking(first))
		w.waitFor(last)
		standby, _ := run(t, taking(second))
		last = w.append(5, "thing.done.v1")
		w.waitFor(last)
		if status, err := standby.Status(context.Background()); err != nil || status.Holding || status.Position != last || len(second) > 0 {
			t.Errorf("got status %+v, %v after %d batches, want it standing by", status, err, len(second))
		}
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		w.append(2, "thing.done.v1")
		if list := all.wait(t, 8); !slices.Equal(list, numbers(0, 8)) || len(second) == 0 {
			t.Errorf("got %v, want each once in order, the last by the second", list)
		}
	})
}

// Who slept through his lease is stopped, and moves nothing.
func TestLostLease(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, ctx := newWorld(t, address), context.Background()
		w.append(2, "thing.done.v1")
		asleep, woken := make(chan struct{}), make(chan error, 1)
		once := sync.OnceFunc(func() { close(asleep) })
		config := w.config(func(ctx context.Context, batch []eventstore.Recorded) error {
			once()
			<-ctx.Done()
			select {
			case woken <- context.Cause(ctx):
			default:
			}
			return nil
		})
		config.LeaseTTL = 300 * time.Millisecond
		_, _ = run(t, config)
		<-asleep
		// Another process, whose clock is ahead, takes the lease over.
		db, err := sqldb.Open(ctx, address)
		if err != nil {
			t.Fatalf("open database: %v", err)
		}
		defer db.Close()
		ahead, err := state.OpenCheckpoints(ctx, db, func() time.Time { return time.Now().Add(time.Hour) })
		if err != nil {
			t.Fatalf("open checkpoints: %v", err)
		}
		fence, held, err := ahead.Acquire(ctx, "test", "another", time.Hour)
		if err != nil || !held {
			t.Fatalf("take over: got %v, %v", held, err)
		}
		select {
		case err := <-woken:
			if !errors.Is(err, follower.ErrLost) {
				t.Errorf("got the cause %v, want %v", err, follower.ErrLost)
			}
		case <-time.After(patience):
			t.Fatal("the sleeper was not stopped")
		}
		if place, err := ahead.Place(ctx, "test"); err != nil || !place.At.IsZero() {
			t.Errorf("got %+v, %v, want the checkpoint where it was", place, err)
		}
		if err := ahead.Release(ctx, "test", fence); err != nil {
			t.Fatalf("release: %v", err)
		}
	})
}

// Events that nobody wants are passed over, and the checkpoint follows.
func TestWants(t *testing.T) {
	t.Parallel()
	w, got := newWorld(t, sqldbtest.SQLite(t)), newSeen()
	w.append(4, "noise.made.v1")
	w.append(1, "thing.done.v1")
	last := w.append(4, "noise.made.v1")
	config := w.config(func(_ context.Context, batch []eventstore.Recorded) error { got.take(batch); return nil })
	config.Wants = func(eventType string) bool { return eventType == "thing.done.v1" }
	_, _ = run(t, config)
	w.waitFor(last)
	if list := got.wait(t, 1); !slices.Equal(list, []string{"4"}) {
		t.Errorf("got %v, want 4 alone", list)
	}
}

// On another log, or on one that was restored to before the checkpoint, it stops and says so.
func TestAnotherLog(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		take := func(context.Context, []eventstore.Recorded) error { return nil }
		last := w.append(3, "thing.done.v1")
		_, stop := run(t, w.config(take))
		w.waitFor(last)
		if err := stop(); err != nil {
			t.Fatalf("stop: %v", err)
		}
		for name, other := range map[string]eventstore.Log{
			"another":  openLog(t, sqldbtest.SQLite(t)),
			"renamed":  renamed{w.log},
			"restored": restored{w.log, eventstore.Position{Major: 2}},
			"diverged": diverged{w.log},
		} {
			config := w.config(take)
			config.Log = other
			f, err := follower.New(config)
			if err != nil {
				t.Fatalf("configure: %v", err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			if err := f.Run(ctx); !errors.Is(err, follower.ErrLogReplaced) {
				t.Errorf("%s: got %v, want %v", name, err, follower.ErrLogReplaced)
			}
			if status, err := f.Status(context.Background()); err != nil || !errors.Is(status.Err, follower.ErrLogReplaced) {
				t.Errorf("%s: got status %+v, %v", name, status, err)
			}
		}
	})
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := follower.New(follower.Config{}); err == nil {
		t.Error("got no error")
	}
}
