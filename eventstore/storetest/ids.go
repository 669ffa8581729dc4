package storetest

import (
	"errors"
	"slices"
	"sync"

	"casesync/eventstore"
)

var idCases = []testCase{
	{"same append again", "The same append again gives the first answer, whatever it expects and whatever came after, and writes nothing.", sameAppendAgain},
	{"same append at once", "The same append from many callers at once is written once, and all get the same answer.", sameAppendAtOnce},
	{"event id taken", "An append whose ids are there in any other way is ErrEventIDTaken and writes nothing.", eventIDTaken},
}

func sameAppendAgain(b *bench) {
	log, other := b.open(), b.open()
	batch := events(3)
	b.append(log, "storetest-1", eventstore.NoStream, event())
	first := b.append(log, "storetest-1", 0, batch...)
	if first.Repeated {
		b.Errorf("first append: got %+v, want it not repeated", first)
	}
	first.Repeated = true // all that differs in the answers to come
	again := func(log Handle, when string) {
		b.Helper()
		for _, expected := range []eventstore.ExpectedRevision{0, eventstore.NoStream, eventstore.Any, eventstore.StreamExists, 3, 99} {
			if got, err := log.Append(b.Context(), "storetest-1", expected, batch...); got != first || err != nil {
				b.Errorf("%s, expecting %v: got %v, %v, want %v, nil", when, expected, got, err, first)
			}
		}
	}
	again(log, "at once")
	again(other, "through another handle")
	b.append(log, "storetest-1", 3, events(2)...)
	b.append(log, "storetest-2", eventstore.NoStream, events(2)...)
	again(log, "after later appends")
	again(other, "after later appends, through another handle")
	again(b.open(), "after opening anew")
	if got := len(b.all(log)); got != 8 {
		b.Errorf("events: got %d, want 8", got)
	}
}

func sameAppendAtOnce(b *bench) {
	handles := []Handle{b.open(), b.open()}
	for i := range 10 {
		batch := events(2)
		answers := make([]eventstore.Appended, 8)
		var group sync.WaitGroup
		for j := range answers {
			group.Go(func() {
				var err error
				if answers[j], err = handles[j%2].Append(b.Context(), streamName(i), eventstore.NoStream, batch...); err != nil {
					b.Errorf("append: %v", err)
				}
			})
		}
		group.Wait()
		written := 0
		for _, answer := range answers {
			if !answer.Repeated {
				written++
			}
			if answer.Revision != 1 || answer.Position != answers[0].Position {
				b.Errorf("answer: got %+v, want revision 1 at %v", answer, answers[0].Position)
			}
		}
		if written != 1 {
			b.Errorf("answers that say the append was written: got %d, want 1", written)
		}
		b.wantIDs("stream", b.stream(handles[0], streamName(i)), batch...)
	}
}

func eventIDTaken(b *bench) {
	log := b.open()
	batch := events(3)
	new1 := event()
	b.append(log, "storetest-1", eventstore.NoStream, batch...)
	b.append(log, "storetest-1", 2, new1)
	other := event()
	b.append(log, "storetest-2", eventstore.NoStream, other)
	want := b.all(log)
	for name, c := range map[string]struct {
		stream    eventstore.StreamName
		events    []eventstore.Event
		elsewhere bool // the ids are in other streams alone
	}{
		"in another stream":     {"storetest-2", batch, true},
		"in a new stream":       {"storetest-3", batch[:1], true},
		"in another order":      {"storetest-1", []eventstore.Event{batch[1], batch[0], batch[2]}, false},
		"with one left out":     {"storetest-1", []eventstore.Event{batch[0], batch[2]}, false},
		"with a new one behind": {"storetest-1", append(slices.Clone(batch), event()), false},
		"with a new one before": {"storetest-1", append([]eventstore.Event{event()}, batch...), false},
		"with a new one within": {"storetest-1", []eventstore.Event{batch[0], event(), batch[2]}, false},
		"with another stream's": {"storetest-1", []eventstore.Event{new1, other}, false},
		"twice the same new id": {"storetest-3", []eventstore.Event{batch[0], batch[0]}, false},
	} {
		if c.elsewhere && b.config.IDsPerStream {
			continue // see below
		}
		for _, expected := range []eventstore.ExpectedRevision{eventstore.Any, eventstore.NoStream, 3} {
			if _, err := log.Append(b.Context(), c.stream, expected, c.events...); !errors.Is(err, eventstore.ErrEventIDTaken) {
				b.Errorf("%s, expecting %v: got %v, want %v", name, expected, err, eventstore.ErrEventIDTaken)
			}
		}
	}
	if got := b.all(log); !slices.EqualFunc(got, want, sameEvent) {
		b.Errorf("log: got %d events, want the %d of before", len(got), len(want))
	}
	if b.config.IDsPerStream {
		idsElsewhere(b, log, batch)
	}
}

// idsElsewhere: ids of another stream are like new ones, and are then known in both streams.
func idsElsewhere(b *bench, log Handle, batch []eventstore.Event) {
	b.Helper()
	appended := b.append(log, "storetest-2", 0, batch...)
	if want := eventstore.Revision(len(batch)); appended.Revision != want || appended.Repeated {
		b.Errorf("in another stream: got %+v, want it appended up to revision %d", appended, want)
	}
	for _, stream := range []eventstore.StreamName{"storetest-1", "storetest-2"} {
		if got := b.append(log, stream, eventstore.Any, batch...); !got.Repeated {
			b.Errorf("again in %s: got %+v, want it repeated", stream, got)
		}
	}
}
