package eventstore

import (
	"container/list"
	"context"
	"sync"

	"github.com/google/uuid"
)

type commandID = uuid.UUID

// stream is what a handler knows of one stream. Who has acquired it alone changes state, revision,
// decided and known, each time under seen, so that others may look at them under it; the rest belongs
// to streams.
type stream[State any] struct {
	name StreamName
	seen sync.RWMutex
	// known is false where the state is not to be relied on: nothing was read yet, or it went wrong.
	known    bool
	state    State
	revision Revision
	// decided has the revision of the first event of each command.
	decided map[commandID]Revision

	lock  chan struct{} // of one: full while somebody owns the stream
	users int           // who own it, wait for it or look at it
	idle  *list.Element // its place among the idle ones, nil while there are users
}

// acquire waits until nobody else owns the stream. Who waits gets it in turn.
func (s *stream[State]) acquire(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives the stream to the next who waits for it.
func (s *stream[State]) release() { <-s.lock }

// show calls look with the state if it is known and at end or later, and reports whether it is.
func (s *stream[State]) show(end Revision, look func(State, Revision)) bool {
	s.seen.RLock()
	defer s.seen.RUnlock()
	if !s.known || s.revision < end {
		return false
	}
	look(s.state, s.revision)
	return true
}

// begin has the stream's owner start over.
func (s *stream[State]) begin(initial State) {
	s.seen.Lock()
	defer s.seen.Unlock()
	s.state, s.revision, s.decided = initial, -1, map[commandID]Revision{}
}

// setKnown says whether the state may be relied on.
func (s *stream[State]) setKnown(known bool) {
	s.seen.Lock()
	defer s.seen.Unlock()
	s.known = known
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

// enter returns a stream, to be left again. It is remembered until then, whoever owns it.
func (c *streams[State]) enter(name StreamName) *stream[State] {
	c.mu.Lock()
	defer c.mu.Unlock()
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
	return s
}

// leave keeps the stream of which nobody has any use for now, if its state may be relied on.
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
