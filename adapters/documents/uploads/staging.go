package uploads

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"casesync/adapters/documents"
	"casesync/eventstore/sqldb"
)

// stage is where an upload's bytes are. The texts are stored, and stay.
type stage string

const (
	receiving stage = "receiving"
	whole     stage = "whole"
	scanning  stage = "scan"
	kept      stage = "kept"
	gone      stage = "gone"
)

// row is what is noted of an upload.
type row struct {
	id, ref, keyID   string
	bytes, received  int64
	metadata, digest string // sealed
	stage            stage
	touchedAt        time.Time
	waitsSince       time.Time // in its stage
	attempts, fence  int64
}

const columns = `id, case_ref, key_id, bytes, received, metadata, digest, stage, touched_at, waits_since, attempts, fence`

// staging is the tables of uploads.
type staging struct{ db *sqldb.DB }

func (s staging) add(ctx context.Context, r row, now time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO staged_uploads (id, case_ref, key_id, bytes, received, metadata, digest, writer, stage,
		began_at, touched_at, due_at, waits_since, attempts, fence, fault)
		VALUES ($1, $2, $3, $4, 0, $5, '', '', $6, $7, $7, 0, $7, 0, 0, '')`,
		r.id, r.ref, r.keyID, r.bytes, r.metadata, string(receiving), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("note upload: %w", err)
	}
	return nil
}

// get returns a row; documents.ErrNotFound where there is none, or it is gone.
func (s staging) get(ctx context.Context, id string) (row, error) {
	rows, err := s.list(ctx, `id = $1 AND stage <> $2`, id, string(gone))
	if err == nil && len(rows) == 0 {
		err = documents.ErrNotFound
	}
	if err != nil {
		return row{}, fmt.Errorf("look up upload: %w", err)
	}
	return rows[0], nil
}

// claim makes writer the one who writes from offset on: who wrote before is out from now on.
func (s staging) claim(ctx context.Context, id, writer string, offset int64) (bool, error) {
	return s.changed(ctx, "claim upload", `UPDATE staged_uploads SET writer = $1 WHERE id = $2 AND received = $3 AND stage = $4`,
		writer, id, offset, string(receiving))
}

// progress is what a writer has written.
type progress struct {
	id, writer string
	from, to   int64
	digest     string // sealed
	segments   []documents.Segment
	whole      bool
}

// note notes progress, all or none, and reports false where somebody else writes now, or the upload is over. When it
// returns the progress is durable.
func (s staging) note(ctx context.Context, p progress, now time.Time) (bool, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("note progress: %w", err)
	}
	defer tx.Rollback()
	next := receiving
	if p.whole {
		next = whole
	}
	result, err := tx.ExecContext(ctx, `UPDATE staged_uploads SET received = $1, digest = $2, touched_at = $3, stage = $4, due_at = $3, waits_since = $3
		WHERE id = $5 AND writer = $6 AND received = $7 AND stage = $8`,
		p.to, p.digest, now.UnixMicro(), string(next), p.id, p.writer, p.from, string(receiving))
	if err != nil {
		return false, fmt.Errorf("note progress: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	start := p.from
	for _, segment := range p.segments {
		if _, err := tx.ExecContext(ctx, `INSERT INTO staged_segments (upload, start_offset, name, bytes) VALUES ($1, $2, $3, $4)`,
			p.id, start, segment.Name, segment.Bytes); err != nil {
			return false, fmt.Errorf("note progress: %w", err)
		}
		start += segment.Bytes
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("note progress: %w", err)
	}
	return true, nil
}

// segments returns what an upload is made of, in order; none where its manifest was written.
func (s staging) segments(ctx context.Context, id string) ([]documents.Segment, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, bytes FROM staged_segments WHERE upload = $1 ORDER BY start_offset`, id)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	defer rows.Close()
	var segments []documents.Segment
	for rows.Next() {
		var segment documents.Segment
		if err := rows.Scan(&segment.Name, &segment.Bytes); err != nil {
			return nil, fmt.Errorf("list segments: %w", err)
		}
		segments = append(segments, segment)
	}
	return segments, rows.Err()
}

func (s staging) forgetSegments(ctx context.Context, id string) error {
	return s.exec(ctx, "forget segments", `DELETE FROM staged_segments WHERE upload = $1`, id)
}

// take takes a row that is due, for the caller alone until the lease runs out; false where none is.
func (s staging) take(ctx context.Context, now time.Time, lease time.Duration) (row, bool, error) {
	due, err := s.list(ctx, `stage IN ($1, $2) AND due_at <= $3 ORDER BY due_at, id LIMIT 8`, string(whole), string(scanning), now.UnixMicro())
	if err != nil {
		return row{}, false, fmt.Errorf("take upload: %w", err)
	}
	for _, r := range due {
		// Whoever raises the fence first has the row.
		taken, err := s.changed(ctx, "take upload", `UPDATE staged_uploads SET attempts = attempts + 1, fence = fence + 1, due_at = $1
			WHERE id = $2 AND fence = $3 AND stage = $4`, now.Add(lease).UnixMicro(), r.id, r.fence, string(r.stage))
		if err != nil {
			return row{}, false, err
		}
		if taken {
			r.attempts, r.fence = r.attempts+1, r.fence+1
			return r, true, nil
		}
	}
	return row{}, false, nil
}

// renew keeps a row that was taken until a time, and reports whether the caller still has it.
func (s staging) renew(ctx context.Context, r row, until time.Time) (bool, error) {
	return s.changed(ctx, "keep upload", `UPDATE staged_uploads SET due_at = $1 WHERE id = $2 AND fence = $3 AND stage = $4`,
		until.UnixMicro(), r.id, r.fence, string(r.stage))
}

// advance puts a row that was taken into its next stage, unless somebody else has taken it since.
func (s staging) advance(ctx context.Context, r row, next stage, now time.Time) error {
	return s.exec(ctx, "advance upload", `UPDATE staged_uploads SET stage = $1, due_at = $2, waits_since = $2, attempts = 0, fault = ''
		WHERE id = $3 AND fence = $4 AND stage = $5`, string(next), now.UnixMicro(), r.id, r.fence, string(r.stage))
}

// postpone has a row that was taken tried again later, because of fault, a stable word.
func (s staging) postpone(ctx context.Context, r row, fault string, due time.Time) error {
	return s.exec(ctx, "postpone upload", `UPDATE staged_uploads SET due_at = $1, fault = $2 WHERE id = $3 AND fence = $4 AND stage = $5`,
		due.UnixMicro(), fault, r.id, r.fence, string(r.stage))
}

// rescan puts what was done with back to the scanner; also where its row was forgotten.
func (s staging) rescan(ctx context.Context, id, ref string, now time.Time) error {
	return s.exec(ctx, "scan upload again", `INSERT INTO staged_uploads (id, case_ref, key_id, bytes, received, metadata, digest, writer, stage,
		began_at, touched_at, due_at, waits_since, attempts, fence, fault)
		VALUES ($1, $2, '', 0, 0, '', '', '', $3, $4, $4, $4, $4, 0, 0, '')
		ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, due_at = excluded.due_at, waits_since = excluded.waits_since, attempts = 0,
		fence = staged_uploads.fence + 1, fault = '' WHERE staged_uploads.stage = $5`,
		id, ref, string(scanning), now.UnixMicro(), string(kept))
}

// markGone ends all that is done with an upload, so that its bytes can go.
func (s staging) markGone(ctx context.Context, id string) error {
	return s.exec(ctx, "remove upload", `UPDATE staged_uploads SET stage = $1, writer = '', metadata = '', digest = '' WHERE id = $2`, string(gone), id)
}

// forget removes the rows of an upload.
func (s staging) forget(ctx context.Context, id string) error {
	if err := s.forgetSegments(ctx, id); err != nil {
		return err
	}
	return s.exec(ctx, "forget upload", `DELETE FROM staged_uploads WHERE id = $1`, id)
}

// forgetKept removes the rows of uploads that have been done with since before an instant.
func (s staging) forgetKept(ctx context.Context, before time.Time) error {
	return s.exec(ctx, "forget uploads", `DELETE FROM staged_uploads WHERE stage = $1 AND waits_since < $2`, string(kept), before.UnixMicro())
}

// idle returns rows of which nothing has come since before an instant, and those half removed.
func (s staging) idle(ctx context.Context, before time.Time, limit int) ([]row, error) {
	return s.list(ctx, `stage = $1 AND touched_at < $2 OR stage = $3 ORDER BY touched_at, id LIMIT $4`,
		string(receiving), before.UnixMicro(), string(gone), limit)
}

func (s staging) list(ctx context.Context, where string, args ...any) ([]row, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+columns+` FROM staged_uploads WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []row
	for rows.Next() {
		var r row
		var touched, waits int64
		if err := rows.Scan(&r.id, &r.ref, &r.keyID, &r.bytes, &r.received, &r.metadata, &r.digest, &r.stage, &touched, &waits, &r.attempts, &r.fence); err != nil {
			return nil, err
		}
		r.touchedAt, r.waitsSince = time.UnixMicro(touched).UTC(), time.UnixMicro(waits).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

func (s staging) exec(ctx context.Context, what, query string, args ...any) error {
	_, err := s.changed(ctx, what, query, args...)
	return err
}

func (s staging) changed(ctx context.Context, what, query string, args ...any) (bool, error) {
	result, err := s.db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// Status is how much there is to do.
type Status struct {
	// Receiving is uploads of which bytes are still to come. Waiting are whole, and were not looked at. Scanning wait for the
	// scanner, the first of them since OldestScan.
	Receiving, Waiting, Scanning int64
	OldestScan                   time.Time
	// Faults counts those that are tried again, by why they have to be.
	Faults map[string]int64
}

// status measures.
func (s staging) status(ctx context.Context) (Status, error) {
	status := Status{Faults: map[string]int64{}}
	var oldest sql.NullInt64
	err := s.db.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN stage = $1 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN stage = $2 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN stage = $3 THEN 1 ELSE 0 END), 0), MIN(CASE WHEN stage = $3 THEN waits_since END)
		FROM staged_uploads WHERE stage IN ($1, $2, $3)`, string(receiving), string(whole), string(scanning)).
		Scan(&status.Receiving, &status.Waiting, &status.Scanning, &oldest)
	if err != nil {
		return Status{}, fmt.Errorf("measure uploads: %w", err)
	}
	if oldest.Valid {
		status.OldestScan = time.UnixMicro(oldest.Int64).UTC()
	}
	rows, err := s.db.QueryContext(ctx, `SELECT fault, COUNT(*) FROM staged_uploads WHERE stage IN ($1, $2) AND fault <> '' GROUP BY fault`,
		string(whole), string(scanning))
	if err != nil {
		return Status{}, fmt.Errorf("measure uploads: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var fault string
		var n int64
		if err := rows.Scan(&fault, &n); err != nil {
			return Status{}, errors.Join(errors.New("measure uploads"), err)
		}
		status.Faults[fault] = n
	}
	return status, rows.Err()
}
