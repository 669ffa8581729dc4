package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate applies those of migrations (goose SQL files in the root of the file system) that the
// database has not had, and records them in table, which each component has of its own. Any number
// of processes may do so at once: one applies, the others wait for it and find nothing to do.
//
// A crash in the middle leaves whole migrations only: each is applied and recorded in one
// transaction, and the locks end with the process.
func Migrate(ctx context.Context, db *DB, migrations fs.FS, table string) error {
	options := []goose.ProviderOption{
		goose.WithTableName(table),
		goose.WithDisableGlobalRegistry(true),
	}
	dialect := goose.DialectSQLite3
	if db.Dialect == Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 10))
		if err != nil {
			return fmt.Errorf("migrate %s: %w", table, err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	} else {
		unlock, err := lockFile(ctx, db.path)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", table, err)
		}
		defer unlock()
	}
	// The provider is not closed: that would close the database.
	provider, err := goose.NewProvider(dialect, db.DB, migrations, options...)
	if err != nil {
		return fmt.Errorf("read migrations of %s: %w", table, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	return nil
}

// lockFile keeps other processes from migrating the SQLite database at path until the function it
// returns is called or the process ends. The lock is the write lock of a second, always empty
// database beside it: goose needs the first one's lock itself, and SQLite's locks work on every
// system that SQLite does.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	path, err = PrepareFile(path + "-migrate")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", sqliteDSN(path, url.Values{}))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("lock %s: %w", path, explainSQLite(err))
	}
	return func() {
		_ = tx.Rollback() // closing the database ends it too
		db.Close()
	}, nil
}
