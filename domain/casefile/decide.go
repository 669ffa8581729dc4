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
// refused, and the source's facts take no notice of it, but that a transfer ends an allocation, and that who
// lifts a suppression lifts whoever's it was.
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

import "casesync/domain/feed"

// CodeForeignSource is feed.CodeForeignSource.
const CodeForeignSource = feed.CodeForeignSource

// Initial returns the state of a case of which nothing is known.
func Initial() *State { return &State{} }

// Decide returns the events that command leads to, none where it says nothing new. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Record:
		return facts.Record(&state.feed, &state.file, feed.Record[Event]{
			Fact: command.Fact, Owner: state.file.owner, Retry: command.Retry, Correction: command.Correction, Alone: command.Alone,
		})
	case Skip:
		return facts.Skip(&state.feed, &state.file, feed.Skip(command))
	case Release:
		return facts.Release(&state.feed, &state.file, command.FactsMax), nil
	}
	return state.decideDesk(command)
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *FactHeld:
		state.feed.Hold(facts.Arrival(event.Fact, event.Origin), event.Fact)
		state.desk.heard()
	case *SequenceSkipped:
		state.feed.GiveUp(event.Source, feed.Span{From: event.From, To: event.To})
	default:
		if event.origin() == nil {
			state.file.decided(event)
			state.desk.take(event)
			return state
		}
		state.feed.Pass(facts.Arrival(event, *event.origin()))
		state.apply(event)
	}
	return state
}

// apply takes a recorded fact. A person of one business has no part in a case of another: whatever
// moves the case ends its allocation.
func (s *State) apply(fact Event) {
	before := s.file.frn
	s.file.Apply(fact)
	s.desk.heard()
	if before != s.file.frn {
		s.desk.allocated = ""
	}
}
