package kurrenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

// prepareStep and commitStep space positions: several events share a commit position, and no
// position follows from the one before.
const (
	prepareStep = 128
	commitStep  = 4 * prepareStep
)

// position is the position on the wire of the n-th event.
func position(n uint64) (commit, prepare uint64) {
	return (n*prepareStep + commitStep - 1) / commitStep * commitStep, n * prepareStep
}

// proposed is an event as it came in.
type proposed struct {
	id       uuid.UUID
	name     string
	json     bool
	data     []byte
	metadata []byte
}

// store keeps events as KurrentDB does, in a log that is stricter: there their ids are random, and
// the ids that came in stand before the metadata.
type store struct {
	log *sqlitelog.Log

	mu      sync.Mutex
	streams map[eventstore.StreamName]*streamState
}

type streamState struct {
	mu  sync.Mutex
	ids []uuid.UUID // by revision
}

func openStore(ctx context.Context, path string) (*store, error) {
	limits := eventstore.Limits{EventBytesMax: 32 << 20, AppendBytesMax: 64 << 20, AppendEventsMax: 100_000}
	log, err := sqlitelog.Open(ctx, path, sqlitelog.Config{Limits: limits})
	if err != nil {
		return nil, err
	}
	s := &store{log: log, streams: map[eventstore.StreamName]*streamState{}}
	for event, err := range log.ReadAll(ctx, eventstore.Position{}) {
		if err != nil {
			return nil, errors.Join(err, log.Close())
		}
		state := s.state(event.Stream)
		state.ids = append(state.ids, unpack(event).id)
	}
	return s, nil
}

func (s *store) state(stream eventstore.StreamName) *streamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.streams[stream]
	if state == nil {
		state = &streamState{}
		s.streams[stream] = state
	}
	return state
}

// last returns the revision of the stream's last event, -1 where there is none.
func (s *store) last(stream eventstore.StreamName) int64 {
	state := s.state(stream)
	state.mu.Lock()
	defer state.mu.Unlock()
	return int64(len(state.ids)) - 1
}

// wrongRevisionError says where the stream is.
type wrongRevisionError int64

func (e wrongRevisionError) Error() string { return fmt.Sprintf("stream is at %d", int64(e)) }

// append appends at expected. Events whose ids stand right behind the expected revision are there
// already, and get the first answer; ids that stand elsewhere are of no account.
func (s *store) append(
	ctx context.Context, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events []proposed,
) (revision int64, n uint64, err error) {
	state := s.state(stream)
	state.mu.Lock()
	defer state.mu.Unlock()
	current := eventstore.Revision(len(state.ids) - 1)
	if !expected.Matches(current) {
		if from := int(expected) + 1; expected >= eventstore.NoStream && from < len(state.ids) && begins(state.ids[from:], events) {
			return s.placeOf(ctx, stream, eventstore.Revision(from+len(events)-1))
		}
		return 0, 0, wrongRevisionError(current)
	}
	packed := make([]eventstore.Event, len(events))
	for i, event := range events {
		packed[i] = pack(event)
	}
	appended, err := s.log.Append(ctx, stream, eventstore.ExpectedRevision(current), packed...)
	if err != nil {
		return 0, 0, err
	}
	for _, event := range events {
		state.ids = append(state.ids, event.id)
	}
	return int64(appended.Revision), appended.Position.Major, nil
}

func begins(ids []uuid.UUID, events []proposed) bool {
	if len(ids) < len(events) {
		return false
	}
	for i, event := range events {
		if ids[i] != event.id {
			return false
		}
	}
	return true
}

func (s *store) placeOf(ctx context.Context, stream eventstore.StreamName, revision eventstore.Revision) (int64, uint64, error) {
	for event, err := range s.log.ReadStream(ctx, stream, revision) {
		return int64(event.Revision), event.Position.Major, err
	}
	return 0, 0, errors.New("the event is gone")
}

func pack(event proposed) eventstore.Event {
	kind := []byte{0}
	if event.json {
		kind[0] = 1
	}
	return eventstore.Event{ID: uuid.New(), Type: event.name, Data: event.data, Metadata: slices.Concat(event.id[:], kind, event.metadata)}
}

func unpack(event eventstore.Recorded) proposed {
	return proposed{
		id: uuid.UUID(event.Metadata[:16]), name: event.Type, json: event.Metadata[16] == 1, data: event.Data, metadata: event.Metadata[17:],
	}
}

// all returns up to count events after the n-th, forwards, or before the n-th, backwards.
func (s *store) all(ctx context.Context, n uint64, backwards bool, count uint64) ([]eventstore.Recorded, error) {
	after := n
	if backwards {
		after = n - 1 - min(n-1, count)
		count = n - 1 - after
	}
	events, err := take(s.log.ReadAll(ctx, eventstore.Position{Major: after}), count)
	if backwards {
		slices.Reverse(events)
	}
	return events, err
}

func (s *store) stream(ctx context.Context, stream eventstore.StreamName, from int64, count uint64) ([]eventstore.Recorded, error) {
	return take(s.log.ReadStream(ctx, stream, eventstore.Revision(from)), count)
}

func take(events func(func(eventstore.Recorded, error) bool), count uint64) (taken []eventstore.Recorded, err error) {
	if count == 0 {
		return nil, nil
	}
	for event, err := range events {
		if err != nil {
			return nil, err
		}
		if taken = append(taken, event); uint64(len(taken)) == count {
			break
		}
	}
	return taken, nil
}

// head returns the number of the last event.
func (s *store) head(ctx context.Context) (uint64, error) {
	head, err := s.log.Head(ctx)
	return head.Position.Major, err
}
