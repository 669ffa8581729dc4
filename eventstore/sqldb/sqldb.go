// Package sqldb opens the two databases that casesync keeps its data in, SQLite and PostgreSQL,
// by an address, and brings their tables up to date. It promises that a database it opened is
// reachable, that SQLite commits survive a power cut (unless asked otherwise), and that several
// processes may start at once. Its errors say what to do, and never hold a password.
//
// A SQLite database has many readers and one writer at a time: a transaction that may write takes
// the write lock when it begins (so it never fails half-way for want of it), and waits for it up to
// [BusyTimeout]. Read-only transactions (sql.TxOptions.ReadOnly) take no lock.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Dialect is which of the two databases it is.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// BusyTimeout is how long a SQLite connection waits for a lock that another one holds.
const BusyTimeout = 10 * time.Second

// DB is an open database.
type DB struct {
	*sql.DB
	Dialect Dialect
	path    string // of the SQLite file
}

// Option changes how a database is opened.
type Option func(*options)

type options struct {
	synchronous string
	connsMax    int
}

// NormalSync makes a SQLite commit survive the end of the process, but not a power cut: for what
// can be computed again. PostgreSQL is not affected.
func NormalSync() Option { return func(o *options) { o.synchronous = "NORMAL" } }

// ConnsMax sets how many connections are open at most; 16 if it is not given.
func ConnsMax(n int) Option { return func(o *options) { o.connsMax = n } }

// Open opens the database at address: "sqlite:PATH", whose file and directories are made where
// they are missing, readable by this user alone; or "postgres://USER:PASSWORD@HOST:PORT/DATABASE",
// which must be there.
func Open(ctx context.Context, address string, opts ...Option) (*DB, error) {
	o := options{synchronous: "FULL", connsMax: 16}
	for _, opt := range opts {
		opt(&o)
	}
	dialect, place, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	var db *DB
	if dialect == SQLite {
		db, err = openSQLite(ctx, place, o)
	} else {
		db, err = openPostgres(ctx, place)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", Redact(address), err)
	}
	db.SetMaxOpenConns(o.connsMax)
	db.SetMaxIdleConns(o.connsMax)
	return db, nil
}

// ParseAddress tells the dialect of an address, and the place in it: the path of a SQLite file as
// it is written, or the whole URL of a PostgreSQL database.
func ParseAddress(address string) (dialect Dialect, place string, err error) {
	scheme, rest, ok := strings.Cut(address, ":")
	switch {
	case ok && scheme == "sqlite":
		rest = strings.TrimPrefix(rest, "//")
		if rest == "" || strings.HasPrefix(rest, ":") || strings.HasSuffix(rest, "/") || strings.ContainsRune(rest, 0) {
			return "", "", errors.New("parse database address: sqlite: needs the path of a file, such as sqlite:data/log.db")
		}
		return SQLite, rest, nil
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		// The parser's own error quotes what it could not read, which may be part of the password.
		if u, err := url.Parse(address); err != nil || u.Opaque != "" {
			return "", "", errors.New("parse database address: this is no URL of the form " +
				"postgres://USER:PASSWORD@HOST:PORT/DATABASE; write special characters of a password as %XX")
		}
		return Postgres, address, nil
	}
	return "", "", errors.New("parse database address: it must begin with sqlite: or postgres://")
}

// Redact returns address without its password, to be shown to people and logs.
func Redact(address string) string {
	dialect, place, err := ParseAddress(address)
	switch {
	case err != nil:
		return "(unreadable address)"
	case dialect == SQLite:
		return "sqlite:" + place
	}
	u, err := url.Parse(place)
	if err != nil {
		return "(unreadable address)"
	}
	// A password may also stand among the parameters (password=, sslpassword=): show none of them.
	u.RawQuery = ""
	return u.Redacted()
}

// PrepareFile makes the directories of path and an empty file there, readable by this user alone,
// where they are missing, and returns the absolute path. A crash after it leaves an empty file,
// which SQLite takes for a new database.
func PrepareFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find database file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make directory of the database: %w; choose another place or make it writable", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("make database file: %w; its directory and the file must be writable by this user", err)
	}
	return path, file.Close()
}
