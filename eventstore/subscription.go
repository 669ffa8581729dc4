package eventstore

import (
	"context"
	"iter"
	"time"
)

const (
	// followBatchBytesMax bounds a batch of Follow in data and metadata, so that a batch of the
	// largest events still fits in memory. The event that goes over it is the batch's last.
	followBatchBytesMax = 16 << 20
	// followPollInterval is how often Follow reads at the end of a log that is no Notifier.
	followPollInterval = 200 * time.Millisecond
)

// Follow yields the events of log after position in batches of at most batchEventsMax, for ever:
// at the end of the log it waits for more, by Notifier where log is one, else by polling. Each time
// it comes to the end it yields an empty batch before it waits, so that the caller knows that it
// has caught up. It ends after the first error it yields, which is the context's when that ends.
// The batches are the caller's to keep.
func Follow(ctx context.Context, log Log, after Position, batchEventsMax int) iter.Seq2[[]Recorded, error] {
	return func(yield func([]Recorded, error) bool) {
		for {
			for batch, err := range batches(log.ReadAll(ctx, after), batchEventsMax) {
				if err != nil {
					yield(nil, err)
					return
				}
				after = batch[len(batch)-1].Position
				if !yield(batch, nil) {
					return
				}
			}
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(nil, nil) {
				return
			}
			if err := waitForMore(ctx, log, after); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// batches groups events into batches that are never empty.
func batches(events iter.Seq2[Recorded, error], eventsMax int) iter.Seq2[[]Recorded, error] {
	return func(yield func([]Recorded, error) bool) {
		var batch []Recorded
		bytes := 0
		for event, err := range events {
			if err != nil {
				yield(nil, err)
				return
			}
			batch = append(batch, event)
			bytes += len(event.Data) + len(event.Metadata)
			if len(batch) < eventsMax && bytes < followBatchBytesMax {
				continue
			}
			if !yield(batch, nil) {
				return
			}
			batch, bytes = make([]Recorded, 0, len(batch)), 0
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

func waitForMore(ctx context.Context, log Log, after Position) error {
	if notifier, ok := log.(Notifier); ok {
		return notifier.Wait(ctx, after)
	}
	timer := time.NewTimer(followPollInterval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
