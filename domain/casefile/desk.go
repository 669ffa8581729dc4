package casefile

import (
	"errors"
	"fmt"

	"casesync/domain"
	"casesync/domain/calendar"
	"casesync/domain/retention"
)

// The parties of a case, as EraseParty names them.
const (
	Consumer       = "consumer"
	Representative = "representative"
)

// Codes of refusals of what people ask of a case, beside CaseClosed.
const (
	// CodeUnknownCase: there is no such case, or none that may be acted on: one that is suppressed, or
	// with another business than the one it is asked for, is refused like one that does not exist
	// (requirement 47).
	CodeUnknownCase = "case-unknown"
	// CodeAllocatedOtherwise: somebody else allocated the case meanwhile.
	CodeAllocatedOtherwise = "allocated-otherwise"
	// CodeHeld: a legal hold keeps the case's data.
	CodeHeld = "legal-hold"
	// CodeErased: the case's data was erased, and there is nothing to hold.
	CodeErased = "case-data-erased"
)

// desk is what became of the case on our side, not of what its source says.
type desk struct {
	allocated string // a user id, "" for nobody
	held      bool
	erased    bool // the data; nothing came from the source since
	// Whether a party was erased, and nothing came from the source since.
	consumerErased, representativeErased bool
}

// Allocated returns the user id of the person that the case is allocated to, "" for nobody.
func (s *State) Allocated() string { return s.desk.allocated }

// OnHold reports whether a legal hold keeps the case's data.
func (s *State) OnHold() bool { return s.desk.held }

// DataErased reports whether the case's data is erased but for the decision and basic data. What the
// source says afterwards is recorded, and is data again.
func (s *State) DataErased() bool { return s.desk.erased }

// Clock returns what the rules of package retention know of the case.
func (s *State) Clock() retention.Case {
	clock := retention.Case{Held: s.desk.held}
	if s.file.closed {
		clock.ClosedOn, clock.Outcome = calendar.DayOf(s.file.closedAt), s.file.outcome
	}
	return clock
}

// decideDesk decides the commands that hand in no facts.
func (s *State) decideDesk(command Command) ([]Event, error) {
	switch command := command.(type) {
	case Allocate:
		return s.allocate(command)
	case ReturnAllocation:
		return s.returnAllocation(command)
	case ExecuteSuppression:
		return s.executeSuppression(command)
	case ReverseSuppression:
		return s.reverseSuppression()
	case PlaceHold:
		return s.placeHold()
	case LiftHold:
		if !s.desk.held {
			return nil, nil
		}
		return []Event{&LegalHoldLifted{}}, nil
	case Tick:
		if s.desk.erased || !retention.Standard().CaseErases(s.Clock(), command.Today) {
			return nil, nil
		}
		return []Event{&DataErased{Day: command.Today}}, nil
	case EraseParty:
		return s.eraseParty(command)
	}
	return nil, fmt.Errorf("decide %T: not a command of a case file", command)
}

func (s *State) allocate(c Allocate) ([]Event, error) {
	switch {
	case !s.file.converted, s.file.hidden(), c.FRN != "" && c.FRN != s.file.frn:
		return nil, refuseUnknown()
	case s.file.closed:
		return nil, &domain.Refusal{Code: CaseClosed, Reason: "This case is closed, and closed cases are not allocated. Reload it."}
	case c.To == s.desk.allocated:
		return nil, nil
	case c.From != nil && *c.From != s.desk.allocated:
		return nil, &domain.Refusal{
			Code: CodeAllocatedOtherwise, Reason: "Somebody else has allocated this case meanwhile. Reload it, and see who has it now.",
		}
	}
	return []Event{&Allocated{To: c.To, From: s.desk.allocated}}, nil
}

func (s *State) returnAllocation(c ReturnAllocation) ([]Event, error) {
	switch {
	case !c.Cause.known():
		return nil, fmt.Errorf("return allocation: %q is no cause", c.Cause)
	case c.Person == "":
		return nil, errors.New("return allocation: of nobody")
	case c.Person != s.desk.allocated:
		return nil, nil
	}
	return []Event{&AllocationReturned{From: c.Person, Cause: c.Cause}}, nil
}

func (s *State) placeHold() ([]Event, error) {
	switch {
	case !s.file.converted:
		return nil, refuseUnknown()
	case s.desk.held:
		return nil, nil
	case s.desk.erased:
		return nil, &domain.Refusal{Code: CodeErased, Reason: "The data of this case was erased, as its time had come. There is nothing to hold."}
	}
	return []Event{&LegalHoldPlaced{}}, nil
}

// eraseParty is refused under a legal hold: what may be needed for a legal claim is kept, also where
// the person asks for its erasure (UK GDPR, Article 17(3)(e)).
func (s *State) eraseParty(c EraseParty) ([]Event, error) {
	switch {
	case c.Party != Consumer && c.Party != Representative:
		return nil, fmt.Errorf("erase party: %q is none", c.Party)
	case !s.file.converted:
		return nil, refuseUnknown()
	case s.desk.erased, c.Party == Consumer && s.desk.consumerErased, c.Party == Representative && s.desk.representativeErased:
		return nil, nil
	case s.desk.held:
		return nil, &domain.Refusal{Code: CodeHeld, Reason: "A legal hold keeps the data of this case. Have it lifted first."}
	}
	return []Event{&PartyErased{Party: c.Party}}, nil
}

func refuseUnknown() error {
	return &domain.Refusal{Code: CodeUnknownCase, Reason: "There is no such case among those you may act on. Check its reference."}
}

// take takes an event that is no fact of a source.
func (d *desk) take(event Event) {
	switch event := event.(type) {
	case *Allocated:
		d.allocated = event.To
	case *AllocationReturned:
		d.allocated = ""
	case *LegalHoldPlaced:
		d.held = true
	case *LegalHoldLifted:
		d.held = false
	case *DataErased:
		*d = desk{erased: true}
	case *PartyErased:
		d.consumerErased = d.consumerErased || event.Party == Consumer
		d.representativeErased = d.representativeErased || event.Party == Representative
	}
}

// heard notes that the source said something. It may have brought data again, under new keys, of
// which the rules hold as of all data: whether it did is sealed.
func (d *desk) heard() {
	d.erased, d.consumerErased, d.representativeErased = false, false, false
}
