package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func openSQLite(ctx context.Context, path string, o options) (*DB, error) {
	path, err := PrepareFile(path)
	if err != nil {
		return nil, err
	}
	if err := checkWritableDir(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", sqliteDSN(path, url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {o.synchronous},
		"_foreign_keys": {"1"},
		"_pragma":       {"secure_delete(1)"}, // what was erased must not stay in free pages
	}))
	if err != nil {
		return nil, err
	}
	if err := pingSQLite(ctx, db); err != nil {
		db.Close()
		return nil, explainSQLite(err)
	}
	return &DB{DB: db, Dialect: SQLite, path: path}, nil
}

func sqliteDSN(path string, parameters url.Values) string {
	parameters.Set("_busy_timeout", strconv.FormatInt(BusyTimeout.Milliseconds(), 10))
	parameters.Set("_txlock", "immediate")
	parameters.Set("_dqs", "0")
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: parameters.Encode()}
	return u.String()
}

// checkWritableDir: SQLite keeps two files beside the database, so that a writable file in a
// directory that is not fails late and obscurely.
func checkWritableDir(path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".casesync-writable-*")
	if err != nil {
		return fmt.Errorf("write to directory of the database: %w; it must be writable by this user", err)
	}
	file.Close()
	return os.Remove(file.Name())
}

// pingSQLite opens the first connection. While another process turns a new file to WAL, SQLite
// answers busy without waiting.
func pingSQLite(ctx context.Context, db *sql.DB) error {
	deadline := time.Now().Add(BusyTimeout)
	for {
		err := db.PingContext(ctx)
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func isBusy(err error) bool {
	return sqliteCode(err) == sqlite3.SQLITE_BUSY
}

func sqliteCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

func explainSQLite(err error) error {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w; the file is no SQLite database or is damaged: name another, or restore a backup", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w; another process held it for %s: look for one that hangs", err, BusyTimeout)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w; the disk is full: make room and start again", err)
	}
	return err
}
