package main

import (
	"strings"
	"testing"
	"time"

	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// withoutEvent names an event that the program in a process of its own does not know, as a version before it.
const withoutEvent = "CASESYNC_TEST_WITHOUT_EVENT"

// olderCatalog is the catalog of a version before an event was added.
type olderCatalog struct {
	eventstore.Catalog
	hidden string
}

// New implements eventstore.Catalog.
func (c olderCatalog) New(name string) (any, bool) {
	if name == c.hidden {
		return nil, false
	}
	return c.Catalog.New(name)
}

// During a deployment a newer version takes events that the older one, which still keeps the read models and publishes, does
// not know: that one parks their cases and goes on with all others. Once the newer one has taken over, all is as if
// there had been no older one, and nobody had to do anything.
func TestTwoVersionsSideBySide(t *testing.T) {
	long(t)
	t.Parallel()
	w := postgresWorld(t)
	lines := feedLines(t, 1500)
	older := w.start("--roles", "project,publish")
	older.kill()
	older.env = []string{withoutEvent + "=casefile.priority-changed.v1"}
	older.restart()
	newer := w.start("--roles", "ingest,web")
	for len(lines) > 0 {
		n := min(100, len(lines))
		if status, _, answer := newer.handIn(lines[:n]); strings.Count(answer, `"accepted"`) != n {
			t.Fatalf("got %d %s, want %d events accepted", status, short(answer), n)
		}
		lines = lines[n:]
	}
	w.caughtUp()
	parked := w.parked()
	if len(parked) == 0 {
		t.Fatal("the older version parked nothing: the feed has no event that it does not know")
	}
	for _, p := range parked {
		if p.Type != "casefile.priority-changed.v1" {
			t.Errorf("case %s is parked for %s: %s", p.Key, p.Type, p.Reason)
		}
	}
	if items := newer.object("auditor", "/api/v1/cases?limit=100")["items"].([]any); len(items) == 0 {
		t.Error("nothing is to be read while two versions run")
	}

	w.start("--roles", "project,publish")
	older.terminate()
	for deadline := time.Now().Add(time.Minute); len(w.parked()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d cases stay parked: %v", len(w.parked()), len(parked), w.parked()[0])
		}
	}
	t.Logf("%d cases were parked, and taken up", len(parked))
	w.caughtUp()
	w.must("verify")
	undisturbed := sqliteWorld(t)
	undisturbed.must("import", file(t, feedLines(t, 1500)))
	same(t, w.rows(), undisturbed.project())
}

// parked returns what is parked in the read model of cases.
func (w *world) parked() (list []engine.Parked) {
	w.t.Helper()
	w.reading(func(store engine.Store) {
		var err error
		if list, err = engine.ListParked(w.t.Context(), store, projections.CasesName, "", 10_000); err != nil {
			w.t.Fatal(err)
		}
	})
	return list
}
