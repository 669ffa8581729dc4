package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
)

var appendCases = []testCase{
	{"round trip", "Every field of an event comes back, data and metadata byte for byte, whatever the bytes.", roundTrip},
	{"expected revisions", "Each expected revision is met by the streams it names and by no others.", expectedRevisions},
	{"wrong revision writes nothing", "An append at a wrong revision leaves the log as it was.", wrongRevisionWritesNothing},
	{"appended", "The answer names the last event's revision and position; positions only grow.", appended},
	{"whole batches", "A reader of a stream sees all events of an append or none.", wholeBatches},
	{"large events", "Events of up to the limit, 1 MiB, come back whole; a larger one is ErrTooLarge and writes nothing.", largeEvents},
	{"impossible appends", "An append that is wrong in itself is refused and writes nothing.", impossibleAppends},
	{"recorded times", "Recorded times are UTC microseconds and never go back, even when the clock does.", recordedTimes},
	{"cancelled append", "An append whose context has ended writes nothing.", cancelledAppend},
	{"reopening", "What was appended is there after the log is closed and opened again, and appends go on from there.", reopening},
}

func roundTrip(b *bench) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	log := b.open()
	wanted := []eventstore.Event{
		{ID: uuid.New(), Type: "storetest.json.v1", Data: []byte(`{"b": 1.0, "a":"\u0000", "a":2}`), Metadata: []byte("{}")},
		{ID: uuid.New(), Type: "storetest.broken.v1", Data: []byte("{not JSON \xff\xfe"), Metadata: everyByte},
		{ID: uuid.New(), Type: "storetest.unicode.v1", Data: []byte("Ærøskøbing 東京 🏛"), Metadata: []byte(" \n")},
		{ID: uuid.New(), Type: "storetest.empty.v1", Data: []byte{}, Metadata: []byte{}},
		{ID: uuid.New(), Type: "storetest.nil.v1"},
		{ID: uuid.Max, Type: strings.Repeat("é", 127), Data: everyByte, Metadata: []byte{0}},
	}
	before := time.Now().Add(-time.Second)
	b.append(log, "storetest-ünï 'quoted'", eventstore.NoStream, wanted...)
	for i, got := range b.all(log) {
		want := wanted[i]
		if got.ID != want.ID || got.Type != want.Type || !bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.Metadata, want.Metadata) {
			b.Errorf("event %d: got %+v, want %+v", i, got.Event, want)
		}
		if got.Stream != "storetest-ünï 'quoted'" || got.Revision != eventstore.Revision(i) {
			b.Errorf("event %d: got %s at %d, want the stream at %d", i, got.Stream, got.Revision, i)
		}
		if got.RecordedAt.Before(before) || got.RecordedAt.After(time.Now().Add(time.Second)) {
			b.Errorf("event %d: recorded at %v, want about now", i, got.RecordedAt)
		}
	}
	b.wantIDs("stream", b.stream(log, "storetest-ünï 'quoted'"), wanted...)
}

func expectedRevisions(b *bench) {
	log := b.open()
	b.append(log, "storetest-there", eventstore.NoStream, events(3)...) // at revision 2
	for _, c := range []struct {
		stream   eventstore.StreamName
		expected eventstore.ExpectedRevision
		want     error
	}{
		{"storetest-there", eventstore.NoStream, eventstore.ErrWrongExpectedRevision},
		{"storetest-there", 0, eventstore.ErrWrongExpectedRevision},
		{"storetest-there", 1, eventstore.ErrWrongExpectedRevision},
		{"storetest-there", 3, eventstore.ErrWrongExpectedRevision},
		{"storetest-there", 2, nil},
		{"storetest-there", eventstore.StreamExists, nil},
		{"storetest-there", eventstore.Any, nil},
		{"storetest-missing", 0, eventstore.ErrWrongExpectedRevision},
		{"storetest-missing", 5, eventstore.ErrWrongExpectedRevision},
		{"storetest-missing", eventstore.StreamExists, eventstore.ErrWrongExpectedRevision},
		{"storetest-new", eventstore.NoStream, nil},
		{"storetest-any", eventstore.Any, nil},
	} {
		if _, err := log.Append(b.Context(), c.stream, c.expected, event()); !errors.Is(err, c.want) {
			b.Errorf("%s at %v: got %v, want %v", c.stream, c.expected, err, c.want)
		}
	}
}

func wrongRevisionWritesNothing(b *bench) {
	log := b.open()
	first := event()
	b.append(log, "storetest-1", eventstore.NoStream, first)
	for _, expected := range []eventstore.ExpectedRevision{eventstore.NoStream, 1, 7} {
		if _, err := log.Append(b.Context(), "storetest-1", expected, events(3)...); !errors.Is(err, eventstore.ErrWrongExpectedRevision) {
			b.Errorf("expected %v: got %v, want %v", expected, err, eventstore.ErrWrongExpectedRevision)
		}
	}
	b.wantIDs("log", b.all(log), first)
}

func appended(b *bench) {
	log := b.open()
	var last eventstore.Position
	for i, n := range []int{1, 3, 2} {
		got := b.append(log, "storetest-1", eventstore.Any, events(n)...)
		if want := []eventstore.Revision{0, 3, 5}[i]; got.Revision != want {
			b.Errorf("append %d: revision: got %d, want %d", i, got.Revision, want)
		}
		if got.Position.Compare(last) <= 0 {
			b.Errorf("append %d: position: got %v, want one after %v", i, got.Position, last)
		}
		last = got.Position
		all := b.all(log)
		if at := all[len(all)-1].Position; at != got.Position {
			b.Errorf("append %d: position: got %v, but the event stands at %v", i, got.Position, at)
		}
	}
}

func wholeBatches(b *bench) {
	const size, appends = 7, 40
	writer, reader := b.open(), b.open()
	var group sync.WaitGroup
	group.Go(func() {
		for range appends {
			if _, err := writer.Append(b.Context(), "storetest-1", eventstore.Any, events(size)...); err != nil {
				b.Errorf("append: %v", err)
				return
			}
		}
	})
	for n := 0; n < size*appends && !b.Failed(); {
		if n = len(b.stream(reader, "storetest-1")); n%size != 0 {
			b.Errorf("events: got %d, want a multiple of %d", n, size)
		}
	}
	group.Wait()
}

func largeEvents(b *bench) {
	log := b.open()
	large := event()
	large.Data = bytes.Repeat([]byte{0xa5, 0}, b.config.EventBytesMax/2-8)
	large.Metadata = bytes.Repeat([]byte{0x5a}, 16)
	b.append(log, "storetest-1", eventstore.NoStream, large)
	got := b.all(log)
	if len(got) != 1 || !bytes.Equal(got[0].Data, large.Data) || !bytes.Equal(got[0].Metadata, large.Metadata) {
		b.Fatalf("large event: got %d events, want one with the same bytes", len(got))
	}
	over := event()
	over.Data = make([]byte, b.config.EventBytesMax+1)
	if _, err := log.Append(b.Context(), "storetest-1", 0, event(), over); !errors.Is(err, eventstore.ErrTooLarge) {
		b.Errorf("event over the limit: got %v, want %v", err, eventstore.ErrTooLarge)
	}
	b.wantIDs("log", b.all(log), large)
}

func impossibleAppends(b *bench) {
	log := b.open()
	noID, noType, nulType := event(), event(), event()
	noID.ID, noType.Type, nulType.Type = uuid.Nil, "", "a\x00b"
	for name, try := range map[string]func() (eventstore.Appended, error){
		"no events":           func() (eventstore.Appended, error) { return log.Append(b.Context(), "storetest-1", eventstore.Any) },
		"no stream name":      func() (eventstore.Appended, error) { return log.Append(b.Context(), "", eventstore.Any, event()) },
		"broken stream name":  func() (eventstore.Appended, error) { return log.Append(b.Context(), "a\xff", eventstore.Any, event()) },
		"NUL in stream name":  func() (eventstore.Appended, error) { return log.Append(b.Context(), "a\x00", eventstore.Any, event()) },
		"no such expectation": func() (eventstore.Appended, error) { return log.Append(b.Context(), "storetest-1", -3, event()) },
		"no id": func() (eventstore.Appended, error) {
			return log.Append(b.Context(), "storetest-1", eventstore.Any, noID)
		},
		"no type": func() (eventstore.Appended, error) {
			return log.Append(b.Context(), "storetest-1", eventstore.Any, noType)
		},
		"NUL in type": func() (eventstore.Appended, error) {
			return log.Append(b.Context(), "storetest-1", eventstore.Any, nulType)
		},
	} {
		if got, err := try(); err == nil {
			b.Errorf("%s: got %v, want an error", name, got)
		}
	}
	b.wantIDs("log", b.all(log))
}

func recordedTimes(b *bench) {
	if b.config.ServersClock {
		recordedByServer(b)
		return
	}
	start := time.Date(2026, 3, 29, 0, 59, 59, 123_456_789, time.FixedZone("", 3600))
	clock := start
	log, err := b.factory(func() time.Time { return clock })
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	for i, c := range []struct{ now, want time.Time }{
		{start, start.Truncate(time.Microsecond)},
		{start.Add(-time.Hour), start.Truncate(time.Microsecond)},
		{start.Add(time.Hour), start.Add(time.Hour).Truncate(time.Microsecond)},
		{time.Time{}, start.Add(time.Hour).Truncate(time.Microsecond)},
	} {
		clock = c.now
		b.append(log, streamName(i), eventstore.Any, event())
		got := b.all(log)[i].RecordedAt
		if !got.Equal(c.want) || got.Location() != time.UTC {
			b.Errorf("recorded with the clock at %v: got %v, want %v", c.now, got, c.want.UTC())
		}
	}
	// A second process whose clock is behind.
	other, err := b.factory(func() time.Time { return start.Add(-24 * time.Hour) })
	if err != nil {
		b.Fatal(err)
	}
	defer other.Close()
	b.append(other, streamName(9), eventstore.Any, event())
	if got, want := b.all(log)[4].RecordedAt, start.Add(time.Hour).Truncate(time.Microsecond); !got.Equal(want) {
		b.Errorf("recorded by a process whose clock is behind: got %v, want %v", got, want)
	}
}

func recordedByServer(b *bench) {
	handles := []Handle{b.open(), b.open()}
	for i := range 10 {
		b.append(handles[i%2], streamName(i%3), eventstore.Any, event())
	}
	var last time.Time
	for i, event := range b.all(handles[0]) {
		at := event.RecordedAt
		if at.Before(last) || at.Location() != time.UTC || !at.Equal(at.Truncate(time.Microsecond)) {
			b.Errorf("event %d: recorded at %v, want UTC microseconds not before %v", i, at, last)
		}
		last = at
	}
}

func cancelledAppend(b *bench) {
	log := b.open()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	if _, err := log.Append(ctx, "storetest-1", eventstore.Any, event()); !errors.Is(err, context.Canceled) {
		b.Errorf("got %v, want %v", err, context.Canceled)
	}
	b.wantIDs("log", b.all(log))
}

func reopening(b *bench) {
	var want []eventstore.Recorded
	for i := range 3 {
		log, err := b.factory(nil)
		if err != nil {
			b.Fatal(err)
		}
		before := b.all(log)
		if len(before) != len(want) {
			b.Fatalf("opened for the %d. time: got %d events, want %d", i+1, len(before), len(want))
		}
		for j := range want {
			if !sameEvent(before[j], want[j]) {
				b.Errorf("opened for the %d. time: got %+v, want %+v", i+1, before[j], want[j])
			}
		}
		b.append(log, "storetest-1", eventstore.ExpectedRevision(2*i-1), events(2)...)
		want = b.all(log)
		if err := log.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
		if _, err := log.Append(b.Context(), "storetest-1", eventstore.Any, event()); err == nil {
			b.Error("append after Close: got no error")
		}
	}
}
