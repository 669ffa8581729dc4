package state_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/state"
	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

const ttl = 10 * time.Second

// ledger is the checkpoints of a fresh database, with a clock that a test moves.
type ledger struct {
	*state.Checkpoints
	mu  sync.Mutex
	now time.Time
}

func (l *ledger) move(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

func newLedger(t *testing.T, address string) *ledger {
	t.Helper()
	db, err := sqldb.Open(context.Background(), address)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l := &ledger{now: start}
	l.Checkpoints, err = state.OpenCheckpoints(context.Background(), db, func() time.Time {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.now
	})
	if err != nil {
		t.Fatalf("open checkpoints: %v", err)
	}
	return l
}

func (l *ledger) acquire(t *testing.T, name, holder string) (fence int64, held bool) {
	t.Helper()
	fence, held, err := l.Acquire(context.Background(), name, holder, ttl)
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	return fence, held
}

func place(n uint64) follower.Place {
	return follower.Place{
		Log: "log-1", Before: eventstore.Position{Major: n - 1, Minor: 7}, At: eventstore.Position{Major: n, Minor: 3},
		EventID: uuid.NewSHA1(uuid.Nil, []byte(fmt.Sprint(n))),
	}
}

// A lease belongs to one holder; it changes hands when it is given up or runs out, with another fence.
func TestLeaseChangesHands(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		l := newLedger(t, address)
		first, held := l.acquire(t, "mail", "a")
		if !held {
			t.Fatal("a free lease: got held by another")
		}
		if _, held := l.acquire(t, "mail", "b"); held {
			t.Error("while a holds it: got it for b")
		}
		if _, held := l.acquire(t, "other", "b"); !held {
			t.Error("another name: got held by another")
		}
		l.move(ttl - time.Second)
		if again, held := l.acquire(t, "mail", "a"); !held || again != first {
			t.Errorf("renewed: got fence %d, %v, want %d", again, held, first)
		}
		l.move(ttl - time.Second)
		if _, held := l.acquire(t, "mail", "b"); held {
			t.Error("after a renewal: got it for b")
		}
		l.move(time.Second)
		second, held := l.acquire(t, "mail", "b")
		if !held || second <= first {
			t.Errorf("after its end: got fence %d, %v, want one above %d", second, held, first)
		}
		if err := l.Release(context.Background(), "mail", first); err != nil {
			t.Fatalf("release: %v", err)
		}
		if _, held := l.acquire(t, "mail", "a"); held {
			t.Error("released under the fence before: got it for a")
		}
		if err := l.Release(context.Background(), "mail", second); err != nil {
			t.Fatalf("release: %v", err)
		}
		if third, held := l.acquire(t, "mail", "b"); !held || third <= second {
			t.Errorf("released: got fence %d, %v, want one above %d", third, held, second)
		}
	})
}

// A checkpoint moves under the present fence alone, and is as it was left.
func TestCheckpointIsFenced(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		ctx := context.Background()
		l := newLedger(t, address)
		if got, err := l.Place(ctx, "mail"); err != nil || got != (follower.Place{}) {
			t.Errorf("never moved: got %+v, %v, want none", got, err)
		}
		if err := l.Advance(ctx, "mail", 1, place(1)); !errors.Is(err, follower.ErrLost) {
			t.Errorf("without a lease: got %v, want %v", err, follower.ErrLost)
		}
		first, _ := l.acquire(t, "mail", "a")
		if got, err := l.Place(ctx, "mail"); err != nil || got != (follower.Place{}) {
			t.Errorf("held, never moved: got %+v, %v, want none", got, err)
		}
		if err := l.Advance(ctx, "mail", first, place(5)); err != nil {
			t.Fatalf("advance: %v", err)
		}
		l.move(2 * ttl)
		if err := l.Advance(ctx, "mail", first, place(6)); err != nil {
			t.Errorf("run out, taken by nobody: got %v", err)
		}
		second, _ := l.acquire(t, "mail", "b")
		if err := l.Advance(ctx, "mail", first, place(9)); !errors.Is(err, follower.ErrLost) {
			t.Errorf("under the fence before: got %v, want %v", err, follower.ErrLost)
		}
		if got, err := l.Place(ctx, "mail"); err != nil || got != place(6) {
			t.Errorf("got %+v, %v, want %+v", got, err, place(6))
		}
		if err := l.Advance(ctx, "mail", second, place(7)); err != nil {
			t.Fatalf("advance: %v", err)
		}
		if err := l.Release(ctx, "mail", second); err != nil {
			t.Fatalf("release: %v", err)
		}
		if err := l.Advance(ctx, "mail", second, place(8)); !errors.Is(err, follower.ErrLost) {
			t.Errorf("released: got %v, want %v", err, follower.ErrLost)
		}
		if got, err := l.Place(ctx, "mail"); err != nil || got != place(7) {
			t.Errorf("got %+v, %v, want %+v", got, err, place(7))
		}
	})
}

// A subscription begins anew on demand, but not under the hands of who is at work.
func TestRestart(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		ctx := context.Background()
		l := newLedger(t, address)
		if err := l.Restart(ctx, "mail"); err != nil {
			t.Errorf("never followed: got %v", err)
		}
		fence, _ := l.acquire(t, "mail", "a")
		if err := l.Advance(ctx, "mail", fence, place(5)); err != nil {
			t.Fatalf("advance: %v", err)
		}
		if err := l.Restart(ctx, "mail"); !errors.Is(err, state.ErrHeld) {
			t.Errorf("held: got %v, want %v", err, state.ErrHeld)
		}
		if err := l.Release(ctx, "mail", fence); err != nil {
			t.Fatalf("release: %v", err)
		}
		if err := l.Restart(ctx, "mail"); err != nil {
			t.Errorf("free: got %v", err)
		}
		if got, err := l.Place(ctx, "mail"); err != nil || got != (follower.Place{}) {
			t.Errorf("got %+v, %v, want the start", got, err)
		}
	})
}

// However many ask at once, one gets the lease.
func TestLeaseRace(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		l := newLedger(t, address)
		for round := range 5 {
			var group sync.WaitGroup
			var holders atomic.Int64
			for n := range 8 {
				group.Go(func() {
					_, held, err := l.Acquire(context.Background(), "race", fmt.Sprint(round, "-", n), ttl)
					if err != nil {
						t.Errorf("acquire: %v", err)
					}
					if held {
						holders.Add(1)
					}
				})
			}
			group.Wait()
			if got := holders.Load(); got != 1 {
				t.Errorf("got %d holders, want 1", got)
			}
			l.move(2 * ttl)
		}
	})
}

// Each place is read back as it was written, those of two numbers as well.
func TestPlacesRoundTrip(t *testing.T) {
	t.Parallel()
	l := newLedger(t, sqldbtest.SQLite(t))
	fence, _ := l.acquire(t, "all", "a")
	for _, want := range []follower.Place{
		{At: eventstore.Position{Major: 1}, EventID: uuid.New()},
		{Log: "x", Before: eventstore.Position{Major: 1 << 62, Minor: 1}, At: eventstore.Position{Major: 1 << 62, Minor: 1 << 62}, EventID: uuid.New()},
	} {
		if err := l.Advance(context.Background(), "all", fence, want); err != nil {
			t.Fatalf("advance: %v", err)
		}
		if got, err := l.Place(context.Background(), "all"); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}
