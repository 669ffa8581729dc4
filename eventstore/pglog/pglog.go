// Package pglog is the log in PostgreSQL. It promises what eventstore.Log does, for any number of
// processes: appends are ordered by the lock of one row, which also holds the last position, so
// that positions are dense and no event ever becomes readable behind one that already was. There
// are no sequences, transaction ids or time-outs for a reader to guess from; readers take no lock
// and read the primary only.
//
// The appends that wait in a process are written in one transaction and each is answered for
// itself. While no other process appends, the writer knows the revisions of recently used streams,
// and a batch is one statement: it takes effect only if the log's end is where this process left
// it. Otherwise the writer locks the end, looks up what it needs, and writes, in two round trips.
//
// A connection that is lost during an append leaves its outcome unknown; the writer then finds out
// by the ids, once, before it gives up. The lock is late and short: a client that stops while it
// holds it is cut off by the server after 2 s.
package pglog

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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
	// AppendTimeout bounds one attempt to commit a batch, waiting for other processes included;
	// 10 s by default. A batch has at most two attempts.
	AppendTimeout time.Duration
	// PollInterval is how often a waiting reader looks for what another process has appended and
	// did not manage to notify; 500 ms by default.
	PollInterval time.Duration
	// NotifyInterval is the least time between two notifications of this process; 20 ms by default.
	NotifyInterval time.Duration
	// ReadersMax is how many pages are read at once; 8 by default.
	ReadersMax int
	// StreamsMax is of how many streams the writer keeps the revision in memory; 100,000 by default.
	StreamsMax int
	// Now is the clock of recorded times; time.Now by default.
	Now func() time.Time
}

func (c Config) orDefault() Config {
	c.Limits = c.Limits.OrDefault()
	c.BatchAppendsMax = cmp.Or(c.BatchAppendsMax, 1000)
	c.AppendTimeout = cmp.Or(c.AppendTimeout, 10*time.Second)
	c.PollInterval = cmp.Or(c.PollInterval, 500*time.Millisecond)
	c.NotifyInterval = cmp.Or(c.NotifyInterval, 20*time.Millisecond)
	c.ReadersMax = cmp.Or(c.ReadersMax, 8)
	c.StreamsMax = cmp.Or(c.StreamsMax, 100_000)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Log is an open log.
type Log struct {
	config   Config
	readers  *pgxpool.Pool
	writer   *groupcommit.Writer[sequencer.Append, eventstore.Appended]
	session  session // the writer's alone
	ends     *sharedread.Reader[eventstore.StreamName, eventstore.Revision]
	watch    headwatch.Watch
	notifier *notifier
	close    func() error
}

var (
	_ eventstore.Log        = (*Log)(nil)
	_ eventstore.Notifier   = (*Log)(nil)
	_ eventstore.Header     = (*Log)(nil)
	_ eventstore.Ender      = (*Log)(nil)
	_ eventstore.Identifier = (*Log)(nil)
)

// Open opens the log in the database at url, and makes its tables where they are missing. No
// process may be between the database and this one that shares sessions among transactions.
func Open(ctx context.Context, url string, config Config) (*Log, error) {
	if err := prepare(ctx, url); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{config: config.orDefault()}
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	pool.MaxConns = int32(l.config.ReadersMax)
	sqldb.ConfigurePostgres(pool.ConnConfig)
	if l.readers, err = pgxpool.NewWithConfig(ctx, pool); err != nil {
		return nil, fmt.Errorf("open log %s: %w", sqldb.Redact(url), err)
	}
	l.session = session{config: writerConfig(pool.ConnConfig, l.config.AppendTimeout), streamsMax: l.config.StreamsMax}
	l.session.forget(eventstore.Head{})
	l.notifier = startNotifier(l.readers, pool.ConnConfig.Copy(), &l.watch, l.config.NotifyInterval)
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

// Close commits the appends that wait and closes the connections. It may be called more than once.
func (l *Log) Close() error { return l.close() }

func (l *Log) shut() error {
	l.writer.Close()
	l.ends.Close()
	l.session.end()
	l.notifier.stop()
	l.readers.Close()
	return nil
}

func prepare(ctx context.Context, url string) error {
	db, err := sqldb.Open(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return sqldb.Migrate(ctx, db, files, "log_migration")
}

func writerConfig(config *pgx.ConnConfig, appendTimeout time.Duration) *pgx.ConnConfig {
	config = config.Copy()
	// A writer that is stopped or cut off while it holds the lock must not stop all others.
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "2s"
	// Shorter than the time-out of the whole, so that the error names the lock.
	config.RuntimeParams["lock_timeout"] = strconv.FormatInt((appendTimeout * 4 / 5).Milliseconds(), 10)
	// Each statement has to see what was committed while the one before waited for the lock.
	config.RuntimeParams["default_transaction_isolation"] = "read committed"
	return config
}

// Identity implements eventstore.Identifier.
func (l *Log) Identity(ctx context.Context) (string, error) {
	var identity uuid.UUID
	if err := l.readers.QueryRow(ctx, "SELECT identity FROM log_head").Scan(&identity); err != nil {
		return "", fmt.Errorf("read identity of log: %w", explain(err))
	}
	return identity.String(), nil
}
