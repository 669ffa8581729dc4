package business

import "casesync/domain/feed"

// Event is one of the events of a respondent business.
type Event interface {
	// origin returns the event's Origin, nil for an event that is no fact of a source.
	origin() *feed.Origin
}

// Updated records the name and group of a business as a case management system holds them. The
// name of a firm is public: it stands in the FCA register.
type Updated struct {
	Origin feed.Origin `json:"origin"`
	FRN    string      `json:"frn"`
	Name   string      `json:"name"`
	Group  string      `json:"group,omitzero"`
}

// FactHeld keeps a fact that came before its turn until the gap before it closes.
type FactHeld struct {
	Origin feed.Origin `json:"origin"`
	Type   string      `json:"type"`
	Fact   Event       `json:"fact"`
}

// FactUnrecognised records that a message of an unknown type took its place in the sequence.
type FactUnrecognised struct {
	Origin feed.Origin `json:"origin"`
	Type   string      `json:"type"`
}

// SequenceSkipped records that an operator gave up waiting for the sequences From to To.
type SequenceSkipped struct {
	Source string `json:"source"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

func (e *Updated) origin() *feed.Origin          { return &e.Origin }
func (e *FactHeld) origin() *feed.Origin         { return &e.Origin }
func (e *FactUnrecognised) origin() *feed.Origin { return &e.Origin }
func (*SequenceSkipped) origin() *feed.Origin    { return nil }
