package eventstore

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Decider is a decider's three functions. Decide must not change the state it is given; Evolve
// may change it in place and returns it.
type Decider[State, Command, Event any] struct {
	Initial func() State
	Decide  func(State, Command) ([]Event, error)
	Evolve  func(State, Event) State
}

// Request is what a command needs beside itself.
type Request struct {
	Stream StreamName
	// CommandID makes the command idempotent: decided once on the stream, it gives the same
	// answer again.
	CommandID     uuid.UUID
	CorrelationID string
	CausationID   string
	Actor         string
	Reason        string
	OccurredAt    time.Time
	// Expected is the revision that the caller saw (If-Match); Any if it does not matter.
	Expected ExpectedRevision
}

// Answer is what became of a command.
type Answer[Event any] struct {
	// Events were appended by this command, now or the first time it was decided.
	Events []Event
	// Repeated is true where the command had been decided on this stream before.
	Repeated bool
	// Revision and Position are those of the last event appended; where nothing was appended
	// Revision is the stream's and Position is zero.
	Revision Revision
	Position Position
}

// Handler runs commands of one decider: it reads the stream, folds it, decides, and appends at
// the revision just read, a bounded number of times if another writer comes between. It keeps the
// states of busy streams by revision; the append's expected revision keeps them honest.
type Handler[State, Command, Event any] struct{}

// NewHandler returns a handler that keeps at most statesMax streams' states in memory.
func NewHandler[State, Command, Event any](log Log, codec *Codec, decider Decider[State, Command, Event], statesMax int) *Handler[State, Command, Event] {
	panic("not built yet")
}

// Handle decides command and appends what comes of it. It returns the decider's refusal as it is,
// ErrWrongExpectedRevision where the request expected another revision or the retries ran out,
// and ErrUnknownType where the stream holds an event that this binary does not know.
func (h *Handler[State, Command, Event]) Handle(ctx context.Context, request Request, command Command) (Answer[Event], error) {
	panic("not built yet")
}

// State returns the state of stream now, and its revision (-1 for a stream that does not exist).
func (h *Handler[State, Command, Event]) State(ctx context.Context, stream StreamName, look func(State, Revision)) error {
	panic("not built yet")
}
