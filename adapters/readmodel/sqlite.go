package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
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
	rows, err := t.tx.QueryContext(ctx, query, args...)
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

func (t *sqliteTx) CreateTable(ctx context.Context, table string, columns []engine.Column, key int) error {
	var text strings.Builder
	for _, column := range columns {
		fmt.Fprintf(&text, "%s %s NOT NULL, ", column.Name, column.Type)
	}
	_, err := t.tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+table+" ("+text.String()+
		"PRIMARY KEY ("+names(columns[:key], plain)+"))")
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
	add := onConflict(changes, func(column string) string { return column + " + excluded." + column })
	lowered, zero := lowered(changes), allZero(changes, "")
	for i, row := range lowered {
		lowered[i] = row[:changes.Key]
	}
	remove := "DELETE FROM " + changes.Table + " WHERE (" + names(changes.Columns[:changes.Key], plain) +
		") = (" + parameters(changes.Key) + ")"
	for _, step := range []struct {
		statement string
		rows      [][]any
	}{
		{remove, changes.Delete},
		{insert, changes.Insert},
		{insert + onConflict(changes, replaced), changes.Upsert},
		{insert + add, changes.Add},
		{remove + zero, lowered},
	} {
		if err := t.each(ctx, step.statement, step.rows); err != nil {
			return fmt.Errorf("write to %s: %w", changes.Table, err)
		}
	}
	return nil
}

func (t *sqliteTx) each(ctx context.Context, statement string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	prepared, err := t.tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer prepared.Close()
	for _, row := range rows {
		if _, err := prepared.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

func parameters(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(list, ", ")
}
