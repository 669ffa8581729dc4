// Package sqlitelog is the log in one SQLite file. It promises what eventstore.Log does, for any
// number of processes on one machine: each append is on disk before it is answered
// (synchronous=FULL), and the write lock is taken before the revision is checked.
//
// The appends that wait in a process are committed together, in one transaction. Readers read pages
// in short transactions of their own and never wait for the writer. A full disk fails the appends
// that meet it and nothing else: what is there can be read, and appends work again when there is
// room. After a disk that failed to flush, appends are refused until the log is opened anew, since
// nobody knows what such a disk has kept.
package sqlitelog

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"casesync/eventstore"
	"casesync/eventstore/groupcommit"
	"casesync/eventstore/headwatch"
	"casesync/eventstore/sequencer"
	"casesync/eventstore/sharedread"
	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config is the manual of the log. The zero Config is a good one.
type Config struct {
	// Limits bounds one append.
	Limits eventstore.Limits
	// BatchAppendsMax is the most appends of one transaction; 1,000 by default.
	BatchAppendsMax int
	// PollInterval is how often a waiting reader looks for what another process has appended;
	// 100 ms by default. Appends of this process wake it at once.
	PollInterval time.Duration
	// ReadersMax is how many pages are read at once; 8 by default.
	ReadersMax int
	// BusyTimeout is how long an append waits for another process's; 10 s by default.
	BusyTimeout time.Duration
	// Now is the clock of recorded times; time.Now by default.
	Now func() time.Time
}

func (c Config) orDefault() Config {
	c.Limits = c.Limits.OrDefault()
	c.BatchAppendsMax = cmp.Or(c.BatchAppendsMax, 1000)
	c.PollInterval = cmp.Or(c.PollInterval, 100*time.Millisecond)
	c.ReadersMax = cmp.Or(c.ReadersMax, 8)
	c.BusyTimeout = cmp.Or(c.BusyTimeout, sqldb.BusyTimeout)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Log is an open log.
type Log struct {
	config  Config
	path    string
	writer  *groupcommit.Writer[sequencer.Append, eventstore.Appended]
	conn    *sqlite.Conn // the writer's alone
	broken  error        // the writer's alone: why it must not write any more
	readers *sqlitex.Pool
	ends    *sharedread.Reader[eventstore.StreamName, eventstore.Revision]
	watch   headwatch.Watch
	close   func() error
}

var (
	_ eventstore.Log        = (*Log)(nil)
	_ eventstore.Notifier   = (*Log)(nil)
	_ eventstore.Header     = (*Log)(nil)
	_ eventstore.Ender      = (*Log)(nil)
	_ eventstore.Identifier = (*Log)(nil)
)

// Open opens the log in the file at path, and makes it where it is missing.
func Open(ctx context.Context, path string, config Config) (*Log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := prepare(ctx, path); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{config: config.orDefault(), path: path}
	if l.conn, err = openWriter(path, l.config.BusyTimeout); err != nil {
		return nil, fmt.Errorf("open log %s: %w", path, explain(err))
	}
	l.readers, err = sqlitex.NewPool(path, sqlitex.PoolOptions{
		Flags:    sqlite.OpenReadWrite, // a reader of a WAL file writes its index; query_only keeps the rest safe
		PoolSize: l.config.ReadersMax,
		PrepareConn: func(conn *sqlite.Conn) error {
			return sqlitex.ExecuteTransient(conn, "PRAGMA query_only = ON", nil)
		},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", path, explain(err)), l.conn.Close())
	}
	l.writer = groupcommit.New(groupcommit.Config[sequencer.Append, eventstore.Appended]{
		Commit:           l.commit,
		Size:             func(a sequencer.Append) int { return eventstore.Size(a.Events) },
		BatchRequestsMax: l.config.BatchAppendsMax,
		BatchBytesMax:    l.config.Limits.AppendBytesMax,
	})
	l.ends = sharedread.New(endsMax, l.readEnds)
	l.close = sync.OnceValue(l.shut)
	return l, nil
}

// Close commits the appends that wait and closes the file. It may be called more than once.
func (l *Log) Close() error { return l.close() }

func (l *Log) shut() error {
	l.writer.Close()
	l.ends.Close()
	// The last connection that closes moves all from the write-ahead log into the file; a crash
	// before that leaves it to the next one who opens.
	return errors.Join(l.readers.Close(), l.conn.Close())
}

// prepare makes the tables and the identity.
func prepare(ctx context.Context, path string) error {
	db, err := sqldb.Open(ctx, "sqlite:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := sqldb.Migrate(ctx, db, files, "log_migration"); err != nil {
		return err
	}
	// Of processes that start at once one names the log; the others keep that name.
	_, err = db.ExecContext(ctx, "INSERT INTO log_identity (one_row, identity) VALUES (1, $1) ON CONFLICT DO NOTHING", uuid.NewString())
	return err
}

func openWriter(path string, busyTimeout time.Duration) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTimeout)
	for _, pragma := range []string{
		"synchronous = FULL",            // NORMAL loses acknowledged appends in a power cut
		"wal_autocheckpoint = 4000",     // pages of 4 KiB
		"journal_size_limit = 67108864", // bytes of the write-ahead log kept after a burst
		"cache_size = -65536",           // KiB: the index of ids is written at random places
	} {
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA "+pragma, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}
