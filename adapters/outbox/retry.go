package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"casesync/eventstore"
	"casesync/eventstore/follower"
)

const (
	// parkedCasesMax is how many cases are looked at in one round, and parkedOfCaseMax how many messages of one.
	parkedCasesMax  = 100
	parkedOfCaseMax = 500
	// retryAfterMax is the longest that another side's wish to be left alone is granted.
	retryAfterMax = time.Hour
	// forgetEvery is how often old rows are removed.
	forgetEvery = time.Hour
)

// runParked tries what is parked until ctx ends, under a lease of its own: one process does at a time. It
// never gets in the way of what is taken from the log: while something of a case is parked, what
// follows in it is parked behind.
func (o *Outbox) runParked(ctx context.Context) {
	name, holder := o.config.Name+"-parked", follower.Holder("")
	for ctx.Err() == nil {
		held, err := follower.While(ctx, o.config.Checkpoints, name, holder, o.config.LeaseTTL, func(ctx context.Context, _ int64) error {
			return o.tryParked(ctx)
		})
		if err != nil && ctx.Err() == nil && !errors.Is(err, follower.ErrLost) {
			o.config.Logger.ErrorContext(ctx, "parked messages cannot be tried, and are later", slog.Any("error", err))
		}
		if !held || err != nil {
			wait(ctx, o.config.LeaseTTL/4)
		}
	}
}

// tryParked tries what is due, as it becomes due.
func (o *Outbox) tryParked(ctx context.Context) error {
	var forgotten time.Time
	ticker := time.NewTicker(o.config.PollEvery)
	defer ticker.Stop()
	for {
		if now := o.config.Now(); now.Sub(forgotten) >= forgetEvery {
			if err := o.parked.forget(ctx, now.Add(-o.config.KeepFor)); err != nil {
				return fmt.Errorf("forget skipped messages: %w", err)
			}
			forgotten = now
		}
		if err := o.tryDue(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.woken:
		case <-ticker.C:
		}
	}
}

// tryDue tries the cases that are due now, each as far as it goes.
func (o *Outbox) tryDue(ctx context.Context) error {
	due, err := o.parked.due(ctx, o.config.Now(), parkedCasesMax)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.config.LanesMax)
	for _, row := range due {
		group.Go(func() error { return o.tryCase(ctx, row.Key) })
	}
	return group.Wait()
}

// tryCase publishes what is parked of a case, in its order, up to the first that fails. Its error is not one of a message.
func (o *Outbox) tryCase(ctx context.Context, key string) error {
	rows, err := o.parked.ofCase(ctx, key, parkedOfCaseMax)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Status == Stuck {
			return nil
		}
		err := o.tryOne(ctx, row)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return o.failParked(ctx, row, faultOf(err))
		}
		// A crash before this leaves it published and parked: it is published again, under the same id.
		if err := o.parked.remove(ctx, row.EventID); err != nil {
			return fmt.Errorf("remove message that was published: %w", err)
		}
	}
	return nil
}

// tryOne publishes one parked message.
func (o *Outbox) tryOne(ctx context.Context, row Parked) error {
	recorded, err := o.find(ctx, row)
	if err != nil || !o.wants(recorded.Type) {
		return err // a newer binary knows that nobody is told of it
	}
	it, err := o.prepare(ctx, recorded)
	if err != nil {
		return err
	}
	_, err = o.sendChunk(ctx, []item{it})
	return err
}

// find reads the event of a parked message.
func (o *Outbox) find(ctx context.Context, row Parked) (eventstore.Recorded, error) {
	for recorded, err := range o.config.Log.ReadStream(ctx, row.Stream, row.Revision) {
		switch {
		case err != nil:
			return recorded, fmt.Errorf("read %s: %w", row.Stream, err)
		case recorded.ID == row.EventID:
			return recorded, nil
		}
		break
	}
	return eventstore.Recorded{}, &Fault{Blame: Refused, Code: "event-missing"}
}

// failParked notes that a parked message failed again.
func (o *Outbox) failParked(ctx context.Context, row Parked, fault *Fault) error {
	row.Status, row.Fault, row.Attempts = Waiting, fault.Code, row.Attempts+1
	if fault.Blame == Refused {
		row.Status = Stuck
	}
	row.DueAt = o.config.Now().Add(o.pauseAfter(row.Attempts, fault))
	o.config.Logger.WarnContext(ctx, "parked message failed again", slog.String("event", row.EventID.String()),
		slog.String("fault", fault.Code), slog.Int("attempts", row.Attempts), slog.Any("error", fault.Err))
	if err := o.parked.failed(ctx, row); err != nil {
		return fmt.Errorf("note failure of parked message: %w", err)
	}
	return nil
}

// pauseAfter returns how long a message is left alone that failed so often.
func (o *Outbox) pauseAfter(attempts int, fault *Fault) time.Duration {
	pause := o.config.ParkedPauseMax
	if attempts < 30 { // beyond that it would overflow
		pause = min(o.config.ParkedPauseFirst<<(max(attempts, 1)-1), pause)
	}
	return max(pause, min(fault.RetryAfter, retryAfterMax))
}

// leaveAlone notes how long the publisher asks to be left alone.
func (o *Outbox) leaveAlone(d time.Duration) {
	if d <= 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notBefore = o.config.Now().Add(min(d, retryAfterMax))
}

// notBeforeIn returns how long the publisher is still to be left alone.
func (o *Outbox) notBeforeIn() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.notBefore.Sub(o.config.Now())
}

// wake has this process look for what is parked at once.
func (o *Outbox) wake() {
	select {
	case o.woken <- struct{}{}:
	default: // it is about to
	}
}
