package storetest

import (
	"context"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// faulty is a sound log with a fault planted in it.
type faulty struct {
	eventstore.Log
	append     func(eventstore.Log, request) (eventstore.Appended, error)
	readStream func([]eventstore.Recorded) []eventstore.Recorded
	readAll    func([]eventstore.Recorded) []eventstore.Recorded
}

type request struct {
	ctx      context.Context
	stream   eventstore.StreamName
	expected eventstore.ExpectedRevision
	events   []eventstore.Event
}

func (r request) to(log eventstore.Log) (eventstore.Appended, error) {
	return log.Append(r.ctx, r.stream, r.expected, r.events...)
}

func (f faulty) Append(
	ctx context.Context, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events ...eventstore.Event,
) (eventstore.Appended, error) {
	r := request{ctx, stream, expected, events}
	if f.append == nil {
		return r.to(f.Log)
	}
	return f.append(f.Log, r)
}

func (f faulty) ReadStream(ctx context.Context, stream eventstore.StreamName, from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return altered(f.Log.ReadStream(ctx, stream, from), f.readStream)
}

func (f faulty) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return altered(f.Log.ReadAll(ctx, after), f.readAll)
}

func altered(
	events iter.Seq2[eventstore.Recorded, error], alter func([]eventstore.Recorded) []eventstore.Recorded,
) iter.Seq2[eventstore.Recorded, error] {
	if alter == nil {
		return events
	}
	return func(yield func(eventstore.Recorded, error) bool) {
		collected, err := collect(events)
		for _, event := range alter(collected) {
			if !yield(event, nil) {
				return
			}
		}
		if err != nil {
			yield(eventstore.Recorded{}, err)
		}
	}
}

// The checks find each fault that is planted in a sound log, and none in the log without it.
func TestPlantedFaults(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(log eventstore.Log) (faulty faulty, inHistory, inFeed bool){
		"none": func(log eventstore.Log) (faulty, bool, bool) { return faulty{Log: log}, false, false },
		"stale read": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, readStream: withoutLast}, true, false
		},
		"revision not checked": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, append: unchecked}, true, false
		},
		"acknowledged before commit, and lost": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, append: lose}, true, true
		},
		"refused, but kept": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, append: refuse}, true, false
		},
		"written twice": func(log eventstore.Log) (faulty, bool, bool) { return faulty{Log: log, append: duplicate}, true, true },
		"ids forgotten": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, append: forgetIDs}, true, true
		},
		"half a batch": func(log eventstore.Log) (faulty, bool, bool) { return faulty{Log: log, append: half}, true, true },
		"readable late, behind others": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, readAll: hideOnce()}, false, true
		},
		"two swapped": func(log eventstore.Log) (faulty, bool, bool) { return faulty{Log: log, readAll: swap}, false, true },
		"time goes back": func(log eventstore.Log) (faulty, bool, bool) {
			return faulty{Log: log, readAll: backInTime}, false, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faulty, inHistory, inFeed := plant(open(t))
			history, err := record(t.Context(), []eventstore.Log{faulty}, "storetest-history")
			if err != nil {
				t.Fatal(err)
			}
			if err := checkHistory(history); (err != nil) != inHistory {
				t.Errorf("history: got %v, want an error: %v", err, inHistory)
			}
			faulty, _, _ = plant(open(t))
			feed, kept, err := race(t.Context(), []eventstore.Log{faulty}, faulty)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkComplete(feed, kept); (err != nil) != inFeed {
				t.Errorf("feed: got %v, want an error: %v", err, inFeed)
			}
		})
	}
}

func open(t *testing.T) eventstore.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func withoutLast(events []eventstore.Recorded) []eventstore.Recorded {
	if len(events) > 0 && rand.N(3) == 0 {
		return events[:len(events)-1]
	}
	return events
}

func unchecked(log eventstore.Log, r request) (eventstore.Appended, error) {
	r.expected = eventstore.Any
	return r.to(log)
}

func lose(log eventstore.Log, r request) (eventstore.Appended, error) {
	if rand.N(5) > 0 {
		return r.to(log)
	}
	stream, err := collect(log.ReadStream(r.ctx, r.stream, 0))
	return eventstore.Appended{Revision: eventstore.Revision(len(stream) + len(r.events) - 1), Position: eventstore.Position{Major: 1}}, err
}

func refuse(log eventstore.Log, r request) (eventstore.Appended, error) {
	appended, err := r.to(log)
	if err == nil && r.expected != eventstore.Any && rand.N(5) == 0 {
		return eventstore.Appended{}, eventstore.ErrWrongExpectedRevision
	}
	return appended, err
}

func duplicate(log eventstore.Log, r request) (eventstore.Appended, error) {
	appended, err := r.to(log)
	if err == nil && rand.N(5) == 0 {
		_, err = log.Append(r.ctx, r.stream, eventstore.Any, renamed(r.events)...)
	}
	return appended, err
}

func forgetIDs(log eventstore.Log, r request) (eventstore.Appended, error) {
	r.events = renamed(r.events)
	return r.to(log)
}

func renamed(events []eventstore.Event) []eventstore.Event {
	copies := make([]eventstore.Event, len(events))
	for i, event := range events {
		event.ID = uuid.New()
		copies[i] = event
	}
	return copies
}

func half(log eventstore.Log, r request) (eventstore.Appended, error) {
	n := len(r.events)
	r.events = r.events[:(n+1)/2]
	appended, err := r.to(log)
	appended.Revision += eventstore.Revision(n - len(r.events))
	return appended, err
}

// hideOnce hides some events until they are read for the second time, as a log does whose
// positions are given before the commit.
func hideOnce() func([]eventstore.Recorded) []eventstore.Recorded {
	var mu sync.Mutex
	seen := make(map[uuid.UUID]bool)
	return func(events []eventstore.Recorded) (visible []eventstore.Recorded) {
		mu.Lock()
		defer mu.Unlock()
		for _, event := range events {
			if seen[event.ID] || event.Position.Major%7 != 0 {
				visible = append(visible, event)
			}
			seen[event.ID] = true
		}
		return visible
	}
}

func swap(events []eventstore.Recorded) []eventstore.Recorded {
	if len(events) > 1 {
		events[0], events[1] = events[1], events[0]
	}
	return events
}

func backInTime(events []eventstore.Recorded) []eventstore.Recorded {
	for i := range events {
		if events[i].Position.Major%10 == 0 {
			events[i].RecordedAt = events[i].RecordedAt.Add(-time.Hour)
		}
	}
	return events
}
