package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestUnavailable(t *testing.T) {
	t.Parallel()
	_, unreached := sqldb.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ask := func(address, statement string) error {
		db, err := sqldb.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_, err = db.ExecContext(t.Context(), statement)
		return err
	}
	postgres, sqlite := sqldbtest.Postgres(t), sqldbtest.SQLite(t)
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no server":            {unreached, true},
		"ended by the server":  {ask(postgres, "SELECT pg_terminate_backend(pg_backend_pid())"), true},
		"no room":              {ask(sqlite, "PRAGMA max_page_count = 2; CREATE TABLE a (x TEXT); CREATE TABLE b (x TEXT); CREATE TABLE c (x TEXT)"), true},
		"a mistake":            {ask(postgres, "SELECT nonsense"), false},
		"a mistake on SQLite":  {ask(sqlite, "SELECT nonsense"), false},
		"what cannot be":       {ask(postgres, "CREATE TABLE u (x int UNIQUE); INSERT INTO u VALUES (1), (1)"), false},
		"nothing there":        {sql.ErrNoRows, false},
		"given up":             {ended.Err(), false},
		"something else":       {errors.New("else"), false},
		"nothing":              {nil, false},
		"no server, told anew": {fmt.Errorf("read: %w", unreached), true},
	} {
		if got := sqldb.Unavailable(c.err); got != c.want {
			t.Errorf("%s (%v): got %v, want %v", name, c.err, got, c.want)
		}
		if c.err == nil && name != "nothing" {
			t.Errorf("%s: got no error", name)
		}
	}
}
