package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrRebuilding is returned where another rebuild of the same projection is under way.
var ErrRebuilding = errors.New("another rebuild of the projection is under way")

// Rebuild computes the projection's tables from the start of the log, beside the live ones, compares
// the two, and switches readers over by one row. Readers notice nothing, and never see an earlier
// position than before; a Runner may go on in this or another process. The old tables are kept for
// a Rollback until the next rebuild. Cancelling ctx leaves the live tables as they are; what was left
// beside them is dropped by the next rebuild.
//
// It folds in memory and writes what it has whenever that takes MemoryMiB, so one pass over the log
// is enough whatever its size: most keys are quiet by then, and others are loaded again.
func Rebuild(ctx context.Context, config Config, options Options) (Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return Report{}, err
	}
	report, err := rebuild(ctx, config, options)
	if err != nil {
		return report, fmt.Errorf("rebuild %s: %w", config.Projection.Name, err)
	}
	return report, nil
}

func rebuild(ctx context.Context, config Config, options Options) (report Report, err error) {
	b := &rebuilding{config: config, options: options.withDefaults(), started: config.Now()}
	err = b.exclusively(ctx, func(ctx context.Context) error {
		if err := b.start(ctx); err != nil {
			return err
		}
		return b.run(ctx)
	})
	b.report.Took = config.Now().Sub(b.started)
	return b.report, err
}

// rebuilding is one rebuild or roll-back under way.
type rebuilding struct {
	*loader
	config   Config
	options  Options
	lease    *lease
	old      generation // live when it started; number 0 if there was none
	otherLog bool       // the old tables are not of this log
	started  time.Time
	report   Report
}

// exclusively holds the lease that keeps two rebuilds apart.
func (b *rebuilding) exclusively(ctx context.Context, work func(context.Context) error) error {
	b.lease = b.config.lease(rebuildLease(b.config.Projection.Name))
	b.lease.holder += "/rebuild/" + fmt.Sprint(b.started.UnixNano()) // not the same holder twice
	taken, err := b.lease.take(ctx, b.config.Store)
	if err != nil {
		return err
	}
	if !taken {
		return fmt.Errorf("%w: wait for it, or stop it", ErrRebuilding)
	}
	return holding(ctx, b.config.Store, b.lease, work)
}

// start drops what earlier rebuilds left, and makes the tables of the new generation.
func (b *rebuilding) start(ctx context.Context) error {
	if err := b.dropLeftovers(ctx); err != nil {
		return err
	}
	var g generation
	var f *folder
	err := b.config.Store.Update(ctx, func(tx Tx) (err error) {
		if err := b.lease.renew(ctx, tx); err != nil {
			return err
		}
		if f, err = b.config.folder(ctx, tx); err != nil {
			return err
		}
		if b.old, err = readLive(ctx, tx, b.config.Projection.Name); err != nil && !errors.Is(err, ErrNotBuilt) {
			return err
		}
		g, err = newGeneration(ctx, tx, b.config.Projection, b.config.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("make new tables: %w", err)
	}
	b.loader = newLoader(&writer{folder: f, store: b.config.Store, lease: b.lease, generation: g}, b.options.MemoryMiB)
	err = b.old.checkpoint.checkLog(ctx, b.config.Log)
	b.otherLog = errors.Is(err, ErrLogReplaced)
	if err != nil && !b.otherLog {
		return err
	}
	return nil
}

// run loads, indexes, compares, catches up and switches.
func (b *rebuilding) run(ctx context.Context) error {
	if err := b.catchUp(ctx); err != nil {
		return err
	}
	if err := b.index(ctx); err != nil {
		return err
	}
	if err := b.compareWithOld(ctx); err != nil {
		return err
	}
	if err := b.catchUp(ctx); err != nil {
		return err
	}
	if err := b.switchOver(ctx); err != nil {
		return err
	}
	b.config.Logger.InfoContext(ctx, "read model rebuilt", slog.Int64("generation", b.generation.number),
		slog.String("position", b.generation.checkpoint.at.String()), slog.Int64("differences", b.report.Differences))
	return b.dropLeftovers(ctx)
}

// catchUp folds all there is in the log.
func (b *rebuilding) catchUp(ctx context.Context) error {
	if err := b.each(ctx, b.take); err != nil {
		return err
	}
	return b.flush(ctx)
}

// each calls fold with each batch up to the end of the log.
func (b *rebuilding) each(ctx context.Context, fold func(context.Context, batch) error) error {
	meter := newMeter(ctx, b.config, b.generation.checkpoint, b.options.Progress)
	at := b.generation.checkpoint
	err := b.follow(ctx, b.config.Log, at.at, b.config.BatchEventsMax, func(batch batch) error {
		if len(batch.events) == 0 {
			return errCaughtUp
		}
		if err := fold(ctx, batch); err != nil {
			return err
		}
		at = at.after(batch.recorded())
		meter.at(at)
		return nil
	})
	if errors.Is(err, errCaughtUp) {
		return nil
	}
	return err
}

var errCaughtUp = errors.New("caught up")

// index makes the indexes, each in a transaction of its own: in SQLite all other writers wait for it.
func (b *rebuilding) index(ctx context.Context) error {
	for _, statement := range b.projection.indexes(b.generation.number) {
		err := b.fenced(ctx, func(tx Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
