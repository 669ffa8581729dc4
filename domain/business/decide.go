// Package business decides what becomes of the facts that case management systems publish about
// one respondent business. Every source may speak of a business; each has its own sequence, and
// what was recorded last stands.
package business

import (
	"fmt"

	"casesync/domain/feed"
)

// State is what decisions about a business need to know of it.
type State struct {
	feed feed.Tracker[Event]
}

// Initial returns the state of a business of which nothing is known.
func Initial() *State { return &State{} }

// Waiting returns the sources of which facts are held, and what they wait for.
func (s *State) Waiting() []feed.Waiting { return s.feed.Waiting() }

// Due reports whether facts are held whose turn has come; see casefile.State.Due.
func (s *State) Due() bool { return s.feed.Due() }

// Next returns the sequence of source that is waited for.
func (s *State) Next(source string) int64 { return s.feed.Next(source) }

// Decide returns the events that command leads to, none where it says nothing new. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Record:
		return state.record(command)
	case Skip:
		return state.skip(command)
	case Release:
		return state.release(command), nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a business", command)
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *FactHeld:
		state.feed.Hold(arrival(event.Fact, event.Origin), event.Fact)
	case *SequenceSkipped:
		state.feed.GiveUp(event.Source, feed.Span{From: event.From, To: event.To})
	default:
		state.feed.Pass(arrival(event, *event.origin()))
	}
	return state
}

func (s *State) record(command Record) ([]Event, error) {
	name, _ := Name(command.Fact)
	if _, fact := newFact(name); !fact {
		return nil, fmt.Errorf("record %T: not a fact of a business", command.Fact)
	}
	seen := arrival(command.Fact, *command.Fact.origin())
	seen.Retry = command.Retry
	taken, err := s.feed.Take(seen, command.Fact, releaseMax(command.Alone))
	if err != nil {
		return nil, err
	}
	if taken.Verdict == feed.Early {
		return []Event{&FactHeld{Origin: seen.Origin, Type: name, Fact: feed.Clone(command.Fact)}}, nil
	}
	return copies(taken.Facts), nil
}

func (s *State) skip(command Skip) ([]Event, error) {
	missing, released, err := s.feed.Skip(command.Source, feed.SpanOf(command.From, command.To), releaseMax(command.Alone))
	if err != nil {
		return nil, err
	}
	var events []Event
	for _, run := range missing {
		events = append(events, &SequenceSkipped{Source: command.Source, From: run.From, To: run.To})
	}
	return append(events, copies(released)...), nil
}

func copies(facts []Event) (events []Event) {
	for _, fact := range facts {
		events = append(events, feed.Clone(fact))
	}
	return events
}

func (s *State) release(command Release) []Event {
	most := command.FactsMax
	if most <= 0 {
		most = feed.ReleaseMax
	}
	return copies(s.feed.Release(most))
}

// releaseMax is how many held facts a command releases at most, alone or not.
func releaseMax(alone bool) int {
	if alone {
		return 0
	}
	return feed.ReleaseMax
}

// arrival is what the feed sees of fact.
func arrival(fact Event, origin feed.Origin) feed.Arrival {
	if _, unknown := fact.(*FactUnrecognised); unknown {
		return feed.Arrival{Origin: origin, Form: feed.Unrecognised}
	}
	return feed.Arrival{Origin: origin}
}
