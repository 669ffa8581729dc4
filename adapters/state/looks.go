package state

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/eventstore/sqldb"
)

// LooksMax is how many cases a person's looks are kept of. Of more, the oldest go.
const LooksMax = 2_000

// Looks keeps how far each person has seen the timelines of cases. It is safe for concurrent use, and
// several processes may share the database.
type Looks struct{ db *sqldb.DB }

// OpenLooks returns the looks of a state database, whose tables it brings up to date. The caller keeps
// owning the database.
func OpenLooks(ctx context.Context, db *sqldb.DB) (*Looks, error) {
	if err := migrate(ctx, db); err != nil {
		return nil, fmt.Errorf("open looks: %w", err)
	}
	return &Looks{db}, nil
}

// Mark says that a person has seen a case up to an entry of its timeline, at a time. Neither the entry nor
// the time goes backwards: whoever looks in two windows has seen what either showed. Where a person has
// more than LooksMax, the oldest go in the same transaction; two marks at the same moment may leave one
// more, until the next.
func (l *Looks) Mark(ctx context.Context, person, ref string, entry int64, at time.Time) (err error) {
	if person == "" || ref == "" {
		return fmt.Errorf("mark case %s as looked at: by nobody", ref)
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("mark case as looked at: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, step := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO looks (person, ref, entry, looked_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person, ref) DO UPDATE SET
				entry = CASE WHEN excluded.entry > looks.entry THEN excluded.entry ELSE looks.entry END,
				looked_at = CASE WHEN excluded.looked_at > looks.looked_at THEN excluded.looked_at ELSE looks.looked_at END`,
			[]any{person, ref, entry, at.UnixMicro()}},
		{`DELETE FROM looks WHERE person = $1 AND ref IN (
			SELECT ref FROM looks WHERE person = $1 ORDER BY looked_at DESC, ref LIMIT 1000 OFFSET $2)`,
			[]any{person, LooksMax}},
	} {
		if _, err := tx.ExecContext(ctx, step.text, step.args...); err != nil {
			return fmt.Errorf("mark case as looked at: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("mark case as looked at: %w", err)
	}
	return nil
}

// marksMax is how many cases one query names.
const marksMax = 500

// Marks returns the looks of a person at the cases named, by reference; none where there was none.
func (l *Looks) Marks(ctx context.Context, person string, refs ...string) (map[string]commands.Look, error) {
	found := make(map[string]commands.Look, len(refs))
	for len(refs) > 0 {
		chunk := refs[:min(len(refs), marksMax)]
		refs = refs[len(chunk):]
		args := []any{person}
		places := make([]string, len(chunk))
		for i, ref := range chunk {
			args = append(args, ref)
			places[i] = "$" + strconv.Itoa(i+2)
		}
		list, err := l.query(ctx, `SELECT ref, entry, looked_at FROM looks WHERE person = $1 AND ref IN (`+strings.Join(places, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, look := range list {
			found[look.Case] = look
		}
	}
	return found, nil
}

// All returns at most limit looks of a person, the latest first.
func (l *Looks) All(ctx context.Context, person string, limit int) ([]commands.Look, error) {
	return l.query(ctx, `SELECT ref, entry, looked_at FROM looks WHERE person = $1 ORDER BY looked_at DESC, ref LIMIT $2`, person, limit)
}

// Purge removes all looks of a person, as the account is erased.
func (l *Looks) Purge(ctx context.Context, person string) error {
	if _, err := l.db.ExecContext(ctx, `DELETE FROM looks WHERE person = $1`, person); err != nil {
		return fmt.Errorf("remove a person's looks: %w", err)
	}
	return nil
}

func (l *Looks) query(ctx context.Context, text string, args ...any) ([]commands.Look, error) {
	rows, err := l.db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read looks: %w", err)
	}
	list, err := readLooks(rows)
	if err != nil {
		return nil, fmt.Errorf("read looks: %w", err)
	}
	return list, nil
}

func readLooks(rows *sql.Rows) (list []commands.Look, err error) {
	defer func() { _ = rows.Close() }() // rows.Err has said what there is to say
	for rows.Next() {
		var look commands.Look
		var at int64
		if err := rows.Scan(&look.Case, &look.Entry, &at); err != nil {
			return nil, err
		}
		look.At = moment(at)
		list = append(list, look)
	}
	return list, rows.Err()
}
