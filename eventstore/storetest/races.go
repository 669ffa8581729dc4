package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
)

var raceCases = []testCase{
	{"racing writers", "Of writers that expect the same revision one wins, through whichever handle, and the others are told.", racingWriters},
	{"resuming reader", "A reader that stops and resumes under racing writers misses nothing and sees each stream's revisions in order.", resumingReader},
	{"histories", "What callers of several handles are told, at the times they are told it, has an order in which all of it is right.", histories},
}

func racingWriters(b *bench) {
	handles := []Handle{b.open(), b.open()}
	const writers, rounds = 8, 15
	for round := range rounds {
		var won, lost sync.Map
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() {
				e := event()
				_, err := handles[i%2].Append(b.Context(), "storetest-1", eventstore.ExpectedRevision(round-1), e)
				switch {
				case err == nil:
					won.Store(i, e)
				case errors.Is(err, eventstore.ErrWrongExpectedRevision):
					lost.Store(i, e)
				default:
					b.Errorf("round %d: %v", round, err)
				}
			})
		}
		group.Wait()
		if n := count(&won); n != 1 || count(&lost) != writers-1 {
			b.Fatalf("round %d: got %d winners and %d losers, want 1 and %d", round, n, count(&lost), writers-1)
		}
		won.Range(func(_, e any) bool {
			stream := b.stream(handles[round%2], "storetest-1")
			b.wantIDs("last event", stream[round:], e.(eventstore.Event))
			return true
		})
	}
}

func count(m *sync.Map) (n int) {
	m.Range(func(_, _ any) bool { n++; return true })
	return n
}

func resumingReader(b *bench) {
	feed, kept, err := race(b.Context(), []eventstore.Log{b.open(), b.open()}, b.open())
	if err != nil {
		b.Fatal(err)
	}
	if err := checkComplete(feed, kept); err != nil {
		b.Errorf("live reader: %v", err)
	}
	if err := checkComplete(b.all(b.open()), kept); err != nil {
		b.Errorf("reader afterwards: %v", err)
	}
}

// race has writers append through the given logs while one reader follows through another, a few
// events at a time, stopping and resuming. It returns what the reader saw until it had seen as
// many events as were acknowledged, and what was acknowledged.
func race(ctx context.Context, logs []eventstore.Log, reader eventstore.Log) (feed []eventstore.Recorded, kept []acknowledged, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	const writersPerLog, appends = 4, 25
	var mu sync.Mutex
	var errs []error
	written, total := 0, -1 // -1 until all writers have ended
	var group sync.WaitGroup
	for i := range writersPerLog * len(logs) {
		group.Go(func() {
			for range appends {
				batch := events(1 + rand.N(3))
				stream := streamName(rand.N(5))
				appended, err := logs[i%len(logs)].Append(ctx, stream, eventstore.Any, batch...)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					kept = append(kept, acknowledged{stream, ids(batch), appended})
					written += len(batch)
				}
				mu.Unlock()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		mu.Lock()
		total = written
		mu.Unlock()
		close(ended)
	}()
	after := eventstore.Position{}
	for done := false; !done && err == nil; {
		mu.Lock()
		complete := total >= 0 // everything was acknowledged before this read
		mu.Unlock()
		before := len(feed)
		limit := before + 1 + rand.N(20)
		for event, readErr := range reader.ReadAll(ctx, after) {
			if err = readErr; err != nil {
				break
			}
			feed, after = append(feed, event), event.Position
			if len(feed) == limit {
				break
			}
		}
		done = complete && len(feed) == before
	}
	<-ended
	return feed, kept, errors.Join(append(errs, err)...)
}

func histories(b *bench) {
	handles := []eventstore.Log{b.open(), b.open()}
	for i := range 3 {
		history, err := record(b.Context(), handles, fmt.Sprintf("storetest-history%d", i))
		if err != nil {
			b.Fatal(err)
		}
		if err := checkHistory(history); err != nil {
			b.Error(err)
		}
	}
}

// record has callers append to and read a few streams through the given logs at once, and returns
// what they did and were told. Appends are sometimes sent again, through another log.
func record(ctx context.Context, logs []eventstore.Log, prefix string) ([]operation, error) {
	const callers, operations, streams = 6, 30, 3
	start := time.Now()
	var mu sync.Mutex
	var history []operation
	var errs []error
	do := func(log eventstore.Log, o operation, events []eventstore.Event) operation {
		o.called = time.Since(start)
		var err error
		if o.append == nil {
			o.read, err = readIDs(ctx, log, o.stream)
		} else if o.appended, o.err = log.Append(ctx, o.stream, o.expected, events...); o.err != nil && !errors.Is(o.err, eventstore.ErrWrongExpectedRevision) {
			err = o.err
		}
		o.done = time.Since(start)
		mu.Lock()
		defer mu.Unlock()
		history, errs = append(history, o), append(errs, err)
		return o
	}
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			seen := make(map[eventstore.StreamName]int) // events of each stream, as far as this caller knows
			for range operations {
				log, again := logs[rand.N(len(logs))], logs[rand.N(len(logs))]
				o := operation{caller: caller, stream: eventstore.StreamName(fmt.Sprintf("%s-%d", prefix, rand.N(streams)))}
				if rand.N(3) == 0 {
					seen[o.stream] = len(do(log, o, nil).read)
					continue
				}
				batch := events(1 + rand.N(2))
				o.append, o.expected = ids(batch), expectation(seen[o.stream])
				if o = do(log, o, batch); o.err == nil {
					seen[o.stream] = int(o.appended.Revision) + 1
				}
				if rand.N(4) == 0 {
					do(again, o, batch)
				}
			}
		})
	}
	group.Wait()
	return history, errors.Join(errs...)
}

// expectation mostly expects what the caller knows, and sometimes anything.
func expectation(seen int) eventstore.ExpectedRevision {
	switch rand.N(6) {
	case 0:
		return eventstore.Any
	case 1:
		return eventstore.StreamExists
	case 2:
		return eventstore.NoStream
	}
	return eventstore.ExpectedRevision(seen - 1) // NoStream is -1
}

func readIDs(ctx context.Context, log eventstore.Log, stream eventstore.StreamName) ([]uuid.UUID, error) {
	events, err := collect(log.ReadStream(ctx, stream, 0))
	read := make([]uuid.UUID, len(events))
	for i, event := range events {
		read[i] = event.ID
	}
	return read, err
}

func ids(events []eventstore.Event) []uuid.UUID {
	ids := make([]uuid.UUID, len(events))
	for i, event := range events {
		ids[i] = event.ID
	}
	return ids
}
