package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"casesync/eventstore"
)

var readCases = []testCase{
	{"read from anywhere", "ReadStream starts at the revision given and ReadAll behind the position given; past the end there is nothing.", readFromAnywhere},
	{"many pages", "A log of several thousand events reads whole, in order, in full and from the middle.", manyPages},
	{"stop reading", "A reader may stop at any event, and read the log or append to it while it reads.", stopReading},
	{"cancelled read", "A read whose context ends yields its error once and stops, before and in the middle.", cancelledRead},
	{"position text", "A position read back from its text reads on from the same place.", positionText},
}

var waitCases = []testCase{
	{"head", "Head is zero for an empty log, else the position and time of the last event, whoever appended it.", head},
	{"ends", "Ends tells where streams end, in the order asked, -1 for one that does not exist, whoever appended to them.", ends},
	{"ends under racing writers", "Ends, asked by many at once, never tells less than what was appended before it was asked.", endsUnderWriters},
	{"identity", "A log says the same name through every handle, for ever, and no other log has it.", identity},
	{"wait", "Wait returns at once when there is an event, else when another handle appends one, else with its context.", wait},
	{"follow", "Follow yields what is there and what comes, in order, and an empty batch whenever it has caught up.", follow},
}

func readFromAnywhere(b *bench) {
	log := b.open()
	first, second := events(5), events(2)
	b.append(log, "storetest-1", eventstore.NoStream, first[:3]...)
	b.append(log, "storetest-2", eventstore.NoStream, second...)
	b.append(log, "storetest-1", 2, first[3:]...)
	for from, want := range map[eventstore.Revision][]eventstore.Event{
		-1: first, 0: first, 2: first[2:], 4: first[4:], 5: nil, 1 << 40: nil,
	} {
		b.wantIDs("stream", b.collect(log.ReadStream(b.Context(), "storetest-1", from)), want...)
	}
	b.wantIDs("missing stream", b.stream(log, "storetest-3"))
	b.wantIDs("name that only begins alike", b.stream(log, "storetest-"))
	all := b.all(log)
	b.wantIDs("log", all, slices.Concat(first[:3], second, first[3:])...)
	for i, event := range all {
		got := b.collect(log.ReadAll(b.Context(), event.Position))
		if !slices.EqualFunc(got, all[i+1:], sameEvent) {
			b.Errorf("after event %d: got %d events, want the %d behind it", i, len(got), len(all)-i-1)
		}
	}
	// The sequence can be ranged over again, and starts again.
	again := log.ReadAll(b.Context(), eventstore.Position{})
	for range 2 {
		if got := b.collect(again); !slices.EqualFunc(got, all, sameEvent) {
			b.Errorf("ranged over again: got %d events, want %d", len(got), len(all))
		}
	}
}

func manyPages(b *bench) {
	log := b.open()
	var want []eventstore.Event
	for i := range 4 {
		batch := events(1001)
		b.append(log, "storetest-1", eventstore.ExpectedRevision(i*1001-1), batch...)
		want = append(want, batch...)
	}
	all := b.all(log)
	b.wantIDs("log", all, want...)
	b.wantIDs("log from the middle", b.collect(log.ReadAll(b.Context(), all[1499].Position)), want[1500:]...)
	b.wantIDs("stream", b.stream(log, "storetest-1"), want...)
	b.wantIDs("stream from the middle", b.collect(log.ReadStream(b.Context(), "storetest-1", 1500)), want[1500:]...)
}

func stopReading(b *bench) {
	log := b.open()
	b.append(log, "storetest-1", eventstore.NoStream, events(10)...)
	// More readers at once than any log has connections; each appends and reads while it reads.
	var group sync.WaitGroup
	for i := range 30 {
		group.Go(func() {
			for event, err := range log.ReadAll(b.Context(), eventstore.Position{}) {
				if err != nil {
					b.Errorf("read: %v", err)
					return
				}
				if event.Revision < 3 {
					continue
				}
				if _, err := log.Append(b.Context(), streamName(100+i), eventstore.NoStream, events(1)...); err != nil {
					b.Errorf("append while reading: %v", err)
				}
				if got, err := collect(log.ReadStream(b.Context(), streamName(100+i), 0)); len(got) != 1 || err != nil {
					b.Errorf("read while reading: got %d events, %v, want 1, nil", len(got), err)
				}
				return
			}
		})
	}
	group.Wait()
}

func cancelledRead(b *bench) {
	log := b.open()
	b.append(log, "storetest-1", eventstore.NoStream, events(2500)...)
	for _, at := range []int{0, 1, 5, 1000, 2400} {
		ctx, cancel := context.WithCancel(b.Context())
		if at == 0 {
			cancel()
		}
		seen, failed := 0, 0
		for _, err := range log.ReadAll(ctx, eventstore.Position{}) {
			if err != nil {
				if failed++; !errors.Is(err, context.Canceled) {
					b.Errorf("cancelled at %d: got %v, want %v", at, err, context.Canceled)
				}
				continue
			}
			if seen++; seen == at {
				cancel()
			}
		}
		cancel()
		if seen != at || failed != 1 {
			b.Errorf("cancelled at %d: got %d events and %d errors, want %d and 1", at, seen, failed, at)
		}
	}
}

func positionText(b *bench) {
	log := b.open()
	b.append(log, "storetest-1", eventstore.NoStream, events(5)...)
	all := b.all(log)
	for i, event := range all {
		position, err := eventstore.ParsePosition(event.Position.String())
		if err != nil || position != event.Position {
			b.Fatalf("position %v: got %v, %v back from its text", event.Position, position, err)
		}
		if got := b.collect(log.ReadAll(b.Context(), position)); !slices.EqualFunc(got, all[i+1:], sameEvent) {
			b.Errorf("after %v: got %d events, want %d", position, len(got), len(all)-i-1)
		}
	}
}

func head(b *bench) {
	log, other := b.open(), b.open()
	header, ok := log.(eventstore.Header)
	if !ok {
		b.Skip("this log is no Header, which is optional")
	}
	if got, err := header.Head(b.Context()); got != (eventstore.Head{}) || err != nil {
		b.Errorf("empty log: got %v, %v, want zero, nil", got, err)
	}
	for i := range 3 {
		b.append([]Handle{log, other}[i%2], "storetest-1", eventstore.Any, events(2)...)
		all := b.all(log)
		last := all[len(all)-1]
		want := eventstore.Head{Position: last.Position, RecordedAt: last.RecordedAt}
		if got, err := header.Head(b.Context()); got != want || err != nil {
			b.Errorf("got %v, %v, want %v, nil", got, err, want)
		}
	}
}

func ends(b *bench) {
	log, other := b.open(), b.open()
	ender, ok := log.(eventstore.Ender)
	if !ok {
		b.Skip("this log is no Ender, which is optional")
	}
	b.append(log, "storetest-1", eventstore.NoStream, events(3)...)
	b.append(other, "storetest-2", eventstore.NoStream, event())
	for _, c := range []struct {
		streams []eventstore.StreamName
		want    []eventstore.Revision
	}{
		{nil, nil},
		{[]eventstore.StreamName{"storetest-1"}, []eventstore.Revision{2}},
		{[]eventstore.StreamName{"storetest-3", "storetest-2", "storetest-", "storetest-1", "storetest-2"}, []eventstore.Revision{-1, 0, -1, 2, 0}},
	} {
		if got, err := ender.Ends(b.Context(), c.streams...); !slices.Equal(got, c.want) || err != nil {
			b.Errorf("ends of %q: got %v, %v, want %v", c.streams, got, err, c.want)
		}
	}
	cancelled, cancel := context.WithCancel(b.Context())
	cancel()
	if _, err := ender.Ends(cancelled, "storetest-1"); !errors.Is(err, context.Canceled) {
		b.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

func endsUnderWriters(b *bench) {
	logs := []Handle{b.open(), b.open()}
	if _, ok := logs[0].(eventstore.Ender); !ok {
		b.Skip("this log is no Ender, which is optional")
	}
	const streams, appends, askers = 4, 25, 12
	var known [streams]atomic.Int64 // the last revision that was answered for
	for i := range known {
		known[i].Store(-1)
	}
	names := make([]eventstore.StreamName, streams)
	var writers, readers sync.WaitGroup
	var over atomic.Bool
	for i := range streams {
		names[i] = streamName(i)
		writers.Go(func() {
			for revision := range appends {
				if _, err := logs[i%2].Append(b.Context(), names[i], eventstore.ExpectedRevision(revision-1), event()); err != nil {
					b.Errorf("append: %v", err)
					return
				}
				known[i].Store(int64(revision))
			}
		})
	}
	for asker := range askers {
		readers.Go(func() {
			for last := false; !last; {
				last = over.Load()
				var least [streams]int64
				for i := range known {
					least[i] = known[i].Load()
				}
				got, err := logs[asker%2].(eventstore.Ender).Ends(b.Context(), names...)
				if err != nil {
					b.Errorf("ends: %v", err)
					return
				}
				for i, end := range got {
					if int64(end) < least[i] || end >= appends || last && end != appends-1 {
						b.Errorf("end of %s: got %d, want at least %d", names[i], end, least[i])
					}
				}
			}
		})
	}
	writers.Wait()
	over.Store(true)
	readers.Wait()
}

func identity(b *bench) {
	log, ok := b.open().(eventstore.Identifier)
	if !ok {
		b.Skip("this log is no Identifier, which is optional")
	}
	want, err := log.Identity(b.Context())
	if err != nil || want == "" {
		b.Fatalf("got %q, %v, want a name", want, err)
	}
	if got, err := b.open().(eventstore.Identifier).Identity(b.Context()); got != want || err != nil {
		b.Errorf("another handle: got %q, %v, want %q", got, err, want)
	}
}

func wait(b *bench) {
	log, other := b.open(), b.open()
	notifier, ok := log.(eventstore.Notifier)
	if !ok {
		b.Skip("this log is no Notifier, which is optional")
	}
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Millisecond)
	defer cancel()
	if err := notifier.Wait(ctx, eventstore.Position{}); !errors.Is(err, context.DeadlineExceeded) {
		b.Errorf("empty log: got %v, want %v", err, context.DeadlineExceeded)
	}
	var last eventstore.Position
	for i := range 6 {
		waited := make(chan error, 1)
		go func() { waited <- notifier.Wait(b.Context(), last) }()
		appended := b.append([]Handle{log, other}[i%2], "storetest-1", eventstore.Any, event())
		select {
		case err := <-waited:
			if err != nil {
				b.Errorf("wait: got %v, want nil", err)
			}
		case <-time.After(10 * time.Second):
			b.Fatalf("an append through %s handle woke nobody", []string{"the same", "another"}[i%2])
		}
		if err := notifier.Wait(b.Context(), last); err != nil {
			b.Errorf("with an event there: got %v, want nil", err)
		}
		last = appended.Position
	}
}

func follow(b *bench) {
	log, other := b.open(), b.open()
	want := events(25)
	b.append(log, "storetest-1", eventstore.NoStream, want[:10]...)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var got []eventstore.Recorded
	appends := 0
	for batch, err := range eventstore.Follow(ctx, log, eventstore.Position{}, 4) {
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		if len(batch) > 4 {
			b.Errorf("batch: got %d events, want at most 4", len(batch))
		}
		got = append(got, batch...)
		switch {
		case len(batch) > 0:
		case len(got) == 10+5*appends && appends < 3: // caught up
			b.append([]Handle{other, log}[appends%2], "storetest-1", eventstore.Any, want[len(got):len(got)+5]...)
			appends++
		case len(got) == len(want):
			cancel()
		}
	}
	b.wantIDs("followed", got, want...)
}
