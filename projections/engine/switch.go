package engine

import (
	"context"
	"errors"
	"fmt"

	"casesync/eventstore"
)

// compareTries is how often the two generations are brought to the same position to compare them
// there: the runner moves the live one on all the time.
const compareTries = 50

// compareWithOld reports in what the new rows differ from the live ones, at the same position.
func (b *rebuilding) compareWithOld(ctx context.Context) error {
	if b.old.number == 0 || b.otherLog || b.old.version != b.projection.Version {
		return nil
	}
	for range compareTries {
		if err := b.align(ctx, nil); err != nil {
			return err
		}
		err := b.config.Store.View(ctx, func(snapshot Snapshot) error {
			live, err := readLive(ctx, snapshot, b.projection.Name)
			if err != nil || live.checkpoint.at != b.generation.checkpoint.at {
				return err
			}
			b.report.Compared = true
			return b.projection.diff(ctx, snapshot, live.number, b.generation.number, func(row ...Difference) {
				b.report.add(row, b.options.DifferencesMax)
			})
		})
		if err != nil {
			return fmt.Errorf("compare with the live tables: %w", err)
		}
		if b.report.Compared {
			return nil
		}
	}
	return nil
}

// align folds into the new generation what the live one is ahead of it, while the live one is held
// still, and runs then in the same transaction. If the new one is ahead, which it is where no runner
// is at work, there is nothing to fold.
func (b *rebuilding) align(ctx context.Context, then func(tx Tx, live generation) error) error {
	next := b.generation.checkpoint
	err := b.config.Store.Update(ctx, func(tx Tx) error {
		next = b.generation.checkpoint
		if err := b.lease.renew(ctx, tx); err != nil {
			return err
		}
		if err := touchLease(ctx, tx, runnerLease(b.projection.Name)); err != nil {
			return err
		}
		live, err := readLive(ctx, tx, b.projection.Name)
		if err != nil && !errors.Is(err, ErrNotBuilt) {
			return err
		}
		if live.number != b.old.number {
			return fmt.Errorf("generation %d went live meanwhile: %w", live.number, errMoved)
		}
		if !b.otherLog {
			if next, err = b.foldUpTo(ctx, tx, live.checkpoint.at); err != nil {
				return err
			}
		}
		if then == nil {
			return nil
		}
		return then(tx, live)
	})
	if err != nil {
		return err
	}
	b.generation.checkpoint = next
	b.reset()
	return nil
}

// foldUpTo folds the events up to position in tx, and returns the checkpoint there.
func (b *rebuilding) foldUpTo(ctx context.Context, tx Tx, position eventstore.Position) (checkpoint, error) {
	w := *b.writer
	log := b.config.Log.ReadAll(ctx, w.generation.checkpoint.at)
	for recorded, err := range upTo(log, position, b.config.BatchEventsMax) {
		if err != nil {
			return w.generation.checkpoint, err
		}
		events, err := w.prepared(ctx, recorded)
		if err != nil {
			return w.generation.checkpoint, err
		}
		groups, err := w.group(events)
		if err != nil {
			return w.generation.checkpoint, err
		}
		for _, g := range groups {
			b.wrote(g.key)
		}
		next := w.generation.checkpoint.after(recorded)
		if err := w.foldIn(ctx, tx, groups, next); err != nil {
			return w.generation.checkpoint, err
		}
		w.generation.checkpoint = next
	}
	return w.generation.checkpoint, nil
}

// switchOver makes the new generation live, by one row, and freezes the old one where it is. A crash
// before the commit leaves the old one live, one after it the new one.
func (b *rebuilding) switchOver(ctx context.Context) error {
	b.report.Projection, b.report.Generation = b.projection.Name, b.generation.number
	err := b.align(ctx, func(tx Tx, live generation) error {
		for _, step := range []struct {
			number int64
			frozen bool
		}{{live.number, true}, {b.generation.number, false}} {
			if _, err := tx.Exec(ctx, `UPDATE engine_generations SET frozen = $1, built = $2 WHERE projection = $3 AND generation = $4`,
				step.frozen, true, b.projection.Name, step.number); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE engine_projections SET live = $1, previous = $2 WHERE name = $3`,
			b.generation.number, live.number, b.projection.Name)
		if err != nil {
			return err
		}
		_, err = queryRow(ctx, tx, `SELECT count(*) FROM `+b.projection.table(parkedTable, b.generation.number), nil, &b.report.Parked)
		return err
	})
	if err != nil {
		return fmt.Errorf("switch over: %w", err)
	}
	b.report.Position, b.report.Events = b.generation.checkpoint.at, b.generation.checkpoint.events
	announce(b.config.Store)
	return nil
}

// Rollback makes the generation before the live one live again, once it has caught up; it must be of
// this binary's version. Readers notice nothing.
func Rollback(ctx context.Context, config Config, options Options) (Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return Report{}, err
	}
	b := &rebuilding{config: config, options: options.withDefaults(), started: config.Now()}
	err = b.exclusively(ctx, func(ctx context.Context) error {
		if err := b.thaw(ctx); err != nil {
			return err
		}
		if err := b.generation.checkpoint.checkLog(ctx, config.Log); err != nil {
			return err
		}
		// Batch by batch, rows and checkpoint together: a crash leaves a generation to roll back to.
		if err := b.each(ctx, b.apply); err != nil {
			return err
		}
		return b.switchOver(ctx)
	})
	b.report.Took = config.Now().Sub(b.started)
	if err != nil {
		return b.report, fmt.Errorf("roll %s back: %w", config.Projection.Name, err)
	}
	return b.report, nil
}

// thaw lets the previous generation take events again. A crash after it leaves that generation where
// it is: only a roll-back moves it.
func (b *rebuilding) thaw(ctx context.Context) error {
	p := b.config.Projection
	w := &writer{store: b.config.Store, lease: b.lease}
	err := b.config.Store.Update(ctx, func(tx Tx) error {
		if err := b.lease.renew(ctx, tx); err != nil {
			return err
		}
		s, _, err := readState(ctx, tx, p.Name)
		if err != nil {
			return err
		}
		if s.previous == 0 {
			return errors.New("there is no generation before the live one")
		}
		if w.generation, err = readGeneration(ctx, tx, p.Name, s.previous); err != nil {
			return err
		}
		if w.generation.version != p.Version {
			return fmt.Errorf("the generation before is of version %d and this binary has version %d: roll back with the binary that made it",
				w.generation.version, p.Version)
		}
		if b.old, err = readLive(ctx, tx, p.Name); err != nil {
			return err
		}
		if w.folder, err = b.config.folder(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE engine_generations SET frozen = $1 WHERE projection = $2 AND generation = $3`,
			false, p.Name, s.previous)
		return err
	})
	if err != nil {
		return err
	}
	b.loader = newLoader(w, b.options.MemoryMiB)
	err = b.old.checkpoint.checkLog(ctx, b.config.Log)
	if b.otherLog = errors.Is(err, ErrLogReplaced); b.otherLog {
		return nil
	}
	return err
}
