package upload

import (
	"time"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

// Event is one of the events of an upload. Times are in UTC.
type Event interface {
	// origin returns the event's Origin, nil for an event that is no fact of a source.
	origin() *feed.Origin
	// It says which case it is about, as Decide has stamped it.
	outgoing.Concern
}

// Begun records that a person sends a file: its bytes are on their way.
type Begun struct {
	outgoing.About

	FRN    string              `json:"frn"`
	Person string              `json:"person"` // user id
	Bytes  int64               `json:"bytes"`  // declared
	File   private.Value[File] `json:"file" seal:"casefile"`
	At     time.Time           `json:"at"`
}

// Received records that all bytes are there, durable, and of an allowed type.
type Received struct {
	outgoing.About

	Content private.Value[Content] `json:"content" seal:"casefile"`
	At      time.Time              `json:"at"`
}

// DuplicateFound records that the upload Of has the same bytes for the same case. These bytes are to be
// deleted; a crash before that leaves this event, from which it is done again.
type DuplicateFound struct {
	outgoing.About

	Of string    `json:"of"`
	At time.Time `json:"at"`
}

// ScanBegun records that the scanner is asked.
type ScanBegun struct {
	outgoing.About

	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

// Cleared records that the scanner found nothing, and which scanner with which signatures.
type Cleared struct {
	outgoing.About

	Attempt int       `json:"attempt"`
	Scanner string    `json:"scanner"`
	At      time.Time `json:"at"`
}

// Refused records that the file can not be taken, whatever is tried. Its bytes are to be deleted; a
// crash before that leaves this event, from which it is done again.
type Refused struct {
	outgoing.About

	Code RefusalCode `json:"code"`
	// Finding is what the scanner calls what it found.
	Finding string    `json:"finding,omitzero"`
	At      time.Time `json:"at"`
}

// Quarantined records that it is not known whether the file is clean: it stays, and goes nowhere.
type Quarantined struct {
	outgoing.About

	Attempt int            `json:"attempt"`
	Code    QuarantineCode `json:"code"`
	At      time.Time      `json:"at"`
}

// Queued records that the file is in line to go out. It is published because of this event.
type Queued struct {
	outgoing.About

	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

// Stopped records that the case bars the file from going out.
type Stopped struct {
	outgoing.About

	Cause outgoing.Cause `json:"cause"`
	At    time.Time      `json:"at"`
}

// Sent records that the file was published. Overtook is what it was taken for meanwhile, where that is not queued:
// it went out all the same. The bytes of one that was abandoned are gone; the source, which can not fetch them,
// rejects it.
type Sent struct {
	outgoing.About

	Attempt  int       `json:"attempt"`
	Overtook Status    `json:"overtook,omitzero"`
	At       time.Time `json:"at"`
}

// Retried records that a person tries again, with the bytes that are there.
type Retried struct {
	outgoing.About

	Attempt int       `json:"attempt"` // the new one
	Person  string    `json:"person"`
	At      time.Time `json:"at"`
}

// AbandonCause says why an upload was given up.
type AbandonCause string

// The causes: no byte came for too long, somebody cancelled it.
const (
	Idle      AbandonCause = "idle"
	Cancelled AbandonCause = "cancelled"
)

// Abandoned records that the upload was given up. Its bytes are to be deleted; a crash before that
// leaves this event, from which it is done again.
type Abandoned struct {
	outgoing.About

	Cause AbandonCause `json:"cause"`
	At    time.Time    `json:"at"`
}

// Erased records that the case's data was erased: the bytes are to be deleted, and the stream's own key
// is to be destroyed, under which reasons stand that were given in it. A crash before that leaves this
// event, from which it is done again.
type Erased struct {
	outgoing.About

	At time.Time `json:"at"`
}

// Accepted records that the case management system took the file (cms.upload.accepted.v1).
type Accepted struct {
	outgoing.About

	Origin feed.Origin           `json:"origin"`
	Named  string                `json:"named"` // the case that the source names
	Reason private.Value[string] `json:"reason,omitzero" seal:"casefile"`
}

// Rejected records that the case management system did not take the file (cms.upload.rejected.v1).
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

func (e *Accepted) origin() *feed.Origin         { return &e.Origin }
func (e *Rejected) origin() *feed.Origin         { return &e.Origin }
func (e *FactHeld) origin() *feed.Origin         { return &e.Origin }
func (e *FactUnrecognised) origin() *feed.Origin { return &e.Origin }
func (*SequenceSkipped) origin() *feed.Origin    { return nil }
func (*Begun) origin() *feed.Origin              { return nil }
func (*Received) origin() *feed.Origin           { return nil }
func (*DuplicateFound) origin() *feed.Origin     { return nil }
func (*ScanBegun) origin() *feed.Origin          { return nil }
func (*Cleared) origin() *feed.Origin            { return nil }
func (*Refused) origin() *feed.Origin            { return nil }
func (*Quarantined) origin() *feed.Origin        { return nil }
func (*Queued) origin() *feed.Origin             { return nil }
func (*Stopped) origin() *feed.Origin            { return nil }
func (*Sent) origin() *feed.Origin               { return nil }
func (*Retried) origin() *feed.Origin            { return nil }
func (*Abandoned) origin() *feed.Origin          { return nil }
func (*Erased) origin() *feed.Origin             { return nil }
