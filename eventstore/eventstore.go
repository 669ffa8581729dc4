// Package eventstore is the append-only log: its vocabulary, its contract, the codec between
// events and their stored bytes, the command loop and subscriptions. It knows no case.
//
// A log keeps events in streams. Within a stream events have revisions 0, 1, 2, …; over all
// streams they have positions, one order that every reader sees. What was appended is never
// changed or removed.
package eventstore

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Log is an append-only log of events.
type Log interface {
	// Append adds events to the end of stream, all or none, if the stream is at expected;
	// otherwise it writes nothing and returns an error that Is ErrWrongExpectedRevision.
	// Appending events whose ids are already there as this same append (in stream, in this order,
	// with nothing between them) gives the first answer again, whatever expected says; ids that are
	// there in any other way give ErrEventIDTaken. (A log that cannot look ids up over streams says
	// so; it looks in stream alone.) Only ids are compared: data that was sealed anew has other bytes.
	// When it returns nil the events are durable, and every later read sees them. An error that
	// is none of this package's leaves the outcome unknown: append again with the same ids.
	Append(ctx context.Context, stream StreamName, expected ExpectedRevision, events ...Event) (Appended, error)

	// ReadStream yields the events of stream from revision on, in order. A stream that does not
	// exist yields nothing.
	ReadStream(ctx context.Context, stream StreamName, from Revision) iter.Seq2[Recorded, error]

	// ReadAll yields all events after position in the one order that every reader sees, up to the
	// end at the time it gets there. An event that becomes readable never has a position before
	// one that was already readable.
	ReadAll(ctx context.Context, after Position) iter.Seq2[Recorded, error]
}

// Notifier is a Log that can wait for new events. Without it readers poll.
type Notifier interface {
	// Wait returns nil as soon as there may be an event after position, and the context's error
	// if that ends first. It may return early; it must not return late by more than the log's
	// polling interval.
	Wait(ctx context.Context, after Position) error
}

// Header is a Log that knows its end without reading there.
type Header interface {
	// Head returns the position and recorded time of the last event, zero for an empty log.
	Head(ctx context.Context) (Head, error)
}

// Ender is a Log that can be asked where many streams end, in one question.
type Ender interface {
	// Ends returns the revision of the last event of each of streams, in their order, and -1 for one
	// that does not exist. Every append that was answered before the call is seen.
	Ends(ctx context.Context, streams ...StreamName) ([]Revision, error)
}

// Identifier is a Log that can be told from every other log.
type Identifier interface {
	// Identity returns what the log was named when it was made: random, and the same for ever. A
	// backup that is restored keeps it.
	Identity(ctx context.Context) (string, error)
}

// Head is the end of a log.
type Head struct {
	Position   Position
	RecordedAt time.Time
}

// StreamName names a stream: a kind, a hyphen, and an id without personal data ("casefile-1234").
type StreamName string

// Revision counts the events of a stream from 0.
type Revision int64

// ExpectedRevision is what an append expects of its stream: a Revision or one of the constants.
// There is no default.
type ExpectedRevision int64

// The expected revisions that are not a number.
const (
	// NoStream expects that the stream has no event.
	NoStream ExpectedRevision = -1
	// Any expects nothing.
	Any ExpectedRevision = -2
	// StreamExists expects that the stream has at least one event.
	StreamExists ExpectedRevision = -4
)

// Event is an event to be appended. Data and Metadata come back byte for byte.
type Event struct {
	ID       uuid.UUID
	Type     string // stored name, such as "casefile.converted.v1"
	Data     []byte
	Metadata []byte
}

// Recorded is an event as the log holds it.
type Recorded struct {
	Event
	Stream   StreamName
	Revision Revision
	Position Position
	// RecordedAt is when the log recorded it, UTC to the microsecond. It never goes backwards
	// along positions.
	RecordedAt time.Time
}

// Appended says where an append ended.
type Appended struct {
	Revision Revision // of the last event appended
	Position Position // of the last event appended
	// Repeated is true where events with these ids were there before, so that nothing was written.
	// What they hold may differ: a value sealed twice is not the same twice.
	Repeated bool
}

// Errors that callers act on.
var (
	// ErrWrongExpectedRevision: the stream is not where the append expected it. Read again and decide again.
	ErrWrongExpectedRevision = errors.New("wrong expected revision")
	// ErrEventIDTaken: an event id is already in the log, in another stream or another order.
	ErrEventIDTaken = errors.New("event id already in the log")
	// ErrTooLarge: an event or an append is over the log's limit. Nothing was written.
	ErrTooLarge = errors.New("event too large for the log")
)
