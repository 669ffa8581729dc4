package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/eventstore/sqldb"
)

// ParkedStatus is where a parked message stands. The texts are stored, and stay.
type ParkedStatus string

// The statuses. One that is published has no row any more.
const (
	// Waiting: tried again by itself, once it is the first of its case.
	Waiting ParkedStatus = "waiting"
	// Stuck: an operator has to retry or skip it.
	Stuck ParkedStatus = "stuck"
	// Skipped: an operator gave it up. What followed in its case went on.
	Skipped ParkedStatus = "skipped"
)

// Parked is what is known of a parked message: nothing of what it says.
type Parked struct {
	// EventID is the id of its event, and of the message.
	EventID uuid.UUID
	// Key is what it is kept in order with: a case's reference, else the stream of its event.
	Key string
	// Type, Stream, Revision and Position are the event's.
	Type     string
	Stream   eventstore.StreamName
	Revision eventstore.Revision
	Position eventstore.Position
	Status   ParkedStatus
	// Fault is why it was not published, in a stable word: "behind" for one that waits for one before it.
	Fault string
	// Attempts is how often it failed. DueAt is when it is tried again.
	Attempts        int
	DueAt, ParkedAt time.Time
	// ResolvedBy, Reason and ResolvedAt are an operator's who retried or skipped it.
	ResolvedBy, Reason string
	ResolvedAt         time.Time
}

// ParkedCounts is how much is parked.
type ParkedCounts struct {
	// Cases and Messages count what is not skipped, and Stuck those of the messages that wait for an operator.
	Cases, Messages, Stuck int64
	// Oldest is since when the oldest is parked; zero where nothing is.
	Oldest time.Time
}

// errBehind is the fault of what waits for one before it.
var errBehind = &Fault{Blame: Temporary, Code: "behind"}

// errNewerNeeded is the fault of an event that only a newer binary knows. Those beside this one may be newer: it is
// tried again by whichever is at work then.
var errNewerNeeded = &Fault{Blame: Temporary, Code: "newer-version-needed", Final: true}

// errGone: the row is not there any more, or in another status.
var errGone = errors.New("nothing is parked there in that status")

// parked is the table of parked messages of an outbox.
type parked struct {
	db   *sqldb.DB
	name string
}

// add parks an item, unless it is parked already.
func (p parked) add(ctx context.Context, it item, fault *Fault, now time.Time, pause time.Duration) error {
	status, attempts, due := Waiting, 1, now.Add(pause)
	switch {
	case fault == errBehind:
		attempts, due = 0, now
	case fault.Blame == Refused:
		status = Stuck
	}
	_, err := p.db.ExecContext(ctx, `INSERT INTO outbox_parked (outbox, event_id, case_key, type, stream, revision, major, minor,
			status, fault, attempts, due_at, parked_at, resolved_by, resolved_reason, resolved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', 0) ON CONFLICT (outbox, event_id) DO NOTHING`,
		p.name, it.ID.String(), it.key, it.Type, string(it.Stream), int64(it.Revision), int64(it.Position.Major), int64(it.Position.Minor),
		string(status), fault.Code, attempts, micros(due), micros(now))
	return err
}

// cases returns the keys of which something is parked, and how many of them wait for what may pass.
func (p parked) cases(ctx context.Context) (keys map[string]bool, aside int, err error) {
	rows, err := p.db.QueryContext(ctx, `SELECT case_key, MAX(CASE WHEN status = $2 OR fault = $4 THEN 1 ELSE 0 END) FROM outbox_parked
		WHERE outbox = $1 AND status <> $3 GROUP BY case_key`, p.name, string(Stuck), string(Skipped), errNewerNeeded.Code)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	keys = map[string]bool{}
	for rows.Next() {
		var key string
		var other int
		if err := rows.Scan(&key, &other); err != nil {
			return nil, 0, err
		}
		keys[key] = true
		aside += 1 - other
	}
	return keys, aside, rows.Err()
}

// first says that a row is the first of its case that is not skipped.
const first = `NOT EXISTS (SELECT 1 FROM outbox_parked b WHERE b.outbox = p.outbox AND b.case_key = p.case_key AND b.status <> 'skipped'
	AND (b.major < p.major OR b.major = p.major AND b.minor < p.minor))`

// due returns the messages that are the first of their cases, and are to be tried now.
func (p parked) due(ctx context.Context, now time.Time, limit int) ([]Parked, error) {
	return p.list(ctx, `outbox = $1 AND status = $2 AND due_at <= $3 AND `+first+` ORDER BY due_at, event_id LIMIT $4`,
		p.name, string(Waiting), micros(now), limit)
}

// ofCase returns the messages of a case that are not skipped, in their order.
func (p parked) ofCase(ctx context.Context, key string, limit int) ([]Parked, error) {
	return p.list(ctx, `outbox = $1 AND case_key = $2 AND status <> $3 ORDER BY major, minor LIMIT $4`, p.name, key, string(Skipped), limit)
}

// get returns one row, and errGone where there is none.
func (p parked) get(ctx context.Context, id uuid.UUID) (Parked, error) {
	rows, err := p.list(ctx, `outbox = $1 AND event_id = $2`, p.name, id.String())
	if err == nil && len(rows) == 0 {
		err = errGone
	}
	if err != nil {
		return Parked{}, err
	}
	return rows[0], nil
}

// remove removes a row that was published, or never has to be.
func (p parked) remove(ctx context.Context, id uuid.UUID) error {
	_, err := p.db.ExecContext(ctx, `DELETE FROM outbox_parked WHERE outbox = $1 AND event_id = $2 AND status <> $3`, p.name, id.String(), string(Skipped))
	return err
}

// failed notes that a row was tried and failed once more, unless an operator skipped it meanwhile.
func (p parked) failed(ctx context.Context, row Parked) error {
	_, err := p.db.ExecContext(ctx, `UPDATE outbox_parked SET status = $1, fault = $2, attempts = $3, due_at = $4
		WHERE outbox = $5 AND event_id = $6 AND status <> $7`,
		string(row.Status), row.Fault, row.Attempts, micros(row.DueAt), p.name, row.EventID.String(), string(Skipped))
	return err
}

// resolve records an operator's decision on a row; the reason is sealed. It returns errGone where there is none to decide on.
func (p parked) resolve(ctx context.Context, row Parked, sealedReason string) error {
	result, err := p.db.ExecContext(ctx, `UPDATE outbox_parked SET status = $1, due_at = $2, resolved_by = $3, resolved_reason = $4, resolved_at = $5
		WHERE outbox = $6 AND event_id = $7 AND status <> $8`,
		string(row.Status), micros(row.DueAt), row.ResolvedBy, sealedReason, micros(row.ResolvedAt), p.name, row.EventID.String(), string(Skipped))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errGone
}

// forget removes the rows of what was skipped before an instant.
func (p parked) forget(ctx context.Context, before time.Time) error {
	_, err := p.db.ExecContext(ctx, `DELETE FROM outbox_parked WHERE outbox = $1 AND status = $2 AND resolved_at < $3`, p.name, string(Skipped), micros(before))
	return err
}

// count counts what is parked.
func (p parked) count(ctx context.Context) (ParkedCounts, error) {
	var c ParkedCounts
	var oldest int64
	err := p.db.QueryRowContext(ctx, `SELECT COUNT(DISTINCT case_key), COUNT(*), COALESCE(SUM(CASE WHEN status = $2 THEN 1 ELSE 0 END), 0),
		COALESCE(MIN(parked_at), 0) FROM outbox_parked WHERE outbox = $1 AND status <> $3`,
		p.name, string(Stuck), string(Skipped)).Scan(&c.Cases, &c.Messages, &c.Stuck, &oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ParkedCounts{}, err
	}
	c.Oldest = instant(oldest)
	return c, nil
}

// list returns the rows that a condition chooses, with their reasons sealed.
func (p parked) list(ctx context.Context, where string, args ...any) ([]Parked, error) {
	rows, err := p.db.QueryContext(ctx, `SELECT event_id, case_key, type, stream, revision, major, minor, status, fault, attempts,
		due_at, parked_at, resolved_by, resolved_reason, resolved_at FROM outbox_parked p WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list parked messages: %w", err)
	}
	defer rows.Close()
	var list []Parked
	for rows.Next() {
		var r Parked
		var due, at, resolved int64
		err := rows.Scan(&r.EventID, &r.Key, &r.Type, &r.Stream, &r.Revision, &r.Position.Major, &r.Position.Minor, &r.Status, &r.Fault,
			&r.Attempts, &due, &at, &r.ResolvedBy, &r.Reason, &resolved)
		if err != nil {
			return nil, fmt.Errorf("list parked messages: %w", err)
		}
		r.DueAt, r.ParkedAt, r.ResolvedAt = instant(due), instant(at), instant(resolved)
		list = append(list, r)
	}
	return list, rows.Err()
}

// micros is a time as it is stored, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the time of micros.
func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
