package kurrentlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"casesync/eventstore"
)

// A page ends with the event that reaches one of these.
const (
	pageEventsMax = 1000
	pageBytesMax  = 4 << 20
)

// page is what one read of the server gave, whosever events. Streams have the server's names.
type page struct {
	events []eventstore.Recorded
	marks  []mark // of the events' metadata
	more   bool   // the page was full
}

// own returns the events of the page that are the log's.
func (l *Log) own(p page) (events []eventstore.Recorded) {
	for _, event := range p.events {
		var ok bool
		if event.Stream, ok = l.ofLog(string(event.Stream)); ok {
			events = append(events, event)
		}
	}
	return events
}

// ReadAll implements eventstore.Log.
func (l *Log) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	read := func(ctx context.Context, after eventstore.Position) ([]eventstore.Recorded, eventstore.Position, bool, error) {
		var from esdb.AllPosition = esdb.Start{}
		if !after.IsZero() {
			from = esdb.Position{Commit: after.Major, Prepare: after.Minor}
		}
		page, err := l.readPage(ctx, pageEventsMax+1, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
			return client.ReadAll(ctx, esdb.ReadAllOptions{From: from}, pageEventsMax+1)
		})
		if err != nil {
			return nil, after, false, fmt.Errorf("read log after %v: %w", after, explain(err))
		}
		if len(page.events) > 0 && page.events[0].Position == after {
			page.events = page.events[1:] // a read begins with the event at its position
		}
		if len(page.events) > 0 {
			after = page.events[len(page.events)-1].Position
		}
		return l.own(page), after, page.more, nil
	}
	return eventstore.Pages(ctx, after, read)
}

// ReadStream implements eventstore.Log.
func (l *Log) ReadStream(
	ctx context.Context, stream eventstore.StreamName, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	read := func(ctx context.Context, from eventstore.Revision) ([]eventstore.Recorded, eventstore.Revision, bool, error) {
		page, err := l.readPage(ctx, pageEventsMax, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
			return client.ReadStream(ctx, l.inServer(stream), esdb.ReadStreamOptions{From: esdb.Revision(uint64(from))}, pageEventsMax)
		})
		if err != nil {
			return nil, from, false, fmt.Errorf("read stream %s from %d: %w", stream, from, explain(err))
		}
		return l.own(page), from + eventstore.Revision(len(page.events)), page.more, nil
	}
	return eventstore.Pages(ctx, max(from, 0), read)
}

// readPage reads up to a page of count events, again and again until the server answers or the time is up.
func (l *Log) readPage(
	ctx context.Context, count int, open func(context.Context, *esdb.Client) (*esdb.ReadStream, error),
) (page, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.config.Timeout, errNoAnswer)
	defer cancel()
	var last error
	for {
		read, err := call(ctx, l.client, func(ctx context.Context, client *esdb.Client) (page, error) {
			return receive(ctx, client, count, open)
		})
		switch {
		case isMissing(err):
			return page{}, nil
		case ctx.Err() != nil:
			return page{}, unanswered(ctx, last)
		case !isUnknown(err):
			return read, err
		}
		last = err
	}
}

// receive reads a page in one go, so that a slow reader holds nothing in the server.
func receive(
	ctx context.Context, client *esdb.Client, count int, open func(context.Context, *esdb.Client) (*esdb.ReadStream, error),
) (read page, err error) {
	stream, err := open(ctx, client)
	if err != nil {
		return read, err
	}
	defer stream.Close()
	received := 0
	// One more than the first, which may be the one at the position that the reader has already.
	for bytes := 0; bytes < pageBytesMax || received < 2; received++ {
		resolved, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			read.more = received == count
			return read, nil
		}
		if err != nil {
			return page{}, err
		}
		event := resolved.OriginalEvent()
		bytes += len(event.Data) + len(event.UserMetadata)
		read.take(event)
	}
	read.more = true
	return read, nil
}

func (p *page) take(event *esdb.RecordedEvent) {
	metadata, mark := unmark(event.UserMetadata)
	p.marks = append(p.marks, mark)
	p.events = append(p.events, eventstore.Recorded{
		Event:      eventstore.Event{ID: event.EventID, Type: event.EventType, Data: event.Data, Metadata: metadata},
		Stream:     eventstore.StreamName(event.StreamID),
		Revision:   eventstore.Revision(event.EventNumber),
		Position:   eventstore.Position{Major: event.Position.Commit, Minor: event.Position.Prepare},
		RecordedAt: event.CreatedDate.UTC().Truncate(time.Microsecond),
	})
}

// lastHead is the head as it was found the last time, so that the server's own events are not
// passed over twice.
type lastHead struct {
	mu   sync.Mutex
	head eventstore.Head
}

func (h *lastHead) get() eventstore.Head {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.head
}

func (h *lastHead) set(head eventstore.Head) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head = head
}

// Head implements eventstore.Header. It reads backwards from the end, past the server's own events.
func (l *Log) Head(ctx context.Context) (eventstore.Head, error) {
	known := l.lastHead.get()
	var from esdb.AllPosition = esdb.End{}
	for count := 1; ; count = pageEventsMax {
		page, err := l.readPage(ctx, count, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
			return client.ReadAll(ctx, esdb.ReadAllOptions{From: from, Direction: esdb.Backwards}, uint64(count))
		})
		if err != nil {
			return eventstore.Head{}, fmt.Errorf("read head of log: %w", explain(err))
		}
		last := eventstore.Position{}
		if page.more {
			last = page.events[len(page.events)-1].Position
		}
		if events := l.own(page); len(events) > 0 {
			head := eventstore.Head{Position: events[0].Position, RecordedAt: events[0].RecordedAt}
			l.lastHead.set(head)
			return head, nil
		}
		if last.Compare(known.Position) <= 0 {
			return known, nil
		}
		from = esdb.Position{Commit: last.Major, Prepare: last.Minor}
	}
}
