package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"casesync/eventstore/sqldb"
	"casesync/projections"
	"casesync/projections/engine"
)

// verify finds a row that somebody changed by hand, names it and exits 1; rebuild mends it, while
// reads go on.
func TestVerifyFindsWhatRebuildMends(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 2000)
	eachWorld(t, func(t *testing.T, w *world) {
		w.must("import", file(t, lines))
		a, stop := w.serve()
		defer stop()
		w.caughtUp()
		w.must("verify")
		want := w.rows()

		table := w.liveTable("cases")
		w.change("UPDATE " + table + " SET stage = 'tampered' WHERE ref = 'DEMO-000003'")
		w.change("UPDATE " + w.liveTable("dashboard_cells") + " SET n = n + 1 WHERE frn = '9990002'")
		output, code := w.run("verify")
		if code != exitFailed {
			t.Errorf("verify exited %d, want %d", code, exitFailed)
		}
		for _, name := range []string{"DEMO-000003", "stage", "tampered", "dashboard_cells"} {
			if !strings.Contains(output, name) {
				t.Errorf("verify does not name %q:\n%s", name, output)
			}
		}

		reads, stopReading := a.keepReading(t)
		w.must("projections", "rebuild", "cases")
		stopReading()
		if reads.Load() == 0 {
			t.Error("nothing was read during the rebuild")
		}
		same(t, w.rows(), want)
		w.must("verify")
	})
}

// keepReading reads lists and the dashboard until it is told to stop, and counts the answers;
// any that is not OK fails the test.
func (a *api) keepReading(t *testing.T) (reads *atomic.Int64, stop func()) {
	reads = new(atomic.Int64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for _, path := range []string{"/api/v1/cases?limit=50", "/api/v1/dashboard"} {
				if status, _, body := a.get("auditor", path); status != http.StatusOK {
					t.Errorf("GET %s during a rebuild: %d %s", path, status, body)
					return
				}
				reads.Add(1)
			}
		}
	}()
	return reads, func() { cancel(); <-done }
}

// database opens the read models as somebody would who changes them by hand.
func (w *world) database() *sqldb.DB {
	w.t.Helper()
	db, err := sqldb.Open(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func (w *world) change(statement string) {
	w.t.Helper()
	db := w.database()
	defer db.Close()
	result, err := db.ExecContext(w.t.Context(), statement)
	if err != nil {
		w.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		w.t.Fatalf("%s changed %d rows: %v", statement, n, err)
	}
}

// liveTable returns the name of the live generation of a table of the projection "cases".
func (w *world) liveTable(name string) (live string) {
	w.t.Helper()
	w.reading(func(store engine.Store) {
		err := engine.Read(w.t.Context(), store, projections.CasesName, func(view engine.View) error {
			live = fmt.Sprintf("%s_%d", name, view.Generation)
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	})
	return live
}
