package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"casesync/eventstore"
)

// Config is what the engine needs to keep one projection.
type Config struct {
	// Store holds the tables, Log the events, and Prepare decodes them.
	Store      Store
	Log        eventstore.Log
	Prepare    Prepare
	Projection Projection
	// Holder names this process among those that keep the same projection; host, process and a
	// random part if "".
	Holder string
	// LeaseTTL is after how long without a sign of life another process takes over; 10 s if 0.
	// The clocks of the processes should agree to a fraction of it.
	LeaseTTL time.Duration
	// BatchEventsMax bounds a batch; 5,000 if 0. Batches are smaller where they take long.
	BatchEventsMax int
	// Now is the clock; time.Now if nil. Logger is slog.Default() if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	if c.Store == nil || c.Log == nil || c.Prepare == nil {
		return c, errors.New("configure projection: Store, Log and Prepare must be set")
	}
	if err := c.Projection.validate(); err != nil {
		return c, err
	}
	if c.Holder == "" {
		host, _ := os.Hostname()
		c.Holder = fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
	}
	if c.LeaseTTL <= 0 {
		c.LeaseTTL = 10 * time.Second
	}
	if c.BatchEventsMax <= 0 {
		c.BatchEventsMax = 5_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = c.Logger.With(slog.String("projection", c.Projection.Name))
	return c, nil
}

func (c Config) lease(name string) *lease {
	return &lease{name: name, holder: c.Holder, ttl: c.LeaseTTL, now: c.Now}
}

// folder returns a folder that leaves out what operators skipped so far.
func (c Config) folder(ctx context.Context, snapshot Snapshot) (*folder, error) {
	skips, err := readSkips(ctx, snapshot, c.Projection.Name)
	if err != nil {
		return nil, err
	}
	return &folder{projection: c.Projection, prepare: c.Prepare, skips: skips, now: c.Now}, nil
}

// Runner keeps one projection's live tables up with the log. Any number of processes may run one
// for the same projection: the one that holds the lease works, the others stand by.
type Runner struct{ config Config }

// NewRunner returns a runner, and an error where the configuration is wrong.
func NewRunner(config Config) (*Runner, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Runner{config: config}, nil
}

// The pauses after errors that pass by themselves, such as a database that is restarting.
const (
	retryPauseFirst = 50 * time.Millisecond
	retryPauseMax   = 5 * time.Second
)

// Run keeps the projection until ctx ends, and then returns nil. It makes the tables where there are
// none, and rebuilds them where an older version made them. It goes on after errors that may pass,
// and stands by while a newer version's tables are live. It returns an error that Is ErrLogReplaced
// where the log is not the one that the tables were computed from.
func (r *Runner) Run(ctx context.Context) error {
	pause := retryPauseFirst
	for ctx.Err() == nil {
		started := r.config.Now()
		err := r.turn(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // being stopped is no error, whatever it broke off
		}
		if r.config.Now().Sub(started) > retryPauseMax {
			pause = retryPauseFirst
		}
		switch {
		case errors.Is(err, ErrLogReplaced):
			return fmt.Errorf("run projection %s: %w", r.config.Projection.Name, err)
		case errors.Is(err, errFenced), errors.Is(err, errMoved):
			r.config.Logger.InfoContext(ctx, "projection changed hands", slog.Any("error", err))
		case errors.Is(err, ErrNewerVersion), errors.Is(err, ErrRebuilding):
			r.config.Logger.InfoContext(ctx, "projection stands by", slog.Any("reason", err))
			pause = retryPauseMax
		default:
			r.config.Logger.ErrorContext(ctx, "projection failed, and is tried again", slog.Any("error", err))
		}
		sleep(ctx, pause)
		pause = min(2*pause, retryPauseMax)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// turn holds the lease once, for as long as nothing goes wrong.
func (r *Runner) turn(ctx context.Context) error {
	l := r.config.lease(runnerLease(r.config.Projection.Name))
	for {
		taken, err := l.take(ctx, r.config.Store)
		if err != nil {
			return err
		}
		if taken {
			break
		}
		if !sleep(ctx, r.config.LeaseTTL/4) {
			return ctx.Err()
		}
	}
	return holding(ctx, r.config.Store, l, func(ctx context.Context) error { return r.work(ctx, l) })
}

// holding runs work while it keeps the lease, and gives it up at the end. Work is stopped where the
// lease is lost.
func holding(ctx context.Context, store Store, l *lease, work func(context.Context) error) error {
	working, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		cancel(l.keep(working, store))
	}()
	err := work(working)
	if lost := context.Cause(working); errors.Is(lost, errFenced) {
		err = lost
	}
	cancel(nil)
	<-kept
	release, stop := context.WithTimeout(context.WithoutCancel(ctx), retryPauseMax)
	defer stop()
	// If the lease cannot be given up it runs out by itself.
	_ = l.release(release, store)
	return err
}

func (r *Runner) work(ctx context.Context, l *lease) error {
	w, err := r.open(ctx, l)
	if err != nil {
		return err
	}
	if err := w.generation.checkpoint.checkLog(ctx, r.config.Log); err != nil {
		return err
	}
	if err := r.retryKnown(ctx); err != nil {
		return err
	}
	pace := pace{size: min(500, r.config.BatchEventsMax), max: r.config.BatchEventsMax}
	return w.follow(ctx, r.config.Log, w.generation.checkpoint.at, r.config.BatchEventsMax, func(b batch) error {
		for len(b.events) > 0 {
			var first batch
			first, b = b.cut(pace.size)
			started := r.config.Now()
			if err := w.apply(ctx, first); err != nil {
				return err
			}
			pace.took(r.config.Now().Sub(started), len(first.events))
		}
		return nil
	})
}

// fillByRebuildMin is how many events a log has for which empty tables are filled by a rebuild, which
// is several times as fast, instead of while they are read.
const fillByRebuildMin = 50_000

// open finds the live generation, made or rebuilt where it must be.
func (r *Runner) open(ctx context.Context, l *lease) (*writer, error) {
	p := r.config.Projection
	w := &writer{store: r.config.Store, lease: l}
	head, err := headOf(ctx, r.config.Log)
	if err != nil {
		return nil, fmt.Errorf("read head of the log: %w", err)
	}
	err = r.config.Store.Update(ctx, func(tx Tx) (err error) {
		if err := l.renew(ctx, tx); err != nil {
			return err
		}
		if w.folder, err = r.config.folder(ctx, tx); err != nil {
			return err
		}
		w.generation, err = readLive(ctx, tx, p.Name)
		if errors.Is(err, ErrNotBuilt) && head.Major < fillByRebuildMin {
			w.generation, err = r.first(ctx, tx)
		}
		return err
	})
	switch {
	case err != nil && !errors.Is(err, ErrNotBuilt):
		return nil, fmt.Errorf("open live tables: %w", err)
	case w.generation.version > p.Version:
		return nil, fmt.Errorf("version %d is live, this binary has version %d: %w", w.generation.version, p.Version, ErrNewerVersion)
	case w.generation.version < p.Version:
		if _, err := rebuild(ctx, r.config, Options{}); err != nil {
			return nil, fmt.Errorf("build version %d: %w", p.Version, err)
		}
		return r.open(ctx, l)
	}
	return w, nil
}

// first makes the first generation of the projection's tables, live from the start: it fills while
// it is read. A crash before the commit leaves nothing of it.
func (r *Runner) first(ctx context.Context, tx Tx) (generation, error) {
	p := r.config.Projection
	g, err := newGeneration(ctx, tx, p, r.config.Now())
	if err != nil {
		return g, err
	}
	for _, statement := range p.indexes(g.number) {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return g, fmt.Errorf("%s: %w", statement, err)
		}
	}
	g.built = true
	if _, err := tx.Exec(ctx, `UPDATE engine_generations SET built = $1 WHERE projection = $2 AND generation = $3`,
		true, p.Name, g.number); err != nil {
		return g, err
	}
	_, err = tx.Exec(ctx, `UPDATE engine_projections SET live = $1 WHERE name = $2`, g.number, p.Name)
	return g, err
}
