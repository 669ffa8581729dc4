package casefile

import (
	"time"

	"casesync/domain/feed"
)

// What a fact may contradict, as Origin.Contradicts names it. The fact is recorded all the same.
const (
	// NotConverted: nobody has converted the case yet.
	NotConverted = "not-converted"
	// AlreadyConverted: the case was converted before; this corrects it.
	AlreadyConverted = "already-converted"
	// DifferentBusiness: a conversion or snapshot names another business without a transfer.
	DifferentBusiness = "different-business"
	// SameBusiness: the case is transferred to the business that it is with.
	SameBusiness = "same-business"
	// SameSource: the case is handed over to the source that speaks for it.
	SameSource = "same-source"
	// CaseClosed: the case moves or asks for something although it is closed.
	CaseClosed = "case-closed"
	// AlreadyClosed: the case was closed before; this corrects outcome or date.
	AlreadyClosed = "already-closed"
	// NotClosed: the case is reopened though it is open.
	NotClosed = "not-closed"
	// ClosedBeforeConversion: the closing date lies before the conversion.
	ClosedBeforeConversion = "closed-before-conversion"
	// ReopenedBeforeClosure: the reopening date lies before the closing.
	ReopenedBeforeClosure = "reopened-before-closure"
	// UnknownStage: the stage is not in the catalogue of stages.
	UnknownStage = "unknown-stage"
	// UnknownAction: nobody has requested the action.
	UnknownAction = "unknown-action"
	// ActionAlreadyRequested: the action was requested before; this corrects it.
	ActionAlreadyRequested = "action-already-requested"
	// ActionAlreadyClosed: the action was closed before.
	ActionAlreadyClosed = "action-already-closed"
	// AlreadySuppressed: the source suppressed the case before.
	AlreadySuppressed = "already-suppressed"
	// NotSuppressed: the case is unsuppressed though it is not suppressed.
	NotSuppressed = "not-suppressed"
	// RecordedLate is feed.RecordedLate.
	RecordedLate = feed.RecordedLate
)

// Contradicted returns what fact contradicts; nil if nothing.
func (f *file) Contradicted(fact Event) []string {
	return f.contradictedByKind(fact).and(!f.hears(fact.origin().Source), CodeForeignSource)
}

func (f *file) contradictedByKind(fact Event) codes {
	switch fact := fact.(type) {
	case *Converted:
		return when(f.converted, AlreadyConverted).
			and(f.converted && f.frn != fact.FRN, DifferentBusiness)
	case *SnapshotTaken:
		return when(f.frn != "" && f.frn != fact.FRN, DifferentBusiness).
			and(unknownStage(fact.Stage), UnknownStage).
			and(fact.Closed() && before(fact.ClosedAt, fact.ConvertedAt), ClosedBeforeConversion)
	case *FactUnrecognised:
		return nil
	}
	return f.contradictedByConverted(fact).and(!f.converted, NotConverted)
}

// contradictedByConverted is for the facts that come after the conversion.
func (f *file) contradictedByConverted(fact Event) codes {
	switch fact := fact.(type) {
	case *StageChanged:
		return when(f.closed, CaseClosed).and(unknownStage(fact.Stage), UnknownStage)
	case *Transferred:
		return when(f.frn == fact.FRN, SameBusiness)
	case *HandedOver:
		return when(f.owner == fact.ToSource, SameSource)
	case *Closed:
		return when(f.closed, AlreadyClosed).
			and(before(fact.ClosedAt, f.convertedAt), ClosedBeforeConversion)
	case *Reopened:
		return when(!f.closed, NotClosed).
			and(before(fact.ReopenedAt, f.closedAt), ReopenedBeforeClosure)
	case *Suppressed:
		return when(f.suppressed, AlreadySuppressed)
	case *Unsuppressed:
		return when(!f.hidden(), NotSuppressed)
	}
	return f.contradictedByAction(fact)
}

func (f *file) contradictedByAction(fact Event) codes {
	switch fact := fact.(type) {
	case *ActionRequested:
		open, known := f.actions[fact.ActionID]
		return when(f.closed, CaseClosed).
			and(known && open, ActionAlreadyRequested).
			and(known && !open, ActionAlreadyClosed)
	case *ActionExtended:
		open, known := f.actions[fact.ActionID]
		return when(f.closed, CaseClosed).
			and(!known, UnknownAction).
			and(known && !open, ActionAlreadyClosed)
	case *ActionClosed:
		open, known := f.actions[fact.ActionID]
		return when(!known, UnknownAction).and(known && !open, ActionAlreadyClosed)
	}
	return nil
}

// before reports whether a lies before b; b is unknown where it is zero.
func before(a, b time.Time) bool { return !b.IsZero() && a.Before(b) }

func unknownStage(id string) bool {
	_, known := Stages().Find(id)
	return !known
}

// codes are codes of contradictions.
type codes []string

func when(contradicted bool, code string) codes { return codes(nil).and(contradicted, code) }

func (c codes) and(contradicted bool, code string) codes {
	if contradicted {
		return append(c, code)
	}
	return c
}
