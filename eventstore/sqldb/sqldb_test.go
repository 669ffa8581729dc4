package sqldb_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

var migrations = fstest.MapFS{
	"00001_first.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE thing (id BIGINT PRIMARY KEY);\n")},
	"00002_second.sql": {Data: []byte("-- +goose Up\nINSERT INTO thing (id) VALUES (1);\n")},
}

// Processes that start at once: one applies the migrations, the others find nothing to do.
func TestMigrateConcurrently(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				db, err := sqldb.Open(t.Context(), address)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := sqldb.Migrate(t.Context(), db, migrations, "goose_thing"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		db := open(t, address)
		var rows int
		if err := db.QueryRow("SELECT count(*) FROM thing").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("rows of thing: got %d, %v, want 1, nil", rows, err)
		}
	})
}

// A migration that fails is undone as a whole, and is tried again at the next start.
func TestMigrateFails(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		db := open(t, address)
		broken := fstest.MapFS{"00001_first.sql": {Data: []byte(
			"-- +goose Up\nCREATE TABLE thing (id BIGINT PRIMARY KEY);\nINSERT INTO nowhere VALUES (1);\n")}}
		if err := sqldb.Migrate(t.Context(), db, broken, "goose_thing"); err == nil {
			t.Fatal("broken migration: got no error")
		}
		if err := sqldb.Migrate(t.Context(), db, migrations, "goose_thing"); err != nil {
			t.Errorf("mended migration: %v", err)
		}
	})
}

// Transactions of SQLite take the write lock at once, so that two that read and then write never
// deadlock; read-only ones go on beside a writer.
func TestSQLiteTransactions(t *testing.T) {
	t.Parallel()
	db := open(t, sqldbtest.SQLite(t))
	if err := sqldb.Migrate(t.Context(), db, migrations, "goose_thing"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := increment(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	writer, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Rollback()
	reader, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	var id int
	if err := reader.QueryRow("SELECT max(id) FROM thing").Scan(&id); err != nil || id != 9 {
		t.Errorf("id: got %d, %v, want 9, nil", id, err)
	}
}

func increment(ctx context.Context, db *sqldb.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id int
	if err := tx.QueryRow("SELECT max(id) FROM thing").Scan(&id); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE thing SET id = $1", id+1); err != nil {
		return err
	}
	return tx.Commit()
}

func TestSQLitePragmas(t *testing.T) {
	t.Parallel()
	db := open(t, sqldbtest.SQLite(t))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "10000",
	} {
		var got string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", pragma, got, err, want)
		}
	}
}

// A commit is flushed even where the server's default is not to flush.
func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	address := sqldbtest.Postgres(t)
	db := open(t, address)
	var name string
	if err := db.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("ALTER DATABASE " + name + " SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	db = open(t, address)
	for setting, want := range map[string]string{"synchronous_commit": "on", "TimeZone": "UTC", "application_name": "casesync"} {
		var got string
		if err := db.QueryRow("SELECT current_setting($1)", setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", setting, got, err, want)
		}
	}
}

// A database file holds sealed personal data: nobody else may read it.
func TestSQLiteFileMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new ?#%41 dir", "log.db")
	open(t, "sqlite:"+path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("mode: got %v, want %v", got, want)
	}
}

// Every error says what to do, and none holds the password.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ address, want string }{
		{"", "must begin with sqlite: or postgres://"},
		{"data/log.db", "must begin with sqlite: or postgres://"},
		{"mysql://host/db", "must begin with sqlite: or postgres://"},
		{"sqlite:", "needs the path of a file"},
		{"sqlite::memory:", "needs the path of a file"},
		{"sqlite:" + dir + "/", "needs the path of a file"},
		{"sqlite:" + dir, "must be writable"},
		{"sqlite:" + garbage + "/log.db", "choose another place"},
		{"sqlite:" + garbage, "no SQLite database or is damaged"},
		{"postgres:host", "of the form"},
		{"postgres://me:secret%zz@127.0.0.1:1/db", "of the form"},
		{"postgres://me:secret/1@127.0.0.1:1/db", "of the form"},
		{"postgres://me:secret@127.0.0.1:1/db", "check that PostgreSQL runs there"},
		{"postgres://me@127.0.0.1:1/db?password=secret", "check that PostgreSQL runs there"},
		{"postgres://me:secret@127.0.0.1:1/db?sslmode=secretly", "sslmode"},
	} {
		db, err := sqldb.Open(t.Context(), c.address)
		if err == nil {
			db.Close()
			t.Errorf("%q: got no error, want %q", c.address, c.want)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %q, want %q in it", c.address, err, c.want)
		}
		if strings.Contains(strings.ReplaceAll(err.Error(), "secretly", ""), "secret") {
			t.Errorf("%q: password in %q", c.address, err)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"sqlite:data/log.db":                               "sqlite:data/log.db",
		"postgres://me:secret@host:5432/db":                "postgres://me:xxxxx@host:5432/db",
		"postgres://me@host/db?password=secret&sslmode=no": "postgres://me@host/db",
		"what:secret": "(unreadable address)",
	} {
		if got := sqldb.Redact(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func open(t *testing.T, address string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
