package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore/lru"
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
	// Reason is why a person did it; "" if none. It is stored sealed under the key of ReasonOf, and
	// Decode gives it as an envelope, which OpenEnvelopes opens to a JSON string.
	Reason string `json:"reason,omitzero"`
	// ReasonOf is the subject whose reason it is, and with whose key it goes; by default the stream. It
	// is not stored, as the envelope names its key.
	ReasonOf string `json:"-"`
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

// reasonField is the place of a sealed Metadata.Reason in its origin; no JSON name of an event's
// own field is like it.
const reasonField = "$reason"

// Codec turns events into what a log stores, and back. Private values are sealed on the way in,
// and stay sealed on the way out until Open. It may be used by several goroutines at once.
//
// The codec keeps no keys: it asks Keys for them in every call, once. So a key that Keys has
// destroyed opens nothing from then on; how soon Keys learns of a destruction is for Keys to say.
type Codec struct {
	catalog Catalog
	keys    Keys
	sealers sealers
}

// NewCodec returns a codec for the events of catalog, sealing under keys.
func NewCodec(catalog Catalog, keys Keys) *Codec {
	return &Codec{catalog, keys, sealers{lru.New[string, *sealer](sealersMax)}}
}

// EventID returns the id of the event at index among those that a command led to. A command that
// is handled again gives the same ids, by which the log knows them.
func EventID(commandID uuid.UUID, index int) uuid.UUID {
	return uuid.NewSHA1(commandID, []byte(strconv.Itoa(index)))
}

// Encode gives each event the id UUIDv5(meta.CommandID, index), seals its private values, and
// returns what to append to stream. The data keys are durable when it returns; a crash between
// here and the append leaves keys that nothing is sealed under.
//
// A private value that was sealed for another event is opened and sealed again for this one, for
// the same subjects. Where one of its keys was destroyed it can be neither: it goes along as it
// is, erased.
//
// The events themselves are not changed, so they may belong to a state that others read.
func (c *Codec) Encode(ctx context.Context, stream StreamName, meta Metadata, events ...any) ([]Event, error) {
	if meta.CommandID == uuid.Nil {
		return nil, fmt.Errorf("encode events for %s: the command has no id", stream)
	}
	meta.OccurredAt = meta.OccurredAt.UTC()
	encoded := make([]Event, len(events))
	copies := make([]any, len(events))
	metas := make([]Metadata, len(events))
	batch := sealing{codec: c, stream: stream}
	for i, event := range events {
		name, ok := c.catalog.Name(event)
		if !ok {
			return nil, fmt.Errorf("encode event for %s: %T is not in the catalog", stream, event)
		}
		id := EventID(meta.CommandID, i)
		encoded[i], metas[i] = Event{ID: id, Type: name}, meta
		var err error
		if copies[i], err = batch.take(event, id); err != nil {
			return nil, fmt.Errorf("encode %s for %s: %w", name, stream, err)
		}
		if err := batch.takeReason(&metas[i], id); err != nil {
			return nil, fmt.Errorf("encode %s for %s: %w", name, stream, err)
		}
	}
	if err := batch.seal(ctx); err != nil {
		return nil, fmt.Errorf("seal events for %s: %w", stream, err)
	}
	for i := range encoded {
		var err error
		if encoded[i].Data, err = json.Marshal(copies[i]); err != nil {
			return nil, fmt.Errorf("encode %s for %s: %w", encoded[i].Type, stream, err)
		}
		if encoded[i].Metadata, err = json.Marshal(metas[i]); err != nil {
			return nil, fmt.Errorf("encode metadata of %s for %s: %w", encoded[i].Type, stream, err)
		}
	}
	return encoded, nil
}

// Decode decodes a recorded event; its private values stay sealed, with their origin set. Fields
// that this binary does not know are passed over, so that a newer one may add some. Where the
// catalog does not know the type it returns what it could decode, and ErrUnknownType.
func (c *Codec) Decode(recorded Recorded) (Decoded, error) {
	decoded := Decoded{Recorded: recorded}
	fail := func(err error) (Decoded, error) {
		return decoded, fmt.Errorf("decode %s at revision %d of %s: %w", recorded.Type, recorded.Revision, recorded.Stream, err)
	}
	if err := json.Unmarshal(recorded.Metadata, &decoded.Meta); err != nil {
		return fail(fmt.Errorf("read metadata: %w", err))
	}
	place := originOf(recorded.Stream, recorded.ID)
	if decoded.Meta.Reason != "" {
		decoded.Meta.Reason = place + reasonField + originSeparator + decoded.Meta.Reason
	}
	name, data, err := c.catalog.Upcast(recorded.Type, recorded.Data)
	if err != nil {
		return fail(err)
	}
	event, known := c.catalog.New(name)
	if !known {
		return fail(ErrUnknownType)
	}
	if err := json.Unmarshal(data, event); err != nil {
		return fail(err)
	}
	err = walk(reflect.ValueOf(event).Elem(), func(value privateValue, path string, _ []string) {
		if sealed, _ := value.Sealed(); sealed != "" {
			value.SetSealed(sealed, place+path)
		}
	})
	if err != nil {
		return fail(err)
	}
	decoded.Event = event
	return decoded, nil
}

// originOf returns the part of an origin that all fields of an event share.
func originOf(stream StreamName, id uuid.UUID) string {
	return string(stream) + originSeparator + id.String() + originSeparator
}
