// Package activity keeps what people and programs did, for Security Operations (requirements 43 and
// 44): sign-ins and refusals, reads of cases, exports, downloads, commands. It promises that an entry
// is never changed and goes only when its time is over; that one which was changed or taken out all
// the same is found by Verify; and that it holds no name, no e-mail address and no secret.
//
// It stands apart from the log of events, in the state database, and no business user sees it. Each
// entry is chained to the one before it by SHA-256. Whoever can write to the database can write a
// whole new chain, so entries should be forwarded (Forward), as they come, to where he cannot.
//
// Entries that must not be lost are durable when Record returns. Plain reads are written a moment
// later, together: a crash loses at most what was read in that moment.
package activity

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"casesync/adapters/commands"
	"casesync/eventstore/groupcommit"
	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_activity"

// The limits of the log.
const (
	// KeepLeast is the shortest time that entries are kept: six months (domain.md, clocks).
	KeepLeast = 183 * 24 * time.Hour
	// keepDefault is two years.
	keepDefault = 2 * 365 * 24 * time.Hour
	// batchEntriesMax bounds a transaction; valueBytesMax one value of an entry.
	batchEntriesMax = 1_000
	valueBytesMax   = 500
	detailsMax      = 20
)

// Config is the manual of the activity log.
type Config struct {
	// DB is the state database; Open brings its tables up to date.
	DB *sqldb.DB
	// Keep is how long entries are kept; two years by default, at least KeepLeast.
	Keep time.Duration
	// WaitingMax is how many plain reads may wait to be written; 10,000 by default. More wait their
	// turn before they are answered.
	WaitingMax int
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger takes faults. Default slog.Default().
	Logger *slog.Logger
}

// Log is the activity log; it is a commands.ActivityLog. It is safe for concurrent use, and several
// processes may share the database.
type Log struct {
	config  Config
	writer  *groupcommit.Writer[commands.Activity, struct{}]
	waiting chan struct{}
	writing sync.WaitGroup
	lost    atomic.Int64
	grew    broadcast
}

// Open returns the activity log of a state database. The caller keeps owning the database, and
// closes the log first.
func Open(ctx context.Context, config Config) (*Log, error) {
	config.Keep = cmp.Or(config.Keep, keepDefault)
	config.WaitingMax = cmp.Or(config.WaitingMax, 10_000)
	config.Logger = cmp.Or(config.Logger, slog.Default())
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Keep < KeepLeast {
		return nil, fmt.Errorf("open activity log: entries are to be kept for %s: at least %s, which is six months", config.Keep, KeepLeast)
	}
	tables, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open activity log: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, tables, migrationsTable); err != nil {
		return nil, fmt.Errorf("open activity log: %w", err)
	}
	if err := guard(ctx, config.DB); err != nil {
		return nil, fmt.Errorf("open activity log: %w", err)
	}
	l := &Log{config: config, waiting: make(chan struct{}, config.WaitingMax)}
	l.writer = groupcommit.New(groupcommit.Config[commands.Activity, struct{}]{
		Commit: l.commit, Size: func(commands.Activity) int { return 1 }, BatchRequestsMax: batchEntriesMax, BatchBytesMax: batchEntriesMax,
	})
	return l, nil
}

// Close writes what waits, and ends the log. Entries that come later are refused.
func (l *Log) Close() {
	l.writing.Wait()
	l.writer.Close()
}

// Record keeps an activity; see commands.ActivityLog. Values that are longer than 500 bytes are cut.
func (l *Log) Record(ctx context.Context, activity commands.Activity) error {
	if activity.At.IsZero() {
		activity.At = l.config.Now()
	}
	if !later(activity) {
		// The answer waits for this entry, but whoever asked must not be able to withdraw it.
		if _, err := l.writer.Submit(context.WithoutCancel(ctx), activity); err != nil {
			return fmt.Errorf("keep activity: %w", err)
		}
		return nil
	}
	select {
	case l.waiting <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("keep activity: %w", ctx.Err())
	}
	l.writing.Go(func() {
		defer func() { <-l.waiting }()
		if _, err := l.writer.Submit(context.WithoutCancel(ctx), activity); err != nil {
			l.lost.Add(1)
			l.config.Logger.ErrorContext(ctx, "activity lost: it could not be kept", "kind", activity.Kind, "error", err)
		}
	})
	return nil
}

// later reports whether an entry may be written a moment after it was recorded: a plain read that
// was permitted. Whatever changes something, leaves the service or was refused may not.
func later(activity commands.Activity) bool {
	return activity.Kind == commands.DataRead && !activity.Failed
}

// Lost returns how many entries this process could not keep, for health.
func (l *Log) Lost() int64 { return l.lost.Load() }

// broadcast wakes whoever waits for the log to grow.
type broadcast struct {
	mu      sync.Mutex
	changed chan struct{}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

func (b *broadcast) announce() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
