package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// listMax is the most values in one statement. Statements come in sizes of powers of two up to
// it, so that a database prepares few of them.
const listMax = 256

// rowsMax is the most rows that one statement inserts: several, to spare PostgreSQL's round
// trips; few, because SQLite has to compile a longer statement for as long as it saves.
const (
	rowsMax    = 16
	keyColumns = 7
)

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// inTransaction runs f in a transaction, and commits if it returns nil. If the commit fails it is
// not known whether it took place: everything done here can be done again.
func (r *Ring) inTransaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(tx); err != nil {
		if rollback := tx.Rollback(); !errors.Is(rollback, sql.ErrTxDone) { // done: the context ended
			err = errors.Join(err, rollback)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// lock keeps the writers of all processes one after another until the transaction ends, and
// returns the current version of the ring key, which cannot change meanwhile.
func lock(ctx context.Context, tx *sql.Tx) (version int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE keyring_state SET writes = writes + 1 RETURNING current_version`).Scan(&version)
	return version, err
}

// queryKeys reads the data keys whose column is one of values, by id.
func queryKeys(ctx context.Context, from querier, column string, values []string) (map[string]dataKey, error) {
	keys := make(map[string]dataKey, len(values))
	for chunk := range slices.Chunk(values, listMax) {
		list := padded(chunk)
		where := column + " IN " + parameters(1, len(list))
		if column == "subject" { // there is an index of trees, which have few subjects each
			where += " AND tree IN " + parameters(len(list)+1, len(list))
			for _, subject := range slices.Clip(list) {
				list = append(list, treeOf(subject.(string)))
			}
		}
		rows, err := from.QueryContext(ctx, `SELECT id, subject, generation, wrapped, ring_version FROM keyring_keys WHERE `+where, list...)
		if err != nil {
			return nil, err
		}
		if err := scanKeys(rows, keys); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func scanKeys(rows *sql.Rows, keys map[string]dataKey) error {
	defer rows.Close()
	for rows.Next() {
		var key dataKey
		if err := rows.Scan(&key.id, &key.subject, &key.generation, &key.wrapped, &key.ringVersion); err != nil {
			return err
		}
		keys[key.id] = key
	}
	return rows.Err()
}

// insertKeys writes new keys.
func insertKeys(ctx context.Context, tx *sql.Tx, keys []dataKey, now int64) error {
	return writeKeys(ctx, tx, keys, now, "")
}

// rewrapKeys gives keys that are there a new wrapping.
func rewrapKeys(ctx context.Context, tx *sql.Tx, keys []dataKey) error {
	return writeKeys(ctx, tx, keys, 0, ` ON CONFLICT (id) DO UPDATE SET wrapped = excluded.wrapped, ring_version = excluded.ring_version`)
}

func writeKeys(ctx context.Context, tx *sql.Tx, keys []dataKey, now int64, conflict string) (err error) {
	var insert *sql.Stmt
	prepared := 0 // rows
	for len(keys) > 0 {
		n := rowsMax
		for n > len(keys) {
			n /= 2
		}
		if n != prepared {
			if insert, err = tx.PrepareContext(ctx, insertOf(n)+conflict); err != nil { // closed with the transaction
				return err
			}
			prepared = n
		}
		args := make([]any, 0, n*keyColumns)
		for _, key := range keys[:n] {
			args = append(args, key.id, key.subject, treeOf(key.subject), key.generation, key.wrapped, key.ringVersion, now)
		}
		if _, err := insert.ExecContext(ctx, args...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// insertOf returns the statement that inserts n keys.
func insertOf(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = parameters(i*keyColumns+1, keyColumns)
	}
	return `INSERT INTO keyring_keys (id, subject, tree, generation, wrapped, ring_version, created_at) VALUES ` + strings.Join(rows, ", ")
}

// queryIDs returns the one text column of a query.
func queryIDs(ctx context.Context, from querier, query string, args ...any) (ids []string, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// parameters returns "($first, …)" with n of them.
func parameters(first, n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ", $%d", first+i)
	}
	return "(" + list.String()[2:] + ")"
}

// padded returns values with the last one repeated up to a power of two.
func padded(values []string) []any {
	size := 1
	for size < len(values) {
		size *= 2
	}
	list := make([]any, size)
	for i := range list {
		list[i] = values[min(i, len(values)-1)]
	}
	return list
}
