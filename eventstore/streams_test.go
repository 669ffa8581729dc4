package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// Neither locks nor states pile up, whoever comes and goes.
func TestStreamsStayBounded(t *testing.T) {
	t.Parallel()
	const idleMax = 3
	c := newStreams[int](idleMax)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				ctx := t.Context()
				if i%3 == 0 {
					ctx = cancelled
				}
				s := c.enter(StreamName(fmt.Sprint((i + worker) % 10)))
				if err := s.acquire(ctx); !errors.Is(err, context.Canceled) {
					s.state++
					s.setKnown(i%5 != 0)
					s.release()
				}
				c.leave(s)
			}
		})
	}
	group.Wait()
	if len(c.byName) > idleMax || len(c.byName) != c.idle.Len() {
		t.Errorf("%d streams are kept, %d idle, want at most %d", len(c.byName), c.idle.Len(), idleMax)
	}
	for name, s := range c.byName {
		if s.users != 0 || len(s.lock) != 0 || !s.known {
			t.Errorf("stream %s is kept with %d users, locked %v, known %v", name, s.users, len(s.lock) != 0, s.known)
		}
	}
}

// What goes first is what was used least recently.
func TestIdleStreamsGoInTurn(t *testing.T) {
	t.Parallel()
	c := newStreams[int](2)
	for _, name := range []StreamName{"a", "b", "a", "c"} {
		s := c.enter(name)
		s.setKnown(true)
		c.leave(s)
	}
	if c.byName["a"] == nil || c.byName["b"] != nil || c.byName["c"] == nil {
		t.Errorf("kept are %v, want a and c", c.byName)
	}
}
