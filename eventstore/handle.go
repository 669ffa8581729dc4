package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Decider is a decider's three functions. Decide must not change the state it is given; Evolve
// may change it in place and returns it.
type Decider[State, Command, Event any] struct {
	Initial func() State
	Decide  func(State, Command) ([]Event, error)
	Evolve  func(State, Event) State
	// Unfinished reports whether a state waits for a further command that the program itself must
	// give, for what did not fit one append; see Answer. Default: none does.
	Unfinished func(State) bool
}

// Request is what a command needs beside itself.
type Request struct {
	Stream StreamName
	// CommandID makes the command idempotent: once events came of it on the stream, it gives the
	// same answer again. A command that was refused, or came to nothing, is decided anew.
	CommandID     uuid.UUID
	CorrelationID string
	CausationID   string
	Actor         string
	// Reason is sealed under the key of ReasonOf, by default the stream's; see Metadata.
	Reason, ReasonOf string
	OccurredAt       time.Time
	// Expected is the revision that the caller saw (If-Match); Any if it does not matter.
	Expected ExpectedRevision
}

// Answer is what became of a command.
type Answer[Event any] struct {
	// Events were appended by this command, now or the first time it was decided, with their
	// private values sealed. They may be part of the handler's state: read them, never open or
	// change them.
	Events []Event
	// Repeated is true where the command had been decided on this stream before.
	Repeated bool
	// Revision and Position are those of the last event appended; where nothing was appended
	// Revision is the stream's and Position is zero.
	Revision Revision
	Position Position
	// Unfinished is the decider's, of the state after the command, also where the decider refused it.
	Unfinished bool
}

// attemptsMax bounds how often a command is decided while other processes append to its stream in
// between. Each failed attempt is another's success, so two processes that wrestle for one
// stream all the time give up once in 2^32 commands.
const attemptsMax = 32

// Handler runs commands of one decider: it reads the stream, folds it, decides, and appends at
// the revision just read, a bounded number of times if another writer comes between. It keeps the
// states of busy streams by revision; the append's expected revision keeps them honest, and an
// answer that appends nothing is given only after the stream was read to its end.
//
// Within the process the commands of one stream are handled one after another, those of several
// streams at the same time. Who only looks at a state waits for neither, as long as the state in
// memory is as new as the log.
type Handler[State, Command, Event any] struct {
	log     Log
	codec   *Codec
	decider Decider[State, Command, Event]
	streams *streams[State]
}

// NewHandler returns a handler that keeps at most statesMax streams' states in memory.
func NewHandler[State, Command, Event any](log Log, codec *Codec, decider Decider[State, Command, Event], statesMax int) *Handler[State, Command, Event] {
	return &Handler[State, Command, Event]{log, codec, decider, newStreams[State](statesMax)}
}

// Handle decides command and appends what comes of it. It returns the decider's refusal as it is,
// ErrWrongExpectedRevision where the request expected another revision or the retries ran out,
// ErrEventIDTaken where the command was decided on another stream, and ErrUnknownType where the
// stream holds an event that this binary does not know. Any other error leaves the outcome
// unknown: handle the command again, under the same id.
func (h *Handler[State, Command, Event]) Handle(ctx context.Context, request Request, command Command) (Answer[Event], error) {
	s := h.streams.enter(request.Stream)
	defer h.streams.leave(s)
	if err := s.acquire(ctx); err != nil {
		return Answer[Event]{}, fmt.Errorf("handle command on %s: %w", request.Stream, err)
	}
	defer s.release()
	fresh := !s.known
	if fresh {
		if err := h.read(ctx, s); err != nil {
			return Answer[Event]{}, err
		}
	}
	for range attemptsMax {
		if first, ok := s.decided[request.CommandID]; ok {
			return h.repeat(ctx, s, request, first)
		}
		events, err := h.decide(s, request, command)
		decided := err == nil && len(events) > 0
		if !decided && fresh {
			return Answer[Event]{Revision: s.revision, Unfinished: h.unfinished(s)}, err
		}
		before := s.revision
		if decided {
			var answer Answer[Event]
			if answer, err = h.append(ctx, s, request, events); !errors.Is(err, errMoved) {
				return answer, err
			}
		}
		// The stream is not, or may not be, where the cached state has it: read on, decide again.
		if err := h.read(ctx, s); err != nil {
			return Answer[Event]{}, err
		}
		fresh = true
		if s.revision == before && errors.Is(err, ErrEventIDTaken) {
			return Answer[Event]{}, fmt.Errorf("handle command %s on %s: %w", request.CommandID, request.Stream, ErrEventIDTaken)
		}
	}
	return Answer[Event]{}, fmt.Errorf("handle command %s on %s, %d times: %w", request.CommandID, request.Stream, attemptsMax, ErrWrongExpectedRevision)
}

func (h *Handler[State, Command, Event]) unfinished(s *stream[State]) bool {
	return h.decider.Unfinished != nil && h.decider.Unfinished(s.state)
}

// errMoved: nothing was appended, as the stream is not where its cached state has it.
var errMoved = errors.New("stream moved on")

func (h *Handler[State, Command, Event]) decide(s *stream[State], request Request, command Command) ([]Event, error) {
	if !request.Expected.Matches(s.revision) {
		return nil, fmt.Errorf("handle command on %s: %w: expected %s, it is at %d", s.name, ErrWrongExpectedRevision, request.Expected, s.revision)
	}
	return h.decider.Decide(s.state, command)
}

// append appends events and folds them into the state, exactly as they will be read back: sealed.
// They are read back even before they are appended, so that nothing is stored that cannot be.
func (h *Handler[State, Command, Event]) append(ctx context.Context, s *stream[State], request Request, events []Event) (Answer[Event], error) {
	encoded, err := h.codec.Encode(ctx, s.name, metadataOf(request), asAny(events)...)
	if err != nil {
		return Answer[Event]{}, err
	}
	stored := make([]Event, len(encoded))
	for i, event := range encoded {
		recorded := Recorded{Event: event, Stream: s.name, Revision: s.revision + 1 + Revision(i)}
		if _, stored[i], err = h.decode(recorded); err != nil {
			return Answer[Event]{}, fmt.Errorf("read back before appending: %w", err)
		}
	}
	appended, err := h.log.Append(ctx, s.name, ExpectedRevision(s.revision), encoded...)
	switch {
	case errors.Is(err, ErrWrongExpectedRevision), errors.Is(err, ErrEventIDTaken):
		return Answer[Event]{}, errors.Join(errMoved, err)
	case err == nil && appended.Repeated:
		// Another process was first with this command: what it appended counts, not what we made.
		return Answer[Event]{}, errMoved
	case errors.Is(err, ErrTooLarge):
		return Answer[Event]{}, err
	case err != nil:
		// Whether the events are in the log is not known, so neither is the state.
		s.setKnown(false)
		return Answer[Event]{}, err
	}
	// The events are durable. A crash from here loses the answer: the command, sent again, gets it.
	h.evolve(s, request.CommandID, stored...)
	return Answer[Event]{Events: stored, Revision: appended.Revision, Position: appended.Position, Unfinished: h.unfinished(s)}, nil
}

// repeat reads the answer of a command that was decided before; its events begin at revision first.
func (h *Handler[State, Command, Event]) repeat(ctx context.Context, s *stream[State], request Request, first Revision) (Answer[Event], error) {
	answer := Answer[Event]{Repeated: true, Unfinished: h.unfinished(s)}
	for recorded, err := range h.log.ReadStream(ctx, s.name, first) {
		if err != nil {
			return Answer[Event]{}, fmt.Errorf("read answer of command %s on %s: %w", request.CommandID, s.name, err)
		}
		decoded, event, err := h.decode(recorded)
		if err != nil {
			return Answer[Event]{}, err
		}
		if decoded.Meta.CommandID != request.CommandID {
			break // a command's events were appended together
		}
		answer.Events = append(answer.Events, event)
		answer.Revision, answer.Position = recorded.Revision, recorded.Position
	}
	return answer, nil
}

// read folds what the stream holds after the state's revision into it. Who looks meanwhile sees the
// state of some revision on the way, or none where it is read for the first time.
func (h *Handler[State, Command, Event]) read(ctx context.Context, s *stream[State]) error {
	if !s.known {
		s.begin(h.decider.Initial())
	}
	whole := false
	defer func() { s.setKnown(whole) }() // an error half-way leaves a state of which nothing is sure
	for recorded, err := range h.log.ReadStream(ctx, s.name, s.revision+1) {
		if err != nil {
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		if recorded.Revision != s.revision+1 {
			return fmt.Errorf("read %s: revision %d follows %d: the log is damaged; restore it from a backup", s.name, recorded.Revision, s.revision)
		}
		decoded, event, err := h.decode(recorded)
		if err != nil {
			return err
		}
		h.evolve(s, decoded.Meta.CommandID, event)
	}
	whole = true
	return nil
}

func (h *Handler[State, Command, Event]) decode(recorded Recorded) (Decoded, Event, error) {
	decoded, err := h.codec.Decode(recorded)
	if err != nil {
		var none Event
		return decoded, none, err
	}
	event, ok := decoded.Event.(Event)
	if !ok {
		return decoded, event, fmt.Errorf("decode %s at revision %d of %s: a %T does not belong in this stream", recorded.Type, recorded.Revision, recorded.Stream, decoded.Event)
	}
	return decoded, event, nil
}

// evolve folds events into the state while nobody looks at it.
func (h *Handler[State, Command, Event]) evolve(s *stream[State], command commandID, events ...Event) {
	s.seen.Lock()
	defer s.seen.Unlock()
	known := s.known
	s.known = false // should a fold panic, its half-made state is dropped
	for _, event := range events {
		s.state = h.decider.Evolve(s.state, event)
		s.revision++
		if _, ok := s.decided[command]; !ok {
			s.decided[command] = s.revision
		}
	}
	s.known = known
}

func metadataOf(request Request) Metadata {
	return Metadata{
		CommandID:     request.CommandID,
		CorrelationID: request.CorrelationID,
		CausationID:   request.CausationID,
		Actor:         request.Actor,
		Reason:        request.Reason,
		ReasonOf:      request.ReasonOf,
		OccurredAt:    request.OccurredAt,
	}
}

func asAny[Event any](events []Event) []any {
	list := make([]any, len(events))
	for i, event := range events {
		list[i] = event
	}
	return list
}
