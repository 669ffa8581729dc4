package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"github.com/google/uuid"

	es "casesync/eventstore"
	"casesync/eventstore/sqlitelog"
)

// The toy decider: a box counts, holds a fact and lets it go again.

type box struct {
	Total int
	Held  []*opened
	Seen  int // how many events were folded
}

// command asks for: n events that count on, holding a fact with a name, releasing all, or refuses.
type command struct {
	count   int
	hold    string
	release bool
	refuse  error
}

func boxDecider() es.Decider[*box, command, any] {
	return es.Decider[*box, command, any]{
		Initial: func() *box { return &box{} },
		Decide: func(b *box, c command) (events []any, err error) {
			for i := range c.count {
				events = append(events, &emptied{Number: b.Total + i + 1})
			}
			if c.hold != "" {
				events = append(events, &held{Fact: &opened{Number: len(b.Held), Person: secretOf(c.hold)}})
			}
			for i := 0; c.release && i < len(b.Held); i++ {
				events = append(events, b.Held[i])
			}
			return events, c.refuse
		},
		Evolve: func(b *box, event any) *box {
			b.Seen++
			switch event := event.(type) {
			case *emptied:
				b.Total = event.Number
			case *held:
				b.Held = append(b.Held, event.Fact.(*opened))
			case *opened:
				b.Held = b.Held[1:]
			}
			return b
		},
	}
}

type handler = es.Handler[*box, command, any]

func newHandler(log es.Log, codec *es.Codec) *handler {
	return es.NewHandler(log, codec, boxDecider(), 100)
}

func openLog(tb testing.TB, path string) *sqlitelog.Log {
	tb.Helper()
	log, err := sqlitelog.Open(context.Background(), path, sqlitelog.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := log.Close(); err != nil {
			tb.Error(err)
		}
	})
	return log
}

func newLog(tb testing.TB) *sqlitelog.Log {
	tb.Helper()
	return openLog(tb, filepath.Join(tb.TempDir(), "log.db"))
}

func ask(stream es.StreamName) es.Request {
	return es.Request{Stream: stream, CommandID: uuid.New(), Actor: "system:test", Expected: es.Any}
}

func handle(tb testing.TB, h *handler, request es.Request, c command) es.Answer[any] {
	tb.Helper()
	answer, err := h.Handle(tb.Context(), request, c)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// check compares the state that h has of stream with what a handler makes of it that reads it anew.
func check(tb testing.TB, h *handler, log es.Log, codec *es.Codec, stream es.StreamName, total int) {
	tb.Helper()
	var got, want box
	var at, wantAt es.Revision
	for _, look := range []struct {
		handler  *handler
		state    *box
		revision *es.Revision
	}{{h, &got, &at}, {newHandler(log, codec), &want, &wantAt}} {
		err := look.handler.State(tb.Context(), stream, func(b *box, r es.Revision) { *look.state, *look.revision = *b, r })
		if err != nil {
			tb.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, want) || at != wantAt {
		tb.Errorf("the handler's state is %+v at %d, the log's %+v at %d", got, at, want, wantAt)
	}
	if got.Total != total || at != es.Revision(got.Seen-1) {
		tb.Errorf("total is %d at revision %d after %d events, want %d", got.Total, at, got.Seen, total)
	}
}

// Whatever becomes of a command, its answer says whether the state waits for a further one.
func TestAnswersSayWhatIsUnfinished(t *testing.T) {
	t.Parallel()
	decider := boxDecider()
	decider.Unfinished = func(b *box) bool { return len(b.Held) > 0 }
	log, codec := newLog(t), newCodec(newKeys())
	h := es.NewHandler(log, codec, decider, 100)
	hold, refusal := ask("box-1"), errors.New("refused")
	for _, step := range []struct {
		name    string
		request es.Request
		command command
		err     error
		want    bool
	}{
		{"nothing held", ask("box-1"), command{count: 1}, nil, false},
		{"held", hold, command{hold: "Ada"}, nil, true},
		{"the same again", hold, command{hold: "Ada"}, nil, true},
		{"nothing comes of it", ask("box-1"), command{}, nil, true},
		{"refused", ask("box-1"), command{refuse: refusal}, refusal, true},
		{"released", ask("box-1"), command{release: true}, nil, false},
	} {
		answer, err := h.Handle(t.Context(), step.request, step.command)
		if answer.Unfinished != step.want || !errors.Is(err, step.err) {
			t.Errorf("%s: got unfinished %v, %v, want %v, %v", step.name, answer.Unfinished, err, step.want, step.err)
		}
	}
	if answer := handle(t, newHandler(log, codec), ask("box-2"), command{hold: "Ada"}); answer.Unfinished {
		t.Error("a decider that finishes everything: got unfinished, want not")
	}
}

func TestCommandsBuildOnEachOther(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	check(t, h, log, codec, "box-1", 0)
	first := handle(t, h, ask("box-1"), command{count: 2})
	if len(first.Events) != 2 || first.Revision != 1 || first.Position.IsZero() || first.Repeated {
		t.Errorf("the first answer is %+v, want two events at revision 1", first)
	}
	if second := handle(t, h, ask("box-1"), command{count: 1}); second.Revision != 2 || second.Events[0].(*emptied).Number != 3 {
		t.Errorf("the second answer is %+v, want number 3 at revision 2", second)
	}
	check(t, h, log, codec, "box-1", 3)
}

func TestNothingDecidedAppendsNothing(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	if answer := handle(t, h, ask("box-1"), command{}); answer.Revision != -1 || !answer.Position.IsZero() || answer.Events != nil {
		t.Errorf("the answer is %+v, want revision -1 and nothing else", answer)
	}
	handle(t, h, ask("box-1"), command{count: 1})
	refusal := errors.New("not allowed")
	answer, err := h.Handle(t.Context(), ask("box-1"), command{count: 1, refuse: refusal})
	if !errors.Is(err, refusal) || answer.Revision != 0 {
		t.Errorf("a refusal gives %+v, %v, want revision 0 and the refusal as it is", answer, err)
	}
	check(t, h, log, codec, "box-1", 1)
}

// A command that is answered without an append must not be answered from a state that is behind.
func TestAnswersWithoutAppendSeeTheWholeStream(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	ours, theirs := newHandler(log, codec), newHandler(log, codec)
	handle(t, ours, ask("box-1"), command{count: 1})
	handle(t, theirs, ask("box-1"), command{hold: "Ada"})
	if answer := handle(t, ours, ask("box-1"), command{}); answer.Revision != 1 {
		t.Errorf("the empty answer is at revision %d, want 1", answer.Revision)
	}
	handle(t, theirs, ask("box-1"), command{hold: "Bob"})
	if answer := handle(t, ours, ask("box-1"), command{release: true}); len(answer.Events) != 2 {
		t.Errorf("%d facts were released, want 2", len(answer.Events))
	}
	check(t, ours, log, codec, "box-1", 1)
}

func TestRepeatedCommandGetsItsFirstAnswer(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	ours, theirs := newHandler(log, codec), newHandler(log, codec)
	handle(t, theirs, ask("box-1"), command{count: 1})
	request := ask("box-1")
	first := handle(t, ours, request, command{count: 2, hold: "Ada"})
	handle(t, ours, ask("box-1"), command{count: 1})
	request.Expected = es.NoStream // does not matter any more
	for name, h := range map[string]*handler{"the same": ours, "another that was behind": theirs, "a new one": newHandler(log, codec)} {
		again := handle(t, h, request, command{count: 5})
		if !again.Repeated || again.Revision != first.Revision || again.Position != first.Position || !reflect.DeepEqual(again.Events, first.Events) {
			t.Errorf("%s handler answers %+v, want the first answer %+v, repeated", name, again, first)
		}
		check(t, h, log, codec, "box-1", 4)
	}
}

// Two processes get the same command at the same revision: the log keeps one, and both answer it.
func TestSameCommandAtOnceIsDecidedOnce(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	ours, theirs := newHandler(log, codec), newHandler(log, codec)
	for _, h := range []*handler{ours, theirs} {
		check(t, h, log, codec, "box-1", 0) // so that both know the state
	}
	request := ask("box-1")
	first := handle(t, theirs, request, command{hold: "Ada"})
	for name, c := range map[string]command{"the same": {hold: "Ada"}, "with another content": {hold: "Eve"}, "with more events": {count: 3}} {
		h := newHandler(&blindLog{Log: log}, codec)
		again := handle(t, h, request, c)
		if !again.Repeated || !reflect.DeepEqual(again.Events, first.Events) {
			t.Errorf("%s: the answer is %+v, want the first one %+v", name, again, first)
		}
		check(t, h, log, codec, "box-1", 0)
	}
}

// blindLog does not show the stream the first time it is read, as if all of it came just after.
type blindLog struct {
	es.Log
	once sync.Once
}

func (b *blindLog) ReadStream(ctx context.Context, stream es.StreamName, from es.Revision) iter.Seq2[es.Recorded, error] {
	blind := false
	b.once.Do(func() { blind = true })
	if blind {
		return func(func(es.Recorded, error) bool) {}
	}
	return b.Log.ReadStream(ctx, stream, from)
}

func TestCommandIDOfAnotherStreamIsTaken(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	request := ask("box-1")
	handle(t, h, request, command{count: 1})
	request.Stream = "box-2"
	if _, err := h.Handle(t.Context(), request, command{count: 1}); !errors.Is(err, es.ErrEventIDTaken) {
		t.Errorf("got %v, want %v", err, es.ErrEventIDTaken)
	}
	check(t, h, log, codec, "box-2", 0)
}

func TestExpectedRevisionOfTheRequest(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	ours, theirs := newHandler(log, codec), newHandler(log, codec)
	handle(t, ours, ask("box-1"), command{count: 1})
	handle(t, theirs, ask("box-1"), command{count: 1})
	// Our state is behind: it is at revision 0, the stream at 1.
	for _, expected := range []es.ExpectedRevision{0, es.NoStream, 7} {
		request := ask("box-1")
		request.Expected = expected
		if _, err := ours.Handle(t.Context(), request, command{count: 1}); !errors.Is(err, es.ErrWrongExpectedRevision) {
			t.Errorf("expecting %v gives %v, want %v", expected, err, es.ErrWrongExpectedRevision)
		}
	}
	for i, expected := range []es.ExpectedRevision{1, 2, es.StreamExists, es.Any} {
		request := ask("box-1")
		request.Expected = expected
		if got, want := handle(t, ours, request, command{count: 1}).Revision, es.Revision(i+2); got != want {
			t.Errorf("expecting %v appends at %d, want %d", expected, got, want)
		}
	}
	check(t, ours, log, codec, "box-1", 6)
}

func TestUnknownEventTypeRefusesCommands(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	handle(t, h, ask("box-1"), command{count: 1})
	event := encodeOne(t, codec, "box-1", &emptied{})
	event.Type = "test.of-a-newer-version.v1"
	if _, err := log.Append(t.Context(), "box-1", es.Any, event); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if answer, err := h.Handle(t.Context(), ask("box-1"), command{count: 1}); !errors.Is(err, es.ErrUnknownType) {
			t.Errorf("got %+v, %v, want %v", answer, err, es.ErrUnknownType)
		}
	}
}

func TestWhatCannotBeReadBackIsNotStored(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	decider := boxDecider()
	decider.Decide = func(*box, command) ([]any, error) { return []any{&listing{}}, nil }
	h := es.NewHandler(log, codec, decider, 100)
	if _, err := h.Handle(t.Context(), ask("box-1"), command{}); !errors.Is(err, es.ErrUnknownType) {
		t.Errorf("got %v, want %v", err, es.ErrUnknownType)
	}
	check(t, h, log, codec, "box-1", 0)
}

func TestHeldFactsAreReleasedOutOfTheState(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	handle(t, h, ask("box-1"), command{hold: "Ada"})
	handle(t, h, ask("box-1"), command{hold: "Bob"})
	check(t, h, log, codec, "box-1", 0)
	answer := handle(t, h, ask("box-1"), command{release: true})
	check(t, h, log, codec, "box-1", 0)
	for i, want := range []string{"Ada", "Bob"} {
		opened, err := codec.OpenEnvelopes(t.Context(), answer.Events[i].(*opened).Person.envelope())
		if got := string(opened[0]); err != nil || got != fmt.Sprintf("%q", want) {
			t.Errorf("fact %d opens as %s, %v, want %q", i, got, err, want)
		}
	}
}

func TestStatesAreForgottenAndReadAgain(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	for _, statesMax := range []int{0, 1, 3} {
		h := es.NewHandler(log, codec, boxDecider(), statesMax)
		for range 3 {
			for i := range 5 {
				handle(t, h, ask(es.StreamName(fmt.Sprintf("box-%d-%d", statesMax, i))), command{count: 1})
			}
		}
		for i := range 5 {
			check(t, h, log, codec, es.StreamName(fmt.Sprintf("box-%d-%d", statesMax, i)), 3)
		}
	}
}

// A command counts as decided once events came of it, on its stream, whoever looks.
func TestDecided(t *testing.T) {
	t.Parallel()
	log, codec := newLog(t), newCodec(newKeys())
	h := newHandler(log, codec)
	done, idle, elsewhere := ask("box-1"), ask("box-1"), ask("box-2")
	handle(t, h, done, command{count: 1})
	handle(t, h, idle, command{})
	elsewhere.CommandID = done.CommandID
	for _, looker := range []*handler{h, newHandler(log, codec)} {
		for request, want := range map[es.Request]bool{done: true, idle: false, elsewhere: false, ask("box-1"): false} {
			if got, err := looker.Decided(t.Context(), request); got != want || err != nil {
				t.Errorf("command on %s: got %v, %v, want %v", request.Stream, got, err, want)
			}
		}
	}
}
