package eventstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/eventstore"
)

func TestLimitsCheck(t *testing.T) {
	t.Parallel()
	limits := eventstore.Limits{EventBytesMax: 10, AppendBytesMax: 15, AppendEventsMax: 3}
	sized := func(sizes ...int) []eventstore.Event {
		events := make([]eventstore.Event, len(sizes))
		for i, size := range sizes {
			events[i] = eventstore.Event{ID: uuid.New(), Type: "t", Data: make([]byte, size/2), Metadata: make([]byte, size-size/2)}
		}
		return events
	}
	twice := sized(1, 1)
	twice[1].ID = twice[0].ID
	for name, c := range map[string]struct {
		stream   eventstore.StreamName
		expected eventstore.ExpectedRevision
		events   []eventstore.Event
		want     string // "" for none
		is       error
	}{
		"at the limits":       {"s", 0, sized(10, 4, 1), "", nil},
		"one event too large": {"s", 0, sized(11), "11 bytes, at most 10", eventstore.ErrTooLarge},
		"too large together":  {"s", 0, sized(8, 8), "16 bytes in one append, at most 15", eventstore.ErrTooLarge},
		"too many":            {"s", 0, sized(1, 1, 1, 1), "4 events in one append, at most 3", eventstore.ErrTooLarge},
		"an id twice":         {"s", 0, twice, "twice in one append", eventstore.ErrEventIDTaken},
		"no events":           {"s", 0, nil, "no events", nil},
		"no such expectation": {"s", -3, sized(1), "expected revision -3", nil},
		"long stream name":    {eventstore.StreamName(strings.Repeat("s", 256)), 0, sized(1), "stream name", nil},
		"broken stream name":  {"\xff", 0, sized(1), "stream name", nil},
	} {
		err := limits.Check(c.stream, c.expected, c.events)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: got %v, want nil", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: got %v, want %q, %v", name, err, c.want, c.is)
		}
	}
}

func TestLimitsOrDefault(t *testing.T) {
	t.Parallel()
	got := eventstore.Limits{AppendEventsMax: 7}.OrDefault()
	if want := (eventstore.Limits{EventBytesMax: 1 << 20, AppendBytesMax: 16 << 20, AppendEventsMax: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestExpectedRevision(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expected eventstore.ExpectedRevision
		text     string
		matches  []eventstore.Revision // of -1, 0, 1
	}{
		{eventstore.NoStream, "no stream", []eventstore.Revision{-1}},
		{eventstore.Any, "any", []eventstore.Revision{-1, 0, 1}},
		{eventstore.StreamExists, "stream exists", []eventstore.Revision{0, 1}},
		{1, "revision 1", []eventstore.Revision{1}},
	} {
		var got []eventstore.Revision
		for revision := eventstore.Revision(-1); revision <= 1; revision++ {
			if c.expected.Matches(revision) {
				got = append(got, revision)
			}
		}
		if len(got) != len(c.matches) || got[0] != c.matches[0] || c.expected.String() != c.text {
			t.Errorf("%v: got %v, want %s %v", c.expected, got, c.text, c.matches)
		}
	}
}
