package sequencer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/eventstore/sequencer"
)

var (
	now  = time.Date(2026, 1, 2, 3, 4, 5, 6_789, time.UTC)
	head = eventstore.Head{Position: eventstore.Position{Major: 10}, RecordedAt: now.Add(-time.Hour)}
	a, b = id(1), id(2)
	c, d = id(3), id(4)
)

func id(n byte) uuid.UUID { return uuid.UUID{n} }

func events(ids ...uuid.UUID) []eventstore.Event {
	made := make([]eventstore.Event, len(ids))
	for i, id := range ids {
		made[i].ID = id
	}
	return made
}

func place(stream eventstore.StreamName, revision eventstore.Revision, position uint64) sequencer.Place {
	return sequencer.Place{Stream: stream, Revision: revision, Position: eventstore.Position{Major: position}}
}

// answer is a result as the cases write it.
type answer struct {
	revision eventstore.Revision
	position uint64
	repeated bool
	err      error
}

// Each batch is planned against the stream s at revision 4, the missing stream t, and what of the
// events is in the log already.
func TestMake(t *testing.T) {
	t.Parallel()
	wrong, taken := eventstore.ErrWrongExpectedRevision, eventstore.ErrEventIDTaken
	for _, test := range []struct {
		name   string
		given  map[uuid.UUID]sequencer.Place // nil: not looked up
		when   []sequencer.Append
		then   []answer
		rows   int
		unsure bool
	}{
		{"one", nil, []sequencer.Append{{"s", 4, events(a)}}, []answer{{5, 11, false, nil}}, 1, false},
		{"several streams", nil,
			[]sequencer.Append{{"s", eventstore.Any, events(a, b)}, {"t", eventstore.NoStream, events(c)}, {"s", 6, events(d)}},
			[]answer{{6, 12, false, nil}, {0, 13, false, nil}, {7, 14, false, nil}}, 4, false},
		{"a conflict does not touch the others", map[uuid.UUID]sequencer.Place{},
			[]sequencer.Append{{"s", 4, events(a)}, {"s", 4, events(b)}, {"t", eventstore.StreamExists, events(c)}, {"t", eventstore.Any, events(d)}},
			[]answer{{5, 11, false, nil}, {0, 0, false, wrong}, {0, 0, false, wrong}, {0, 12, false, nil}}, 2, false},
		{"a conflict may be a repetition", nil, []sequencer.Append{{"s", 3, events(a)}}, []answer{{0, 0, false, wrong}}, 0, true},
		{"a repetition", map[uuid.UUID]sequencer.Place{a: place("s", 2, 7), b: place("s", 3, 9)},
			[]sequencer.Append{{"s", 1, events(a, b)}}, []answer{{3, 9, true, nil}}, 0, false},
		{"a repetition in the batch", nil,
			[]sequencer.Append{{"s", 4, events(a)}, {"s", 4, events(a)}}, []answer{{5, 11, false, nil}, {5, 11, true, nil}}, 1, false},
		{"partly there", map[uuid.UUID]sequencer.Place{a: place("s", 4, 10)},
			[]sequencer.Append{{"s", 4, events(a, b)}}, []answer{{0, 0, false, taken}}, 0, false},
		{"partly there, not looked up", nil,
			[]sequencer.Append{{"s", 4, events(a)}, {"s", 5, events(a, b)}}, []answer{{5, 11, false, nil}, {0, 0, false, taken}}, 1, true},
		{"in another stream", map[uuid.UUID]sequencer.Place{a: place("s", 4, 10)},
			[]sequencer.Append{{"t", eventstore.NoStream, events(a)}}, []answer{{0, 0, false, taken}}, 0, false},
		{"in another order", map[uuid.UUID]sequencer.Place{a: place("s", 2, 7), b: place("s", 3, 9)},
			[]sequencer.Append{{"s", 4, events(b, a)}}, []answer{{0, 0, false, taken}}, 0, false},
		{"with others between", map[uuid.UUID]sequencer.Place{a: place("s", 2, 7), b: place("s", 4, 9)},
			[]sequencer.Append{{"s", 4, events(a, b)}}, []answer{{0, 0, false, taken}}, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			known := sequencer.Known{
				Head: head, Places: test.given, Revisions: map[eventstore.StreamName]eventstore.Revision{"s": 4, "t": -1},
			}
			plan := sequencer.Make(test.when, known, now)
			for i, want := range test.then {
				got := plan.Results[i]
				wanted := eventstore.Appended{Revision: want.revision, Position: eventstore.Position{Major: want.position}, Repeated: want.repeated}
				if got.Answer != wanted || !errors.Is(got.Err, want.err) {
					t.Errorf("answer %d: got %+v, want %+v", i, got, want)
				}
			}
			if len(plan.Rows) != test.rows || plan.Unsure != test.unsure {
				t.Errorf("got %d rows, unsure %v, want %d, %v", len(plan.Rows), plan.Unsure, test.rows, test.unsure)
			}
			checkRows(t, plan)
		})
	}
}

// checkRows: positions are dense, revisions go on from the stream's, the head is the last row's.
func checkRows(t *testing.T, plan sequencer.Plan) {
	t.Helper()
	next := map[eventstore.StreamName]eventstore.Revision{"s": 5, "t": 0}
	want := head
	for _, row := range plan.Rows {
		want.Position.Major++
		want.RecordedAt = now.Truncate(time.Microsecond)
		if row.Position != want.Position || row.Revision != next[row.Stream] || !row.RecordedAt.Equal(want.RecordedAt) {
			t.Errorf("row: got %+v, want revision %d at %v", row, next[row.Stream], want)
		}
		next[row.Stream]++
	}
	if plan.Head != want {
		t.Errorf("head: got %v, want %v", plan.Head, want)
	}
}

// A clock that has gone back does not take recorded times with it.
func TestMakeClockBack(t *testing.T) {
	t.Parallel()
	known := sequencer.Known{Head: head, Revisions: map[eventstore.StreamName]eventstore.Revision{"s": -1}}
	plan := sequencer.Make([]sequencer.Append{{"s", eventstore.NoStream, events(a)}}, known, head.RecordedAt.Add(-time.Minute))
	if got := plan.Rows[0].RecordedAt; !got.Equal(head.RecordedAt) {
		t.Errorf("recorded at: got %v, want %v", got, head.RecordedAt)
	}
}
