package state_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/state"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// onLooks runs a test on SQLite and on PostgreSQL.
func onLooks(t *testing.T, test func(t *testing.T, db *sqldb.DB, looks *state.Looks)) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		db, err := sqldb.Open(t.Context(), address, sqldb.NormalSync()) // no test here pulls the plug
		if err != nil {
			t.Fatalf("open database: %v", err)
		}
		t.Cleanup(func() { _ = db.Close() })
		looks, err := state.OpenLooks(t.Context(), db)
		if err != nil {
			t.Fatalf("open looks: %v", err)
		}
		test(t, db, looks)
	})
}

// fill marks many cases, one a second from start on, in one transaction.
func fill(t *testing.T, db *sqldb.DB, person string, refs []string) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, ref := range refs {
		at := start.Add(time.Duration(i) * time.Second)
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO looks (person, ref, entry, looked_at) VALUES ($1, $2, 1, $3)`, person, ref, at.UnixMicro()); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func mark(t *testing.T, looks *state.Looks, person, ref string, entry int64, at time.Time) {
	t.Helper()
	if err := looks.Mark(t.Context(), person, ref, entry, at); err != nil {
		t.Fatalf("mark %s: %v", ref, err)
	}
}

func all(t *testing.T, looks *state.Looks, person string, limit int) []commands.Look {
	t.Helper()
	list, err := looks.All(t.Context(), person, limit)
	if err != nil {
		t.Fatalf("all looks: %v", err)
	}
	return list
}

// A mark never goes backwards, and is one's own.
func TestLooksGoForward(t *testing.T) {
	onLooks(t, func(t *testing.T, _ *sqldb.DB, looks *state.Looks) {
		mark(t, looks, "one", "C1", 3, start)
		mark(t, looks, "one", "C1", 2, start.Add(time.Hour)) // a second window that shows less
		mark(t, looks, "one", "C2", 1, start.Add(time.Minute))
		mark(t, looks, "two", "C1", 9, start)
		marks, err := looks.Marks(t.Context(), "one", "C1", "C2", "C3")
		if err != nil || len(marks) != 2 {
			t.Fatalf("got %v, %v, want the looks at C1 and C2", marks, err)
		}
		if got, want := marks["C1"], (commands.Look{Case: "C1", Entry: 3, At: start.Add(time.Hour)}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		mark(t, looks, "one", "C1", 5, start) // an answer that came late
		want := []commands.Look{{Case: "C1", Entry: 5, At: start.Add(time.Hour)}, {Case: "C2", Entry: 1, At: start.Add(time.Minute)}}
		if got := all(t, looks, "one", 10); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got := all(t, looks, "one", 1); !slices.Equal(got, want[:1]) {
			t.Errorf("the first: got %v, want %v", got, want[:1])
		}
		if err := looks.Mark(t.Context(), "", "C1", 1, start); err == nil {
			t.Error("mark by nobody: got no error")
		}
	})
}

// Of more than are kept the oldest go; others keep theirs.
func TestLooksAreBounded(t *testing.T) {
	onLooks(t, func(t *testing.T, db *sqldb.DB, looks *state.Looks) {
		mark(t, looks, "two", "C0", 1, start.Add(-time.Hour))
		refs := make([]string, state.LooksMax+3)
		for i := range refs {
			refs[i] = fmt.Sprintf("C%d", i)
		}
		fill(t, db, "one", refs[:state.LooksMax])
		for i, ref := range refs[state.LooksMax:] { // each drives one out
			mark(t, looks, "one", ref, 1, start.Add(time.Duration(state.LooksMax+i)*time.Second))
		}
		list := all(t, looks, "one", state.LooksMax+10)
		if len(list) != state.LooksMax || list[0].Case != refs[len(refs)-1] || list[len(list)-1].Case != "C3" {
			t.Errorf("got %d looks from %v to %v, want %d without the three oldest", len(list), list[0], list[len(list)-1], state.LooksMax)
		}
		marks, err := looks.Marks(t.Context(), "one", refs...)
		if err != nil || len(marks) != state.LooksMax {
			t.Errorf("marks: got %d, %v, want %d", len(marks), err, state.LooksMax)
		}
		if got := all(t, looks, "two", 10); len(got) != 1 {
			t.Errorf("another person's: got %v, want one", got)
		}
	})
}

// A person's looks go with the person, and nobody else's.
func TestLooksArePurged(t *testing.T) {
	onLooks(t, func(t *testing.T, _ *sqldb.DB, looks *state.Looks) {
		ctx := context.Background()
		mark(t, looks, "one", "C1", 3, start)
		mark(t, looks, "two", "C1", 3, start)
		for range 2 { // also where there is nothing any more
			if err := looks.Purge(ctx, "one"); err != nil {
				t.Fatalf("purge: %v", err)
			}
		}
		if got := all(t, looks, "one", 10); len(got) != 0 {
			t.Errorf("got %v, want none", got)
		}
		if got := all(t, looks, "two", 10); len(got) != 1 {
			t.Errorf("another person's: got %v, want one", got)
		}
	})
}
