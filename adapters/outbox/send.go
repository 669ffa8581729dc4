package outbox

import (
	"context"
	"fmt"
	"time"
)

// send deals with the first of items, as many at a time as the publisher takes, and returns how many it dealt
// with. Its error is why it could not go on with the next: a *Fault, or one of the log or a decider.
func (o *Outbox) send(ctx context.Context, items []item) (dealt int, err error) {
	for dealt < len(items) {
		n, err := o.sendChunk(ctx, items[dealt:dealt+o.chunk(items[dealt:])])
		dealt += n
		if err != nil {
			return dealt, err
		}
	}
	return dealt, nil
}

// linedMax is how many messages are asked for before they are published together: asking takes a
// moment, in which a case may be suppressed.
const linedMax = 25

// chunk returns how many of the first items are sent at once.
func (o *Outbox) chunk(items []item) (n int) {
	lined := 0
	for n < min(len(items), o.config.BatchMessagesMax) && lined < linedMax {
		if items[n].line != nil {
			lined++
		}
		n++
	}
	return n
}

// sendChunk sends items at once, or one by one where one of them may be at fault.
func (o *Outbox) sendChunk(ctx context.Context, items []item) (dealt int, err error) {
	cleared, err := o.clear(ctx, items)
	if err == nil {
		err = o.sendCleared(ctx, cleared)
	}
	if err == nil {
		return len(items), nil
	}
	if len(items) == 1 || faultOf(err).Blame == Unavailable {
		return 0, err
	}
	for i := range items {
		if _, err := o.sendChunk(ctx, items[i:i+1]); err != nil {
			return i, err
		}
	}
	return len(items), nil
}

// clear returns those of items that go out, having asked their lines.
func (o *Outbox) clear(ctx context.Context, items []item) (cleared []item, err error) {
	for _, it := range items {
		if it.line != nil {
			goes, err := it.line.Check(ctx, it.id, it.attempt)
			if err != nil {
				return nil, fmt.Errorf("ask whether %s goes out: %w", it.Stream, err)
			}
			if !goes {
				o.stopped.Add(1)
				continue
			}
		}
		if it.fault != nil {
			return nil, it.fault
		}
		cleared = append(cleared, it)
	}
	return cleared, nil
}

// sendCleared publishes items, and notes those that were in line.
func (o *Outbox) sendCleared(ctx context.Context, items []item) error {
	if len(items) == 0 {
		return nil
	}
	if err := o.publishTrying(ctx, items); err != nil {
		return err
	}
	// A crash here leaves them published, and neither the checkpoint nor their streams say so: they are published
	// again, under the same ids.
	o.published.Add(int64(len(items)))
	for _, it := range items {
		if it.line == nil {
			continue
		}
		if err := it.line.Note(ctx, it.id, it.attempt); err != nil {
			return fmt.Errorf("note that %s went out: %w", it.Stream, err)
		}
	}
	return nil
}

// publishTrying publishes items, a few times where that fails for what may pass.
func (o *Outbox) publishTrying(ctx context.Context, items []item) error {
	pause := o.config.TryPause
	for try := 1; ; try++ {
		err := o.publish(ctx, items)
		if err == nil {
			return nil
		}
		fault := faultOf(err)
		if fault.Blame != Temporary || fault.Final || try >= o.config.TriesMax || !wait(ctx, pause) {
			return err
		}
		pause *= 2
	}
}

// wait waits; false says that ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
