package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// fill appends events of some jars, some of which are poisonous.
func (w *world) fill(events int) {
	w.t.Helper()
	for i := range events {
		jar := fmt.Sprint(i * 7 % 11)
		switch i % 9 {
		case 0:
			w.append(do("move", jar, fmt.Sprint("shelf ", i%4)))
		case 1:
			w.append(do("take", jar, fmt.Sprint("m", i%5)))
		case 2:
			if i > events/2 && jar < "3" {
				w.append(do("poison", jar, ""))
			}
		default:
			w.append(put(jar, fmt.Sprint("m", i%5), int64(i%100)))
		}
	}
}

func TestRebuildIsWhatTheRunnerMade(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(200)
		config := w.config()
		config.BatchEventsMax = 7
		w.catchUp(config)
		before := w.rows()
		var told engine.Progress
		for _, mib := range []int{512, 0, -1} { // -1 makes no sense, and is the default
			report, err := engine.Rebuild(t.Context(), config, engine.Options{MemoryMiB: mib, Progress: func(p engine.Progress) { told = p }})
			if err != nil {
				t.Fatal(err)
			}
			if !report.Compared || report.Differences != 0 || report.Position != w.head() || report.Parked == 0 {
				t.Errorf("got report %+v, want no differences at %s", report, w.head())
			}
			w.want(before)
		}
		if told.Events != int64(w.head().Major) || told.Fraction() != 1 {
			t.Errorf("got progress %+v, want all of %s", told, w.head())
		}
		w.verify()
		if got := w.tables(); got != 8 { // live and the one before
			t.Errorf("got %d tables of the projection, want 8", got)
		}
	})
}

func (w *world) tables() (n int) {
	w.t.Helper()
	for generation := range int64(30) {
		err := w.store.View(w.t.Context(), func(snapshot engine.Snapshot) error {
			for _, table := range []string{"jars", "marbles", "shelves", "toys_parked"} {
				cursor, err := snapshot.Query(w.t.Context(), fmt.Sprintf("SELECT count(*) FROM %s_%d", table, generation))
				if err != nil {
					return err
				}
				cursor.Close()
				n++
			}
			return nil
		})
		_ = err // it is not there
	}
	return n
}

func TestRebuildMendsAndReportsWhatWasChangedByHand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 1), put("b", "red", 2), put("c", "red", 95), do("move", "a", "top"))
		w.catchUp(w.config())
		before := w.rows()
		w.exec("UPDATE jars_1 SET shelf = 'wrong', heavy = $1 WHERE jar = 'a'", true)
		w.exec("UPDATE marbles_1 SET weight = 66 WHERE jar = 'b'")
		w.exec("DELETE FROM jars_1 WHERE jar = 'c'")
		w.exec("UPDATE shelves_1 SET jars = jars + 1 WHERE shelf = 'top'")
		w.exec("INSERT INTO marbles_1 (jar, name, weight) VALUES ('z', 'new', 1)")
		const rows = 5 // that differ, one of them in two columns
		want := []string{
			`jars, key a, column heavy: stored true, want false`,
			`jars, key a, column shelf: stored "wrong", want "top"`,
			`jars, key c: the row is missing`,
			`marbles, key b red, column weight: stored (private), want (private)`,
			`marbles, key z new: the row should not be there`,
			`shelves, key top false, column jars: stored 2, want 1`,
		}
		check := func(what string, report engine.Report, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, d := range report.List {
				got[d.String()] = true
			}
			if report.Differences != rows || len(got) != len(want) {
				t.Errorf("%s: got %d differences %v, want %d rows", what, report.Differences, report.List, rows)
			}
			for _, d := range want {
				if !got[d] {
					t.Errorf("%s: got %v, want among them %s", what, report.List, d)
				}
			}
		}
		report, err := engine.Verify(t.Context(), w.config(), engine.Options{})
		check("verify", report, err)
		report, err = engine.Verify(t.Context(), w.config(), engine.Options{DifferencesMax: 2})
		if err != nil || report.Differences != rows || len(report.List) != 2 {
			t.Errorf("got %d differences in a list of %d, %v, want %d in 2", report.Differences, len(report.List), err, rows)
		}
		report, err = engine.Rebuild(t.Context(), w.config(), engine.Options{})
		check("rebuild", report, err)
		w.want(before)
		w.verify()
	})
}

func TestARunnerGoesOnWithTheNewGeneration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(20)
		stop := w.run(w.config())
		w.wait()
		for _, switched := range []func(context.Context, engine.Config, engine.Options) (engine.Report, error){engine.Rebuild, engine.Rollback} {
			if _, err := switched(t.Context(), w.config(), engine.Options{}); err != nil {
				t.Fatal(err)
			}
			w.append(put("a", "after", 1))
			w.wait()
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.verify()
	})
}

// Readers see every position once it was reached, and no error, while generations come and go.
func TestRebuildUnderLoad(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(100)
		stop := w.run(w.config())
		w.wait()
		reading, stopReading := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				var last eventstore.Position
				for reading.Err() == nil {
					err := engine.Read(t.Context(), w.store, "toys", func(view engine.View) error {
						if view.Position.Compare(last) < 0 {
							t.Errorf("position went back from %s to %s in generation %d", last, view.Position, view.Generation)
						}
						last = view.Position
						return consistent(t, view)
					})
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
				}
			})
		}
		appending, stopAppending := context.WithCancel(t.Context())
		var appender sync.WaitGroup
		appender.Go(func() {
			for i := 0; appending.Err() == nil; i++ {
				w.append(put(fmt.Sprint(i%13), fmt.Sprint("n", i%7), int64(i%120)))
			}
		})
		compared := 0
		for range 3 {
			report, err := engine.Rebuild(t.Context(), w.config(), engine.Options{})
			if err != nil {
				t.Errorf("rebuild: %v", err)
			}
			if report.Differences != 0 {
				t.Errorf("got differences %v, want none", report.List)
			}
			if report.Compared {
				compared++
			}
		}
		if _, err := engine.Rollback(t.Context(), w.config(), engine.Options{}); err != nil {
			t.Errorf("roll back: %v", err)
		}
		stopAppending()
		appender.Wait()
		w.wait()
		stopReading()
		readers.Wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if compared == 0 {
			t.Error("no rebuild found both generations at one position to compare them")
		}
		w.verify()
	})
}

// consistent: the jars on the shelves are as many as there are jars.
func consistent(t *testing.T, view engine.View) error {
	cursor, err := view.Query(t.Context(), `SELECT (SELECT count(*) FROM {jars}), CAST((SELECT COALESCE(sum(jars), 0) FROM {shelves}) AS BIGINT)`)
	if err != nil {
		return err
	}
	defer cursor.Close()
	var counted, summed int64
	for cursor.Next() {
		if err := cursor.Scan(&counted, &summed); err != nil {
			return err
		}
	}
	if counted != summed {
		t.Errorf("got %d jars on shelves, want %d", summed, counted)
	}
	return cursor.Err()
}

func TestANewVersionIsRebuiltAndAnOlderStandsBy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(60)
		w.catchUp(w.config())
		newer := w.config()
		newer.Holder = "newer"
		newer.Projection.Version = 2
		fold := newer.Projection.Fold
		newer.Projection.Fold = func(rows *engine.Rows, e engine.Event) error {
			if m := e.Event.(*marble); m.Op == "move" {
				e.Event = &marble{Op: "move", Name: "new " + m.Name}
			}
			return fold(rows, e)
		}
		stop := w.run(newer)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for version := 0; version != 2 && ctx.Err() == nil; {
			wake := w.store.Changed()
			if err := engine.Read(ctx, w.store, "toys", func(view engine.View) error { version = view.Version; return nil }); err != nil {
				t.Fatal(err)
			}
			if version != 2 {
				<-wake
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.rows(), "on new shelf") {
			t.Errorf("got rows of the old version\n%s", w.rows())
		}
		rows := w.rows()
		w.append(put("a", "late", 1))
		stop = w.run(w.config()) // the older binary
		statuses, err := engine.Statuses(t.Context(), w.store, w.log, time.Now(), "toys")
		if err != nil || statuses[0].Version != 2 || statuses[0].LagEvents != 1 {
			t.Errorf("got status %+v, %v, want version 2 and one event behind", statuses, err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.want(rows)
		if _, err := engine.Verify(t.Context(), w.config(), engine.Options{}); err == nil {
			t.Error("verify of another version's tables: got no error")
		}
		if _, err := engine.Rollback(t.Context(), newer, engine.Options{}); err == nil {
			t.Error("roll back to another version's tables: got no error")
		}
		if _, err := engine.Rollback(t.Context(), w.config(), engine.Options{}); err != nil {
			t.Errorf("roll back to this version's tables: %v", err)
		}
		w.verify()
	})
}

func TestTwoRebuildsDoNotRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(30)
		w.catchUp(w.config())
		var second error
		var once sync.Once
		config := w.config()
		prepare := config.Prepare
		config.Prepare = func(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
			once.Do(func() { _, second = engine.Rebuild(ctx, w.config(), engine.Options{}) })
			return prepare(ctx, recorded)
		}
		if _, err := engine.Rebuild(t.Context(), config, engine.Options{}); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(second, engine.ErrRebuilding) {
			t.Errorf("got %v, want %v", second, engine.ErrRebuilding)
		}
	})
}

func TestACancelledRebuildLeavesTheLiveTables(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(30)
		w.catchUp(w.config())
		rows := w.rows()
		ctx, cancel := context.WithCancel(t.Context())
		config := w.config()
		config.Prepare = func(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
			cancel()
			return decode(ctx, recorded)
		}
		if _, err := engine.Rebuild(ctx, config, engine.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		w.want(rows)
		for range 3 {
			if _, err := engine.Rebuild(t.Context(), w.config(), engine.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.tables(); got != 8 {
			t.Errorf("got %d tables of the projection, want 8: leftovers stay", got)
		}
		w.want(rows)
	})
}

func TestALogThatWasReplacedStopsTheRunner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(20)
		w.catchUp(w.config())
		restored := newWorld(t, "sqlite:"+t.TempDir()+"/other.db")
		for _, events := range []int{5, 40} { // an earlier state, and another log
			restored.ids = 1000
			restored.fill(events)
			config := w.config()
			config.Log = restored.log
			runner, err := engine.NewRunner(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := runner.Run(t.Context()); !errors.Is(err, engine.ErrLogReplaced) {
				t.Errorf("run: got %v, want %v", err, engine.ErrLogReplaced)
			}
			if _, err := engine.Verify(t.Context(), config, engine.Options{}); !errors.Is(err, engine.ErrLogReplaced) {
				t.Errorf("verify: got %v, want %v", err, engine.ErrLogReplaced)
			}
		}
		config := w.config()
		config.Log = restored.log
		if _, err := engine.Rebuild(t.Context(), config, engine.Options{}); err != nil {
			t.Fatal(err)
		}
		report, err := engine.Verify(t.Context(), config, engine.Options{})
		if err != nil || report.Differences != 0 {
			t.Errorf("got %d differences, %v, want none", report.Differences, err)
		}
	})
}
