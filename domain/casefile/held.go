package casefile

import "casesync/domain/feed"

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
