package projections

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/readmodel"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// start is when the tests' logs begin.
var start = time.Date(2025, 1, 1, 9, 0, 0, 0, time.UTC)

// world is a log in memory and the read models that real runners keep of it in a real database.
type world struct {
	t     testing.TB
	log   *memoryLog
	store *readmodel.Store
	names []string
	close func()
}

// newWorld runs the named projections, or all, on the database at address.
func newWorld(tb testing.TB, address string, list ...engine.Projection) *world {
	tb.Helper()
	if len(list) == 0 {
		list = All()
	}
	store, err := readmodel.Open(tb.Context(), address)
	if err != nil {
		tb.Fatalf("open read model: %v", err)
	}
	w := &world{t: tb, log: newMemoryLog(), store: store}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	w.close = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		store.Close()
	})
	tb.Cleanup(w.close)
	for _, projection := range list {
		runner, err := engine.NewRunner(engine.Config{Store: store, Log: w.log, Prepare: w.log.prepare, Projection: projection})
		if err != nil {
			tb.Fatalf("make runner of %s: %v", projection.Name, err)
		}
		w.names = append(w.names, projection.Name)
		running.Go(func() {
			if err := runner.Run(ctx); err != nil {
				tb.Errorf("run %s: %v", projection.Name, err)
			}
		})
	}
	return w
}

// eachWorld runs test on each database.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address)) })
}

// settle waits until the read models hold all of the log, and makes sure that nothing was parked.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for _, name := range w.names {
		if err := engine.WaitFor(ctx, w.store, name, w.log.end()); err != nil {
			w.t.Fatalf("wait for %s: %v", name, err)
		}
		parked, err := engine.ListParked(ctx, w.store, name, "", 10)
		if err != nil || len(parked) > 0 {
			w.t.Fatalf("got parked %+v, %v, want none", parked, err)
		}
	}
}

// read runs f on a view of the named read model.
func (w *world) read(name string, f func(engine.View) error) {
	w.t.Helper()
	if err := engine.Read(w.t.Context(), w.store, name, f); err != nil {
		w.t.Fatalf("read %s: %v", name, err)
	}
}

// on records events of case ref, each an hour after the one before at the source.
func (w *world) on(ref string, events ...casefile.Event) {
	for _, event := range events {
		w.log.record(eventstore.StreamName(caseStreams+ref), event)
	}
}

// memoryLog is a log of decoded events in memory.
type memoryLog struct {
	mu        sync.Mutex
	events    []engine.Event
	revisions map[eventstore.StreamName]eventstore.Revision
	more      chan struct{}
}

func newMemoryLog() *memoryLog {
	return &memoryLog{revisions: map[eventstore.StreamName]eventstore.Revision{}, more: make(chan struct{})}
}

func (l *memoryLog) record(stream eventstore.StreamName, event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	revision := l.revisions[stream]
	l.revisions[stream]++
	l.events = append(l.events, decoded(stream, revision, len(l.events)+1, event))
	close(l.more)
	l.more = make(chan struct{})
}

// decoded is an event as the engine hands it to folds, recorded a second after the one before.
func decoded(stream eventstore.StreamName, revision eventstore.Revision, position int, event any) engine.Event {
	name, _ := casefile.Name(event)
	return engine.Event{
		Decoded: eventstore.Decoded{
			Recorded: eventstore.Recorded{
				Event: eventstore.Event{Type: name}, Stream: stream, Revision: revision,
				Position: eventstore.Position{Major: uint64(position)}, RecordedAt: recordedAt(position),
			},
			Event: event,
		},
		Words: hashed,
	}
}

// recordedAt is when the event at a position is recorded.
func recordedAt(position int) time.Time { return start.Add(time.Duration(position) * time.Second) }

// hashed stands for the keyed hashes of words: the words and their prefixes, marked.
func hashed(text string) (words []string) {
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		for end := 2; end <= len(word); end++ {
			words = append(words, "#"+word[:end])
		}
	}
	return words
}

func (l *memoryLog) end() eventstore.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return eventstore.Position{Major: uint64(len(l.events))}
}

func (l *memoryLog) prepare(_ context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	prepared := make([]engine.Event, len(recorded))
	for i, r := range recorded {
		prepared[i] = l.events[r.Position.Major-1]
	}
	return prepared, nil
}

func (l *memoryLog) Append(context.Context, eventstore.StreamName, eventstore.ExpectedRevision, ...eventstore.Event) (eventstore.Appended, error) {
	return eventstore.Appended{}, errors.ErrUnsupported
}

func (l *memoryLog) ReadStream(_ context.Context, stream eventstore.StreamName, from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return l.each(func(r eventstore.Recorded) bool { return r.Stream == stream && r.Revision >= from })
}

func (l *memoryLog) ReadAll(_ context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return l.each(func(r eventstore.Recorded) bool { return r.Position.Compare(after) > 0 })
}

func (l *memoryLog) each(want func(eventstore.Recorded) bool) iter.Seq2[eventstore.Recorded, error] {
	l.mu.Lock()
	events := slices.Clip(l.events)
	l.mu.Unlock()
	return func(yield func(eventstore.Recorded, error) bool) {
		for _, e := range events {
			if want(e.Recorded) && !yield(e.Recorded, nil) {
				return
			}
		}
	}
}

func (l *memoryLog) Wait(ctx context.Context, after eventstore.Position) error {
	l.mu.Lock()
	more, end := l.more, uint64(len(l.events))
	l.mu.Unlock()
	if end > after.Major {
		return nil
	}
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The facts that tests are written in. Each happens at the source at the given time.

func from(at time.Time) feed.Origin {
	return feed.Origin{Source: "/cms", ID: strconv.FormatInt(at.UnixMicro(), 10), Time: at}
}

var (
	hirePurchase = casefile.Product{Sector: "Consumer credit", Group: "Motor finance", Product: "Hire purchase"}
	creditCards  = casefile.Product{Sector: "Banking", Group: "Cards", Product: "Credit cards"}
)

// sealed is a value as the codec opens it: in clear, with its envelope.
func sealed[T any](value T, envelope string) private.Value[T] {
	v := private.Of(value)
	v.SetSealed("v1."+envelope, "test")
	return v
}

func envelope(name string) string { return "test|v1." + name }

func convertedTo(frn string, product casefile.Product, at time.Time) *casefile.Converted {
	return &casefile.Converted{
		Origin: from(at), FRN: frn, Product: product, ConvertedAt: at,
		Details: sealed(casefile.Details{
			Issue: new("Commission not disclosed"), SmallBusiness: new(true), BusinessReference: new("AB-77"), Handler: new("Team 4"),
		}, "details"),
		Consumer: sealed(casefile.Party{Name: "Mara Quill"}, "consumer"),
	}
}

func stage(name string, at time.Time) *casefile.StageChanged {
	return &casefile.StageChanged{Origin: from(at), Stage: name}
}

func closedAs(outcome string, at time.Time) *casefile.Closed {
	return &casefile.Closed{Origin: from(at), Outcome: outcome, ClosedAt: at}
}

func reopenedAt(at time.Time) *casefile.Reopened {
	return &casefile.Reopened{Origin: from(at), ReopenedAt: at}
}

func transferredTo(frn string, at time.Time) *casefile.Transferred {
	return &casefile.Transferred{Origin: from(at), FRN: frn}
}

func suppressedAt(at time.Time) *casefile.Suppressed { return &casefile.Suppressed{Origin: from(at)} }

func unsuppressedAt(at time.Time) *casefile.Unsuppressed {
	return &casefile.Unsuppressed{Origin: from(at)}
}

func priorityIs(priority bool, at time.Time) *casefile.PriorityChanged {
	return &casefile.PriorityChanged{Origin: from(at), Priority: sealed(casefile.Priority{Priority: priority, Reason: "medical"}, "priority")}
}

func requested(id, due string, at time.Time) *casefile.ActionRequested {
	return &casefile.ActionRequested{Origin: from(at), ActionID: id, DueDate: due,
		Action: sealed(casefile.Action{Kind: "file-request", Description: "Send the file"}, "action-"+id)}
}

func actionClosed(id string, at time.Time) *casefile.ActionClosed {
	return &casefile.ActionClosed{Origin: from(at), ActionID: id, Result: "completed"}
}

func published(id string, confidential bool, at time.Time) *casefile.DocumentPublished {
	return &casefile.DocumentPublished{Origin: from(at), DocumentID: id, PublishedAt: at, Document: sealed(casefile.Document{
		Kind: "view", Title: "The view", MediaType: "application/pdf", Size: 1200, SHA256: "ab12", URL: "https://cms.example/d/" + id,
		Confidential: confidential,
	}, "document-"+id)}
}
