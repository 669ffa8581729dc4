package casefile

import "casesync/domain/calendar"

// Command is something asked of a case file.
type Command interface{ casefileCommand() }

// Record takes a fact of a case management system. It is never refused for business reasons:
// the source wins (requirement 9). It is recorded, or held until a gap in its source's sequence
// closes, or ignored as already known; then no event comes of it.
//
// That one message, by source and id, is decided once is the command loop's promise, not the
// decider's: the command's id is derived from both.
type Record struct {
	// Fact is one of the events that have an Origin, but no FactHeld; its Origin is complete but
	// for Contradicts. A message of an unknown type is recorded as FactUnrecognised.
	Fact Event
	// Retry is true where a dead letter is tried again: a fact whose place in the sequence was
	// passed unrecognised or skipped is then recorded late, out of its order. Each retry is a
	// command with an id of its own.
	Retry bool
	// Correction is true where Fact is a snapshot with which what is known of the case was compared, and
	// found to differ: it is recorded though something else came under its sequence before. One that is
	// older than what is known has no effect all the same.
	Correction bool
	// Alone is true where no held facts are to be released with it, because they are too large for
	// one append. They stay held, for Release.
	Alone bool
}

// Skip gives up waiting for sequences of Source: an operator's decision, with a reason. What came
// under them before, and is held, is not given up. What comes under them later is refused, so
// that it is kept as a dead letter, until it is retried.
type Skip struct {
	Source string
	// From is the first sequence given up; 0 stands for To alone.
	From int64
	// To is the last sequence given up. A range may end only before a held fact; a single
	// sequence may be ahead of what is waited for, and is then passed when its turn comes.
	To int64
	// Alone is as in Record.
	Alone bool
}

// Release records held facts whose turn has come, that earlier commands left: one releases only
// so many (feed.ReleaseMax). Nothing comes of it where there are none; State.Due tells.
type Release struct {
	// FactsMax bounds how many; 0 stands for feed.ReleaseMax.
	FactsMax int
}

// Allocate gives an open case to a person, or to nobody (requirement 57).
type Allocate struct {
	// To is a user id; "" gives the case back.
	To string
	// From is whom the asker saw it allocated to, "" for nobody: it is refused where somebody else has
	// allocated it meanwhile. Nil does not matter.
	From *string
	// FRN is the business for which it is asked; "" does not matter. A case that was transferred to
	// another one meanwhile is refused as unknown.
	FRN string
}

// ReturnAllocation returns a case to unallocated whose holder can not work on it any more
// (requirement 42). Nothing happens where Person does not have it.
type ReturnAllocation struct {
	Person string // a user id
	Cause  ReturnCause
}

// ExecuteSuppression hides the case from all business users, as an operator decides (requirement 48).
type ExecuteSuppression struct {
	// Request is the id of the notification that asks for it, "" where it was asked for otherwise.
	Request string
}

// ReverseSuppression shows the case again, whoever suppressed it.
type ReverseSuppression struct{}

// PlaceHold puts a legal hold on the case: its data is not erased until LiftHold (requirement 64).
type PlaceHold struct{}

// LiftHold lifts the legal hold.
type LiftHold struct{}

// Tick applies the rules of package retention as of Today.
type Tick struct{ Today calendar.Day }

// EraseParty erases a party of the case, Consumer or Representative, at somebody's request.
type EraseParty struct{ Party string }

func (Record) casefileCommand()             {}
func (Skip) casefileCommand()               {}
func (Release) casefileCommand()            {}
func (Allocate) casefileCommand()           {}
func (ReturnAllocation) casefileCommand()   {}
func (ExecuteSuppression) casefileCommand() {}
func (ReverseSuppression) casefileCommand() {}
func (PlaceHold) casefileCommand()          {}
func (LiftHold) casefileCommand()           {}
func (Tick) casefileCommand()               {}
func (EraseParty) casefileCommand()         {}
