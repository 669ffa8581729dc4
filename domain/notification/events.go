package notification

import (
	"time"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

// Event is one of the events of a notification. Times are in UTC.
type Event interface {
	// origin returns the event's Origin, nil for an event that is no fact of a source.
	origin() *feed.Origin
	// It says which case it is about, as Decide has stamped it.
	outgoing.Concern
}

// Sent records that a person sent a notification. It is published because of this event.
type Sent struct {
	outgoing.About

	FRN     string                 `json:"frn"`
	Person  string                 `json:"person"` // user id
	Type    TypeID                 `json:"type"`
	Content private.Value[Content] `json:"content" seal:"casefile"`
	// Bulk is the id that all notifications have that were sent at once, "" for one that was sent alone.
	Bulk string    `json:"bulk,omitzero"`
	At   time.Time `json:"at"`
}

// Withdrawn records that the case bars the notification from going out.
type Withdrawn struct {
	outgoing.About

	Cause outgoing.Cause `json:"cause"`
	At    time.Time      `json:"at"`
}

// Delivered records that the notification was published. Overtook is what it was taken for meanwhile,
// where that is not sent: it went out all the same.
type Delivered struct {
	outgoing.About

	Overtook Status    `json:"overtook,omitzero"`
	At       time.Time `json:"at"`
}

// Answer is what an operator did about a request for suppression.
type Answer string

// The answers.
const (
	Executed Answer = "executed"
	Declined Answer = "declined"
)

// SuppressionAnswered records what an operator did about a request for suppression. Actor and reason are in the
// metadata.
type SuppressionAnswered struct {
	outgoing.About

	Answer Answer    `json:"answer"`
	At     time.Time `json:"at"`
}

// Acknowledged records that the case management system took the notification
// (cms.notification.acknowledged.v1).
type Acknowledged struct {
	outgoing.About

	Origin feed.Origin           `json:"origin"`
	Named  string                `json:"named"` // the case that the source names
	Reason private.Value[string] `json:"reason,omitzero" seal:"casefile"`
}

// Rejected records that the case management system did not take the notification
// (cms.notification.rejected.v1).
type Rejected struct {
	outgoing.About

	Origin feed.Origin           `json:"origin"`
	Named  string                `json:"named"`         // the case that the source names
	Code   string                `json:"code,omitzero"` // the source's, if it gives one
	Reason private.Value[string] `json:"reason,omitzero" seal:"casefile"`
}

// FactHeld keeps a fact that came before its turn until the gap before it closes.
type FactHeld struct {
	outgoing.About

	Origin feed.Origin `json:"origin"`
	Type   string      `json:"type"`
	Fact   Event       `json:"fact"`
}

// FactUnrecognised records that a message of an unknown type took its place in the sequence.
type FactUnrecognised struct {
	outgoing.About

	Origin feed.Origin `json:"origin"`
	Type   string      `json:"type"`
}

// SequenceSkipped records that an operator gave up waiting for the sequences From to To.
type SequenceSkipped struct {
	outgoing.About

	Source string `json:"source"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

func (e *Acknowledged) origin() *feed.Origin      { return &e.Origin }
func (e *Rejected) origin() *feed.Origin          { return &e.Origin }
func (e *FactHeld) origin() *feed.Origin          { return &e.Origin }
func (e *FactUnrecognised) origin() *feed.Origin  { return &e.Origin }
func (*SequenceSkipped) origin() *feed.Origin     { return nil }
func (*Sent) origin() *feed.Origin                { return nil }
func (*Withdrawn) origin() *feed.Origin           { return nil }
func (*Delivered) origin() *feed.Origin           { return nil }
func (*SuppressionAnswered) origin() *feed.Origin { return nil }
