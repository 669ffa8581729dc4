package eventstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Metadata is what is known about an event beside what happened. It holds no personal data.
type Metadata struct {
	// CommandID is the command that the event came of; the event's id is derived from it.
	CommandID uuid.UUID `json:"commandId"`
	// CorrelationID is the same for all that one request or message led to.
	CorrelationID string `json:"correlationId,omitzero"`
	// CausationID is the id of the event or message that directly led to this one.
	CausationID string `json:"causationId,omitzero"`
	// Actor is who did it: "cms:<source>", "token:<id>", "user:<id>", "system:<part>".
	Actor string `json:"actor"`
	// Reason is why a person did it; "" if none. It is stored sealed under the stream's key.
	Reason string `json:"reason,omitzero"`
	// OccurredAt is when it happened, as opposed to when it was recorded.
	OccurredAt time.Time `json:"occurredAt"`
}

// Catalog knows the union of all events by their stored names. Events are pointers to structs.
type Catalog interface {
	// Name returns the stored name of event, and false for a type that is no event.
	Name(event any) (string, bool)
	// New returns a new empty event for a current stored name, and false for an unknown one.
	New(name string) (any, bool)
	// Upcast turns data stored under an older name into the current name's, and returns
	// what it was given where there is nothing to do.
	Upcast(name string, data []byte) (string, []byte, error)
}

// Keys hands out the data keys that private values are sealed under, by subject: a stream's name
// ("casefile-1234"), a party of it ("casefile-1234/consumer"), or a person.
type Keys interface {
	// Ensure returns the live key of each subject, in their order, and makes those that are
	// missing or destroyed anew. New keys are durable when it returns.
	Ensure(ctx context.Context, subjects ...string) ([]Key, error)
	// Lookup returns the keys with the given ids, in their order; a key that was destroyed, or
	// never was, is returned with a nil Secret.
	Lookup(ctx context.Context, ids ...string) ([]Key, error)
}

// Key is a data key. ID is its subject; a later generation has "#2", "#3" … after it.
type Key struct {
	ID     string
	Secret []byte // 32 bytes, nil if there is none
}

// Decoded is a recorded event with its data decoded.
type Decoded struct {
	Recorded
	Meta Metadata
	// Event is what Catalog.New made, with its private values sealed; nil where the type is unknown.
	Event any
}

// ErrUnknownType is returned for an event type that this binary's catalog does not know.
var ErrUnknownType = errors.New("unknown event type")

// Codec turns events into what a log stores, and back. Private values are sealed on the way in,
// and stay sealed on the way out until Open.
type Codec struct{}

// NewCodec returns a codec for the events of catalog, sealing under keys.
func NewCodec(catalog Catalog, keys Keys) *Codec { panic("not built yet") }

// Encode gives each event the id UUIDv5(meta.CommandID, index), seals its private values, and
// returns what to append to stream. The data keys are durable when it returns. A private value
// that was sealed for another event is opened and sealed again for this one.
func (c *Codec) Encode(ctx context.Context, stream StreamName, meta Metadata, events ...any) ([]Event, error) {
	panic("not built yet")
}

// Decode decodes a recorded event; its private values stay sealed, with their origin set. Where
// the catalog does not know the type it returns what it could decode, and ErrUnknownType.
func (c *Codec) Decode(recorded Recorded) (Decoded, error) { panic("not built yet") }

// Open opens, in place, the private values of the given decoded events, fetching all keys that
// are needed in one call. A value whose key was destroyed stays sealed: that is no error. A value
// that was altered, moved or sealed under a swapped key is an error.
func (c *Codec) Open(ctx context.Context, events ...Decoded) error { panic("not built yet") }

// OpenEnvelopes opens envelopes (private.Value.Envelope) copied out of events, and returns the
// JSON of each in their order; nil where the key was destroyed or the envelope is "".
func (c *Codec) OpenEnvelopes(ctx context.Context, envelopes ...string) ([][]byte, error) {
	panic("not built yet")
}
