// Package outbox tells case management systems what happened here: it follows the log, makes an
// integration message of each event that concerns them (CloudEvents 1.0, schemas/portal), and gives it
// to a publisher: a file, a webhook, or a message broker. The log is the outbox; there is no other table
// in which a message could be without its event, or an event without its message.
//
// It promises:
//
//   - Each message is published at least once, always under the same id: that of its event.
//   - First publications are in order within a case. Of other cases nothing is promised.
//   - What people put in line about a case, uploads and notifications, is asked for once more immediately
//     before it is published: what the case bars by then stays here (requirements 46, 48 and 61), and
//     an event in its own stream says so. Allocations and tickets are facts and go out in any case.
//   - Words of people are sealed until that moment, and are kept nowhere by the outbox.
//   - A message that cannot be published stops its case, and no other.
//
// # What fails how
//
// Publishers say what is at fault, by [Fault]. Unavailable: nobody takes anything now, so all waits and is tried
// again, with growing pauses. Refused: this message is not taken, however often it is sent; it is parked, and what
// follows in its case behind it, until an operator retries or skips it. Temporary: it failed a few times in a row, which
// may be the message's fault or everybody's; up to SetAsideMax cases are parked for that and tried again by
// themselves, and where there are more all waits.
//
// # Where a crash leaves it
//
//   - Between asking and publishing: it is asked for, and published, again.
//   - After publishing, before that is noted: it is published again, under the same id. A thing in line is asked
//     for first; if its case bars it by now, its stream says that it was stopped, although it went out.
//   - After that, before the checkpoint: facts are published again, under the same id. Things in line are known
//     to have gone out.
//   - After parking, before the checkpoint: it is parked already, and nothing changes.
//   - After a parked one is published, before its row is removed: it is published again, under the same id.
package outbox

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/errgroup"

	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/sqldb"
)

// Line is a kind of thing that people put in line to go out about a case. Its functions may be called again
// for the same attempt, also after a crash.
type Line struct {
	// Check is asked immediately before an attempt is published. It stops what the case bars by now, which is
	// recorded in the thing's own stream, and reports whether the attempt goes out: not where it was
	// stopped, was published before, or was given up.
	Check func(ctx context.Context, id string, attempt int) (goes bool, err error)
	// Note records that an attempt was published.
	Note func(ctx context.Context, id string, attempt int) error
}

// Config is the manual of an outbox. All fields are required but those that name a default.
type Config struct {
	// Name is the outbox's, for ever: its checkpoint, leases and parked messages stand under it. Default "outbox".
	Name        string
	Log         eventstore.Log
	Codec       *eventstore.Codec
	Checkpoints follower.Checkpoints
	DB          *sqldb.DB // the state database, of which the caller keeps the ownership
	// Knows reports whether this binary knows the events of a stored name. One that it does not know may be
	// for a newer binary to publish: it is parked until that comes. Default: what the domain's catalogue knows.
	Knows func(eventType string) bool
	// Source names this installation in messages, a URI: "https://portal.example.org".
	Source string
	// Publisher takes the messages, and Topic is where it puts them; "" where it has but one place. The caller
	// closes the publisher.
	Publisher message.Publisher
	Topic     string
	// SessionMetadata is the metadata under which the publisher takes what is to be kept in order, the
	// session of a message. Default: it takes none.
	SessionMetadata string
	// Refuses reports whether an error of the publisher, that is no *Fault, is about the message and not about
	// the broker, such as that it is too large. Default: none is.
	Refuses func(err error) bool
	// BatchMessagesMax is how many messages the publisher is given at a time: many where it sends them as
	// one, 1 where it sends each by itself; 1 by default.
	BatchMessagesMax int
	// LanesMax is how often the publisher is called at the same time, for different cases; 8 by default.
	LanesMax int
	// Uploads and Notifications decide about what is in line.
	Uploads, Notifications Line
	// TriesMax is how often a message is given to the publisher in a row before it counts as failed for now;
	// 3 by default. TryPause is the pause between, which doubles; 200 ms by default.
	TriesMax int
	TryPause time.Duration
	// SetAsideMax is how many cases may be parked at a time for what may pass; 20 by default.
	SetAsideMax int
	// ParkedPauseFirst and ParkedPauseMax are the pauses before what is parked is tried again by itself; 10 s
	// and 10 minutes by default.
	ParkedPauseFirst, ParkedPauseMax time.Duration
	// PollEvery is how often is looked for parked messages that are due; 2 s by default.
	PollEvery time.Duration
	// KeepFor is how long the rows of skipped messages are kept; 2 years by default.
	KeepFor time.Duration
	// BatchEventsMax, LeaseTTL, RetryPauseFirst and RetryPauseMax are the follower's; 4 times BatchMessagesMax by default, but
	// 200 events at least. After a crash up to so many are published again.
	BatchEventsMax                 int
	LeaseTTL                       time.Duration
	RetryPauseFirst, RetryPauseMax time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger gets what goes wrong, without anything personal. Default slog.Default().
	Logger *slog.Logger
}

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_outbox"

// Outbox publishes what the log says. It is safe for concurrent use; several processes may run one of the
// same name, and one of them works at a time.
type Outbox struct {
	config   Config
	parked   parked
	follower *follower.Follower
	woken    chan struct{} // has a token in it when something parked is due at once

	published, stopped atomic.Int64

	mu sync.Mutex
	// done are the events of the batch being taken that are dealt with. Where the batch is given again, because
	// others of it failed, they are passed over: they would only be published a second time.
	done map[eventstore.Position]bool
	// notBefore is what the publisher asked for when it was unavailable.
	notBefore time.Time
}

// Open returns an outbox, whose table it brings up to date in the state database.
func Open(ctx context.Context, config Config) (*Outbox, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, files, migrationsTable); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	o := &Outbox{
		config: config, parked: parked{config.DB, config.Name}, woken: make(chan struct{}, 1), done: map[eventstore.Position]bool{},
	}
	o.follower, err = follower.New(follower.Config{
		Name: config.Name, Log: readingAhead(config.Log), Checkpoints: config.Checkpoints, Take: o.take, Wants: o.wants,
		BatchEventsMax: config.BatchEventsMax, LeaseTTL: config.LeaseTTL, RetryPauseFirst: config.RetryPauseFirst,
		RetryPauseMax: config.RetryPauseMax, Now: config.Now, Logger: config.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	return o, nil
}

func (c Config) withDefaults() (Config, error) {
	c.Name = cmp.Or(c.Name, "outbox")
	c.BatchMessagesMax = cmp.Or(c.BatchMessagesMax, 1)
	c.LanesMax = cmp.Or(c.LanesMax, 8)
	c.TriesMax = cmp.Or(c.TriesMax, 3)
	c.TryPause = cmp.Or(c.TryPause, 200*time.Millisecond)
	c.SetAsideMax = cmp.Or(c.SetAsideMax, 20)
	c.ParkedPauseFirst = cmp.Or(c.ParkedPauseFirst, 10*time.Second)
	c.ParkedPauseMax = cmp.Or(c.ParkedPauseMax, 10*time.Minute)
	c.PollEvery = cmp.Or(c.PollEvery, 2*time.Second)
	c.KeepFor = cmp.Or(c.KeepFor, 2*365*24*time.Hour)
	c.BatchEventsMax = cmp.Or(c.BatchEventsMax, max(4*c.BatchMessagesMax, 200))
	c.LeaseTTL = cmp.Or(c.LeaseTTL, 10*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Refuses == nil {
		c.Refuses = func(error) bool { return false }
	}
	if c.Knows == nil {
		c.Knows = known(catalog.New())
	}
	for name, missing := range map[string]bool{
		"Log": c.Log == nil, "Codec": c.Codec == nil, "Checkpoints": c.Checkpoints == nil, "DB": c.DB == nil,
		"Publisher": c.Publisher == nil, "Uploads": c.Uploads.Check == nil || c.Uploads.Note == nil,
		"Notifications": c.Notifications.Check == nil || c.Notifications.Note == nil,
	} {
		if missing {
			return c, fmt.Errorf("%s must be set", name)
		}
	}
	if source, err := url.Parse(c.Source); err != nil || !source.IsAbs() {
		return c, fmt.Errorf("source is no absolute URI: %q", c.Source)
	}
	if c.BatchMessagesMax < 1 || c.LanesMax < 1 || c.TriesMax < 1 || c.SetAsideMax < 0 {
		return c, errors.New("BatchMessagesMax, LanesMax and TriesMax must be above 0, SetAsideMax not below")
	}
	return c, nil
}

// Run publishes until ctx ends, and then returns nil. It goes on after all errors but one that Is
// follower.ErrLogReplaced, which it returns.
func (o *Outbox) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.follower.Run(ctx) })
	group.Go(func() error { o.runParked(ctx); return nil })
	return group.Wait()
}

// Status is how the outbox stands, for health and for people.
type Status struct {
	// Status is the follower's: who works, how far behind it is, and since when it fails and why.
	follower.Status
	// Published counts the messages that this process has published, repetitions included, and Stopped those that
	// it kept back, because the case barred them.
	Published, Stopped int64
	// Parked is what is parked.
	Parked ParkedCounts
}

// Status tells how the outbox stands. It reads the log after the checkpoint, up to follower.LagEventsMax events.
func (o *Outbox) Status(ctx context.Context) (Status, error) {
	follows, err := o.follower.Status(ctx)
	if err != nil {
		return Status{}, err
	}
	counts, err := o.parked.count(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("measure outbox: %w", err)
	}
	return Status{Status: follows, Published: o.published.Load(), Stopped: o.stopped.Load(), Parked: counts}, nil
}

// known returns what tells whether a catalogue knows a stored name: as a current one, or as an older one that it
// can still read.
func known(c *catalog.Catalog) func(eventType string) bool {
	return func(eventType string) bool {
		_, current := c.New(eventType)
		name, _, err := c.Upcast(eventType, nil)
		return current || err != nil || name != eventType
	}
}

// wants reports whether events of a stored name are taken: those of which there is a message, and those that
// only a newer binary knows.
func (o *Outbox) wants(eventType string) bool {
	_, ruled := rules[eventType]
	return ruled || !o.config.Knows(eventType)
}
