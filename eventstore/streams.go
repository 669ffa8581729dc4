package eventstore

import (
	"container/list"
	"context"
	"sync"

	"github.com/google/uuid"
)

type commandID = uuid.UUID

// stream is what a handler knows of one stream. Who has acquired it owns state, revision, decided
// and known; the rest belongs to streams.
type stream[State any] struct {
	name StreamName
	// known is false where the state is not to be relied on: nothing was read yet, or it went wrong.
	known    bool
	state    State
	revision Revision
	// decided has the revision of the first event of each command.
	decided map[commandID]Revision

	lock  chan struct{} // of one: full while somebody owns the stream
	users int           // who own or wait for it
	idle  *list.Element // its place among the idle ones, nil while there are users
}

// streams is a handler's streams: those in use, of any number, and those idle whose state is kept,
// up to a bound, the least recently used forgotten first. So locks do not pile up.
type streams[State any] struct {
	mu      sync.Mutex
	idleMax int
	byName  map[StreamName]*stream[State]
	idle    *list.List // of *stream[State], the most recently used in front
}

func newStreams[State any](idleMax int) *streams[State] {
	return &streams[State]{idleMax: idleMax, byName: map[StreamName]*stream[State]{}, idle: list.New()}
}

// acquire waits until nobody else owns the stream. Who waits gets it in turn.
func (c *streams[State]) acquire(ctx context.Context, name StreamName) (*stream[State], error) {
	c.mu.Lock()
	s := c.byName[name]
	if s == nil {
		s = &stream[State]{name: name, lock: make(chan struct{}, 1)}
		c.byName[name] = s
	}
	if s.idle != nil {
		c.idle.Remove(s.idle)
		s.idle = nil
	}
	s.users++
	c.mu.Unlock()
	select {
	case s.lock <- struct{}{}:
		return s, nil
	case <-ctx.Done():
		c.leave(s)
		return nil, ctx.Err()
	}
}

// release gives the stream to the next who waits for it.
func (c *streams[State]) release(s *stream[State]) {
	<-s.lock
	c.leave(s)
}

func (c *streams[State]) leave(s *stream[State]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if !s.known {
		delete(c.byName, s.name)
		return
	}
	s.idle = c.idle.PushFront(s)
	for c.idle.Len() > max(c.idleMax, 0) {
		oldest := c.idle.Remove(c.idle.Back()).(*stream[State])
		delete(c.byName, oldest.name)
	}
}
