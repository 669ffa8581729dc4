package activity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/eventstore/groupcommit"
	"casesync/eventstore/sqldb"
)

// guards make the database itself refuse to change an entry, and to delete one whose time is not
// over. They are no migration, as their text differs between the databases; making them again has
// no effect.
var guards = map[sqldb.Dialect][]string{
	sqldb.SQLite: {
		`CREATE TRIGGER IF NOT EXISTS activities_unchanged BEFORE UPDATE ON activities
			BEGIN SELECT RAISE(ABORT, 'activities are never changed'); END`,
		`CREATE TRIGGER IF NOT EXISTS activities_kept BEFORE DELETE ON activities
			WHEN OLD.at >= (SELECT purge_before FROM activity_ends WHERE id = 1)
			BEGIN SELECT RAISE(ABORT, 'activities are kept for their time'); END`,
	},
	sqldb.Postgres: {
		`CREATE OR REPLACE FUNCTION activities_guard() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				IF TG_OP = 'DELETE' AND OLD.at < (SELECT purge_before FROM activity_ends WHERE id = 1) THEN
					RETURN OLD;
				END IF;
				RAISE EXCEPTION 'activities are never changed, and kept for their time';
			END $$`,
		`CREATE OR REPLACE TRIGGER activities_guarded BEFORE UPDATE OR DELETE ON activities
			FOR EACH ROW EXECUTE FUNCTION activities_guard()`,
	},
}

// guardLock is the number under which processes that start at once make the guards one after another.
const guardLock = 0x6361_7365_6163_7476

func guard(ctx context.Context, db *sqldb.DB) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		if db.Dialect == sqldb.Postgres {
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(guardLock)); err != nil {
				return err
			}
		}
		for _, text := range guards[db.Dialect] {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// commit writes a batch at the end of the chain, in one transaction. A crash leaves all of it or
// nothing; where the answer was lost after all, an entry stands there that nobody was told of.
func (l *Log) commit(batch []commands.Activity) []groupcommit.Result[struct{}] {
	// Not the callers' contexts: each has only one of the entries.
	ctx, cancel := context.WithTimeout(context.Background(), 2*sqldb.BusyTimeout)
	defer cancel()
	err := l.write(ctx, batch)
	results := make([]groupcommit.Result[struct{}], len(batch))
	for i := range results {
		results[i].Err = err
	}
	if err == nil {
		l.grew.announce()
	}
	return results
}

func (l *Log) write(ctx context.Context, batch []commands.Activity) error {
	return inTx(ctx, l.config.DB, func(tx *sql.Tx) error {
		// The row of ends is the lock among processes: it is written before it is relied on.
		if _, err := tx.ExecContext(ctx, `UPDATE activity_ends SET last_seq = last_seq WHERE id = 1`); err != nil {
			return err
		}
		var seq int64
		var chain string
		if err := tx.QueryRowContext(ctx, `SELECT last_seq, last_chain FROM activity_ends WHERE id = 1`).Scan(&seq, &chain); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO activities (seq, at, kind, actor, account, address, operation, subject, frns, failed, code, detail, chain)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, activity := range batch {
			seq++
			r, err := rowOf(activity, seq, chain)
			if err != nil {
				return err
			}
			chain = r.chain
			if _, err := insert.ExecContext(ctx, r.seq, r.at, r.kind, r.actor, r.account, r.address, r.operation, r.subject, r.frns,
				r.failed, r.code, r.detail, r.chain); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE activity_ends SET last_seq = $1, last_chain = $2 WHERE id = 1`, seq, chain)
		return err
	})
}

// columns are those of a row, in the order of scan.
const columns = `seq, at, kind, actor, account, address, operation, subject, frns, failed, code, detail, chain`

func scan(rows *sql.Rows) (r row, err error) {
	err = rows.Scan(&r.seq, &r.at, &r.kind, &r.actor, &r.account, &r.address, &r.operation, &r.subject, &r.frns, &r.failed, &r.code, &r.detail, &r.chain)
	return r, err
}

// Filter narrows what is read of the log; an empty field does not.
type Filter struct {
	// Since and Until bound the time: Since included, Until not.
	Since, Until time.Time
	Actor        string
	Kind         commands.ActivityKind
	Subject      string
	// Failed leaves only what was refused or failed.
	Failed bool
}

// PageEntriesMax is the most entries that List returns.
const PageEntriesMax = 1_000

// List returns at most limit (up to PageEntriesMax) entries before the one numbered before, the
// newest first; before 0 means from the end.
func (l *Log) List(ctx context.Context, filter Filter, before int64, limit int) ([]Entry, error) {
	conditions, args := filter.where()
	if before > 0 {
		args = append(args, before)
		conditions = append(conditions, fmt.Sprintf("seq < $%d", len(args)))
	}
	return l.entries(ctx, conditions, args, "seq DESC", limit)
}

// After returns at most limit (up to PageEntriesMax) entries after the one numbered after, in order.
func (l *Log) After(ctx context.Context, filter Filter, after int64, limit int) ([]Entry, error) {
	conditions, args := filter.where()
	args = append(args, after)
	conditions = append(conditions, fmt.Sprintf("seq > $%d", len(args)))
	return l.entries(ctx, conditions, args, "seq", limit)
}

func (f Filter) where() (conditions []string, args []any) {
	conditions = []string{"1 = 1"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf("%s $%d", condition, len(args)))
	}
	if !f.Since.IsZero() {
		add("at >=", f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		add("at <", f.Until.UnixMicro())
	}
	if f.Actor != "" {
		add("actor =", f.Actor)
	}
	if f.Kind != "" {
		add("kind =", string(f.Kind))
	}
	if f.Subject != "" {
		add("subject =", f.Subject)
	}
	if f.Failed {
		add("failed =", true)
	}
	return conditions, args
}

func (l *Log) entries(ctx context.Context, conditions []string, args []any, order string, limit int) ([]Entry, error) {
	args = append(args, max(0, min(limit, PageEntriesMax)))
	query := "SELECT " + columns + " FROM activities WHERE " + strings.Join(conditions, " AND ") + " ORDER BY " + order + fmt.Sprintf(" LIMIT $%d", len(args))
	rows, err := l.config.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read activity log: %w", err)
	}
	defer rows.Close()
	var list []Entry
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read activity log: %w", err)
		}
		entry, err := r.entry()
		if err != nil {
			return nil, fmt.Errorf("read activity %d: %w", r.seq, err)
		}
		list = append(list, entry)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read activity log: %w", err)
	}
	return list, nil
}

// ErrTampered is returned by Verify where the log is not what was written.
var ErrTampered = errors.New("the activity log was changed")

// Verify reads the whole log and returns how many entries it has, and an error that Is ErrTampered,
// and says where, if one was changed, put in or taken out.
func (l *Log) Verify(ctx context.Context) (entries int64, err error) {
	// One snapshot: entries that are written meanwhile are not in it.
	tx, err := l.config.DB.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return 0, fmt.Errorf("verify activity log: %w", err)
	}
	defer tx.Rollback()
	var first, last int64
	var chain, end string
	if err := tx.QueryRowContext(ctx, `SELECT first_seq, first_chain, last_seq, last_chain FROM activity_ends WHERE id = 1`).Scan(&first, &chain, &last, &end); err != nil {
		return 0, fmt.Errorf("verify activity log: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+` FROM activities ORDER BY seq`)
	if err != nil {
		return 0, fmt.Errorf("verify activity log: %w", err)
	}
	defer rows.Close()
	next := first
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return entries, fmt.Errorf("verify activity log: %w", err)
		}
		if r.seq != next || r.link(chain) != r.chain {
			return entries, fmt.Errorf("%w: entry %d is not the one that was written after entry %d", ErrTampered, r.seq, next-1)
		}
		chain, next, entries = r.chain, next+1, entries+1
	}
	if err := rows.Err(); err != nil {
		return entries, fmt.Errorf("verify activity log: %w", err)
	}
	if next-1 != last || chain != end {
		return entries, fmt.Errorf("%w: it ends with entry %d, and should with %d", ErrTampered, next-1, last)
	}
	return entries, nil
}

// Purge deletes the entries whose time is over, a bounded number in each transaction, and returns
// how many. A crash in between leaves the rest for the next time.
func (l *Log) Purge(ctx context.Context) (purged int64, err error) {
	before := l.config.Now().Add(-l.config.Keep).UnixMicro()
	for {
		n, err := l.purge(ctx, before)
		purged += n
		if err != nil {
			return purged, fmt.Errorf("purge activity log: %w", err)
		}
		if n < PageEntriesMax {
			return purged, nil
		}
	}
}

// purge takes the longest run of old entries from the beginning, so that what stays is one chain.
func (l *Log) purge(ctx context.Context, before int64) (purged int64, err error) {
	err = inTx(ctx, l.config.DB, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE activity_ends SET purge_before = CASE WHEN purge_before < $1 THEN $1 ELSE purge_before END WHERE id = 1`, before); err != nil {
			return err
		}
		var first, kept int64
		err := tx.QueryRowContext(ctx, `SELECT first_seq, COALESCE((SELECT MIN(seq) FROM activities WHERE at >= $1), last_seq + 1) FROM activity_ends WHERE id = 1`, before).Scan(&first, &kept)
		if err != nil {
			return err
		}
		if purged = min(kept-first, PageEntriesMax); purged <= 0 {
			purged = 0
			return nil
		}
		var chain string
		if err := tx.QueryRowContext(ctx, `SELECT chain FROM activities WHERE seq = $1`, first+purged-1).Scan(&chain); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM activities WHERE seq < $1`, first+purged); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE activity_ends SET first_seq = $1, first_chain = $2 WHERE id = 1`, first+purged, chain)
		return err
	})
	return purged, err
}

// forwarded returns the number of the last entry that was forwarded to a target, 0 for none.
func (l *Log) forwarded(ctx context.Context, target string) (seq int64, err error) {
	err = l.config.DB.QueryRowContext(ctx, `SELECT seq FROM activity_forwarded WHERE target = $1`, target).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

// noteForwarded notes that everything up to seq was forwarded to a target.
func (l *Log) noteForwarded(ctx context.Context, target string, seq int64) error {
	_, err := l.config.DB.ExecContext(ctx, `INSERT INTO activity_forwarded (target, seq) VALUES ($1, $2)
		ON CONFLICT (target) DO UPDATE SET seq = excluded.seq`, target, seq)
	return err
}

func inTx(ctx context.Context, db *sqldb.DB, run func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := run(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
