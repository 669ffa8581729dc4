package engine

import (
	"context"
	"fmt"
)

// schemaVersion is that of the engine's own tables. They hold nothing that could not be computed
// again from the log, but for the skips: what an operator decided about poisonous events.
const schemaVersion = 1

type ownTable struct {
	name    string
	key     int
	columns []Column
}

// ownTables are:
//
//   - engine_schema: the version of these tables, one row.
//   - engine_projections: which generation of a projection's tables is live (the one row that a
//     rebuild switches), which was before it (0 for none), and the last number given out.
//   - engine_generations: a generation's version, tables and checkpoint. The checkpoint names the last
//     event folded by its position, its id and the position before it, so that another log, or an
//     older state of this one, is recognised. A frozen generation takes no more events; a built one
//     has been live, or is ready to be.
//   - engine_leases: who may write, by a fence that grows with each holder.
//   - engine_skips: events that are left out of the fold of their key, by an operator, for a reason.
func ownTables() []ownTable {
	return []ownTable{
		{"engine_schema", 1, []Column{{"version", BigInt}}},
		{"engine_projections", 1, []Column{
			{"name", Text}, {"live", BigInt}, {"previous", BigInt}, {"last", BigInt}}},
		{"engine_generations", 2, []Column{
			{"projection", Text}, {"generation", BigInt}, {"version", BigInt}, {"tables", Text},
			{"before_major", BigInt}, {"before_minor", BigInt}, {"major", BigInt}, {"minor", BigInt},
			{"event_id", Text}, {"recorded_at", BigInt}, {"events", BigInt},
			{"built", Boolean}, {"frozen", Boolean}, {"started_at", BigInt}, {"updated_at", BigInt}}},
		{"engine_leases", 1, []Column{
			{"name", Text}, {"holder", Text}, {"fence", BigInt}, {"renewed_at", BigInt}, {"expires_at", BigInt}}},
		{"engine_skips", 3, []Column{
			{"projection", Text}, {"major", BigInt}, {"minor", BigInt},
			{"key", Text}, {"event_id", Text}, {"actor", Text}, {"reason", Text}, {"skipped_at", BigInt}}},
	}
}

// Setup makes the engine's own tables where they are missing. Several processes may do so at once.
func Setup(ctx context.Context, store Store) error {
	if version, err := setUp(ctx, store); err == nil && version != 0 {
		return checkSchema(version)
	}
	err := store.Update(ctx, func(tx Tx) error {
		for _, table := range ownTables() {
			if err := tx.CreateTable(ctx, table.name, Spec{Columns: table.columns, Key: table.key}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO engine_schema (version)
			SELECT CAST($1 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM engine_schema) ON CONFLICT (version) DO NOTHING`, int64(schemaVersion))
		return err
	})
	version, viewErr := setUp(ctx, store)
	if err != nil && (viewErr != nil || version == 0) { // else another process made them just now
		return fmt.Errorf("set up engine tables: %w", err)
	}
	if viewErr != nil {
		return fmt.Errorf("set up engine tables: %w", viewErr)
	}
	return checkSchema(version)
}

// setUp returns the version of the engine's tables, and an error where they are not there.
func setUp(ctx context.Context, store Store) (version int64, err error) {
	err = store.View(ctx, func(snapshot Snapshot) error {
		_, err := queryRow(ctx, snapshot, `SELECT version FROM engine_schema`, nil, &version)
		return err
	})
	return version, err
}

func checkSchema(version int64) error {
	if version != schemaVersion {
		return fmt.Errorf("set up engine tables: the database has version %d of them and this binary needs %d: "+
			"use the binary that made them, or an empty database (read models are computed again from the log)",
			version, schemaVersion)
	}
	return nil
}

// queryRow scans the first row of a query, and is false where there is none.
func queryRow(ctx context.Context, snapshot Snapshot, query string, args []any, dest ...any) (found bool, err error) {
	cursor, err := snapshot.Query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer cursor.Close()
	if !cursor.Next() {
		return false, cursor.Err()
	}
	if err := cursor.Scan(dest...); err != nil {
		return false, err
	}
	return true, cursor.Close()
}
