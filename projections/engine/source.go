package engine

import (
	"context"

	"casesync/eventstore"
)

// batch is some consecutive events of the log, prepared. It is empty where the log ended.
type batch struct {
	events []Event
}

func (b batch) recorded() []eventstore.Recorded {
	list := make([]eventstore.Recorded, len(b.events))
	for i, e := range b.events {
		list[i] = e.Recorded
	}
	return list
}

// cut splits a batch after n events.
func (b batch) cut(n int) (first, rest batch) {
	n = min(n, len(b.events))
	return batch{b.events[:n]}, batch{b.events[n:]}
}

// batchesAhead is how many batches are prepared while one is folded and written.
const batchesAhead = 2

// follow reads and prepares the events of log after position in batches, some batches ahead of each,
// until each returns an error or ctx ends. Each is called with an empty batch whenever all there is
// has been read.
func (f *folder) follow(ctx context.Context, log eventstore.Log, after eventstore.Position, eventsMax int, each func(batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	type read struct {
		batch batch
		err   error
	}
	ahead := make(chan read, batchesAhead)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for recorded, err := range eventstore.Follow(ctx, log, after, eventsMax) {
			var r read
			if r.err = err; err == nil && len(recorded) > 0 {
				r.batch.events, r.err = f.prepared(ctx, recorded)
			}
			select {
			case ahead <- r:
			case <-ctx.Done():
				return
			}
			if r.err != nil {
				return
			}
		}
	}()
	defer func() { cancel(); <-done }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-ahead:
			if r.err != nil {
				return r.err
			}
			if err := each(r.batch); err != nil {
				return err
			}
		}
	}
}
