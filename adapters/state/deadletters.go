package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
)

// strangers is the subject of the key of letters that belong to no case or business.
const strangers = "dead-letters"

// DeadLetters keeps dead letters; it is a commands.DeadLetters. It is safe for concurrent use, and
// several processes may share the database.
type DeadLetters struct {
	db    *sqldb.DB
	codec *eventstore.Codec
	now   func() time.Time
}

// OpenDeadLetters returns the dead letters of a state database, whose tables it brings up to date.
// The caller keeps owning the database. now tells the time; nil means time.Now.
func OpenDeadLetters(ctx context.Context, db *sqldb.DB, codec *eventstore.Codec, now func() time.Time) (*DeadLetters, error) {
	if err := migrate(ctx, db); err != nil {
		return nil, fmt.Errorf("open dead letters: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	return &DeadLetters{db, codec, now}, nil
}

// place is where a sealed field of a letter stands. It is not stored with the field: what is moved
// to another letter does not open there.
func place(id uuid.UUID, field string) string { return "dead-letter|" + id.String() + "|" + field }

// seal seals a field under the key of the letter's case or business.
func (d *DeadLetters) seal(ctx context.Context, about eventstore.StreamName, id uuid.UUID, field string, data []byte) (string, error) {
	envelope, err := d.codec.SealBytes(ctx, cmp.Or(string(about), strangers), place(id, field), data)
	return strings.TrimPrefix(envelope, place(id, field)+"|"), err
}

// envelope returns what opens to a sealed field, "" for none.
func envelope(id uuid.UUID, field, sealed string) string {
	if sealed == "" {
		return ""
	}
	return place(id, field) + "|" + sealed
}

// Keep keeps a letter; see commands.DeadLetters.
func (d *DeadLetters) Keep(ctx context.Context, letter commands.DeadLetter) error {
	// The same letter again only counts, which spares sealing it.
	again, err := d.again(ctx, letter)
	if err != nil || again {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	about := cmp.Or(letter.About, letter.Stream)
	original, err := d.seal(ctx, about, id, "original", letter.Original)
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	now := d.now().UnixMicro()
	inserted, err := d.db.ExecContext(ctx, `INSERT INTO dead_letters (id, fingerprint, source, event_id, type, subject, sequence, stream,
		code, reason, via, times, received_at, last_received_at, status, resolved_by, resolved_reason, resolved_at, original, about)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $12, $13, '', '', 0, $14, $15) ON CONFLICT (fingerprint) DO NOTHING`,
		id.String(), letter.Fingerprint, letter.Source, letter.EventID, letter.Type, letter.Subject, letter.Sequence, string(letter.Stream),
		letter.Code, letter.Reason, letter.Via, now, string(commands.DeadLetterOpen), original, string(about))
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	// Another may have kept the same letter in between.
	if n, err := inserted.RowsAffected(); err != nil || n == 1 {
		return err
	}
	_, err = d.again(ctx, letter)
	return err
}

// again counts a letter that is there already, and reports whether it was. One that was resolved
// stays so.
func (d *DeadLetters) again(ctx context.Context, letter commands.DeadLetter) (bool, error) {
	updated, err := d.db.ExecContext(ctx, `UPDATE dead_letters SET times = times + 1, last_received_at = $2,
		code = CASE WHEN status = $3 THEN $4 ELSE code END, reason = CASE WHEN status = $3 THEN $5 ELSE reason END
		WHERE fingerprint = $1`,
		letter.Fingerprint, d.now().UnixMicro(), string(commands.DeadLetterOpen), letter.Code, letter.Reason)
	if err != nil {
		return false, fmt.Errorf("count dead letter again: %w", err)
	}
	n, err := updated.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("count dead letter again: %w", err)
	}
	return n > 0, nil
}

const columns = `id, fingerprint, source, event_id, type, subject, sequence, stream, about, code, reason, via, times,
	received_at, last_received_at, status, resolved_by, resolved_reason, resolved_at`

// List returns letters without their originals; see commands.DeadLetters.
func (d *DeadLetters) List(ctx context.Context, filter commands.DeadLetterFilter, after uuid.UUID, limit int) ([]commands.DeadLetter, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT `+columns+` FROM dead_letters
		WHERE id > $1 AND ($2 = '' OR status = $2) AND ($3 = '' OR source = $3) AND ($4 = '' OR subject = $4) AND ($5 = '' OR code = $5)
		ORDER BY id LIMIT $6`,
		after.String(), string(filter.Status), filter.Source, filter.Subject, filter.Code, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	defer rows.Close()
	var letters []commands.DeadLetter
	for rows.Next() {
		letter, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		letters = append(letters, letter)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, d.openReasons(ctx, letters)
}

// openReasons opens why people retried or discarded letters; a reason whose key was destroyed is empty.
func (d *DeadLetters) openReasons(ctx context.Context, letters []commands.DeadLetter) error {
	envelopes := make([]string, len(letters))
	for i := range letters {
		envelopes[i] = envelope(letters[i].ID, "reason", letters[i].Resolution.Reason)
	}
	opened, err := d.codec.OpenEnvelopes(ctx, envelopes...)
	if err != nil {
		return fmt.Errorf("open reasons of dead letters: %w", err)
	}
	for i := range letters {
		letters[i].Resolution.Reason = string(opened[i])
	}
	return nil
}

// Show returns a letter whole; see commands.DeadLetters.
func (d *DeadLetters) Show(ctx context.Context, id uuid.UUID) (commands.DeadLetter, error) {
	var original string
	row := d.db.QueryRowContext(ctx, `SELECT `+columns+`, original FROM dead_letters WHERE id = $1`, id.String())
	letter, err := scan(row.Scan, &original)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return commands.DeadLetter{}, commands.ErrNoDeadLetter
	case err != nil:
		return commands.DeadLetter{}, fmt.Errorf("show dead letter %s: %w", id, err)
	}
	opened, err := d.codec.OpenEnvelopes(ctx, envelope(id, "original", original), envelope(id, "reason", letter.Resolution.Reason))
	if err != nil {
		return commands.DeadLetter{}, fmt.Errorf("open dead letter %s: %w", id, err)
	}
	letter.Original, letter.Resolution.Reason = opened[0], string(opened[1])
	return letter, nil
}

// Resolve ends a letter; see commands.DeadLetters.
func (d *DeadLetters) Resolve(ctx context.Context, id uuid.UUID, status commands.DeadLetterStatus, resolution commands.Resolution) error {
	if status == commands.DeadLetterOpen {
		return fmt.Errorf("resolve dead letter %s: %q does not end it", id, status)
	}
	var about string
	err := d.db.QueryRowContext(ctx, `SELECT about FROM dead_letters WHERE id = $1`, id.String()).Scan(&about)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return commands.ErrNoDeadLetter
	case err != nil:
		return fmt.Errorf("resolve dead letter %s: %w", id, err)
	}
	reason, err := d.seal(ctx, eventstore.StreamName(about), id, "reason", []byte(resolution.Reason))
	if err != nil {
		return fmt.Errorf("resolve dead letter %s: %w", id, err)
	}
	updated, err := d.db.ExecContext(ctx, `UPDATE dead_letters SET status = $2, resolved_by = $3, resolved_reason = $4, resolved_at = $5
		WHERE id = $1 AND status = $6`,
		id.String(), string(status), resolution.Actor, reason, resolution.At.UnixMicro(), string(commands.DeadLetterOpen))
	if err != nil {
		return fmt.Errorf("resolve dead letter %s: %w", id, err)
	}
	if n, err := updated.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return commands.ErrDeadLetterResolved
}

// Erase removes what the letters about a case or business say, by its stream, for good: those that were resolved, and of those
// that are open the message. What is left of an open one is its place in the sequence, so that an
// operator can discard it; to be retried there is nothing left.
func (d *DeadLetters) Erase(ctx context.Context, about eventstore.StreamName) error {
	// A crash between the two leaves the open ones, until it is called again.
	if _, err := d.db.ExecContext(ctx, `DELETE FROM dead_letters WHERE about = $1 AND status <> $2`, string(about), string(commands.DeadLetterOpen)); err != nil {
		return fmt.Errorf("erase dead letters about %s: %w", about, err)
	}
	if _, err := d.db.ExecContext(ctx, `UPDATE dead_letters SET original = '', resolved_reason = '' WHERE about = $1`, string(about)); err != nil {
		return fmt.Errorf("erase dead letters about %s: %w", about, err)
	}
	return nil
}

// Open is what is open of the dead letters, for health.
type Open struct {
	Count int64
	// Oldest is when the oldest was received, zero if there is none.
	Oldest time.Time
}

// Open returns how many letters wait for a decision, and since when.
func (d *DeadLetters) Open(ctx context.Context) (Open, error) {
	var open Open
	var oldest int64
	err := d.db.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MIN(received_at), 0) FROM dead_letters WHERE status = $1`,
		string(commands.DeadLetterOpen)).Scan(&open.Count, &oldest)
	if err != nil {
		return Open{}, fmt.Errorf("count open dead letters: %w", err)
	}
	open.Oldest = moment(oldest)
	return open, nil
}

// scan reads a letter's columns, and more after them.
func scan(read func(...any) error, more ...any) (commands.DeadLetter, error) {
	var l commands.DeadLetter
	var id, stream, about, status string
	var received, last, resolved int64
	err := read(append([]any{
		&id, &l.Fingerprint, &l.Source, &l.EventID, &l.Type, &l.Subject, &l.Sequence, &stream, &about, &l.Code, &l.Reason, &l.Via, &l.Times,
		&received, &last, &status, &l.Resolution.Actor, &l.Resolution.Reason, &resolved,
	}, more...)...)
	if err != nil {
		return commands.DeadLetter{}, err
	}
	if l.ID, err = uuid.Parse(id); err != nil {
		return commands.DeadLetter{}, fmt.Errorf("read dead letter's id: %w", err)
	}
	l.Stream, l.About, l.Status = eventstore.StreamName(stream), eventstore.StreamName(about), commands.DeadLetterStatus(status)
	l.ReceivedAt, l.LastReceivedAt, l.Resolution.At = moment(received), moment(last), moment(resolved)
	return l, nil
}

// moment is the time of microseconds, zero for 0.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
