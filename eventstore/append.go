package eventstore

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Limits bounds what one append may hold. A zero field takes the default.
type Limits struct {
	// EventBytesMax is the most data and metadata together of one event, in bytes; 1 MiB by default.
	EventBytesMax int
	// AppendBytesMax is the most data and metadata together of one append, in bytes; 16 MiB by default.
	AppendBytesMax int
	// AppendEventsMax is the most events of one append; 10,000 by default.
	AppendEventsMax int
}

// nameBytesMax bounds stream names and event types, in bytes.
const nameBytesMax = 255

// OrDefault returns the limits with the default in place of each zero.
func (l Limits) OrDefault() Limits {
	for field, value := range map[*int]int{
		&l.EventBytesMax:   1 << 20,
		&l.AppendBytesMax:  16 << 20,
		&l.AppendEventsMax: 10_000,
	} {
		if *field == 0 {
			*field = value
		}
	}
	return l
}

// Check returns nil for an append that a log can take, ErrTooLarge for one over the limits,
// ErrEventIDTaken for one that holds an id twice, and another error for one that is wrong in itself.
func (l Limits) Check(stream StreamName, expected ExpectedRevision, events []Event) error {
	if err := checkName("stream name", string(stream)); err != nil {
		return err
	}
	if expected < 0 && expected != NoStream && expected != Any && expected != StreamExists {
		return fmt.Errorf("expected revision %d: there is no such one", expected)
	}
	if len(events) == 0 {
		return errors.New("no events")
	}
	if len(events) > l.AppendEventsMax {
		return fmt.Errorf("%w: %d events in one append, at most %d", ErrTooLarge, len(events), l.AppendEventsMax)
	}
	if size := Size(events); size > l.AppendBytesMax {
		return fmt.Errorf("%w: %d bytes in one append, at most %d", ErrTooLarge, size, l.AppendBytesMax)
	}
	ids := make(map[uuid.UUID]bool, len(events))
	for i, event := range events {
		if ids[event.ID] {
			return fmt.Errorf("%w: %s is twice in one append", ErrEventIDTaken, event.ID)
		}
		ids[event.ID] = true
		if err := l.checkEvent(event); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	return nil
}

func (l Limits) checkEvent(event Event) error {
	if event.ID == uuid.Nil {
		return errors.New("no id")
	}
	if size := len(event.Data) + len(event.Metadata); size > l.EventBytesMax {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, l.EventBytesMax)
	}
	return checkName("type", event.Type)
}

func checkName(what, name string) error {
	if name == "" || len(name) > nameBytesMax || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return fmt.Errorf("%s %q: must be UTF-8 of 1 to %d bytes", what, name, nameBytesMax)
	}
	return nil
}

// Size returns the bytes of data and metadata of events.
func Size(events []Event) int {
	bytes := 0
	for _, event := range events {
		bytes += len(event.Data) + len(event.Metadata)
	}
	return bytes
}

// Matches reports whether a stream whose last event has revision current, -1 for a stream that
// does not exist, is where e expects it.
func (e ExpectedRevision) Matches(current Revision) bool {
	switch e {
	case Any:
		return true
	case StreamExists:
		return current >= 0
	}
	return Revision(e) == current // NoStream is -1
}

// String returns the name or the number of e.
func (e ExpectedRevision) String() string {
	switch e {
	case NoStream:
		return "no stream"
	case Any:
		return "any"
	case StreamExists:
		return "stream exists"
	}
	return fmt.Sprintf("revision %d", int64(e))
}
