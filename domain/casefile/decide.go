// Package casefile decides what becomes of the facts that case management systems publish about
// one case, and folds them into the case's state.
//
// The source wins: no fact is refused for what it says of the case. What it contradicts of what
// was known is recorded with it. A fact is refused only for where it comes from: from a source
// that does not speak for the case, or under a sequence that something else came under.
//
// A case that nobody has converted belongs to nobody, and every source is heard. The source of
// the first conversion or snapshot owns it from then on, until it hands the case over.
//
// What people and the clock do here is in the same stream, and is no fact of a source: it can be
// refused, and the source's facts take no notice of it, but that a transfer ends an allocation.
//
// # Erasure, and what comes after it
//
// When a case's time has come (package retention), DataErased tells that its keys are to be destroyed:
// all that is sealed in the stream, held facts included, can not be read any more. A source that
// speaks of the case afterwards is heard as ever, for it wins: what it says is recorded, sealed under
// the next generation of the case's key. So the case may be reopened, with what the source says of it
// from then on and nothing of before; a snapshot brings all of it back. It is data as any other: as
// soon as the rules say so, for a closed case at the next Tick, it is erased again. The same holds of
// a party that was erased on request: if the source names it again, somebody has to ask again.
// A fact that is recorded between the event and the destruction of the keys is lost with them, but
// for what is in clear; what a closed case says then is erased by the next Tick anyhow.
package casefile

import (
	"fmt"

	"casesync/domain"
	"casesync/domain/feed"
)

// CodeForeignSource is the code of the refusal of a fact whose source does not speak for the
// case, and of the contradiction of one that was held when its source handed the case over.
const CodeForeignSource = "foreign-source"

// Initial returns the state of a case of which nothing is known.
func Initial() *State { return &State{} }

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
	return state.decideDesk(command)
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *FactHeld:
		state.feed.Hold(arrival(event.Fact, event.Origin), event.Fact)
		state.desk.heard()
	case *SequenceSkipped:
		state.feed.GiveUp(event.Source, feed.Span{From: event.From, To: event.To})
	default:
		if event.origin() == nil {
			state.desk.take(event)
			return state
		}
		state.feed.Pass(arrival(event, *event.origin()))
		state.apply(event)
	}
	return state
}

// apply takes a recorded fact. A person of one business has no part in a case of another: whatever
// moves the case ends its allocation.
func (s *State) apply(fact Event) {
	before := s.file.frn
	s.file.apply(fact)
	s.desk.heard()
	if before != s.file.frn {
		s.desk.allocated = ""
	}
}

func (s *State) record(command Record) ([]Event, error) {
	name, _ := Name(command.Fact)
	if _, fact := newFact(name); !fact {
		return nil, fmt.Errorf("record %T: not a fact of a case", command.Fact)
	}
	seen := arrival(command.Fact, *command.Fact.origin())
	seen.Retry = command.Retry
	taken, err := s.feed.Take(seen, command.Fact, releaseMax(command.Alone))
	switch {
	case err != nil:
		return nil, err
	case taken.Verdict == feed.Known:
		return nil, nil
	case !s.file.hears(seen.Source):
		return nil, &domain.Refusal{Code: CodeForeignSource,
			Reason: "another case management system speaks for this case: let that one hand it over, then retry"}
	case taken.Verdict == feed.Early:
		return []Event{&FactHeld{Origin: seen.Origin, Type: name, Fact: feed.Clone(command.Fact)}}, nil
	}
	return s.file.judged(taken.Facts, taken.Verdict == feed.Late), nil
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
	return append(events, s.file.judged(released, false)...), nil
}

func (s *State) release(command Release) []Event {
	most := command.FactsMax
	if most <= 0 {
		most = feed.ReleaseMax
	}
	return s.file.judged(s.feed.Release(most), false)
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
	switch fact.(type) {
	case *SnapshotTaken:
		return feed.Arrival{Origin: origin, Form: feed.Snapshot}
	case *FactUnrecognised:
		return feed.Arrival{Origin: origin, Form: feed.Unrecognised}
	}
	return feed.Arrival{Origin: origin}
}
