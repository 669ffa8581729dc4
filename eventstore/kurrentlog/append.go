package kurrentlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"casesync/eventstore"
)

// Append implements eventstore.Log, but for ids that are in another stream: see the package.
func (l *Log) Append(
	ctx context.Context, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events ...eventstore.Event,
) (eventstore.Appended, error) {
	err := l.check(stream, expected, events)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.config.Timeout, errNoAnswer)
	defer cancel()
	appended, err := l.append(ctx, stream, expected, events)
	if err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", stream, explain(err))
	}
	l.watch.Moved(appended.Position)
	return appended, nil
}

func (l *Log) check(stream eventstore.StreamName, expected eventstore.ExpectedRevision, events []eventstore.Event) error {
	if err := l.config.Limits.Check(stream, expected, events); err != nil {
		return err
	}
	if _, ok := l.ofLog(l.inServer(stream)); !ok {
		return errors.New("stream names that begin with $, and " + identityStream + ", are not for events")
	}
	size := 0
	for _, event := range events {
		size += len(event.Data) + len(event.Metadata) + markBytes + 2*len(event.Type) // as the server counts, or a little more
	}
	if size > l.appendBytesMax {
		return fmt.Errorf("%w: %d bytes in one append, at most %d: set the server's MaxAppendSize and the address's maxAppendSize",
			eventstore.ErrTooLarge, size, l.appendBytesMax)
	}
	return nil
}

// append reads, appends at the revision it has read to, and reads again, until what is there answers
// the caller. Every answer comes from what was read, never from what the server said to the append.
func (l *Log) append(
	ctx context.Context, name eventstore.StreamName, expected eventstore.ExpectedRevision, events []eventstore.Event,
) (eventstore.Appended, error) {
	s, err := l.acquire(ctx, name)
	if err != nil {
		return eventstore.Appended{}, err
	}
	defer s.release()
	mark := newMark()
	var last error              // why the latest attempt may have written nothing
	fresh, ours := false, false // whether the stream was read since, and holds our mark
	for attempt := 0; ; {
		if !s.known {
			found, err := l.readOn(ctx, s, mark)
			if err != nil {
				return eventstore.Appended{}, errors.Join(err, last)
			}
			fresh, ours = true, ours || found
		}
		if appended, there, err := s.find(events); there {
			appended.Repeated = !ours
			return appended, err
		}
		if !expected.Matches(s.next - 1) {
			if fresh {
				return eventstore.Appended{}, fmt.Errorf("%w: expected %s, it is at %d", eventstore.ErrWrongExpectedRevision, expected, s.next-1)
			}
			s.known = false
			continue
		}
		// A crash here, ours or the server's, leaves all of the append or nothing of it.
		if attempt++; attempt > 1 && !isMoved(last) {
			_ = sleep(ctx, pauseShortest) // the next call says that ctx has ended
		}
		s.known = false
		if last = l.send(ctx, s, events, mark); isRefused(last) {
			return eventstore.Appended{}, last
		}
	}
}

// send appends at the revision up to which s was read. Its answer is a hint only.
func (l *Log) send(ctx context.Context, s *stream, events []eventstore.Event, mark mark) error {
	var expected esdb.ExpectedRevision = esdb.NoStream{}
	if s.next > 0 {
		expected = esdb.Revision(uint64(s.next - 1))
	}
	proposed := make([]esdb.EventData, len(events))
	for i, event := range events {
		proposed[i] = esdb.EventData{
			EventID: event.ID, EventType: event.Type, ContentType: contentType(event.Data), Data: event.Data, Metadata: mark.on(event.Metadata),
		}
	}
	_, err := call(ctx, l.client, func(ctx context.Context, client *esdb.Client) (*esdb.WriteResult, error) {
		// The client would allow ten seconds, whatever the context says.
		deadline := l.config.Timeout
		if at, ok := ctx.Deadline(); ok {
			deadline = time.Until(at)
		}
		return client.AppendToStream(ctx, l.inServer(s.name), esdb.AppendToStreamOptions{ExpectedRevision: expected, Deadline: &deadline}, proposed...)
	})
	return err
}

// contentType is how the server's own tools show data. The bytes are kept whichever it is.
func contentType(data []byte) esdb.ContentType {
	if json.Valid(data) {
		return esdb.ContentTypeJson
	}
	return esdb.ContentTypeBinary
}
