package commands

import (
	"errors"
	"fmt"
	"strings"

	"casesync/domain"
	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// Status is what became of a fact.
type Status string

// The statuses of a fact; they are part of the public contract.
const (
	// Accepted: durably recorded, and in effect.
	Accepted Status = "accepted"
	// Duplicate: known before; it had no effect.
	Duplicate Status = "duplicate"
	// Held: durably kept until the gap in the sequence before it closes.
	Held Status = "held"
	// Rejected: not recorded.
	Rejected Status = "rejected"
)

// The codes of rejections that are not a decider's refusals.
const (
	// CodeNewer: the stream holds an event that only a newer version of this program knows.
	CodeNewer = "newer-version-needed"
	// CodeTooLarge: the event is larger than the log takes.
	CodeTooLarge = "event-too-large"
)

// Verdict is what was decided about a fact.
type Verdict struct {
	Status Status
	// Code and Reason say why a fact was rejected; the reason is a sentence that says what to do.
	Code, Reason string
	// Position is where the log ended after it; zero where nothing was recorded.
	Position eventstore.Position
}

// verdict tells what an answer means to the sender of a fact. Only what would come out the same if
// it were tried at once again is a rejection; everything else stays an error.
func verdict[Event any](answer eventstore.Answer[Event], err error) (Verdict, error) {
	var refusal *domain.Refusal
	switch {
	case errors.As(err, &refusal):
		return Verdict{Status: Rejected, Code: refusal.Code, Reason: sentence(refusal.Reason)}, nil
	case errors.Is(err, eventstore.ErrEventIDTaken):
		return Verdict{Status: Duplicate}, nil // the same source and id, on another subject
	case errors.Is(err, eventstore.ErrUnknownType):
		return Verdict{Status: Rejected, Code: CodeNewer,
			Reason: "What it is about holds an event of a newer version of this program: upgrade, then retry this dead letter."}, nil
	case errors.Is(err, eventstore.ErrTooLarge):
		return Verdict{Status: Rejected, Code: CodeTooLarge,
			Reason: "The event is larger than the log takes: send large texts as documents."}, nil
	case err != nil:
		return Verdict{}, fmt.Errorf("record fact: %w", err)
	case answer.Repeated || len(answer.Events) == 0:
		return Verdict{Status: Duplicate, Position: answer.Position}, nil
	}
	switch any(answer.Events[0]).(type) {
	case *casefile.FactHeld, *business.FactHeld, *upload.FactHeld, *notification.FactHeld:
		return Verdict{Status: Held, Position: answer.Position}, nil
	}
	return Verdict{Status: Accepted, Position: answer.Position}, nil
}

// skipped tells what an answer means to an operator who gave sequences up.
func skipped[Event any](answer eventstore.Answer[Event], err error) (Verdict, error) {
	if err != nil {
		return Verdict{}, fmt.Errorf("give sequences up: %w", err)
	}
	status := Accepted
	if len(answer.Events) == 0 {
		status = Duplicate
	}
	return Verdict{Status: status, Position: answer.Position}, nil
}

// sentence makes a refusal's reason a sentence.
func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	return strings.ToUpper(reason[:1]) + strings.TrimSuffix(reason[1:], ".") + "."
}

// unrecognised reports whether the events of an answer record a message of an unknown type.
func unrecognised[Event any](events []Event) bool {
	if len(events) == 0 {
		return false
	}
	fact := any(events[0])
	switch held := fact.(type) {
	case *casefile.FactHeld:
		fact = held.Fact
	case *business.FactHeld:
		fact = held.Fact
	case *upload.FactHeld:
		fact = held.Fact
	case *notification.FactHeld:
		fact = held.Fact
	}
	switch fact.(type) {
	case *casefile.FactUnrecognised, *business.FactUnrecognised, *upload.FactUnrecognised, *notification.FactUnrecognised:
		return true
	}
	return false
}
