// Package reservation makes a thing that must be unique in the whole system belong to one holder at
// a time: an e-mail address to one account. Each thing has a stream of its own, whose revision
// decides between two who want it at once; it is named by a keyed hash of the thing's canonical
// form (email-<hash>), so that no address stands in the log.
//
// The holder is the user id that the account has or will have. Who wants to create an account asks
// for the holder first, and goes on with the id that is there: so a crash after the reservation
// loses nothing. What follows a reservation cannot be refused for want of it; a reservation is
// released last.
//
// The hash outlives the person's erasure in the stream's name. It says nothing without its key,
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

// Reserve gives the thing to Holder. Nothing happens where he has it.
type Reserve struct{ Holder string }

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
		return nil, &domain.Refusal{
			Code:   "email-taken",
			Reason: "This e-mail address belongs to another account. One person has one account, with roles per business.",
		}
	case Release:
		if command.Holder == "" || state.holder != command.Holder {
			return nil, nil
		}
		return []Event{&Released{Holder: command.Holder}}, nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a reservation", command)
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
