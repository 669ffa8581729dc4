package commands

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// A DeadLetter is a message that was rejected, kept whole until an operator retries or discards it.
type DeadLetter struct {
	ID uuid.UUID
	// Source, EventID, Type, Subject and Sequence are the message's CloudEvents attributes, those
	// that could be read and are valid by themselves; the others are empty.
	Source, EventID, Type, Subject string
	Sequence                       int64
	// Stream is the stream of the case, business, upload or notification that the message speaks of, "" if none.
	Stream eventstore.StreamName
	// About is the stream of the case or business that the message says something private of: the letter is
	// sealed under its key, and erased with it. "" stands for Stream.
	About eventstore.StreamName
	// Code and Reason say why it was rejected, the last time.
	Code, Reason string
	// Via is the way it came: "http", "file", "servicebus", "servicebus-dead-letter".
	Via string
	// Fingerprint is the same for the same message received again, which is then counted in Times.
	Fingerprint string
	// Original is the whole message; nil in lists, and where the key of its case was destroyed.
	Original []byte

	Times                      int64
	ReceivedAt, LastReceivedAt time.Time // UTC to the microsecond
	Status                     DeadLetterStatus
	// Resolution is who retried or discarded it, zero while it is open.
	Resolution Resolution
}

// DeadLetterStatus is what became of a dead letter.
type DeadLetterStatus string

// The states of a dead letter. It leaves the first once.
const (
	DeadLetterOpen      DeadLetterStatus = "open"
	DeadLetterRetried   DeadLetterStatus = "retried"
	DeadLetterDiscarded DeadLetterStatus = "discarded"
)

// Resolution is a person's decision on a dead letter.
type Resolution struct {
	Actor  string
	Reason string
	At     time.Time
}

// DeadLetterFilter narrows a list of dead letters; an empty field does not.
type DeadLetterFilter struct {
	Status  DeadLetterStatus
	Source  string
	Subject string
	Code    string
}

// Errors that callers act on.
var (
	// ErrNoDeadLetter: there is no dead letter with that id.
	ErrNoDeadLetter = errors.New("no such dead letter")
	// ErrDeadLetterResolved: it was retried or discarded before.
	ErrDeadLetterResolved = errors.New("the dead letter was already retried or discarded")
	// ErrDeadLetterErased: the key of its case was destroyed, and the original with it.
	ErrDeadLetterErased = errors.New("the dead letter's original was erased with its case: discard it")
)

// DeadLetters keeps dead letters.
type DeadLetters interface {
	// Keep keeps a letter, whose ID, Times, times and Status it sets. One with the same fingerprint
	// is not kept twice: it is counted, and has the new code and reason unless it was resolved.
	// When Keep returns nil the letter is durable.
	Keep(ctx context.Context, letter DeadLetter) error
	// List returns at most limit letters without their originals, oldest first, after the one
	// with the id after (uuid.Nil: from the first).
	List(ctx context.Context, filter DeadLetterFilter, after uuid.UUID, limit int) ([]DeadLetter, error)
	// Show returns a letter whole, or ErrNoDeadLetter.
	Show(ctx context.Context, id uuid.UUID) (DeadLetter, error)
	// Resolve ends a letter with a status other than open. It returns ErrNoDeadLetter or
	// ErrDeadLetterResolved where it changed nothing.
	Resolve(ctx context.Context, id uuid.UUID, status DeadLetterStatus, resolution Resolution) error
}
