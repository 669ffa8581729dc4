package pglog

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/storetest"
)

// Connections that are cut in the middle of appends lose nothing and write nothing twice.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	url := sqldbtest.Postgres(t)
	server := connect(t, url)
	storetest.Disturbed(t,
		func(now func() time.Time) (storetest.Handle, error) { return Open(t.Context(), url, Config{Now: now}) },
		func() error {
			_, err := server.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'casesync'`)
			return err
		})
}

// Somebody who holds a transaction open elsewhere stalls neither readers nor writers; one who holds
// the log's lock stalls writers, who say so, but no reader.
func TestTransactionHeldOpen(t *testing.T) {
	t.Parallel()
	url := sqldbtest.Postgres(t)
	log := open(t, url, Config{AppendTimeout: time.Second})
	appendOne(t, log)
	other := connect(t, url)
	exec(t, other, "CREATE TABLE elsewhere (n INT)")
	exec(t, other, "BEGIN")
	exec(t, other, "INSERT INTO elsewhere VALUES (1)") // takes a transaction id, older than those to come
	appendOne(t, log)
	wantEvents(t, log, 2)
	exec(t, other, "SELECT position FROM log_head FOR UPDATE")
	_, err := log.Append(t.Context(), "pglog-1", eventstore.Any, event())
	if err == nil || !strings.Contains(err.Error(), "another process holds the log's lock") {
		t.Errorf("append while the lock is held: got %v, want one that says so", err)
	}
	wantEvents(t, log, 2)
	exec(t, other, "ROLLBACK")
	appendOne(t, log)
	wantEvents(t, log, 3)
}

// A writer that stops while it holds the lock is cut off by the server, so that others go on.
func TestStoppedWriter(t *testing.T) {
	t.Parallel()
	url := sqldbtest.Postgres(t)
	stopped, log := open(t, url, Config{}), open(t, url, Config{})
	if err := stopped.session.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := stopped.session.lock(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	appendOne(t, log)
	if took := time.Since(start); took < time.Second || took > 5*time.Second {
		t.Errorf("append behind a stopped writer: took %v, want about the server's 2 s", took)
	}
	appendOne(t, stopped) // which finds its connection gone, and makes another
	wantEvents(t, log, 2)
}

// A log that was restored to an earlier state under a running writer gets no gap from what the
// writer remembers.
func TestRestoredUnderneath(t *testing.T) {
	t.Parallel()
	url := sqldbtest.Postgres(t)
	log := open(t, url, Config{})
	for range 5 {
		appendOne(t, log)
	}
	admin := connect(t, url)
	exec(t, admin, "BEGIN")
	exec(t, admin, "DELETE FROM log_event WHERE position > 2")
	exec(t, admin, "UPDATE log_head SET position = 2")
	exec(t, admin, "COMMIT")
	appendOne(t, log)
	wantEvents(t, log, 3)
}

// While a process appends alone, each batch is one statement; another process's append sends it
// back to looking, once.
func TestAlone(t *testing.T) {
	t.Parallel()
	url := sqldbtest.Postgres(t)
	log, other := open(t, url, Config{}), open(t, url, Config{})
	appendOne(t, log)
	if !log.session.alone {
		t.Error("after the first append of an empty log: got not alone, want alone")
	}
	appendOne(t, other)
	appendOne(t, log)
	if log.session.alone {
		t.Error("after another's append: got alone, want not")
	}
	appendOne(t, log)
	if !log.session.alone {
		t.Error("after two appends in a row: got not alone, want alone")
	}
	wantEvents(t, log, 4)
}

// Other processes are woken by a notification, not by polling; and by polling where there is none.
func TestWaiting(t *testing.T) {
	t.Parallel()
	for name, poll := range map[string]time.Duration{"notified": time.Hour, "polling": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := sqldbtest.Postgres(t)
			log, other := open(t, url, Config{PollInterval: poll}), open(t, url, Config{})
			if name == "polling" {
				other.notifier.stop()
			}
			waited := make(chan error, 1)
			go func() { waited <- log.Wait(t.Context(), eventstore.Position{}) }()
			appendOne(t, other)
			select {
			case err := <-waited:
				if err != nil {
					t.Errorf("wait: %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("wait: not woken by an append of another process")
			}
		})
	}
}

// A database that is down gives an error that says what to check, and nothing waits for ever.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	url := sqldbtest.Postgres(t)
	log := open(t, url, Config{})
	appendOne(t, log)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, strings.Replace(url, config.Database, "postgres", 1))
	exec(t, admin, "DROP DATABASE "+config.Database+" WITH (FORCE)")
	_, err = log.Append(t.Context(), "pglog-1", eventstore.Any, event())
	if err == nil || !strings.Contains(err.Error(), "cannot reach the database") {
		t.Errorf("append: got %v, want an error that says that the database cannot be reached", err)
	}
	for _, err := range log.ReadAll(t.Context(), eventstore.Position{}) {
		if err == nil {
			t.Error("read: got an event, want an error")
		}
	}
}

func open(t *testing.T, url string, config Config) *Log {
	t.Helper()
	log, err := Open(t.Context(), url, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func event() eventstore.Event {
	return eventstore.Event{ID: uuid.New(), Type: "pglog.happened.v1", Data: []byte("{}")}
}

func appendOne(t *testing.T, log *Log) {
	t.Helper()
	if _, err := log.Append(t.Context(), "pglog-1", eventstore.Any, event()); err != nil {
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
