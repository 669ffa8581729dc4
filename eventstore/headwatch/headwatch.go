// Package headwatch lets readers wait for the end of a log to move: woken at once by appends of
// this process and by whatever else tells it, and by polling for those of others.
package headwatch

import (
	"context"
	"sync"
	"time"

	"casesync/eventstore"
)

// Watch knows how far the log's end has come. The zero Watch is ready for use.
type Watch struct {
	mu    sync.Mutex
	head  eventstore.Position
	moved chan struct{} // closed and forgotten when the head moves; nil while nobody waits
}

// Moved wakes those who wait for an event at or before head.
func (w *Watch) Moved(head eventstore.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if head.Compare(w.head) <= 0 {
		return
	}
	w.head = head
	w.wake()
}

// Look wakes all who wait, so that they look for themselves: something may have happened.
func (w *Watch) Look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake()
}

func (w *Watch) wake() {
	if w.moved != nil {
		close(w.moved)
		w.moved = nil
	}
}

func (w *Watch) state() (eventstore.Position, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moved == nil {
		w.moved = make(chan struct{})
	}
	return w.head, w.moved
}

// Wait returns nil as soon as the log has an event after position, as far as the watch was told or
// read says, which it asks at first and then every interval. It returns the error of ctx or of read.
func (w *Watch) Wait(
	ctx context.Context, after eventstore.Position, interval time.Duration, read func(context.Context) (eventstore.Head, error),
) error {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		known, moved := w.state()
		if known.Compare(after) > 0 {
			return nil
		}
		head, err := read(ctx)
		if err != nil {
			return err
		}
		if head.Position.Compare(after) > 0 {
			return nil
		}
		timer.Reset(interval)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		case <-timer.C:
		}
	}
}
