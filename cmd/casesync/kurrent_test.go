package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"casesync/eventstore/kurrentlog/kurrenttest"
	"casesync/eventstore/sqldb/sqldbtest"
)

// kurrentWorld has its log in a peer of KurrentDB, its read models in PostgreSQL, and the rest in files.
func kurrentWorld(t *testing.T, config kurrenttest.Config) (*world, *kurrenttest.Peer) {
	t.Helper()
	peer, store := kurrenttest.Start(t, config), sqldbtest.Postgres(t)
	return &world{t: t, storage: []string{"--data", t.TempDir(), "--log", peer.URL(), "--read-model", store}, store: store}, peer
}

// With the log in KurrentDB two processes that import at once give the read models and the answers
// that one gives with everything in files; they verify, and are the same when they are rebuilt.
func TestKurrentLogAgrees(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 2000)
	files := sqliteWorld(t)
	w, _ := kurrentWorld(t, kurrenttest.Config{})
	w.must("import", file(t, lines[:100])) // makes the storage, which is not raced for here
	importAtOnce(t, w, lines)
	files.must("import", file(t, lines))
	var answers []map[string]string
	for _, installation := range []*world{files, w} {
		a, stop := installation.serve()
		installation.caughtUp()
		answers = append(answers, a.answers())
		stop()
	}
	want := files.rows()
	same(t, w.rows(), want)
	for path, want := range answers[0] {
		if got := answers[1][path]; got != want {
			t.Errorf("%s\n KurrentDB %s\n files     %s", path, short(got), short(want))
		}
	}
	w.must("verify")
	w.must("projections", "rebuild", "cases")
	same(t, w.rows(), want)
	if printed := w.must("log", "tail", "--events", "3"); strings.Count(printed, "\n") != 3 {
		t.Errorf("log tail of 3 events: got %q", printed)
	}
}

// A server that fails in all its ways while a disturbed feed is imported and projected changes
// nothing of what comes out.
func TestKurrentLogDisturbed(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 1000)
	files := sqliteWorld(t)
	files.must("import", file(t, lines))
	want := files.project()
	w, peer := kurrentWorld(t, kurrenttest.Config{Fault: func(request kurrenttest.Request) kurrenttest.Fault {
		if rand.N(100) == 0 {
			return []kurrenttest.Fault{kurrenttest.Unavailable, kurrenttest.LoseAnswer}[rand.N(2)]
		}
		return kurrenttest.NoFault
	}})
	_, stop := w.serve("project")
	imported, restarted := make(chan struct{}), make(chan error, 1)
	go func() {
		for range 8 {
			select {
			case <-imported:
				restarted <- nil
				return
			case <-time.After(time.Second):
				if err := peer.Restart(); err != nil {
					restarted <- err
					return
				}
			}
		}
		restarted <- nil
	}()
	w.importUntilDone(file(t, disturb(t, lines, 13)))
	close(imported)
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
	w.caughtUp()
	stop()
	same(t, w.rows(), want)
}

// importUntilDone imports a file, and again where the log did not answer in time: an import can be
// repeated.
func (w *world) importUntilDone(name string) {
	w.t.Helper()
	for range 10 {
		output, code := w.run("import", name)
		if code == exitDone {
			return
		}
		w.t.Log(output)
	}
	w.t.Fatal("the import did not get through")
}
