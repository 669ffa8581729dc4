package scheduler_test

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

	"go.uber.org/goleak"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/adapters/scheduler"
	"casesync/adapters/state"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start      = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	errPlanted = errors.New("planted fault")
	recorded   = commands.Done{Position: eventstore.Position{Major: 1}}
)

// world is a state database and a clock.
type world struct {
	t      *testing.T
	db     *sqldb.DB
	leases *state.Checkpoints
	runs   *state.Sweeps
	mu     sync.Mutex
	now    time.Time
}

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, now: start}
	var err error
	if w.db, err = sqldb.Open(ctx, address); err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	if w.leases, err = state.OpenCheckpoints(ctx, w.db, w.Now); err != nil {
		t.Fatalf("open leases: %v", err)
	}
	if w.runs, err = state.OpenSweeps(ctx, w.db); err != nil {
		t.Fatalf("open sweeps: %v", err)
	}
	return w
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) scheduler(sweeps ...scheduler.Sweep) *scheduler.Scheduler {
	w.t.Helper()
	s, err := scheduler.New(scheduler.Config{
		Sweeps: sweeps, Leases: w.leases, Runs: w.runs, Every: time.Hour, LeaseTTL: time.Second, Now: w.Now,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatalf("configure: %v", err)
	}
	return s
}

// once runs a round, which must be this process's.
func (w *world) once(s *scheduler.Scheduler) error {
	w.t.Helper()
	held, err := s.Once(context.Background())
	if !held {
		w.t.Fatalf("once: got the lease held by another, %v", err)
	}
	return err
}

// A sweep that fails stops no other, and its last success stays known; a daily one is done once a day
// in London, whatever the zone of the clock.
func TestRounds(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		var ran []string
		broken := false
		s := w.scheduler(
			scheduler.Sweep{Name: "first", Run: func(_ context.Context, today calendar.Day) error {
				ran = append(ran, "first "+today.String())
				if broken {
					return errPlanted
				}
				return nil
			}},
			scheduler.Sweep{Name: "daily", Daily: true, Run: func(_ context.Context, today calendar.Day) error {
				ran = append(ran, "daily "+today.String())
				return nil
			}},
		)
		if err := w.once(s); err != nil {
			t.Fatalf("first round: %v", err)
		}
		broken = true
		w.pass(13 * time.Hour)
		if err := w.once(s); !errors.Is(err, errPlanted) {
			t.Errorf("second round: got %v, want %v", err, errPlanted)
		}
		w.pass(time.Hour)
		if err := w.once(s); !errors.Is(err, errPlanted) {
			t.Errorf("third round: got %v, want %v", err, errPlanted)
		}
		want := []string{"first 2026-03-02", "daily 2026-03-02", "first 2026-03-02", "first 2026-03-03", "daily 2026-03-03"}
		if !slices.Equal(ran, want) {
			t.Errorf("got %v, want %v", ran, want)
		}
		statuses, err := s.Statuses(context.Background())
		if err != nil {
			t.Fatalf("statuses: %v", err)
		}
		first, daily := statuses[0], statuses[1]
		if !first.SucceededAt.Equal(start) || !first.StartedAt.Equal(w.Now()) || first.Fault == "" || !first.Overdue {
			t.Errorf("got %+v, want it overdue since %v", first, start)
		}
		if !daily.SucceededAt.Equal(w.Now()) || daily.Fault != "" || daily.Overdue {
			t.Errorf("got %+v, want it well", daily)
		}
	})
}

// Of two processes one sweeps; when it ends the other does, at once.
func TestOneProcessSweeps(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		ran := make(chan string, 10)
		run := func(who string) (stop func()) {
			s := w.scheduler(scheduler.Sweep{Name: "any", Run: func(context.Context, calendar.Day) error { ran <- who; return nil }})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			return sync.OnceFunc(func() {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("run %s: %v", who, err)
				}
			})
		}
		stopFirst := run("first")
		defer stopFirst()
		if got := <-ran; got != "first" {
			t.Fatalf("got %s, want first", got)
		}
		stopSecond := run("second")
		defer stopSecond()
		other := w.scheduler()
		if held, err := other.Once(context.Background()); held || err != nil {
			t.Errorf("once, while another runs: got %v, %v, want nothing", held, err)
		}
		stopFirst()
		if got := <-ran; got != "second" {
			t.Errorf("got %s, want second", got)
		}
	})
}

// list pages through what is due as a read model does that does not see what was ticked.
func list(ids ...string) func(context.Context, calendar.Day, projections.Due, int) ([]projections.Due, error) {
	return func(_ context.Context, today calendar.Day, after projections.Due, limit int) ([]projections.Due, error) {
		var page []projections.Due
		for _, id := range ids {
			if id > after.ID && len(page) < limit {
				page = append(page, projections.Due{Day: today, ID: id})
			}
		}
		return page, nil
	}
}

// Everything that is due takes its steps, over all pages, whatever fails among it.
func TestRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	var ids []string
	for n := range 450 {
		ids = append(ids, fmt.Sprintf("%04d", n))
	}
	steps := map[string]int{}
	err := w.once(w.scheduler(scheduler.Retention("accounts", list(ids...), func(_ context.Context, id string, today calendar.Day) (commands.Done, error) {
		if today != calendar.DayOf(start) {
			t.Errorf("got day %v, want %v", today, calendar.DayOf(start))
		}
		steps[id]++
		if strings.HasSuffix(id, "7") {
			return commands.Done{}, errPlanted
		}
		if steps[id] <= 2 {
			return recorded, nil
		}
		return commands.Done{}, nil
	})))
	if !errors.Is(err, errPlanted) || !strings.Contains(err.Error(), "45 failed") {
		t.Errorf("got %v, want 45 faults", err)
	}
	for _, id := range ids {
		want := 3
		if strings.HasSuffix(id, "7") {
			want = 1
		}
		if steps[id] != want {
			t.Errorf("%s: got %d ticks, want %d", id, steps[id], want)
		}
	}
}

// A sweep in which everything fails ends, and a thing that never comes to an end is a fault.
func TestRetentionGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	ids := strings.Fields(strings.Repeat("x ", 150))
	for i := range ids {
		ids[i] = fmt.Sprintf("%04d", i)
	}
	ticks := 0
	err := w.once(w.scheduler(scheduler.Retention("accounts", list(ids...), func(context.Context, string, calendar.Day) (commands.Done, error) {
		ticks++
		return commands.Done{}, errPlanted
	})))
	if !errors.Is(err, errPlanted) || ticks != 50 {
		t.Errorf("got %v after %d ticks, want it to give up after 50", err, ticks)
	}
	err = w.once(w.scheduler(scheduler.Retention("accounts", list("a"), func(context.Context, string, calendar.Day) (commands.Done, error) { return recorded, nil })))
	if err == nil {
		t.Error("a thing that always has a step: got no error")
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	var got []string
	note := func(what string, err error) scheduler.MemberCommand {
		return func(_ context.Context, frn, person string) (commands.Done, error) {
			got = append(got, what+" "+person+" at "+frn)
			return commands.Done{}, err
		}
	}
	inactive := func(context.Context, projections.InactiveMemberCursor, int) ([]projections.InactiveMember, error) {
		return []projections.InactiveMember{{FRN: "123456", Person: "p1", Status: account.Disabled}, {FRN: "123456", Person: "p2", Status: account.Gone}}, nil
	}
	err := w.once(w.scheduler(scheduler.Members(inactive, note("suspend", errPlanted), note("remove", nil))))
	if want := []string{"suspend p1 at 123456", "remove p2 at 123456"}; !slices.Equal(got, want) || !errors.Is(err, errPlanted) {
		t.Errorf("got %v, %v, want %v and the fault", got, err, want)
	}
}

// Cases go back from who does not work at their business any more, and from nobody else.
func TestAllocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	var got []string
	err := w.once(w.scheduler(scheduler.Allocations(scheduler.Allocated{
		Holders: func(context.Context) ([]projections.Allocatee, error) {
			return []projections.Allocatee{{FRN: "123456", Person: "works"}, {FRN: "123456", Person: "left"}, {FRN: "654321", Person: "unknown"}}, nil
		},
		Works: func(_ context.Context, _, person string) (bool, error) {
			if person == "unknown" {
				return false, errPlanted
			}
			return person == "works", nil
		},
		Cases: func(_ context.Context, person, frn string) ([]string, error) {
			return []string{person + "-1", person + "-2", person + "-" + frn}, nil
		},
		Return: func(_ context.Context, ref, _ string) (commands.Done, error) {
			got = append(got, ref)
			if ref == "left-1" {
				return commands.Done{}, errPlanted
			}
			return recorded, nil
		},
	})))
	if want := []string{"left-1", "left-2", "left-123456"}; !slices.Equal(got, want) || !errors.Is(err, errPlanted) {
		t.Errorf("got %v, %v, want %v and the faults", got, err, want)
	}
}

// The ring key is rotated on the day after keys were destroyed, and not where none was. A rotation
// that failed is made again.
func TestRotation(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, ctx := newWorld(t, address), context.Background()
		ring, err := keyring.Open(ctx, w.db, keyring.NewFileKEK(filepath.Join(t.TempDir(), "kek")), keyring.Config{Now: w.Now})
		if err != nil {
			t.Fatalf("open key ring: %v", err)
		}
		t.Cleanup(ring.Close)
		rotations, fault := 0, error(nil)
		s := w.scheduler(scheduler.Rotation(w.runs, ring.DestroyedSince, func(ctx context.Context) error {
			if rotations++; fault != nil {
				return fault
			}
			return ring.Rotate(ctx)
		}))
		round := func(day string, want int) {
			t.Helper()
			if err := w.once(s); !errors.Is(err, fault) {
				t.Fatalf("%s: got %v", day, err)
			}
			if rotations != want {
				t.Errorf("%s: got %d rotations, want %d", day, rotations, want)
			}
			w.pass(24 * time.Hour)
		}
		round("nothing destroyed", 0)
		if _, err := ring.Ensure(ctx, "account-1", "account-2"); err != nil {
			t.Fatalf("make keys: %v", err)
		}
		if err := ring.Destroy(ctx, "account-1"); err != nil {
			t.Fatalf("destroy: %v", err)
		}
		w.pass(2 * time.Hour)
		fault = errPlanted
		round("destroyed, failing", 1)
		round("still failing", 2)
		fault = nil
		round("working", 3)
		round("nothing since", 3)
		if keys, err := ring.Lookup(ctx, "account-1", "account-2"); err != nil || keys[0].Secret != nil || keys[1].Secret == nil {
			t.Errorf("got %v, %v, want the second key alone", keys, err)
		}
	})
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	run := func(context.Context, calendar.Day) error { return nil }
	w := newWorld(t, sqldbtest.SQLite(t))
	for name, config := range map[string]scheduler.Config{
		"no leases":     {Runs: w.runs},
		"no runs":       {Leases: w.leases},
		"the same name": {Leases: w.leases, Runs: w.runs, Sweeps: []scheduler.Sweep{{Name: "a", Run: run}, {Name: "a", Run: run}}},
		"nothing to do": {Leases: w.leases, Runs: w.runs, Sweeps: []scheduler.Sweep{{Name: "a"}}},
	} {
		if _, err := scheduler.New(config); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// What is daily is done once a day in London, and again in each round until it has succeeded.
func TestDaily(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address)
		ran, broken := 0, true
		s := w.scheduler(scheduler.Daily(scheduler.Purge("key documents", func(context.Context) error {
			ran++
			if broken {
				return errPlanted
			}
			return nil
		})))
		if err := w.once(s); !errors.Is(err, errPlanted) {
			t.Errorf("got %v, want %v", err, errPlanted)
		}
		broken = false
		for range 2 {
			w.pass(time.Hour)
			if err := w.once(s); err != nil {
				t.Errorf("got %v, want it done", err)
			}
		}
		w.pass(24 * time.Hour)
		if err := w.once(s); err != nil || ran != 3 {
			t.Errorf("got %d runs, %v, want a failed one, one that day, and one the next", ran, err)
		}
	})
}
