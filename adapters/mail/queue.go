package mail

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

// Status is where a mail stands. The texts are stored, and stay.
type Status string

// The statuses.
const (
	Queued    Status = "queued"
	Sent      Status = "sent"
	Dead      Status = "dead"
	Dropped   Status = "dropped"
	TooLate   Status = "too-late"
	Discarded Status = "discarded"
)

// Entry is what is known of a mail: nothing of what it says, or of who gets it but for the id.
type Entry struct {
	ID     uuid.UUID
	Kind   Kind
	Status Status
	// About is the id of the person, access request or ticket that it concerns, "" where that is not known yet.
	About string
	// Stream, Revision and Position are those of the event that it follows from.
	Stream   eventstore.StreamName
	Revision eventstore.Revision
	Position string
	// Attempts is how often it was tried since it was queued, or retried by an operator.
	Attempts int
	// Fault is why it was not sent at the last try, or was dropped, in a stable word.
	Fault string
	// DueAt is when it is tried next. EndedAt is when it was done with; zero while it is not.
	RecordedAt, QueuedAt, DueAt, EndedAt time.Time
	// ResolvedBy and Reason are an operator's who retried or discarded it.
	ResolvedBy, Reason string

	eventID uuid.UUID
	fence   int64
}

// queue is the table of mails.
type queue struct{ db *sqldb.DB }

// add adds entries, but for those that are there.
func (q queue) add(ctx context.Context, entries []Entry) error {
	tx, err := q.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("queue mails: %w", err)
	}
	defer tx.Rollback()
	for _, e := range entries {
		_, err := tx.ExecContext(ctx, `INSERT INTO mails (id, kind, about, stream, revision, event_id, position, recorded_at, status,
			attempts, fence, due_at, leased_until, fault, queued_at, ended_at, resolved_by, resolved_reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, 0, $11, $10, $12, '', '') ON CONFLICT (id) DO NOTHING`,
			e.ID.String(), string(e.Kind), e.About, string(e.Stream), int64(e.Revision), e.eventID.String(), e.Position,
			micros(e.RecordedAt), string(e.Status), micros(e.QueuedAt), e.Fault, micros(e.EndedAt))
		if err != nil {
			return fmt.Errorf("queue mails: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("queue mails: %w", err)
	}
	return nil
}

// take takes up to limit entries that are due, for the caller alone until the lease runs out. A
// crash after it leaves them taken; then they are due again, with one try more.
func (q queue) take(ctx context.Context, now, until time.Time, limit int) ([]Entry, error) {
	due, err := q.list(ctx, `status = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3`, string(Queued), micros(now), limit)
	if err != nil {
		return nil, fmt.Errorf("take mails: %w", err)
	}
	var taken []Entry
	for _, e := range due {
		// Whoever raises the fence first has the row.
		n, err := q.exec(ctx, `UPDATE mails SET attempts = attempts + 1, fence = fence + 1, due_at = $1, leased_until = $1
			WHERE id = $2 AND fence = $3 AND status = $4 AND due_at <= $5`,
			micros(until), e.ID.String(), e.fence, string(Queued), micros(now))
		if err != nil {
			return taken, fmt.Errorf("take mails: %w", err)
		}
		if n == 1 {
			e.Attempts, e.fence = e.Attempts+1, e.fence+1
			taken = append(taken, e)
		}
	}
	return taken, nil
}

// errLost: the row was purged, or another sender has taken it since.
var errLost = errors.New("the mail is another sender's now")

// assign notes whom a taken mail concerns.
func (q queue) assign(ctx context.Context, e Entry) error {
	return q.change(ctx, "assign mail", `UPDATE mails SET about = $1 WHERE id = $2 AND fence = $3 AND status = $4`,
		e.About, e.ID.String(), e.fence, string(Queued))
}

// finish records what became of a taken mail, in its Status, Fault, DueAt and EndedAt.
func (q queue) finish(ctx context.Context, e Entry) error {
	return q.change(ctx, "finish mail", `UPDATE mails SET status = $1, fault = $2, due_at = $3, ended_at = $4, leased_until = 0
		WHERE id = $5 AND fence = $6 AND status = $7`,
		string(e.Status), e.Fault, micros(e.DueAt), micros(e.EndedAt), e.ID.String(), e.fence, string(Queued))
}

// resolve records an operator's decision on a mail that is in one of two statuses; the reason is sealed.
func (q queue) resolve(ctx context.Context, e Entry, sealedReason string, from, or Status) error {
	return q.change(ctx, "resolve mail", `UPDATE mails SET status = $1, attempts = 0, due_at = $2, ended_at = $3, leased_until = 0,
		fence = fence + 1, resolved_by = $4, resolved_reason = $5 WHERE id = $6 AND status IN ($7, $8)`,
		string(e.Status), micros(e.DueAt), micros(e.EndedAt), e.ResolvedBy, sealedReason, e.ID.String(), string(from), string(or))
}

// forget removes the rows of mails that were done with before an instant.
func (q queue) forget(ctx context.Context, before time.Time) error {
	_, err := q.exec(ctx, `DELETE FROM mails WHERE status IN ($1, $2, $3, $4) AND ended_at < $5`,
		string(Sent), string(Dropped), string(TooLate), string(Discarded), micros(before))
	if err != nil {
		return fmt.Errorf("forget old mails: %w", err)
	}
	return nil
}

// purge removes the rows about a person or request, and reports how many are being sent just now,
// which it leaves.
func (q queue) purge(ctx context.Context, about string, now time.Time) (left int, err error) {
	if _, err := q.exec(ctx, `DELETE FROM mails WHERE about = $1 AND leased_until <= $2`, about, micros(now)); err != nil {
		return 0, fmt.Errorf("purge mails: %w", err)
	}
	if err := q.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM mails WHERE about = $1`, about).Scan(&left); err != nil {
		return 0, fmt.Errorf("purge mails: %w", err)
	}
	return left, nil
}

// measure returns how many mails are queued, when the first of them was, and how many are dead.
func (q queue) measure(ctx context.Context) (queued int64, oldest time.Time, dead int64, err error) {
	var since int64
	err = q.db.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN status = $1 THEN 1 ELSE 0 END), 0),
		COALESCE(MIN(CASE WHEN status = $1 THEN queued_at END), 0), COALESCE(SUM(CASE WHEN status = $2 THEN 1 ELSE 0 END), 0)
		FROM mails WHERE status IN ($1, $2)`, string(Queued), string(Dead)).Scan(&queued, &since, &dead)
	return queued, moment(since), dead, err
}

// change runs an update of one row, and returns errLost where there is none.
func (q queue) change(ctx context.Context, what, query string, args ...any) error {
	n, err := q.exec(ctx, query, args...)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case n == 0:
		return errLost
	}
	return nil
}

func (q queue) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// get returns one entry, and sql.ErrNoRows where there is none.
func (q queue) get(ctx context.Context, id uuid.UUID) (Entry, error) {
	entries, err := q.list(ctx, `id = $1`, id.String())
	if err == nil && len(entries) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return Entry{}, err
	}
	return entries[0], nil
}

// list returns the entries that a condition chooses, with their reasons sealed.
func (q queue) list(ctx context.Context, where string, args ...any) ([]Entry, error) {
	rows, err := q.db.QueryContext(ctx, `SELECT id, kind, about, stream, revision, event_id, position, recorded_at, status, attempts,
		fence, due_at, fault, queued_at, ended_at, resolved_by, resolved_reason FROM mails WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		var e Entry
		var recorded, due, queued, ended int64
		err := rows.Scan(&e.ID, &e.Kind, &e.About, &e.Stream, &e.Revision, &e.eventID, &e.Position, &recorded, &e.Status, &e.Attempts,
			&e.fence, &due, &e.Fault, &queued, &ended, &e.ResolvedBy, &e.Reason)
		if err != nil {
			return nil, err
		}
		e.RecordedAt, e.DueAt, e.QueuedAt, e.EndedAt = moment(recorded), moment(due), moment(queued), moment(ended)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// micros is a time as it is stored, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the time of micros.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
