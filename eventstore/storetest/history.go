package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"casesync/eventstore"
)

// operation is what one caller did to one stream, and what it was told. Times are since the start
// of the history; an append and its repetition are two operations.
type operation struct {
	caller       int
	called, done time.Duration
	stream       eventstore.StreamName
	// append is what was appended; nil for a read of the whole stream.
	append   []uuid.UUID
	expected eventstore.ExpectedRevision
	// appended and err are the answer to an append, read the answer to a read.
	appended eventstore.Appended
	err      error
	read     []uuid.UUID
}

// checkHistory returns an error if there is no order of the operations, in keeping with the times
// at which they were called and done, in which every answer is right: the log is not linearizable.
func checkHistory(history []operation) error {
	operations := make([]porcupine.Operation, len(history))
	for i, o := range history {
		operations[i] = porcupine.Operation{
			ClientId: o.caller, Input: o, Call: int64(o.called), Output: o, Return: int64(o.done),
		}
	}
	switch porcupine.CheckOperationsTimeout(streamModel, operations, time.Minute) {
	case porcupine.Illegal:
		return errors.New("history is not linearizable")
	case porcupine.Unknown:
		return errors.New("history was not checked within a minute")
	}
	return nil
}

// streamModel is a stream as the contract describes it: the list of its event ids. Streams do not
// touch each other, so that each is checked for itself.
var streamModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		streams := make(map[eventstore.StreamName][]porcupine.Operation)
		for _, o := range history {
			stream := o.Input.(operation).stream
			streams[stream] = append(streams[stream], o)
		}
		var partitions [][]porcupine.Operation
		for _, stream := range streams {
			partitions = append(partitions, stream)
		}
		return partitions
	},
	Init:  func() any { return []uuid.UUID(nil) },
	Equal: func(a, b any) bool { return slices.Equal(a.([]uuid.UUID), b.([]uuid.UUID)) },
	Step: func(state, _, answer any) (bool, any) {
		stream, o := state.([]uuid.UUID), answer.(operation)
		if o.append == nil {
			return slices.Equal(stream, o.read), stream
		}
		return stepAppend(stream, o)
	},
	DescribeOperation: func(_, answer any) string { return fmt.Sprintf("%+v", answer) },
}

func stepAppend(stream []uuid.UUID, o operation) (right bool, next any) {
	last := eventstore.Revision(len(stream) - 1)
	if first := slices.Index(stream, o.append[0]); first >= 0 {
		return o.err == nil && o.appended.Repeated && o.appended.Revision == eventstore.Revision(first+len(o.append)-1), stream
	}
	if !o.expected.Matches(last) {
		return errors.Is(o.err, eventstore.ErrWrongExpectedRevision), stream
	}
	right = o.err == nil && !o.appended.Repeated && o.appended.Revision == last+eventstore.Revision(len(o.append))
	return right, slices.Concat(stream, o.append)
}

// acknowledged is an append that the log said was kept.
type acknowledged struct {
	stream   eventstore.StreamName
	ids      []uuid.UUID
	appended eventstore.Appended
}

// checkFeed returns an error if events, the whole log as one reader saw it, breaks the contract:
// positions grow, recorded times never go back, each stream's revisions are 0, 1, 2, …, no event is
// there twice, and every acknowledged append stands where it was said to.
func checkFeed(events []eventstore.Recorded, kept []acknowledged) error {
	places := make(map[uuid.UUID]eventstore.Recorded, len(events))
	next := make(map[eventstore.StreamName]eventstore.Revision)
	var last eventstore.Recorded
	for _, event := range events {
		if event.Position.Compare(last.Position) <= 0 {
			return fmt.Errorf("position %v comes after %v", event.Position, last.Position)
		}
		if event.RecordedAt.Before(last.RecordedAt) {
			return fmt.Errorf("event at %v was recorded at %v, before the one at %v", event.Position, event.RecordedAt, last.Position)
		}
		if event.Revision != next[event.Stream] {
			return fmt.Errorf("revision %d of %s comes where %d should", event.Revision, event.Stream, next[event.Stream])
		}
		if _, twice := places[event.ID]; twice {
			return fmt.Errorf("event %s is there twice", event.ID)
		}
		places[event.ID], last = event, event
		next[event.Stream]++
	}
	for _, k := range kept {
		if err := checkKept(places, k); err != nil {
			return err
		}
	}
	return nil
}

func checkKept(places map[uuid.UUID]eventstore.Recorded, k acknowledged) error {
	for i, id := range k.ids {
		event, ok := places[id]
		want := k.appended.Revision - eventstore.Revision(len(k.ids)-1-i)
		if !ok || event.Stream != k.stream || event.Revision != want {
			return fmt.Errorf("acknowledged event %s at revision %d of %s: got %d of %s", id, want, k.stream, event.Revision, event.Stream)
		}
	}
	if at := places[k.ids[len(k.ids)-1]].Position; at != k.appended.Position {
		return fmt.Errorf("acknowledged append at position %v of %s stands at %v", k.appended.Position, k.stream, at)
	}
	return nil
}

// checkComplete is checkFeed where kept are all appends that there were: nothing else is there.
func checkComplete(events []eventstore.Recorded, kept []acknowledged) error {
	total := 0
	for _, k := range kept {
		total += len(k.ids)
	}
	if err := checkFeed(events, kept); err != nil {
		return err
	}
	if len(events) != total {
		return fmt.Errorf("the log has %d events, but %d were appended", len(events), total)
	}
	return nil
}
