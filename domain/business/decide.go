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
		// Facts of a business contradict nothing: each says all that there is to say.
		return facts.Record(&state.feed, nil, feed.Record[Event]{Fact: command.Fact, Retry: command.Retry, Alone: command.Alone})
	case Skip:
		return facts.Skip(&state.feed, nil, feed.Skip(command))
	case Release:
		return facts.Release(&state.feed, nil, command.FactsMax), nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a business", command)
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *FactHeld:
		state.feed.Hold(facts.Arrival(event.Fact, event.Origin), event.Fact)
	case *SequenceSkipped:
		state.feed.GiveUp(event.Source, feed.Span{From: event.From, To: event.To})
	default:
		state.feed.Pass(facts.Arrival(event, *event.origin()))
	}
	return state
}
