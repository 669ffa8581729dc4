package pglog

import (
	"context"
	"fmt"
	"time"

	"casesync/eventstore"
	"casesync/eventstore/sequencer"
)

// Append implements eventstore.Log.
func (l *Log) Append(
	ctx context.Context, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events ...eventstore.Event,
) (eventstore.Appended, error) {
	if err := l.config.Limits.Check(stream, expected, events); err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	return l.writer.Submit(ctx, sequencer.Append{Stream: stream, Expected: expected, Events: events})
}

// commit writes a batch in one transaction.
func (l *Log) commit(batch []sequencer.Append) []sequencer.Result {
	now := l.config.Now()
	plan, err := l.attempt(batch, now)
	if err != nil && !isDecided(err) {
		// Whether the batch was written is unknown. The second attempt is on a new connection: it
		// waits for the first one's transaction if that still runs, and finds its ids if they are there.
		plan, err = l.attempt(batch, now)
	}
	if err != nil {
		return sequencer.Failed(len(batch), fmt.Errorf("append to log: %w", explain(err)))
	}
	// The events are durable. A crash from here leaves them in the log and nobody answered or
	// notified: the callers append again and get the same answer, readers find them by polling.
	if len(plan.Rows) > 0 {
		l.watch.Moved(plan.Head.Position)
		l.notifier.appended()
	}
	return plan.Results
}

// attempt writes the batch in the fast way if that can be, else in the careful way.
func (l *Log) attempt(batch []sequencer.Append, now time.Time) (plan sequencer.Plan, err error) {
	// The callers' contexts end their waiting, not the work that they share.
	ctx, cancel := context.WithTimeout(context.Background(), l.config.AppendTimeout)
	defer cancel()
	if err := l.session.start(ctx); err != nil {
		return plan, err
	}
	defer func() {
		if err != nil {
			l.session.end() // with all that it thought it knew
		}
	}()
	if known, ok := l.session.remembered(batch); ok {
		if plan := sequencer.Make(batch, known, now); !plan.Unsure {
			written, err := l.session.writeAlone(ctx, known.Head, plan)
			if err != nil && !isUnique(err) {
				return plan, err
			}
			if written {
				l.session.remember(plan)
				return plan, nil
			}
		}
	}
	plan, err = l.session.writeLocked(ctx, batch, now)
	if err == nil {
		l.session.remember(plan)
	}
	return plan, err
}
