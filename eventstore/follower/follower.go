// Package follower keeps a durable subscription: it hands the events of a log, in order, to a function,
// remembers how far it has come, and goes on from there after a crash. It promises that no event is
// left out, that of several processes one works at a time, and that it never goes on silently on
// another log than the one it began with.
//
// Each event is taken at least once. What a function does is therefore to be idempotent: after a
// crash, or where a lease was lost in the middle, the events since the checkpoint are taken again.
//
// The states of a follower:
//
//	standing by → at work ⇄ failing
//
// It stands by while another process holds the lease of its name. A lease runs out unless it is
// renewed; its fence grows with each holder, and the checkpoint moves under the present fence alone,
// so that a holder who slept through his lease moves nothing any more. What fails is tried again for
// ever, with growing pauses, and nothing behind it is taken meanwhile: Status shows it.
package follower

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// Errors that callers act on.
var (
	// ErrLost: another holder took the lease since. What was under way moved nothing.
	ErrLost = errors.New("another process took over")
	// ErrLogReplaced: the log is not the one that the checkpoint was made on, or was restored to before it.
	ErrLogReplaced = errors.New("the log is not the one that was followed")
)

// Leases are rights, by name, that one holder has at a time.
type Leases interface {
	// Acquire takes the lease name for ttl, or renews it where holder has it. held is false where
	// another holder has it. The fence stays the same while a holder renews, and grows whenever
	// the lease changes hands.
	Acquire(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, held bool, err error)
	// Release gives up the lease that was acquired under fence, so that the next holder need not
	// wait. Nothing happens where another holder has it.
	Release(ctx context.Context, name string, fence int64) error
}

// Checkpoints keep how far followers have come, by name.
type Checkpoints interface {
	Leases
	// Place returns where the follower stands; the zero Place for one that never moved.
	Place(ctx context.Context, name string) (Place, error)
	// Advance moves the checkpoint. It returns an error that Is ErrLost where the lease is not held
	// under fence any more. It is durable when Advance returns nil.
	Advance(ctx context.Context, name string, fence int64, to Place) error
}

// Place is where a follower stands: after the event at position At.
type Place struct {
	// Log is the identity of the log, "" where that has none.
	Log string
	// Before is the position of the event before At, by which At can be read again; At is the position
	// of the last event that was taken, and EventID its id.
	Before, At eventstore.Position
	EventID    uuid.UUID
}

// PartialError is an error of Config.Take of which the first events of the batch were taken all the same:
// the checkpoint moves over them, and the rest is tried again.
type PartialError struct {
	// Taken is how many events of the batch need not be taken again.
	Taken int
	Err   error
}

// Error implements error with the text of what failed.
func (p *PartialError) Error() string { return p.Err.Error() }

// Unwrap returns what failed.
func (p *PartialError) Unwrap() error { return p.Err }

// Config is the manual of a follower. Name, Log, Checkpoints and Take are required.
type Config struct {
	// Name is the subscription's, for ever: the checkpoint and the lease stand under it.
	Name        string
	Log         eventstore.Log
	Checkpoints Checkpoints
	// Take does what the events of a batch, which is never empty, ask for. It may be given events
	// again that it has taken before. Where it fails it is called again, with a batch that begins
	// at the same event (or where PartialError says). Its context ends when the lease is lost: what it
	// does after that may be done by another process as well.
	Take func(ctx context.Context, batch []eventstore.Recorded) error
	// Wants says of which event types Take is to be given the events; nil means all. The checkpoint
	// moves over the others, a little later.
	Wants func(eventType string) bool
	// BatchEventsMax bounds a batch; 500 by default.
	BatchEventsMax int
	// LeaseTTL is after how long without a sign of life another process takes over; 10 s by
	// default. The clocks of the processes should agree to a fraction of it.
	LeaseTTL time.Duration
	// RetryPauseFirst and RetryPauseMax are the pauses after a failure, which double from one to the
	// other; 100 ms and 1 minute by default.
	RetryPauseFirst, RetryPauseMax time.Duration
	// Holder names this process among those that follow under the same name, for people to read;
	// host and process by default. A random part is added.
	Holder string
	// Now is the clock; time.Now by default. Logger is slog.Default() by default.
	Now    func() time.Time
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	for name, missing := range map[string]bool{"Name": c.Name == "", "Log": c.Log == nil, "Checkpoints": c.Checkpoints == nil, "Take": c.Take == nil} {
		if missing {
			return c, fmt.Errorf("configure follower %q: %s must be set", c.Name, name)
		}
	}
	if c.Wants == nil {
		c.Wants = func(string) bool { return true }
	}
	if c.BatchEventsMax <= 0 {
		c.BatchEventsMax = 500
	}
	if c.LeaseTTL <= 0 {
		c.LeaseTTL = 10 * time.Second
	}
	if c.RetryPauseFirst <= 0 {
		c.RetryPauseFirst = 100 * time.Millisecond
	}
	if c.RetryPauseMax <= 0 {
		c.RetryPauseMax = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Holder = Holder(c.Holder)
	c.Logger = c.Logger.With(slog.String("subscription", c.Name))
	return c, nil
}

// Holder returns a name for a holder of leases that no other has: what people read of it, host and
// process by default, and a random part.
func Holder(name string) string {
	if name == "" {
		host, _ := os.Hostname()
		name = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	return name + "/" + rand.Text()[:8]
}

// Follower is a subscription in this process. Run it once; Status may be asked at any time.
type Follower struct {
	config Config

	mu       sync.Mutex
	holding  bool
	place    Place // of what was taken; ahead of the checkpoint by events that nobody wants
	err      error
	since    time.Time
	attempts int
}

// New returns a follower, and an error where the configuration is wrong.
func New(config Config) (*Follower, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Follower{config: config}, nil
}

// Run follows as config says; see Follower.Run.
func Run(ctx context.Context, config Config) error {
	f, err := New(config)
	if err != nil {
		return err
	}
	return f.Run(ctx)
}
