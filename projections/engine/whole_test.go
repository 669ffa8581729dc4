package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

type moveRow struct {
	Jar  string
	N    int64
	What string
}

// moves tells what happened to a jar, in rows that are loaded only to be forgotten.
var moves = &engine.Table[moveRow]{
	Spec: engine.Spec{Name: "moves", Key: 2, AppendOnly: true, Columns: []engine.Column{{Name: "jar", Type: engine.Text},
		{Name: "n", Type: engine.BigInt}, {Name: "what", Type: engine.Text}}},
	Fields: func(r *moveRow) []any { return []any{&r.Jar, &r.N, &r.What} },
}

// forgetful is toy with moves, of which "forget" deletes every other one and marks the rest.
func forgetful() engine.Projection {
	p := toy()
	p.Tables = append(p.Tables, moves)
	p.Whole = func(e engine.Event) []engine.AnyTable {
		if e.Event.(*marble).Op == "forget" {
			return []engine.AnyTable{moves}
		}
		return nil
	}
	p.Fold = func(rows *engine.Rows, e engine.Event) error {
		jar := strings.TrimPrefix(string(e.Stream), "jar-")
		m := e.Event.(*marble)
		if m.Op == "forget" {
			for _, row := range moves.All(rows, jar) {
				if row.What = "kept"; row.N%2 == 1 {
					moves.Delete(rows, jar, row.N)
				}
			}
		}
		moves.Put(rows, moveRow{jar, int64(e.Revision), m.Op + " " + m.Name})
		return foldMarble(rows, e)
	}
	return p
}

// TestWholeLoadsWhatIsAppended: however batches are cut and memory runs out, an event that needs all
// rows of its key finds them, once and as they were left.
func TestWholeLoadsWhatIsAppended(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "x", 1), put("a", "y", 1), put("b", "x", 1), put("a", "z", 1), do("forget", "a", ""), put("a", "w", 1),
			do("forget", "a", ""), do("poison", "a", ""), do("forget", "a", ""))
		for _, batch := range []int{1, 2, 100} {
			config := w.config()
			config.Projection, config.BatchEventsMax = forgetful(), batch
			if batch == 1 {
				w.catchUp(config)
			}
			report, err := engine.Rebuild(t.Context(), config, engine.Options{})
			if err != nil || !report.Compared || report.Differences != 0 || report.Parked != 1 {
				t.Errorf("batches of %d: got %+v, %v, want no differences", batch, report, err)
			}
			var got []string
			err = engine.Read(t.Context(), w.store, "toys", func(view engine.View) error {
				cursor, err := view.Query(t.Context(), "SELECT jar, n, what FROM {moves} ORDER BY jar, n")
				if err != nil {
					return err
				}
				defer cursor.Close()
				for cursor.Next() {
					var r moveRow
					if err := cursor.Scan(moves.Fields(&r)...); err != nil {
						return err
					}
					got = append(got, fmt.Sprint(r.Jar, r.N, " ", r.What))
				}
				return cursor.Err()
			})
			want := "a0 kept, a2 kept, a4 kept, a5 forget , b0 put x"
			if err != nil || strings.Join(got, ", ") != want {
				t.Errorf("batches of %d: got %v, %v, want %s", batch, got, err, want)
			}
		}
	})
}

// TestWholeAfterMemoryRanOut: rows that a rebuild has written already come back for such an event, and
// what was deleted meanwhile does not.
func TestWholeAfterMemoryRanOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	const jarsMax, rounds = 200, 30
	for round := range rounds {
		for jar := range jarsMax {
			event := put(fmt.Sprint(jar), fmt.Sprint("marble ", round), 1)
			if round%7 == 6 {
				event = do("forget", fmt.Sprint(jar), "")
			}
			w.append(event)
		}
	}
	config := w.config()
	config.Projection, config.BatchEventsMax = forgetful(), 300
	w.catchUp(config)
	report, err := engine.Rebuild(t.Context(), config, engine.Options{MemoryMiB: 1})
	if err != nil || !report.Compared || report.Differences != 0 {
		t.Errorf("rebuild: got %+v, %v, want no differences", report, err)
	}
}
