package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"casesync/eventstore/sqldb"
	"casesync/projections/engine"
)

// copyRowsMin is from how many rows on COPY is faster than INSERT, which needs fewer round trips.
const copyRowsMin = 50

// beginUpdate ends the transaction of a process that vanished after 10 s, so that nobody waits for it
// longer. Views keep nobody waiting, and may take their time.
const beginUpdate = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 10000"

type postgres struct{ pool *pgxpool.Pool }

func openPostgres(ctx context.Context, address string) (*postgres, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("read address %s: %w", sqldb.Redact(address), err)
	}
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = "casesync-readmodel"
	parameters["synchronous_commit"] = "off" // see the package comment
	parameters["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", sqldb.Redact(address), err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to %s: %w; check that PostgreSQL runs there and lets this user in", sqldb.Redact(address), err)
	}
	return &postgres{pool: pool}, nil
}

func (p *postgres) Close() error {
	p.pool.Close()
	return nil
}

// View sends the beginning of its transaction together with the first query, which saves a round
// trip on every read.
func (p *postgres) View(ctx context.Context, f func(engine.Snapshot) error) error {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("begin view: %w", err)
	}
	defer conn.Release() // closes a connection that is still in a transaction
	err = f(&postgresView{conn: conn.Conn()})
	if pg := conn.Conn().PgConn(); !pg.IsClosed() && !pg.IsBusy() && pg.TxStatus() != 'I' {
		_, rollbackErr := conn.Exec(ctx, "ROLLBACK")
		err = errors.Join(err, rollbackErr)
	}
	return err
}

type postgresView struct {
	conn  *pgx.Conn
	begun bool
}

func (v *postgresView) Query(ctx context.Context, query string, args ...any) (engine.Cursor, error) {
	if v.begun {
		return queryPostgres(ctx, v.conn, query, args)
	}
	v.begun = true
	batch := &pgx.Batch{}
	batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	batch.Queue(query, args...)
	results := v.conn.SendBatch(ctx, batch)
	if _, err := results.Exec(); err != nil {
		return nil, errors.Join(err, results.Close())
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return &postgresCursor{Rows: rows, results: results}, nil
}

func (v *postgresView) LoadKeys(ctx context.Context, table string, columns []engine.Column, keys []string) (engine.Cursor, error) {
	return v.Query(ctx, loadKeys(table, columns), keys)
}

// postgresCursor closes itself at its end, so that the connection is free for the next query.
type postgresCursor struct {
	pgx.Rows
	results pgx.BatchResults // nil outside a batch
	err     error
}

func queryPostgres(ctx context.Context, db interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, query string, args []any) (engine.Cursor, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return &postgresCursor{Rows: rows}, nil
}

func (c *postgresCursor) Next() bool {
	if c.Rows.Next() {
		return true
	}
	c.err = errors.Join(c.err, c.Close())
	return false
}

func (c *postgresCursor) Err() error { return errors.Join(c.Rows.Err(), c.err) }

func (c *postgresCursor) Close() error {
	c.Rows.Close()
	if c.results == nil {
		return nil
	}
	results := c.results
	c.results = nil
	return results.Close()
}

func (p *postgres) Update(ctx context.Context, f func(engine.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, p.pool, pgx.TxOptions{BeginQuery: beginUpdate}, func(tx pgx.Tx) error { return f(&postgresTx{tx}) })
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

type postgresTx struct{ tx pgx.Tx }

func (t *postgresTx) Query(ctx context.Context, query string, args ...any) (engine.Cursor, error) {
	return queryPostgres(ctx, t.tx, query, args)
}

func (t *postgresTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (t *postgresTx) CreateTable(ctx context.Context, table string, spec engine.Spec) error {
	var text strings.Builder
	for _, column := range spec.Columns {
		text.WriteString(column.Name + " " + string(column.Type))
		if column.Type == engine.Text {
			text.WriteString(` COLLATE "C"`)
		}
		text.WriteString(" NOT NULL, ")
	}
	_, err := t.tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+table+" ("+text.String()+
		"PRIMARY KEY ("+names(spec.Columns[:spec.Key], plain)+"))")
	if err != nil {
		return fmt.Errorf("create table %s: %w", table, err)
	}
	return nil
}

func (t *postgresTx) LoadKeys(ctx context.Context, table string, columns []engine.Column, keys []string) (engine.Cursor, error) {
	return t.Query(ctx, loadKeys(table, columns), keys)
}

func loadKeys(table string, columns []engine.Column) string {
	return "SELECT " + names(columns, plain) + " FROM " + table + " WHERE " + columns[0].Name + " = ANY($1)"
}

// Write sends whole columns as arrays, one statement for each kind of change, and many new rows by
// COPY.
func (t *postgresTx) Write(ctx context.Context, changes engine.Changes) error {
	if err := checkText(changes); err != nil {
		return fmt.Errorf("write to %s: %w", changes.Table, err)
	}
	if err := t.write(ctx, changes); err != nil {
		return fmt.Errorf("write to %s: %w", changes.Table, err)
	}
	return nil
}

func (t *postgresTx) write(ctx context.Context, changes engine.Changes) error {
	if len(changes.Insert) >= copyRowsMin {
		if err := t.remove(ctx, changes); err != nil {
			return err
		}
		columns := make([]string, len(changes.Columns))
		for i, column := range changes.Columns {
			columns[i] = column.Name
		}
		if _, err := t.tx.CopyFrom(ctx, pgx.Identifier{changes.Table}, columns, pgx.CopyFromRows(changes.Insert)); err != nil {
			return err
		}
		changes.Insert, changes.Delete = nil, nil
	}
	insert := "INSERT INTO " + changes.Table + " AS t (" + names(changes.Columns, plain) + ") SELECT * FROM " + unnest(changes.Columns) //nolint:unqueryvet // what unnest gives is named right before
	batch := &pgx.Batch{}
	if len(changes.Delete) > 0 {
		batch.Queue(removal(changes), arrays(changes.Columns[:changes.Key], changes.Delete)...)
	}
	if len(changes.Insert) > 0 {
		batch.Queue(insert, arrays(changes.Columns, changes.Insert)...)
	}
	if rows := updated(changes); len(rows) > 0 {
		batch.Queue(replace(changes), arrays(changes.Columns, rows)...).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() != int64(len(rows)) {
				return errGone
			}
			return nil
		})
	}
	if len(changes.Add) > 0 {
		batch.Queue(insert+onConflict(changes, "t."), arrays(changes.Columns, changes.Add)...)
	}
	if lowered := lowered(changes); len(lowered) > 0 {
		key := changes.Columns[:changes.Key]
		batch.Queue(removal(changes)+allZero(changes, "t."), arrays(key, lowered)...)
	}
	if batch.Len() == 0 {
		return nil
	}
	return t.tx.SendBatch(ctx, batch).Close()
}

func (t *postgresTx) remove(ctx context.Context, changes engine.Changes) error {
	if len(changes.Delete) == 0 {
		return nil
	}
	_, err := t.tx.Exec(ctx, removal(changes), arrays(changes.Columns[:changes.Key], changes.Delete)...)
	return err
}

// updated are all rows to update, whichever of their columns change: PostgreSQL sees for itself which
// indexes that concerns.
func updated(changes engine.Changes) (rows [][]any) {
	for _, update := range changes.Update {
		rows = append(rows, update.Rows...)
	}
	return rows
}

func replace(changes engine.Changes) string {
	key := changes.Columns[:changes.Key]
	return "UPDATE " + changes.Table + " t SET " +
		names(changes.Columns[changes.Key:], func(name string) string { return name + " = new." + name }) +
		" FROM " + unnest(changes.Columns) + " AS new(" + names(changes.Columns, plain) + ") WHERE (" +
		names(key, func(name string) string { return "t." + name }) + ") = (" +
		names(key, func(name string) string { return "new." + name }) + ")"
}

func removal(changes engine.Changes) string {
	key := changes.Columns[:changes.Key]
	return "DELETE FROM " + changes.Table + " t USING " + unnest(key) + " AS gone(" + names(key, plain) + ") WHERE (" +
		names(key, func(name string) string { return "t." + name }) + ") = (" +
		names(key, func(name string) string { return "gone." + name }) + ")"
}

// unnest is the table whose columns are the arrays $1, $2 ….
func unnest(columns []engine.Column) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = fmt.Sprintf("$%d::%s[]", i+1, column.Type)
	}
	return "unnest(" + strings.Join(list, ", ") + ")"
}

// arrays turns rows into one slice for each column.
func arrays(columns []engine.Column, rows [][]any) []any {
	list := make([]any, len(columns))
	for i, column := range columns {
		switch column.Type {
		case engine.Text:
			list[i] = array[string](rows, i)
		case engine.BigInt:
			list[i] = array[int64](rows, i)
		case engine.Boolean:
			list[i] = array[bool](rows, i)
		}
	}
	return list
}

func array[T any](rows [][]any, column int) []T {
	list := make([]T, len(rows))
	for i, row := range rows {
		list[i] = row[column].(T)
	}
	return list
}
