package kurrentlog

import (
	"context"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"casesync/eventstore"
)

// stream is what was read of one stream: the places of its events. The server knows an event by
// its revision only; so who looks for ids has to have read them.
type stream struct {
	name eventstore.StreamName
	lock chan struct{} // of one: full while somebody owns the stream
	// known is false where the stream may have moved on since it was read, for all we know. An
	// append by another process goes unnoticed: ours is then refused, and reads on.
	known  bool
	next   eventstore.Revision // the one after the last that was read
	places map[uuid.UUID]place
}

type place struct {
	revision eventstore.Revision
	position eventstore.Position
}

// acquire waits until nobody else in this process appends to the stream: they would only get in
// each other's way. Should the stream be forgotten meanwhile, two may own it; the server still
// tells them apart.
func (l *Log) acquire(ctx context.Context, name eventstore.StreamName) (*stream, error) {
	s, ok := l.streams.Get(name)
	if !ok {
		s = &stream{name: name, lock: make(chan struct{}, 1), places: map[uuid.UUID]place{}}
		l.streams.Put(name, s)
	}
	select {
	case s.lock <- struct{}{}:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *stream) release() { <-s.lock }

// readOn reads what the stream holds beyond what was read before, and reports whether anything there has mark.
func (l *Log) readOn(ctx context.Context, s *stream, mark mark) (found bool, err error) {
	for more := true; more; {
		page, err := l.readPage(ctx, pageEventsMax, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
			return client.ReadStream(ctx, l.inServer(s.name), esdb.ReadStreamOptions{From: esdb.Revision(uint64(s.next))}, pageEventsMax)
		})
		if err != nil {
			return found, err
		}
		for i, event := range page.events {
			if event.Revision != s.next {
				return found, fmt.Errorf("revision %d follows %d: KurrentDB has lost or truncated events: restore a backup", event.Revision, s.next-1)
			}
			s.places[event.ID] = place{event.Revision, event.Position}
			s.next++
			found = found || page.marks[i] == mark
		}
		more = page.more
	}
	s.known = true
	return found, nil
}

// find finds out whether any of the events is in the stream; if so it returns where the append of
// these ended, or ErrEventIDTaken where they are not there as this same append.
func (s *stream) find(events []eventstore.Event) (appended eventstore.Appended, there bool, err error) {
	first, found := eventstore.Revision(-1), 0
	for i, event := range events {
		at, ok := s.places[event.ID]
		if !ok {
			continue
		}
		if found++; found == 1 {
			first = at.revision - eventstore.Revision(i)
		}
		if at.revision != first+eventstore.Revision(i) {
			return appended, true, eventstore.ErrEventIDTaken
		}
		appended = eventstore.Appended{Revision: at.revision, Position: at.position}
	}
	if found > 0 && found < len(events) {
		return eventstore.Appended{}, true, eventstore.ErrEventIDTaken
	}
	return appended, found > 0, nil
}
