package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	es "casesync/eventstore"
)

// Sixteen goroutines send commands to two handlers, each with a connection of its own to the same
// log, as two processes would have. Every number must be given out once.
func TestRacingHandlersLoseNothing(t *testing.T) {
	t.Parallel()
	const goroutines, commands = 16, 20
	path, codec := filepath.Join(t.TempDir(), "log.db"), newCodec(newKeys())
	logs := [2]es.Log{openLog(t, path), openLog(t, path)}
	handlers := [2]*handler{newHandler(logs[0], codec), newHandler(logs[1], codec)}
	var given sync.Map
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range commands {
				stream := es.StreamName(fmt.Sprintf("box-%d", i%2))
				answer, err := handlers[g%2].Handle(t.Context(), ask(stream), command{count: 1})
				if err != nil {
					t.Error(err)
					return
				}
				number := fmt.Sprint(stream, answer.Events[0].(*emptied).Number)
				if _, twice := given.LoadOrStore(number, true); twice {
					t.Errorf("%s was given out twice", number)
				}
			}
		})
	}
	group.Wait()
	for i, h := range handlers {
		for _, stream := range []es.StreamName{"box-0", "box-1"} {
			check(t, h, logs[i], codec, stream, goroutines*commands/2)
		}
	}
}

// The same commands sent to both handlers at once, as a broker does whose lock ran out.
func TestRacingRepetitionsAreDecidedOnce(t *testing.T) {
	t.Parallel()
	path, codec := filepath.Join(t.TempDir(), "log.db"), newCodec(newKeys())
	logs := [2]es.Log{openLog(t, path), openLog(t, path)}
	handlers := [2]*handler{newHandler(logs[0], codec), newHandler(logs[1], codec)}
	const commands = 50
	var first atomic.Int64
	for range commands {
		request := ask("box-1")
		var group sync.WaitGroup
		for g := range 6 {
			group.Go(func() {
				answer, err := handlers[g%2].Handle(t.Context(), request, command{count: 1, hold: "Ada"})
				if err != nil || len(answer.Events) != 2 {
					t.Errorf("got %+v, %v, want two events", answer, err)
				}
				if !answer.Repeated {
					first.Add(1)
				}
			})
		}
		group.Wait()
	}
	if got := first.Load(); got != commands {
		t.Errorf("%d answers were first ones, want %d", got, commands)
	}
	for i, h := range handlers {
		check(t, h, logs[i], codec, "box-1", commands)
	}
}

// faultyLog fails appends at random, before or after they took place.
type faultyLog struct {
	es.Log
	notKept, kept func() bool
}

var errLine = errors.New("the line went dead")

func (f *faultyLog) Append(ctx context.Context, stream es.StreamName, expected es.ExpectedRevision, events ...es.Event) (es.Appended, error) {
	if f.notKept() {
		return es.Appended{}, errLine
	}
	appended, err := f.Log.Append(ctx, stream, expected, events...)
	if err == nil && f.kept() {
		return es.Appended{}, errLine
	}
	return appended, err
}

func TestFailedAppendsAreRepeatedSafely(t *testing.T) {
	t.Parallel()
	always, never := func() bool { return true }, func() bool { return false }
	for name, faults := range map[string]faultyLog{
		"failed, not kept": {notKept: always, kept: never},
		"failed, but kept": {notKept: never, kept: always},
	} {
		log, codec := newLog(t), newCodec(newKeys())
		faulty := &faultyLog{Log: log, notKept: never, kept: never}
		h := newHandler(faulty, codec)
		handle(t, h, ask("box-1"), command{count: 1})
		request := ask("box-1")
		faulty.notKept, faulty.kept = faults.notKept, faults.kept
		if answer, err := h.Handle(t.Context(), request, command{count: 1}); !errors.Is(err, errLine) {
			t.Errorf("%s: got %+v, %v, want %v", name, answer, err, errLine)
		}
		faulty.notKept, faulty.kept = never, never
		answer := handle(t, h, request, command{count: 1})
		if want := faults.kept(); answer.Repeated != want || answer.Revision != 1 || answer.Events[0].(*emptied).Number != 2 {
			t.Errorf("%s: sent again the answer is %+v, want number 2 at revision 1, repeated %v", name, answer, want)
		}
		check(t, h, log, codec, "box-1", 2)
	}
}

func TestRandomFaultsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	sometimes := func() bool { return rand.IntN(4) == 0 }
	handlers := [2]*handler{}
	for i := range handlers {
		handlers[i] = newHandler(&faultyLog{Log: log, notKept: sometimes, kept: sometimes}, codec)
	}
	const goroutines, commands = 8, 20
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range commands {
				request := ask("box-1")
				for { // until it is answered, by whichever handler
					_, err := handlers[rand.IntN(2)].Handle(t.Context(), request, command{count: 1})
					if err == nil {
						break
					}
					if !errors.Is(err, errLine) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
	for _, h := range handlers {
		check(t, h, log, codec, "box-1", goroutines*commands)
	}
}

// A stream that others never leave alone gives up in the end, with the error that says so.
func TestRetriesRunOut(t *testing.T) {
	t.Parallel()
	log := &movingLog{Log: newLog(t)}
	h := newHandler(log, newCodec(newKeys()))
	if _, err := h.Handle(t.Context(), ask("box-1"), command{count: 1}); !errors.Is(err, es.ErrWrongExpectedRevision) {
		t.Errorf("got %v, want %v", err, es.ErrWrongExpectedRevision)
	}
	if log.appends < 10 || log.appends > 100 {
		t.Errorf("it was tried %d times, want 10 to 100", log.appends)
	}
}

// movingLog is always moved on by somebody else.
type movingLog struct {
	es.Log
	appends int
}

func (m *movingLog) Append(context.Context, es.StreamName, es.ExpectedRevision, ...es.Event) (es.Appended, error) {
	m.appends++
	return es.Appended{}, es.ErrWrongExpectedRevision
}

func TestWaitingForAStreamEndsWithTheContext(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	err := h.State(t.Context(), "box-1", func(*box, es.Revision) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Handle(ctx, ask("box-1"), command{count: 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		handle(t, h, ask("box-2"), command{count: 1}) // another stream does not wait
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, h, log, codec, "box-1", 0)
}

func TestPanickingFoldLeavesNoHalfMadeState(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	decider, broken := boxDecider(), true
	evolve := decider.Evolve
	decider.Evolve = func(b *box, event any) *box {
		b = evolve(b, event)
		if broken {
			panic("fold")
		}
		return b
	}
	h := es.NewHandler(log, codec, decider, 100)
	func() {
		defer func() { _ = recover() }()
		_, _ = h.Handle(t.Context(), ask("box-1"), command{count: 1})
		t.Error("Handle returned, want a panic")
	}()
	broken = false
	check(t, h, log, codec, "box-1", 1)
}

func BenchmarkHandle(b *testing.B) {
	log, codec := newLog(b), newCodec(newKeys())
	h := es.NewHandler(log, codec, boxDecider(), 1000)
	var streams atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		stream := es.StreamName(fmt.Sprintf("box-%d", streams.Add(1)))
		for p.Next() {
			if _, err := h.Handle(b.Context(), ask(stream), command{count: 1}); err != nil {
				b.Error(err)
			}
		}
	})
}
