package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"casesync/eventstore/sqldb"
)

// Sweeps keeps when each of the clock's sweeps last ran, and last succeeded. It is safe for
// concurrent use.
type Sweeps struct{ db *sqldb.DB }

// faultBytesMax bounds what is kept of why a sweep failed; the log lines have all of it.
const faultBytesMax = 500

// OpenSweeps returns the sweeps of a state database, whose tables it brings up to date. The caller
// keeps owning the database.
func OpenSweeps(ctx context.Context, db *sqldb.DB) (*Sweeps, error) {
	if err := migrate(ctx, db); err != nil {
		return nil, fmt.Errorf("open sweeps: %w", err)
	}
	return &Sweeps{db}, nil
}

// Note keeps how a run of a sweep ended that began at startedAt: fault is "" where it succeeded.
func (s *Sweeps) Note(ctx context.Context, name string, startedAt time.Time, fault string) error {
	var succeeded int64
	if fault == "" {
		succeeded = startedAt.UnixMicro()
	}
	if len(fault) > faultBytesMax {
		fault = strings.ToValidUTF8(fault[:faultBytesMax], "") + "…"
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO sweeps (name, started_at, succeeded_at, fault) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at, fault = excluded.fault,
			succeeded_at = CASE WHEN excluded.succeeded_at > 0 THEN excluded.succeeded_at ELSE sweeps.succeeded_at END`,
		name, startedAt.UnixMicro(), succeeded, fault)
	if err != nil {
		return fmt.Errorf("note run of sweep %s: %w", name, err)
	}
	return nil
}

// Last returns when the last run of a sweep began, when the last one that succeeded did, and why the
// last one failed; zero and "" where there is none.
func (s *Sweeps) Last(ctx context.Context, name string) (startedAt, succeededAt time.Time, fault string, err error) {
	var started, succeeded int64
	err = s.db.QueryRowContext(ctx, `SELECT started_at, succeeded_at, fault FROM sweeps WHERE name = $1`, name).Scan(&started, &succeeded, &fault)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, time.Time{}, "", fmt.Errorf("read last run of sweep %s: %w", name, err)
	}
	return moment(started), moment(succeeded), fault, nil
}
