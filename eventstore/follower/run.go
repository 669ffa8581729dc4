package follower

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"casesync/eventstore"
)

// Run follows until ctx ends, and then returns nil. It goes on after all errors but one that Is
// ErrLogReplaced, which it returns: nobody can say what was missed then.
func (f *Follower) Run(ctx context.Context) error {
	pause := pauses{first: f.config.RetryPauseFirst, max: f.config.RetryPauseMax}
	for ctx.Err() == nil {
		started := f.config.Now()
		held, err := While(ctx, f.config.Checkpoints, f.config.Name, f.config.Holder, f.config.LeaseTTL, f.work)
		f.note(func() { f.holding = false })
		if f.config.Now().Sub(started) > f.config.RetryPauseMax {
			pause.reset()
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // being stopped is no error, whatever it broke off
		case errors.Is(err, ErrLogReplaced):
			f.failed(err)
			return fmt.Errorf("follow as %s: %w", f.config.Name, err)
		case errors.Is(err, ErrLost):
			f.config.Logger.InfoContext(ctx, "subscription changed hands")
		case err != nil:
			f.failed(err)
			f.config.Logger.ErrorContext(ctx, "subscription failed, and is tried again", slog.Any("error", err))
		case !held:
			// Standing by is not failing. The holder's end is seen within a quarter of its lease.
			f.worked()
			pause.reset()
			sleep(ctx, f.config.LeaseTTL/4)
			continue
		}
		sleep(ctx, pause.next())
	}
	return nil
}

// work follows under a lease, for as long as nothing but Take fails.
func (f *Follower) work(ctx context.Context, fence int64) error {
	place, err := f.config.Checkpoints.Place(ctx, f.config.Name)
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	if place, err = place.check(ctx, f.config.Log); err != nil {
		return err
	}
	f.note(func() { f.holding, f.place = true, place })
	w := &writer{follower: f, fence: fence, kept: place}
	ctx, stop := context.WithCancelCause(ctx)
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		w.keepNowAndThen(ctx)
	}()
	defer func() { stop(nil); <-idle }()
	for batch, err := range eventstore.Follow(ctx, f.config.Log, place.At, f.config.BatchEventsMax) {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("read log: %w", err)
		case len(batch) == 0:
			f.worked()
			continue
		}
		if err := f.take(ctx, w, batch); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// take has a batch taken, however often that fails, and moves the checkpoint over it. It returns
// an error where the lease is lost or the checkpoint cannot be moved.
func (f *Follower) take(ctx context.Context, w *writer, batch []eventstore.Recorded) error {
	pause := pauses{first: f.config.RetryPauseFirst, max: f.config.RetryPauseMax}
	for {
		wanted, ends := f.wanted(batch)
		if len(wanted) == 0 {
			f.moved(batch)
			return nil
		}
		err := f.config.Take(ctx, wanted)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// A crash here, after the effects and before the checkpoint, has the same events taken again.
		if err == nil {
			f.worked()
			f.moved(batch)
			return w.keep(ctx)
		}
		var partial *PartialError
		if errors.As(err, &partial) && partial.Taken > 0 {
			done := ends[min(partial.Taken, len(ends))-1]
			f.moved(batch[:done])
			if err := w.keep(ctx); err != nil {
				return err
			}
			batch = batch[done:]
			pause.reset()
		}
		f.failed(err)
		f.config.Logger.ErrorContext(ctx, "events were not taken, and are tried again",
			slog.String("after", f.where().At.String()), slog.Any("error", err))
		sleep(ctx, pause.next())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// wanted returns the events of batch that Take is to be given, and for each how many events of
// batch end with it.
func (f *Follower) wanted(batch []eventstore.Recorded) (events []eventstore.Recorded, ends []int) {
	for i, event := range batch {
		if f.config.Wants(event.Type) {
			events, ends = append(events, event), append(ends, i+1)
		}
	}
	return events, ends
}

// moved notes that batch was taken.
func (f *Follower) moved(batch []eventstore.Recorded) {
	if len(batch) > 0 {
		f.note(func() { f.place = f.place.after(batch) })
	}
}

func (f *Follower) where() Place {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.place
}

// writer moves the checkpoint under one lease.
type writer struct {
	follower *Follower
	fence    int64

	mu   sync.Mutex
	kept Place
}

// keep moves the checkpoint to where the follower stands.
func (w *writer) keep(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	place := w.follower.where()
	if place == w.kept {
		return nil
	}
	if err := w.follower.config.Checkpoints.Advance(ctx, w.follower.config.Name, w.fence, place); err != nil {
		return fmt.Errorf("move checkpoint: %w", err)
	}
	w.kept = place
	return nil
}

// keepEvery is how often the checkpoint moves over events that nobody wants, which on a busy log
// would otherwise cost a commit for every few. After a crash they are passed over again.
const keepEvery = time.Second

// keepNowAndThen moves the checkpoint over what nobody wants, until ctx ends. Errors show where it
// matters: in keep after a Take, and in the renewal of the lease.
func (w *writer) keepNowAndThen(ctx context.Context) {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = w.keep(ctx)
		}
	}
}

// pauses double from the first to the longest.
type pauses struct{ first, max, last time.Duration }

func (p *pauses) next() time.Duration {
	p.last = min(max(2*p.last, p.first), p.max)
	return p.last
}

func (p *pauses) reset() { p.last = 0 }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
