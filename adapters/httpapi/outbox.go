package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/eventstore"
)

// ErrNotParked is returned by an Outbox for a message that is not parked, or was skipped already.
var ErrNotParked = errors.New("no such parked message")

// ParkedMessage is what is known of a message to a case management system that could not be published:
// nothing of what it says.
type ParkedMessage struct {
	// EventID is the id of its event, and of the message.
	EventID uuid.UUID
	// Key is what it is kept in order with: a case's reference, else the stream of its event.
	Key string
	// Type, Stream and Position are the event's.
	Type     string
	Stream   eventstore.StreamName
	Position eventstore.Position
	Status   string // one of parkedStatuses
	// Fault is why it was not published, in a stable word.
	Fault string
	// Attempts is how often it failed. DueAt is when it is tried again.
	Attempts        int
	DueAt, ParkedAt time.Time
	// ResolvedBy, Reason and ResolvedAt are an operator's who retried or skipped it.
	ResolvedBy, Reason string
	ResolvedAt         time.Time
}

// ParkedFilter chooses parked messages; what is empty chooses all.
type ParkedFilter struct{ Status, Key string }

// Outbox is where messages to case management systems wait that could not be published. Its methods
// return commands.ErrForbidden to whom the permissions for feeds do not allow it.
type Outbox interface {
	// List returns at most limit messages after the one with the id after (uuid.Nil: from the first), by
	// event id.
	List(ctx context.Context, by access.Principal, filter ParkedFilter, after uuid.UUID, limit int) ([]ParkedMessage, error)
	// Retry has a message tried again at once. Skip gives one up: what is parked behind it goes on. Both
	// return ErrNotParked, and commands.ErrNoReason without a reason.
	Retry(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error
	Skip(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error
}
