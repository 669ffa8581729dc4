// Package state keeps what the log does not, in the state database: dead letters, leases and the
// checkpoints of subscriptions, when the clock's sweeps last succeeded, and how far people have seen
// the timelines of cases. It promises that
//
//   - a letter it was given is durable, whole, and readable only while the key of its case exists;
//   - a checkpoint moves only under the fence of who holds its lease at that moment;
//   - a look never goes backwards.
//
// A letter has one row. The attributes of its message stand there in clear, for they name nobody;
// the message itself and an operator's reason are sealed, bound to the row's id. A letter is open
// until it is retried or discarded, once.
//
// A lease is free, or held until a time; whoever takes it over from another counts its fence up.
package state

import (
	"context"
	"embed"
	"io/fs"

	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationsTable keeps the state of this package's migrations, apart from other parts' of the
// same database. It is named after the first of them, and stays.
const migrationsTable = "goose_dead_letters"

// migrate brings all tables of this package up to date.
func migrate(ctx context.Context, db *sqldb.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return sqldb.Migrate(ctx, db, files, migrationsTable)
}
