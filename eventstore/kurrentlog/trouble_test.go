package kurrentlog_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/eventstore/kurrentlog"
	"casesync/eventstore/kurrentlog/kurrenttest"
	"casesync/eventstore/storetest"
)

// outageVariable sets how long the server is away in TestOutage; 1.5 s if it is not set, which is
// longer than the client endures by itself.
const outageVariable = "CASESYNC_TEST_OUTAGE"

// A server that is away is waited for, within each caller's context; when it is back all go on:
// appends, reads, and who follows the log.
func TestOutage(t *testing.T) {
	t.Parallel()
	outage := 1500 * time.Millisecond
	if text := os.Getenv(outageVariable); text != "" {
		var err error
		if outage, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", outageVariable, err)
		}
	}
	peer := kurrenttest.Start(t, kurrenttest.Config{})
	log := openLog(t, peer.URL(), kurrentlog.Config{Timeout: outage + 20*time.Second})
	before := appendTo(t, log, "kurrentlog-1", eventstore.NoStream, 2)
	followed := follow(t, log)
	if event := <-followed; event.ID != before[0].ID {
		t.Errorf("followed: got %v, want %v", event.ID, before[0].ID)
	}
	<-followed
	peer.Stop()
	var group sync.WaitGroup
	during := newEvents(3)
	group.Go(func() {
		if got, err := log.Append(t.Context(), "kurrentlog-1", 1, during...); err != nil || got.Revision != 4 || got.Repeated {
			t.Errorf("append that waited: got %+v, %v, want revision 4, not repeated", got, err)
		}
	})
	group.Go(func() { wantImpatient(t, log) })
	time.Sleep(outage)
	if err := peer.Restart(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	for _, want := range during {
		if event := <-followed; event.ID != want.ID {
			t.Errorf("followed after the outage: got %v, want %v", event.ID, want.ID)
		}
	}
	wantIDs(t, log, append(before, during...)...)
}

// wantImpatient checks that callers who would not wait are let go at once, however many.
func wantImpatient(t *testing.T, log eventstore.Log) {
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			started := time.Now()
			var err error
			if i%2 == 0 {
				_, err = log.Append(ctx, "kurrentlog-2", eventstore.StreamExists, newEvents(1)...)
			} else {
				_, err = collect(log.ReadAll(ctx, eventstore.Position{}))
			}
			if waited := time.Since(started); !errors.Is(err, context.DeadlineExceeded) || waited > time.Second {
				t.Errorf("a caller with 200 ms: got %v after %v, want %v", err, waited, context.DeadlineExceeded)
			}
		})
	}
	group.Wait()
}

// A server that is cut off and started anew, again and again, in the same or by kill -9.
func TestRestarts(t *testing.T) {
	t.Parallel()
	peer := kurrenttest.Start(t, kurrenttest.Config{})
	disturbed(t, peer.URL(), func() error {
		time.Sleep(150 * time.Millisecond) // the pace of restarts
		return peer.Restart()
	})
}

func TestKilledServer(t *testing.T) {
	t.Parallel()
	peer := kurrenttest.StartProcess(t, filepath.Join(t.TempDir(), "peer.db"))
	disturbed(t, peer.URL(), func() error {
		time.Sleep(400 * time.Millisecond) // the pace of kills
		peer.Kill()
		return peer.Start()
	})
}

// Refusals before the request was read, refusals for the moment, and lost answers, in any mixture:
// each append is there once, and its caller gets to know.
func TestFaults(t *testing.T) {
	t.Parallel()
	peer := kurrenttest.Start(t, kurrenttest.Config{Fault: func(request kurrenttest.Request) kurrenttest.Fault {
		if request.Method == "append" && rand.N(4) == 0 || rand.N(20) == 0 {
			return []kurrenttest.Fault{kurrenttest.Unavailable, kurrenttest.LoseAnswer}[rand.N(2)]
		}
		return kurrenttest.NoFault
	}})
	disturbed(t, peer.URL(), func() error { return nil })
}

func disturbed(t *testing.T, url string, disturb func() error) {
	storetest.Disturbed(t, func(func() time.Time) (storetest.Handle, error) {
		return kurrentlog.Open(context.Background(), url, kurrentlog.Config{Timeout: 30 * time.Second})
	}, disturb)
}

// An append whose answer is lost is known, by its mark, to be this call's. The same ids from
// another process are another's.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	var lose atomic.Bool
	peer := kurrenttest.Start(t, kurrenttest.Config{Fault: func(request kurrenttest.Request) kurrenttest.Fault {
		if request.Method == "append" && lose.CompareAndSwap(true, false) {
			return kurrenttest.LoseAnswer
		}
		return kurrenttest.NoFault
	}})
	log, other := openLog(t, peer.URL(), kurrentlog.Config{}), openLog(t, peer.URL(), kurrentlog.Config{})
	batch := newEvents(3)
	lose.Store(true)
	got, err := log.Append(t.Context(), "kurrentlog-1", eventstore.Any, batch...)
	if err != nil || got.Repeated || got.Revision != 2 {
		t.Errorf("append whose answer was lost: got %+v, %v, want revision 2, not repeated", got, err)
	}
	for name, handle := range map[string]*kurrentlog.Log{"the same": log, "another": other} {
		again, err := handle.Append(t.Context(), "kurrentlog-1", eventstore.NoStream, batch...)
		if err != nil || !again.Repeated || again.Position != got.Position {
			t.Errorf("again by %s: got %+v, %v, want it repeated at %v", name, again, err, got.Position)
		}
	}
	wantIDs(t, log, batch...)
}

// A refusal before the whole request was read does not say why, or that it is one: nothing is taken
// for done, and when the refusals end, the same append is done once.
func TestEarlyRefusal(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	peer := kurrenttest.Start(t, kurrenttest.Config{Fault: func(request kurrenttest.Request) kurrenttest.Fault {
		if request.Method == "append" && refuse.Load() {
			return kurrenttest.RefuseEarly
		}
		return kurrenttest.NoFault
	}})
	log, impatient := openLog(t, peer.URL(), kurrentlog.Config{}), openLog(t, peer.URL(), kurrentlog.Config{Timeout: time.Second})
	for _, size := range []int{1, 100, 2000} {
		batch, stream := newEvents(size), eventstore.StreamName("kurrentlog-"+uuid.NewString())
		refuse.Store(true)
		if _, err := impatient.Append(t.Context(), stream, eventstore.NoStream, batch...); err == nil || errors.Is(err, eventstore.ErrWrongExpectedRevision) {
			t.Errorf("%d events, refused: got %v, want an error that leaves the outcome unknown", size, err)
		}
		refuse.Store(false)
		if got, err := log.Append(t.Context(), stream, eventstore.NoStream, batch...); err != nil || got.Repeated || int(got.Revision) != size-1 {
			t.Errorf("%d events, again: got %+v, %v, want revision %d, not repeated", size, got, err, size-1)
		}
	}
}

// The client goes to the leader, when it opens the log and when the leader changes; a node that was
// the leader and has fallen behind is not read from.
func TestLeaderMoves(t *testing.T) {
	t.Parallel()
	next := kurrenttest.Start(t, kurrenttest.Config{})
	var leader atomic.Value
	leader.Store("")
	first := kurrenttest.Start(t, kurrenttest.Config{Leader: func() string { return leader.Load().(string) }})
	log := openLog(t, first.URL(), kurrentlog.Config{})
	appendTo(t, log, "kurrentlog-1", eventstore.NoStream, 1) // on the first alone: a write that never reached the others
	openLog(t, next.URL(), kurrentlog.Config{}).Close()      // names that one
	leader.Store(next.Address())
	// A large append is refused before it was sent whole, so that the client is not told of the leader.
	moved := appendTo(t, log, "kurrentlog-2", eventstore.NoStream, 2000)
	wantIDs(t, log, moved...)
	wantIDs(t, openLog(t, first.URL(), kurrentlog.Config{}), moved...)
	wantIDs(t, openLog(t, next.URL(), kurrentlog.Config{}), moved...)
}

// What the server will never take is an error at once, which says what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	peer := kurrenttest.Start(t, kurrenttest.Config{AppendBytesMax: 100_000})
	log := openLog(t, strings.Replace(peer.URL(), "100000", "1000000", 1), kurrentlog.Config{})
	large := newEvents(1)
	large[0].Data = make([]byte, 200_000)
	if _, err := log.Append(t.Context(), "kurrentlog-1", eventstore.Any, large...); !errors.Is(err, eventstore.ErrTooLarge) {
		t.Errorf("larger than the server takes: got %v, want %v", err, eventstore.ErrTooLarge)
	}
	honest := openLog(t, peer.URL(), kurrentlog.Config{})
	if _, err := honest.Append(t.Context(), "kurrentlog-1", eventstore.Any, large...); !errors.Is(err, eventstore.ErrTooLarge) {
		t.Errorf("larger than the address says: got %v, want %v", err, eventstore.ErrTooLarge)
	}
	for _, stream := range []eventstore.StreamName{"$all", "$ce-casefile", "casesync-log-identity"} {
		if _, err := log.Append(t.Context(), stream, eventstore.Any, newEvents(1)...); err == nil {
			t.Errorf("append to %s: got no error", stream)
		}
	}
	wantIDs(t, log)
}

// The server's own events, which it writes when it likes, are nowhere to be seen.
func TestServersEvents(t *testing.T) {
	t.Parallel()
	peer := kurrenttest.Start(t, kurrenttest.Config{})
	log := openLog(t, peer.URL(), kurrentlog.Config{})
	var all []eventstore.Event
	for range 3 {
		all = append(all, appendTo(t, log, "kurrentlog-1", eventstore.Any, 2)...)
		if err := peer.Restart(); err != nil { // writes one
			t.Fatal(err)
		}
		wantIDs(t, log, all...)
		events, err := collect(log.ReadAll(t.Context(), eventstore.Position{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, handle := range []*kurrentlog.Log{log, openLog(t, peer.URL(), kurrentlog.Config{})} {
			if head, err := handle.Head(t.Context()); err != nil || head.Position != events[len(events)-1].Position {
				t.Errorf("head: got %v, %v, want %v", head.Position, err, events[len(events)-1].Position)
			}
		}
	}
}

// Close waits for what is under way, and later calls are told.
func TestCloseUnderWay(t *testing.T) {
	t.Parallel()
	peer := kurrenttest.Start(t, kurrenttest.Config{})
	for range 10 {
		log, err := kurrentlog.Open(t.Context(), peer.URL(), kurrentlog.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		begun := make(chan struct{}, 20)
		for i := range 20 {
			group.Go(func() {
				for n := 0; ; n++ {
					var err error
					if i%2 == 0 {
						_, err = log.Append(t.Context(), "kurrentlog-1", eventstore.Any, newEvents(1)...)
					} else {
						_, err = log.Head(t.Context())
					}
					if n == 0 {
						begun <- struct{}{}
					}
					if err != nil {
						if !strings.Contains(err.Error(), "log closed") {
							t.Errorf("after Close: got %v, want it to say that the log is closed", err)
						}
						return
					}
				}
			})
		}
		<-begun
		if err := log.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		group.Wait()
	}
}

func openLog(t *testing.T, url string, config kurrentlog.Config) *kurrentlog.Log {
	t.Helper()
	log, err := kurrentlog.Open(t.Context(), url, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func newEvents(n int) []eventstore.Event {
	events := make([]eventstore.Event, n)
	for i := range events {
		events[i] = eventstore.Event{ID: uuid.New(), Type: "kurrentlog.happened.v1", Data: []byte(`{"n":1}`), Metadata: []byte(`{"actor":"test"}`)}
	}
	return events
}

func appendTo(t *testing.T, log eventstore.Log, stream eventstore.StreamName, expected eventstore.ExpectedRevision, n int) []eventstore.Event {
	t.Helper()
	events := newEvents(n)
	if got, err := log.Append(t.Context(), stream, expected, events...); err != nil || got.Repeated {
		t.Fatalf("append to %s: got %+v, %v, want it appended", stream, got, err)
	}
	return events
}

// follow sends the events of the log until the test ends; like the engine it begins again where it
// was when it is told of an error.
func follow(t *testing.T, log eventstore.Log) <-chan eventstore.Recorded {
	followed := make(chan eventstore.Recorded, 100)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		after := eventstore.Position{}
		for ctx.Err() == nil {
			for batch, err := range eventstore.Follow(ctx, log, after, 100) {
				if err != nil {
					break
				}
				for _, event := range batch {
					followed <- event
					after = event.Position
				}
			}
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
	return followed
}

func collect(events func(func(eventstore.Recorded, error) bool)) (all []eventstore.Recorded, err error) {
	for event, err := range events {
		if err != nil {
			return all, err
		}
		all = append(all, event)
	}
	return all, nil
}

func wantIDs(t *testing.T, log eventstore.Log, want ...eventstore.Event) {
	t.Helper()
	got, err := collect(log.ReadAll(t.Context(), eventstore.Position{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("log: got %d events, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].ID != want[i].ID {
			t.Errorf("event %d: got %s, want %s", i, got[i].ID, want[i].ID)
		}
	}
}
