package uploads

import (
	"context"
	"io"
	"sync"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"
)

// locker lets one request of this process at a time be at an upload: the last that came, which waits for the one before
// to keep what it has. Between processes the claim of staging decides.
//
// It stops the one before by itself, and not by the callback of the protocol's handler, which reads what the request is
// just about to write (a data race in v2.8.0).
type locker struct {
	mu   sync.Mutex
	held map[string]*lock
}

func newLocker() *locker { return &locker{held: map[string]*lock{}} }

// NewLock implements tus.Locker.
func (l *locker) NewLock(id string) (tus.Lock, error) {
	return &lock{locker: l, id: id, free: make(chan struct{})}, nil
}

// lock is a request's turn.
type lock struct {
	locker *locker
	id     string
	call   *call
	free   chan struct{}
}

// Lock implements tus.Lock.
func (k *lock) Lock(ctx context.Context, _ func()) error {
	k.call = callOf(ctx)
	for {
		k.locker.mu.Lock()
		before := k.locker.held[k.id]
		if before == nil {
			k.locker.held[k.id] = k
		}
		k.locker.mu.Unlock()
		if before == nil {
			return nil
		}
		before.call.stop()
		select {
		case <-before.free:
		case <-ctx.Done():
			return tus.ErrLockTimeout
		}
	}
}

// Unlock implements tus.Lock.
func (k *lock) Unlock() error {
	k.locker.mu.Lock()
	delete(k.locker.held, k.id)
	k.locker.mu.Unlock()
	close(k.free)
	return nil
}

// stop has the request read no more: it keeps what it has, and ends.
func (c *call) stop() {
	c.stopped.Store(true)
	// A read that waits ends now. One that just got something may move the deadline again, but then the next is not done.
	if c.control != nil {
		_ = c.control.SetReadDeadline(time.Unix(1, 0))
	}
}

// stoppable is at its end when its call is stopped.
type stoppable struct {
	call   *call
	source io.Reader
}

// Read implements io.Reader.
func (s stoppable) Read(p []byte) (int, error) {
	if s.call.stopped.Load() {
		return 0, io.EOF
	}
	return s.source.Read(p)
}
