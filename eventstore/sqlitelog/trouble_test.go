package sqlitelog

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"casesync/eventstore"
)

// A full disk fails the appends that meet it, by name; what is there can be read; and appends work
// again once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	log := open(t, filepath.Join(t.TempDir(), "log.db"), Config{})
	kept := 0
	appendOne(t, log)
	kept++
	var pages int64
	pragma(t, log.conn, "page_count", func(stmt *sqlite.Stmt) { pages = stmt.ColumnInt64(0) })
	pragma(t, log.conn, fmt.Sprintf("max_page_count = %d", pages+20), nil) // SQLite's own full disk
	var err error
	for err == nil {
		if _, err = log.Append(t.Context(), "sqlitelog-1", eventstore.Any, event(4000)); err == nil {
			kept++
		}
	}
	if !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("append to a full disk: got %v, want an error that says so", err)
	}
	wantEvents(t, log, kept)
	if _, err := log.Append(t.Context(), "sqlitelog-1", eventstore.Any, event(4000)); err == nil {
		t.Error("append to a disk that is still full: got no error")
	}
	pragma(t, log.conn, fmt.Sprintf("max_page_count = %d", pages+1000), nil)
	if _, err := log.Append(t.Context(), "sqlitelog-1", eventstore.Any, event(4000)); err != nil {
		t.Errorf("append when there is room: %v", err)
	}
	wantEvents(t, log, kept+1)
}

// Another process that holds the write lock stalls appends, which say so, but no reader.
func TestLockHeld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	log := open(t, path, Config{BusyTimeout: 50 * time.Millisecond})
	appendOne(t, log)
	other, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := run(other, "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(t.Context(), "sqlitelog-1", eventstore.Any, event(1))
	if err == nil || !strings.Contains(err.Error(), "another process holds the log's write lock") {
		t.Errorf("append while the lock is held: got %v, want one that says so", err)
	}
	wantEvents(t, log, 1)
	if err := run(other, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	appendOne(t, log)
	wantEvents(t, log, 2)
}

// A disk that failed to flush ends the appends of this log, not the reads; a log opened anew goes on.
func TestFlushFailed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	log := open(t, path, Config{})
	appendOne(t, log)
	log.fail(fmt.Errorf("commit: %w", sqlite.ResultIOErrFsync.ToError()))
	for range 2 {
		if _, err := log.Append(t.Context(), "sqlitelog-1", eventstore.Any, event(1)); err == nil || !strings.Contains(err.Error(), "restart") {
			t.Errorf("append after a failed flush: got %v, want an error that says to restart", err)
		}
	}
	wantEvents(t, log, 1)
	again := open(t, path, Config{})
	appendOne(t, again)
	wantEvents(t, again, 2)
}

// What a power cut may lose depends on these.
func TestPragmas(t *testing.T) {
	t.Parallel()
	log := open(t, filepath.Join(t.TempDir(), "log.db"), Config{})
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		pragma(t, log.conn, name, func(stmt *sqlite.Stmt) {
			if got := stmt.ColumnText(0); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		})
	}
}

// A file that is no log, or cannot be one, is an error that says what to do.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), t.TempDir(), Config{}); err == nil || !strings.Contains(err.Error(), "must be writable") {
		t.Errorf("directory: got %v, want an error that says what must be", err)
	}
}

func open(t *testing.T, path string, config Config) *Log {
	t.Helper()
	log, err := Open(t.Context(), path, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// pragma runs a pragma; on the writer's connection only while no append is under way.
func pragma(t *testing.T, conn *sqlite.Conn, pragma string, row func(*sqlite.Stmt)) {
	t.Helper()
	err := sqlitex.ExecuteTransient(conn, "PRAGMA "+pragma, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		if row != nil {
			row(stmt)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func event(bytes int) eventstore.Event {
	return eventstore.Event{ID: uuid.New(), Type: "sqlitelog.happened.v1", Data: make([]byte, bytes)}
}

func appendOne(t *testing.T, log *Log) {
	t.Helper()
	if _, err := log.Append(t.Context(), "sqlitelog-1", eventstore.Any, event(1)); err != nil {
		t.Fatal(err)
	}
}

func wantEvents(t *testing.T, log *Log, want int) {
	t.Helper()
	n := 0
	for event, err := range log.ReadAll(t.Context(), eventstore.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Position.Major != uint64(n+1) || event.Revision != eventstore.Revision(n) {
			t.Errorf("event %d: got position %v, revision %d", n, event.Position, event.Revision)
		}
		n++
	}
	if n != want {
		t.Errorf("events: got %d, want %d", n, want)
	}
}
