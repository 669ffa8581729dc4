// Package reservation makes a thing that must be unique in the whole system belong to one holder at
// a time. Each thing has a stream of its own, whose revision decides between two who want it at once:
//
//	email-<hash>         an e-mail address, held by the user id of an account (requirement 24). The
//	                     hash is a keyed one of the canonical form, so that no address is in the log
//	emaildomain-<name>   the domain of e-mail addresses, held by the id of the identity provider's
//	                     settings, or "local": businesses of a group share it, strangers do not, and
//	                     from a domain it is known how its people sign in
//
// Whoever wants to create what is to hold a thing asks for the holder first, and goes on with the id
// that is there: so a crash after the reservation loses nothing. What follows a reservation cannot
// be refused for want of it; a reservation is released last.
//
// The hash of an address outlives the person's erasure in the stream's name. It says nothing without its key,
// and with the key and a guess at the address it says that the address once had an account.
package reservation

import (
	"errors"
	"fmt"

	"casesync/domain"
)

// State is who holds the thing.
type State struct{ holder string }

// Initial returns the state of a thing that nobody holds.
func Initial() *State { return &State{} }

// Holder returns who holds the thing, "" for nobody.
func (s *State) Holder() string { return s.holder }

// Command is something asked of a reservation.
type Command interface{ reservationCommand() }

// Thing is a kind of thing that is reserved.
type Thing string

// The things.
const (
	Email       Thing = "email"
	EmailDomain Thing = "email-domain"
)

// LocalHolder holds the e-mail domains whose people sign in by local accounts.
const LocalHolder = "local"

// Reserve gives the thing to Holder. Nothing happens where he has it.
type Reserve struct {
	Thing  Thing // for the words of a refusal
	Holder string
}

// Release takes the thing from Holder. Nothing happens where he does not have it.
type Release struct{ Holder string }

func (Reserve) reservationCommand() {}
func (Release) reservationCommand() {}

// Event is one of the events of a reservation.
type Event interface{ reservationEvent() }

// Reserved records who holds the thing.
type Reserved struct {
	Holder string `json:"holder"`
}

// Released records that nobody holds the thing.
type Released struct {
	Holder string `json:"holder"`
}

func (*Reserved) reservationEvent() {}
func (*Released) reservationEvent() {}

// Decide returns the events that command leads to, none where all is as it asks. An error is a
// *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Reserve:
		switch state.holder {
		case "":
			if command.Holder == "" {
				return nil, errors.New("reserve: for nobody")
			}
			return []Event{&Reserved{Holder: command.Holder}}, nil
		case command.Holder:
			return nil, nil
		}
		return nil, refuseTaken(command.Thing)
	case Release:
		if command.Holder == "" || state.holder != command.Holder {
			return nil, nil
		}
		return []Event{&Released{Holder: command.Holder}}, nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a reservation", command)
}

func refuseTaken(thing Thing) error {
	if thing == EmailDomain {
		return &domain.Refusal{
			Code:   "domain-taken",
			Reason: "This domain belongs to businesses that sign in by another identity provider. Use that one, or move all of them.",
		}
	}
	return &domain.Refusal{
		Code:   "email-taken",
		Reason: "This e-mail address belongs to another account. One person has one account, with roles per business.",
	}
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *Reserved:
		state.holder = event.Holder
	case *Released:
		state.holder = ""
	}
	return state
}
