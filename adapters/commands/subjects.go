package commands

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"casesync/domain"
	"casesync/domain/feed"
	"casesync/eventstore"
)

// subjects runs the commands of one kind of subject, such as cases, and releases the held facts that
// one append did not take.
type subjects[State, Command, Event any] struct {
	handler *eventstore.Handler[State, Command, Event]
	release func(factsMax int) Command
}

func newSubjects[State interface{ Due() bool }, Command, Event any](log eventstore.Log, codec *eventstore.Codec,
	initial func() State, decide func(State, Command) ([]Event, error), evolve func(State, Event) State, statesMax int,
	release func(factsMax int) Command,
) subjects[State, Command, Event] {
	decider := eventstore.Decider[State, Command, Event]{Initial: initial, Decide: decide, Evolve: evolve, Unfinished: State.Due}
	return subjects[State, Command, Event]{eventstore.NewHandler(log, codec, decider, statesMax), release}
}

// handle handles a command, and then releases the held facts whose turn has come until none is
// left. The command is made alone, releasing nothing itself, where it is too large for the log
// together with what it releases.
//
// A crash, or an error, between two appends leaves the command recorded and the rest of the facts
// held, although their turn has come. The next command of the subject, or the same one again,
// finds them, whatever is decided about it: they take effect before it is answered.
func (s subjects[State, Command, Event]) handle(ctx context.Context, request eventstore.Request, command func(alone bool) Command) (eventstore.Answer[Event], error) {
	for again := true; ; again = false {
		most := feed.ReleaseMax
		answer, err := s.handler.Handle(ctx, request, command(false))
		if errors.Is(err, eventstore.ErrTooLarge) {
			most = fewer(most)
			answer, err = s.handler.Handle(ctx, request, command(true))
		}
		if !answer.Unfinished {
			return answer, err
		}
		end, failed := s.releaseAll(ctx, request.Stream, request.OccurredAt, most)
		if failed != nil {
			return answer, failed
		}
		if !end.IsZero() {
			answer.Position = end
		}
		// What was left behind may be what it was refused for, as by a case that is handed over in it.
		if _, refused := errors.AsType[*domain.Refusal](err); !refused || !again {
			return answer, err
		}
	}
}

// releaseAll releases held facts until none is due, and returns where the log ended after them.
// It takes at most most at a time, and fewer, down to one, where they are too large for one append.
func (s subjects[State, Command, Event]) releaseAll(ctx context.Context, stream eventstore.StreamName, at time.Time, most int) (end eventstore.Position, err error) {
	for {
		// What was released is not due again, so the id need not be derived. The metadata is shorter
		// than that of a held fact, and the fact was wrapped in another event: what was held fits.
		request := eventstore.Request{
			Stream: stream, CommandID: uuid.New(), Actor: releaser, OccurredAt: at, Expected: eventstore.StreamExists,
		}
		answer, err := s.handler.Handle(ctx, request, s.release(most))
		switch {
		case errors.Is(err, eventstore.ErrTooLarge) && most > 1:
			most = fewer(most)
			continue
		case errors.Is(err, eventstore.ErrTooLarge):
			// The log took larger events once. The fact stays held, and is reported as such: that
			// must not stop the messages of other cases, which an error would.
			return end, nil
		case err != nil:
			return end, err
		case len(answer.Events) > 0:
			end = answer.Position
		}
		if !answer.Unfinished {
			return end, nil
		}
	}
}

// fewer is how many facts to try where most are too large. Facts are sealed before their size is
// known, so few and large steps are cheaper than appends as full as can be.
func fewer(most int) int { return max(1, most/8) }

// releaser is who releases held facts, in the log.
const releaser = "system:release"
