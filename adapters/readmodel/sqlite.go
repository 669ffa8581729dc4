package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"casesync/eventstore/sqldb"
	"casesync/projections/engine"
)

// sqlite has one connection that writes, and others that read beside it. Another process may write
// to the same file: a transaction waits for it when it begins, never in the middle.
type sqlite struct {
	writer, readers *sqldb.DB
}

func openSQLite(ctx context.Context, address string) (*sqlite, error) {
	writer, err := sqldb.Open(ctx, address, sqldb.NormalSync(), sqldb.ConnsMax(1))
	if err != nil {
		return nil, err
	}
	readers, err := sqldb.Open(ctx, address, sqldb.NormalSync(), sqldb.ConnsMax(max(4, 2*runtime.NumCPU())))
	if err != nil {
		writer.Close()
		return nil, err
	}
	return &sqlite{writer: writer, readers: readers}, nil
}

func (s *sqlite) Close() error { return errors.Join(s.readers.Close(), s.writer.Close()) }

func (s *sqlite) View(ctx context.Context, f func(engine.Snapshot) error) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin view: %w", err)
	}
	defer tx.Rollback()
	return f(&sqliteTx{tx})
}

func (s *sqlite) Update(ctx context.Context, f func(engine.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin update: %w", err)
	}
	defer tx.Rollback()
	if err := f(&sqliteTx{tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit update: %w", err)
	}
	return nil
}

type sqliteTx struct{ tx *sql.Tx }

func (t *sqliteTx) Query(ctx context.Context, query string, args ...any) (engine.Cursor, error) {
	rows, err := t.tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // who reads the cursor asks for its error
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (t *sqliteTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// CreateTable keeps rows in the tree of their keys, which is one tree less to write, unless they are so
// wide that few of them would fit a page of it.
func (t *sqliteTx) CreateTable(ctx context.Context, table string, spec engine.Spec) error {
	var text strings.Builder
	for _, column := range spec.Columns {
		fmt.Fprintf(&text, "%s %s NOT NULL, ", column.Name, column.Type)
	}
	fmt.Fprintf(&text, "PRIMARY KEY (%s))", names(spec.Columns[:spec.Key], plain))
	if !spec.Wide {
		text.WriteString(" WITHOUT ROWID")
	}
	_, err := t.tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+table+" ("+text.String())
	if err != nil {
		return fmt.Errorf("create table %s: %w", table, err)
	}
	return nil
}

// LoadKeys gives the keys as one JSON array, so that their number is bound by no limit on
// parameters.
func (t *sqliteTx) LoadKeys(ctx context.Context, table string, columns []engine.Column, keys []string) (engine.Cursor, error) {
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("load keys of %s: %w", table, err)
	}
	return t.Query(ctx, "SELECT "+names(columns, plain)+" FROM "+table+
		" WHERE "+columns[0].Name+" IN (SELECT value FROM json_each($1))", string(list))
}

// Write goes row by row through prepared statements: in SQLite that is four times as fast as
// statements of many rows.
func (t *sqliteTx) Write(ctx context.Context, changes engine.Changes) error {
	if err := checkText(changes); err != nil {
		return fmt.Errorf("write to %s: %w", changes.Table, err)
	}
	insert := "INSERT INTO " + changes.Table + " (" + names(changes.Columns, plain) + ") VALUES (" + parameters(len(changes.Columns)) + ")"
	lowered, zero := lowered(changes), allZero(changes, "")
	for i, row := range lowered {
		lowered[i] = row[:changes.Key]
	}
	key := changes.Columns[:changes.Key]
	remove := "DELETE FROM " + changes.Table + " WHERE " + equal(key, " AND ")
	steps := []sqliteStep{{remove, changes.Delete, false}, {insert, changes.Insert, false}}
	for _, update := range changes.Update {
		steps = append(steps, sqliteUpdate(changes, update))
	}
	steps = append(steps, sqliteStep{insert + onConflict(changes, ""), changes.Add, false}, sqliteStep{remove + zero, lowered, false})
	for _, step := range steps {
		if err := t.each(ctx, step); err != nil {
			return fmt.Errorf("write to %s: %w", changes.Table, err)
		}
	}
	return nil
}

// sqliteStep is a statement to run with each row of parameters.
type sqliteStep struct {
	statement string
	rows      [][]any
	touches   bool // each row must meet one that is there
}

// sqliteUpdate sets the columns that change alone: SQLite writes the indexes of each that is set, even
// to what it was.
func sqliteUpdate(changes engine.Changes, update engine.Update) sqliteStep {
	set := selected(changes.Columns, update.Set)
	rows := make([][]any, len(update.Rows))
	for i, row := range update.Rows {
		rows[i] = make([]any, 0, len(set)+changes.Key)
		for _, place := range update.Set {
			rows[i] = append(rows[i], row[place])
		}
		rows[i] = append(rows[i], row[:changes.Key]...)
	}
	return sqliteStep{"UPDATE " + changes.Table + " SET " + equal(set, ", ") +
		" WHERE " + equal(changes.Columns[:changes.Key], " AND "), rows, true}
}

// equal says of each column that it equals the next parameter. Parameters of writes have no names: the
// driver would look each up for each row.
func equal(columns []engine.Column, separator string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column.Name + " = ?"
	}
	return strings.Join(list, separator)
}

// rowsBetweenLooks is after how many rows a write looks whether it should go on.
const rowsBetweenLooks = 100

func (t *sqliteTx) each(ctx context.Context, step sqliteStep) error {
	if len(step.rows) == 0 {
		return nil
	}
	prepared, err := t.tx.PrepareContext(ctx, step.statement)
	if err != nil {
		return err
	}
	defer prepared.Close()
	// The driver starts a goroutine for each statement that could be cancelled.
	quiet := context.WithoutCancel(ctx)
	for i, row := range step.rows {
		if i%rowsBetweenLooks == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		result, err := prepared.ExecContext(quiet, row...)
		if err != nil {
			return err
		}
		if step.touches {
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, errGone)
			}
		}
	}
	return nil
}

func parameters(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "?"
	}
	return strings.Join(list, ", ")
}
