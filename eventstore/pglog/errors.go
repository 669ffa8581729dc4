package pglog

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// isDecided reports whether err says for certain that nothing was written, and that a second
// attempt would end alike: the server refused a statement and lives on, or was not reached at all.
func isDecided(err error) bool {
	if _, unreached := errors.AsType[*pgconn.ConnectError](err); unreached {
		return true
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Severity == "ERROR"
}

// isUnique reports whether err is an event that is already there.
func isUnique(err error) bool { return code(err) == "23505" }

func code(err error) string {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.Code
	}
	return ""
}

// explain adds to an error of PostgreSQL what to do about it.
func explain(err error) error {
	if _, unreached := errors.AsType[*pgconn.ConnectError](err); unreached {
		return fmt.Errorf("cannot reach the database: %w; check that it runs and takes connections", err)
	}
	switch code(err) {
	case "53100":
		return fmt.Errorf("the database's disk is full: %w; make room, then appends work again; reads are not affected", err)
	case "55P03":
		return fmt.Errorf("another process holds the log's lock: %w; try again, and look in pg_stat_activity for one that hangs", err)
	case "23505":
		return fmt.Errorf("something else writes to the log's tables: %w; find it and stop it", err)
	case "42501":
		return fmt.Errorf("the database does not let this user in: %w; grant SELECT, INSERT and UPDATE on the log's tables", err)
	case "25006":
		return fmt.Errorf("the database is read-only: %w; name the primary", err)
	}
	return err
}
