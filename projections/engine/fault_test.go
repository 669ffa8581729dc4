package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/eventstore"
	"casesync/projections/engine"
)

var errFault = errors.New("fault")

// faulty fails at one step of one transaction: before it, or after it was done ("failed, but kept").
type faulty struct {
	engine.Store
	steps  atomic.Int64 // until the fault
	kept   bool
	struck atomic.Bool
}

// strike reports whether the fault is now.
func (f *faulty) strike() bool {
	if f.steps.Add(-1) == 0 {
		f.struck.Store(true)
		return true
	}
	return false
}

func (f *faulty) Update(ctx context.Context, do func(engine.Tx) error) error {
	err := f.Store.Update(ctx, func(tx engine.Tx) error {
		if err := do(&faultyTx{tx, f}); err != nil {
			return err
		}
		if !f.kept && f.strike() {
			return errFault // before the commit
		}
		return nil
	})
	if err == nil && f.kept && f.strike() {
		return errFault // after it
	}
	return err
}

type faultyTx struct {
	engine.Tx
	f *faulty
}

func (t *faultyTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if !t.f.kept && t.f.strike() {
		return 0, errFault
	}
	return t.Tx.Exec(ctx, query, args...)
}

func (t *faultyTx) Query(ctx context.Context, query string, args ...any) (engine.Cursor, error) {
	if !t.f.kept && t.f.strike() {
		return nil, errFault
	}
	return t.Tx.Query(ctx, query, args...)
}

func (t *faultyTx) LoadKeys(ctx context.Context, table string, columns []engine.Column, keys []string) (engine.Cursor, error) {
	if !t.f.kept && t.f.strike() {
		return nil, errFault
	}
	return t.Tx.LoadKeys(ctx, table, columns, keys)
}

func (t *faultyTx) Write(ctx context.Context, changes engine.Changes) error {
	if !t.f.kept && t.f.strike() {
		return errFault
	}
	return t.Tx.Write(ctx, changes)
}

// A crash between any two steps, before and after any commit, leaves a state from which the rows
// come out as if nothing had happened. First rows in an empty database, later ones, and a rebuild.
func TestAFaultAtAnyStep(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprintf("kept=%v", kept), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				for step := int64(1); ; step++ {
					w.append(put("a", fmt.Sprint(step%5), step), do("move", "b", fmt.Sprint(step%3)), put("b", "x", step), do("poison", fmt.Sprint("p", step), ""))
					store := &faulty{Store: w.store, kept: kept}
					store.steps.Store(step)
					config := w.config()
					config.Store, config.BatchEventsMax = store, 3
					var err error
					if step%2 == 0 {
						_, err = engine.Rebuild(t.Context(), config, engine.Options{})
					} else {
						w.catchUp(config) // the runner goes on after the fault
					}
					if err != nil && !errors.Is(err, errFault) {
						t.Fatalf("step %d: got %v, want none but the fault", step, err)
					}
					w.catchUp(w.config())
					w.verify()
					if t.Failed() || !store.struck.Load() && step > 40 {
						return
					}
				}
			})
		})
	}
}

// An old holder that slept through its lease writes nothing any more, though it never noticed.
func TestAnOldHolderIsFencedOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 1))
		w.catchUp(w.config())

		asleep, awake := make(chan struct{}), make(chan struct{})
		var once sync.Once
		old := w.config()
		old.Holder = "old"
		old.LeaseTTL = time.Hour // it renews too seldom to notice by itself
		old.Prepare = func(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
			once.Do(func() { close(asleep); <-awake })
			return decode(ctx, recorded)
		}
		stopOld := w.run(old)
		w.append(put("a", "blue", 2))
		<-asleep // with the batch in its hands

		w.exec("UPDATE engine_leases SET expires_at = 1 WHERE name = 'project/toys'") // its time is up
		young := w.config()
		young.Holder = "young"
		stopYoung := w.run(young)
		w.wait()
		w.append(put("a", "green", 3))
		w.wait()
		rows := w.rows()
		close(awake) // and the old one writes what it holds
		w.append(put("b", "red", 3))
		w.wait()
		status, err := engine.Statuses(t.Context(), w.store, w.log, time.Now(), "toys")
		if err != nil || status[0].Holder != "young" {
			t.Errorf("got holder %+v, %v, want young", status, err)
		}
		if err := errors.Join(stopOld(), stopYoung()); err != nil {
			t.Error(err)
		}
		if rows == w.rows() {
			t.Error("the last event was not folded")
		}
		w.verify()
	})
}

// watched keeps what came of one transaction until it is asked.
type watched struct {
	engine.Store
	came chan error
}

func (s watched) Update(ctx context.Context, f func(engine.Tx) error) error {
	err := s.Store.Update(ctx, f)
	select {
	case s.came <- err:
	default:
	}
	return err
}

// The fence alone keeps an old holder out: the new one has not moved the checkpoint yet.
func TestTheFenceHoldsBeforeTheCheckpointMoves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 1))
		w.catchUp(w.config())
		rows := w.rows()
		sleeper := func(holder string) (config engine.Config, asleep, awake chan struct{}) {
			config, asleep, awake = w.config(), make(chan struct{}), make(chan struct{})
			config.Holder, config.LeaseTTL = holder, time.Hour
			var once sync.Once
			config.Prepare = func(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
				once.Do(func() { close(asleep); <-awake })
				return decode(ctx, recorded)
			}
			return config, asleep, awake
		}
		w.append(put("a", "blue", 2))
		old, oldAsleep, oldAwake := sleeper("old")
		store := watched{w.store, make(chan error, 1)}
		old.Store = store
		stopOld := w.run(old)
		<-oldAsleep
		w.exec("UPDATE engine_leases SET expires_at = 1 WHERE name = 'project/toys'")
		young, youngAsleep, youngAwake := sleeper("young")
		stopYoung := w.run(young)
		<-youngAsleep // with the lease
		<-store.came  // of taking the lease
		close(oldAwake)
		if err := <-store.came; err == nil {
			t.Error("the old holder's transaction was committed")
		}
		w.want(rows)
		close(youngAwake)
		w.wait()
		if err := errors.Join(stopOld(), stopYoung()); err != nil {
			t.Error(err)
		}
		w.verify()
	})
}

func TestTwoRunnersShareTheWork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var stops []func() error
		for i := range 3 {
			config := w.config()
			config.Holder = fmt.Sprint("runner ", i)
			stops = append(stops, w.run(config))
		}
		for range 5 {
			w.fill(40)
			w.wait()
			status, err := engine.Statuses(t.Context(), w.store, w.log, time.Now(), "toys")
			if err != nil || status[0].Holder == "" {
				t.Fatalf("got status %+v, %v, want a holder", status, err)
			}
			for i := range stops {
				if status[0].Holder == fmt.Sprint("runner ", i) { // whoever works goes
					if err := stops[i](); err != nil {
						t.Error(err)
					}
					config := w.config()
					config.Holder = fmt.Sprint("runner ", i)
					stops[i] = w.run(config)
				}
			}
		}
		for _, stop := range stops {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		w.verify()
	})
}
