// Package upload decides about one file that a person sends to a case. Its stream is upload-<id>; what
// package documents decides about all files of a case, such as which is a duplicate, has a stream of its own.
//
// It promises (requirements 5, 6, 54 and 64):
//
//   - Nothing goes out that was not received whole, found to be of an allowed type, and found clean by an
//     answer of the scanner to this very attempt. Any other answer, and none, puts the file in quarantine.
//   - What was received whole is kept until somebody says otherwise: it is refused, abandoned, or erased
//     with its case. Whatever holds it up is shown, and can be tried again without another copy of it.
//   - Name, type and SHA-256 are sealed under the key of the case, and with them what the case
//     management system says in words. Only sizes, times and states are in clear.
//   - What a case management system says of it stands, whatever was known here (requirement 9).
//
// The states:
//
//	receiving → received → scanning → clean → queued → sent → accepted | rejected (by the source)
//	    │                     └→ rejected (here: something harmful in it): its bytes go
//	    ├→ duplicate, rejected (here: of a wrong type or size): its bytes go
//	    └→ abandoned: left alone, or, from each state before sent, cancelled: its bytes go
//
// From scanning it may go to quarantined; from each state before sent to stopped, where the case is suppressed or
// moves (package outgoing says who finds out); what is on its way then is received, and stays stopped. From quarantined, stopped, and rejected by the source, [Retry]
// leads back to received, and to the scanner: a new attempt of the same upload, with the same bytes and the same
// id, by which the case management system knows it again. From every state it may go on to erased.
//
// # Commands that span streams
//
// What can be refused goes first: documents.Reserve, then Begin here; documents.Claim, then Complete or, where the
// claim is refused as a duplicate, Complete with DuplicateOf. Before a Retry of what was rejected, documents.Claim
// again. Whatever ends an upload is followed by documents.Release. A crash between leaves a place that
// the same step, taken again, finds to be its own, or that documents.Release frees once the upload is seen to
// be over.
//
// A file is published to the case management system because of [Queued], by whoever gives Check immediately
// before and NoteSent after it. A crash between leaves it queued; it is published again, under the same id.
package upload

import (
	"time"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

// Status is where an upload stands.
type Status string

// The statuses. StatusMissing: there is no such upload.
const (
	StatusMissing     Status = "missing"
	StatusReceiving   Status = "receiving"
	StatusReceived    Status = "received"
	StatusScanning    Status = "scanning"
	StatusClean       Status = "clean"
	StatusQueued      Status = "queued"
	StatusSent        Status = "sent"
	StatusAccepted    Status = "accepted"
	StatusRejected    Status = "rejected"
	StatusDuplicate   Status = "duplicate"
	StatusQuarantined Status = "quarantined"
	StatusStopped     Status = "stopped"
	StatusAbandoned   Status = "abandoned"
	StatusErased      Status = "erased"
)

// File is what a person calls the file. Its name is shown, and never used as a path.
type File struct {
	Name string `json:"name"`
}

// Content is what was found out of a file's bytes.
type Content struct {
	SHA256 string `json:"sha256"` // 64 lower-case hexadecimal digits
	// MediaType is found out from the bytes, never from the name.
	MediaType string `json:"mediaType"`
}

// State is what decisions about an upload need to know of it.
type State struct {
	feed   feed.Tracker[Event]
	course course

	frn, person string
	bytes       int64
	began       time.Time
	tried       time.Time // when this attempt began
	file        private.Value[File]
	content     private.Value[Content]
	duplicateOf string
}

// course is where an upload stands, as far as answers can contradict it.
type course struct {
	ref     string
	status  Status
	attempt int
	// whole: all bytes are there. clean, queued: it came so far in this attempt.
	whole, clean, queued bool
	// refused: rejected here, and not by the source; said: what the source said last.
	refused bool
	said    Status
	// stoppedBy is why it was stopped last.
	stoppedBy outgoing.Cause
}

// Initial returns the state of an upload that nobody began.
func Initial() *State { return &State{course: course{status: StatusMissing}} }

// Status returns where the upload stands.
func (s *State) Status() Status { return s.course.status }

// Case returns the reference of the case that the file is for.
func (s *State) Case() string { return s.course.ref }

// FRN returns the business that sends it.
func (s *State) FRN() string { return s.frn }

// Person returns the user id of who sends it.
func (s *State) Person() string { return s.person }

// Bytes returns the size in bytes, as it was declared, and as it is once the file was received.
func (s *State) Bytes() int64 { return s.bytes }

// Began returns when the upload began.
func (s *State) Began() time.Time { return s.began }

// Attempt counts the attempts to bring it to the case management system, from 1.
func (s *State) Attempt() int { return s.course.attempt }

// File returns what the person calls the file, sealed.
func (s *State) File() private.Value[File] { return s.file }

// Content returns what was found out of the bytes, sealed; absent before they were received.
func (s *State) Content() private.Value[Content] { return s.content }

// DuplicateOf returns the upload of the same case that has the same bytes, "" if this is no duplicate.
func (s *State) DuplicateOf() string { return s.duplicateOf }

// Whole reports whether all bytes were received and are kept.
func (s *State) Whole() bool { return s.course.whole }

// Retryable reports whether Retry may lead on from here.
func (s *State) Retryable() bool {
	switch s.course.status {
	case StatusQuarantined, StatusStopped:
		return true
	case StatusRejected:
		return !s.course.refused && s.course.whole
	}
	return false
}

// Deliverable reports whether attempt is in line to be published, and nothing has stopped it.
func (s *State) Deliverable(attempt int) bool {
	return s.course.status == StatusQueued && s.course.attempt == attempt
}

// Downloadable reports whether the bytes may be shown to people of the business: they were found clean, by the
// last scan (requirement 5).
func (s *State) Downloadable() bool { return s.course.whole && s.course.clean }

// Waiting returns the sources of which facts are held, and what they wait for.
func (s *State) Waiting() []feed.Waiting { return s.feed.Waiting() }

// Due reports whether facts are held whose turn has come; see casefile.State.Due.
func (s *State) Due() bool { return s.feed.Due() }

// Next returns the sequence of source that is waited for.
func (s *State) Next(source string) int64 { return s.feed.Next(source) }

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *FactHeld:
		state.feed.Hold(facts.Arrival(event.Fact, event.Origin), event.Fact)
		return state
	case *SequenceSkipped:
		state.feed.GiveUp(event.Source, feed.Span{From: event.From, To: event.To})
		return state
	case *Begun:
		state.frn, state.person, state.bytes, state.began, state.file = event.FRN, event.Person, event.Bytes, event.At, event.File
		state.tried = event.At
	case *Received:
		state.content = event.Content
	case *DuplicateFound:
		state.duplicateOf = event.Of
	case *Retried:
		state.tried = event.At
	default:
		if origin := event.origin(); origin != nil {
			state.feed.Pass(facts.Arrival(event, *origin))
		}
	}
	state.course.Apply(event)
	return state
}

// Apply takes an event into the course.
func (c *course) Apply(event Event) {
	before := *c
	switch event := event.(type) {
	case *Begun:
		c.ref, c.status, c.attempt = event.Case, StatusReceiving, 1
	case *Received:
		c.status, c.whole = StatusReceived, true
	case *DuplicateFound:
		c.status, c.whole = StatusDuplicate, false
	case *ScanBegun:
		c.status = StatusScanning
	case *Cleared:
		c.status, c.clean = StatusClean, true
	case *Refused:
		c.status, c.refused, c.whole = StatusRejected, true, false
	case *Quarantined:
		c.status = StatusQuarantined
	case *Queued:
		c.status, c.queued = StatusQueued, true
	case *Stopped:
		c.status, c.stoppedBy = StatusStopped, event.Cause
	case *Sent:
		c.status = StatusSent
	case *Retried:
		c.attempt, c.clean, c.queued = event.Attempt, false, false
		c.status = StatusReceiving
		if c.whole {
			c.status = StatusReceived
		}
	case *Abandoned:
		c.status, c.whole = StatusAbandoned, false
	case *Accepted:
		c.status, c.said, c.refused = StatusAccepted, StatusAccepted, false
	case *Rejected:
		c.status, c.said, c.refused = StatusRejected, StatusRejected, false
	case *Erased:
		c.status, c.whole = StatusErased, false
	}
	if before.status == StatusErased { // whatever is heard afterwards is recorded, and brings no bytes back
		c.status, c.whole = StatusErased, false
	}
}

// Copy returns a copy of the course.
func (c *course) Copy() feed.Judge[Event] {
	copied := *c
	return &copied
}

// Contradicted returns what a fact contradicts.
func (c *course) Contradicted(fact Event) []string {
	var named string
	var says Status
	switch fact := fact.(type) {
	case *Accepted:
		named, says = fact.Named, StatusAccepted
	case *Rejected:
		named, says = fact.Named, StatusRejected
	default:
		return nil
	}
	var contradicted []string
	if named != c.ref {
		contradicted = append(contradicted, outgoing.DifferentCase)
	}
	switch answered := c.status == StatusAccepted || c.status == StatusRejected && !c.refused; {
	case answered && c.said != says:
		contradicted = append(contradicted, outgoing.AlreadyAnswered)
	case !answered && c.status != StatusSent && c.status != StatusQueued: // it may answer before it is noted that it was asked
		contradicted = append(contradicted, outgoing.NotSent)
	}
	return contradicted
}
