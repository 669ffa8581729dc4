package sqldb_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// A process that is stopped in the middle of a transaction keeps nobody waiting for its locks: the
// server ends the transaction, and what it comes to do later fails.
func TestStoppedInTransaction(t *testing.T) {
	t.Parallel()
	address := sqldbtest.Postgres(t)
	var limit string
	if err := open(t, address).QueryRow("SHOW idle_in_transaction_session_timeout").Scan(&limit); err != nil || limit != "10s" {
		t.Errorf("limit: got %q, %v, want 10s", limit, err)
	}
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	stopped, other := open(t, address+separator+"idle_in_transaction_session_timeout=300"), open(t, address)
	if err := sqldb.Migrate(t.Context(), stopped, migrations, "goose_thing"); err != nil {
		t.Fatal(err)
	}
	tx, err := stopped.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("UPDATE thing SET id = 7"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := other.ExecContext(ctx, "UPDATE thing SET id = id + 1"); err != nil { // waits for the row
		t.Fatalf("another process waits for the stopped one: %v", err)
	}
	if err := tx.Commit(); err == nil {
		t.Error("the stopped process committed what was ended")
	}
	var id int
	if err := other.QueryRow("SELECT id FROM thing").Scan(&id); err != nil || id != 2 {
		t.Errorf("got %d, %v, want 2", id, err)
	}
}
