package engine_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"pgregory.net/rapid"

	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// However the events are cut into batches, and whichever of them fail, the rows are the same as one
// at a time. What differs per database is in the contract of readmodel: one is enough here.
func TestAnyBatchesGiveTheSameRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	rapid.Check(t, func(r *rapid.T) {
		jar := rapid.SampledFrom([]string{"a", "b", "c"})
		name := rapid.SampledFrom([]string{"x", "y", "z"})
		op := rapid.SampledFrom([]string{"put", "put", "put", "take", "move", "move", "poison", "panic", "text", "stray"})
		events := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) jarEvent {
			weight := rapid.Int64Range(80, 100).Draw(r, "weight")
			return jarEvent{jar.Draw(r, "jar"), marble{op.Draw(r, "op"), name.Draw(r, "name"), weight}}
		}), 1, 40).Draw(r, "events")
		before := w.head()
		w.append(events...)
		var rows []string
		for _, batch := range []int{1, rapid.IntRange(2, 50).Draw(r, "batch")} {
			config := w.config()
			config.BatchEventsMax = batch
			config.Log = since{w.log, before}
			if _, err := engine.Rebuild(t.Context(), config, engine.Options{}); err != nil {
				r.Fatal(err)
			}
			rows = append(rows, w.rows())
		}
		if rows[0] != rows[1] {
			r.Errorf("one at a time:\n%sin batches:\n%s", rows[0], rows[1])
		}
	})
}

// since is the log as if it began after a position.
type since struct {
	eventstore.Log
	after eventstore.Position
}

func (s since) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	if after.Compare(s.after) < 0 {
		after = s.after
	}
	return s.Log.ReadAll(ctx, after)
}

// Rows that do not fit into the memory allowed are written and loaded again; a verification goes over
// the log several times.
func TestMoreRowsThanMemory(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const jarsMax, rounds = 300, 20
		for round := range rounds {
			for jar := range jarsMax {
				w.batch = append(w.batch, put(fmt.Sprint(jar), fmt.Sprint("marble ", round), int64(round*jar%100)))
			}
		}
		w.appendBatch()
		w.append(do("poison", "7", ""), put("7", "late", 1))
		for name, know := range map[string]func(*engine.Projection){
			"streams": func(*engine.Projection) {}, "no streams": func(p *engine.Projection) { p.Streams = nil },
			"keys of streams": func(p *engine.Projection) { p.Streams, p.StreamKey = nil, keyOfJar },
		} {
			config := w.config()
			know(&config.Projection)
			config.BatchEventsMax = 500
			report, err := engine.Rebuild(t.Context(), config, engine.Options{MemoryMiB: 1})
			if err != nil {
				t.Fatal(err)
			}
			if report.Differences != 0 || report.Parked != 1 {
				t.Errorf("%s: rebuild: got %d differences, %d parked: %v", name, report.Differences, report.Parked, report.List)
			}
			passes := 0
			report, err = engine.Verify(t.Context(), config, engine.Options{MemoryMiB: 1, Progress: func(p engine.Progress) { passes = p.Pass }})
			if err != nil || report.Differences != 0 {
				t.Errorf("%s: verify: got %d differences, %v: %v", name, report.Differences, err, report.List)
			}
			if passes < 2 {
				t.Errorf("%s: got %d passes, want several", name, passes)
			}
		}
		w.exec("UPDATE marbles_3 SET weight = weight + 1 WHERE jar = '123' AND name = 'marble 3'")
		w.exec("DELETE FROM marbles_3 WHERE jar = '9' AND name = 'marble 19'")
		report, err := engine.Verify(t.Context(), w.config(), engine.Options{MemoryMiB: 1})
		if err != nil || report.Differences != 2 {
			t.Errorf("got %d differences, %v, want 2: %v", report.Differences, err, report.List)
		}
	})
}
