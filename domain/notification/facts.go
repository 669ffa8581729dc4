package notification

import (
	"encoding/json"
	"fmt"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
)

// facts takes the events that are facts of a source.
var facts = feed.Intake[Event]{
	Name:   Name,
	New:    New,
	Origin: Event.origin,
	Form: func(event Event) (feed.Form, bool) {
		switch event.(type) {
		case *FactHeld:
			return 0, false
		case *FactUnrecognised:
			return feed.Unrecognised, true
		}
		return feed.Ordinary, true
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
	if err := json.Unmarshal(data, &e.About); err != nil {
		return fmt.Errorf("decode held fact: %w", err)
	}
	e.Origin, e.Type, e.Fact, err = feed.DecodeHeld(data, facts.Fact)
	return err
}

// CaseOf returns the reference of the case that event is about, as it is stored.
func CaseOf(event Event) string { return outgoing.CaseOf(event) }

// OriginOf returns where event came from; false for one that came from no source's message.
func OriginOf(event Event) (feed.Origin, bool) {
	if origin := event.origin(); origin != nil {
		return *origin, true
	}
	return feed.Origin{}, false
}
