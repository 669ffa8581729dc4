// Package sqldbtest gives tests real databases: each call a fresh, empty one that is gone when the
// test ends. There is no stand-in for PostgreSQL and no silent skipping: where none is named the
// test fails and says what to do.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable with the URL of a PostgreSQL in which tests may create and
// drop databases.
const Variable = "CASESYNC_TEST_POSTGRES"

// Each runs test once on each database, in parallel, with the address of a fresh one.
func Each(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": SQLite, "postgres": Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// SQLite returns the address of a new SQLite database in a temporary directory.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return "sqlite:" + filepath.Join(tb.TempDir(), "test.db")
}

// Postgres returns the address of a new PostgreSQL database, dropped when the test ends.
func Postgres(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv(Variable)
	if server == "" {
		tb.Fatalf("%s is not set: run the tests with `make test`, or `scripts/test-postgres.sh go test …`", Variable)
	}
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("%s is not a URL such as postgres://postgres@127.0.0.1:5432/postgres", Variable)
	}
	name := "casesync_test_" + strings.ToLower(rand.Text())
	run(tb, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	// FORCE: a test that failed may have left connections open.
	tb.Cleanup(func() { run(tb, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

func run(tb testing.TB, server, statement string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		tb.Fatalf("connect to the PostgreSQL of %s: %v", Variable, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}
