package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/sqldb"
)

// Checkpoints keeps leases, and how far subscriptions of the log have come; it is a
// follower.Checkpoints. It is safe for concurrent use, and several processes may share the
// database: their clocks decide when a lease may be taken over, never whether a move is safe.
type Checkpoints struct {
	db  *sqldb.DB
	now func() time.Time
}

// OpenCheckpoints returns the checkpoints of a state database, whose tables it brings up to date.
// The caller keeps owning the database. now tells the time; nil means time.Now.
func OpenCheckpoints(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Checkpoints, error) {
	if err := migrate(ctx, db); err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	return &Checkpoints{db, now}, nil
}

// Acquire takes or renews a lease; see follower.Leases.
func (c *Checkpoints) Acquire(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, held bool, err error) {
	fence, held, err = c.acquire(ctx, name, holder, ttl)
	if err != nil || held {
		return fence, held, err
	}
	// Nobody may have had it yet. A crash after this leaves a lease that nobody has.
	inserted, err := c.db.ExecContext(ctx, `INSERT INTO leases (name, holder, fence, renewed_at, expires_at, log, before_position, position, event_id, moved_at)
		VALUES ($1, '', 0, 0, 0, '', '0', '0', '', 0) ON CONFLICT (name) DO NOTHING`, name)
	if err != nil {
		return 0, false, fmt.Errorf("make lease %s: %w", name, err)
	}
	if n, err := inserted.RowsAffected(); err != nil || n == 0 {
		return 0, false, err
	}
	return c.acquire(ctx, name, holder, ttl)
}

// acquire takes or renews a lease that has a row. One that ran out and that nobody has taken since
// goes on under its fence: nobody else has moved anything meanwhile.
func (c *Checkpoints) acquire(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, held bool, err error) {
	if holder == "" {
		return 0, false, fmt.Errorf("acquire lease %s: for nobody", name)
	}
	now := c.now()
	err = c.db.QueryRowContext(ctx, `UPDATE leases SET fence = CASE WHEN holder = $2 THEN fence ELSE fence + 1 END,
			holder = $2, renewed_at = $3, expires_at = $4
		WHERE name = $1 AND (holder = $2 OR expires_at <= $3) RETURNING fence`,
		name, holder, now.UnixMicro(), now.Add(ttl).UnixMicro()).Scan(&fence)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	return fence, true, nil
}

// Release gives a lease up; see follower.Leases.
func (c *Checkpoints) Release(ctx context.Context, name string, fence int64) error {
	_, err := c.db.ExecContext(ctx, `UPDATE leases SET holder = '', expires_at = 0 WHERE name = $1 AND fence = $2`, name, fence)
	if err != nil {
		return fmt.Errorf("release lease %s: %w", name, err)
	}
	return nil
}

// Place returns how far a subscription has come; see follower.Checkpoints.
func (c *Checkpoints) Place(ctx context.Context, name string) (follower.Place, error) {
	var place follower.Place
	var before, at, id string
	err := c.db.QueryRowContext(ctx, `SELECT log, before_position, position, event_id FROM leases WHERE name = $1`, name).
		Scan(&place.Log, &before, &at, &id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return follower.Place{}, nil
	case err != nil:
		return follower.Place{}, fmt.Errorf("read checkpoint %s: %w", name, err)
	case id == "":
		return follower.Place{}, nil
	}
	if place.Before, err = eventstore.ParsePosition(before); err != nil {
		return follower.Place{}, fmt.Errorf("read checkpoint %s: %w", name, err)
	}
	if place.At, err = eventstore.ParsePosition(at); err != nil {
		return follower.Place{}, fmt.Errorf("read checkpoint %s: %w", name, err)
	}
	if place.EventID, err = uuid.Parse(id); err != nil {
		return follower.Place{}, fmt.Errorf("read checkpoint %s: %w", name, err)
	}
	return place, nil
}

// Advance moves a checkpoint; see follower.Checkpoints. A lease that ran out still moves it as long
// as nobody else has taken it.
func (c *Checkpoints) Advance(ctx context.Context, name string, fence int64, to follower.Place) error {
	moved, err := c.db.ExecContext(ctx, `UPDATE leases SET log = $3, before_position = $4, position = $5, event_id = $6, moved_at = $7
		WHERE name = $1 AND fence = $2 AND holder <> ''`,
		name, fence, to.Log, to.Before.String(), to.At.String(), to.EventID.String(), c.now().UnixMicro())
	if err != nil {
		return fmt.Errorf("move checkpoint %s: %w", name, err)
	}
	if n, err := moved.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fmt.Errorf("move checkpoint %s: %w", name, follower.ErrLost)
}

// ErrHeld is returned by Restart while somebody follows.
var ErrHeld = errors.New("a process is at work under this name: stop it first")

// Restart has a subscription begin at the start of whatever log it follows next, after the log was
// restored or replaced: an operator's decision, for all that it did is then done again. It returns
// ErrHeld while a process is at work.
func (c *Checkpoints) Restart(ctx context.Context, name string) error {
	restarted, err := c.db.ExecContext(ctx, `UPDATE leases SET log = '', before_position = '0', position = '0', event_id = '', moved_at = $2
		WHERE name = $1 AND expires_at <= $2`, name, c.now().UnixMicro())
	if err != nil {
		return fmt.Errorf("restart %s: %w", name, err)
	}
	if n, err := restarted.RowsAffected(); err != nil || n == 1 {
		return err
	}
	// There is no row where nobody ever followed: nothing is to be forgotten then.
	place, err := c.Place(ctx, name)
	if err != nil || place == (follower.Place{}) {
		return err
	}
	return fmt.Errorf("restart %s: %w", name, ErrHeld)
}
