package notification

import (
	"casesync/domain/feed"
	"casesync/domain/outgoing"
)

// facts are the events that are facts of a source.
var facts = outgoing.Facts[Event]{
	Name:   Name,
	Origin: Event.origin,
	Fact:   newFact,
	Unrecognised: func(fact Event) bool {
		_, unknown := fact.(*FactUnrecognised)
		return unknown
	},
	Held: func(origin feed.Origin, name string, fact Event) Event {
		return &FactHeld{Origin: origin, Type: name, Fact: fact}
	},
	Skipped: func(source string, run feed.Span) Event {
		return &SequenceSkipped{Source: source, From: run.From, To: run.To}
	},
}

// UnmarshalJSON decodes a held fact by its Type; see feed.DecodeHeld for what it refuses.
func (e *FactHeld) UnmarshalJSON(data []byte) (err error) {
	e.Origin, e.Type, e.Fact, err = feed.DecodeHeld(data, newFact)
	return err
}

// newFact is New for the events that are facts of a source, and may have to wait for their turn.
func newFact(name string) (Event, bool) {
	event, known := New(name)
	if _, held := event.(*FactHeld); !known || held || event.origin() == nil {
		return nil, false
	}
	return event, true
}

// OriginOf returns where event came from; false for one that came from no source's message.
func OriginOf(event Event) (feed.Origin, bool) {
	if origin := event.origin(); origin != nil {
		return *origin, true
	}
	return feed.Origin{}, false
}
