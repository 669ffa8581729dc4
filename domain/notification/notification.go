// Package notification decides about one notification that a person sends about a case. Its stream is
// notification-<id>; several at once, to several cases, are as many notifications.
//
// It promises (requirements 6, 48, 55, 64 and 72):
//
//   - What is recorded is well formed: of a type of the catalogue ([Types]), with the fields of its form.
//   - Its words are sealed under the key of the case, and under no other.
//   - It is sent once: whoever sends the same again, by the command's id, gets the first answer.
//   - It does not go out about a case that was suppressed, moved to another business, or was erased
//     meanwhile; nor about one that was closed, unless its type says so.
//   - What a case management system says of it stands, whatever was known here (requirement 9).
//
// The states:
//
//	sent → delivered → acknowledged | rejected
//	  └→ withdrawn
//
// It is published because of [Sent], by whoever gives Check immediately before and
// NoteDelivered after it. A crash between leaves it sent; it is published again, under the same id. What
// package outgoing says of what is overtaken holds here.
//
// A request for suppression asks operators besides: it waits for AnswerSuppression, in whatever
// state the notification is. The answer says what was done; what suppresses the case is recorded in the case's
// own stream first. A crash between leaves the request open, and the case suppressed: it is answered again.
package notification

import (
	"time"

	"casesync/domain/feed"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

// Status is where a notification stands.
type Status string

// The statuses. StatusMissing: there is no such notification.
const (
	StatusMissing      Status = "missing"
	StatusSent         Status = "sent"
	StatusDelivered    Status = "delivered"
	StatusAcknowledged Status = "acknowledged"
	StatusRejected     Status = "rejected"
	StatusWithdrawn    Status = "withdrawn"
)

// Content is what a person filled in: texts by the names of the form's fields.
type Content struct {
	Fields map[string]string `json:"fields"`
}

// State is what decisions about a notification need to know of it.
type State struct {
	feed   feed.Tracker[Event]
	course course

	kind        TypeID
	frn, person string
	sentAt      time.Time
	content     private.Value[Content]
	answer      Answer
}

// course is where a notification stands, as far as answers can contradict it.
type course struct {
	ref    string
	status Status
}

// Initial returns the state of a notification that nobody sent.
func Initial() *State { return &State{course: course{status: StatusMissing}} }

// Status returns where the notification stands.
func (s *State) Status() Status { return s.course.status }

// Type returns the type of the notification.
func (s *State) Type() TypeID { return s.kind }

// Case returns the reference of the case that it is about.
func (s *State) Case() string { return s.course.ref }

// FRN returns the business that sent it.
func (s *State) FRN() string { return s.frn }

// Person returns the user id of who sent it.
func (s *State) Person() string { return s.person }

// SentAt returns when it was sent.
func (s *State) SentAt() time.Time { return s.sentAt }

// Content returns what was filled in, sealed.
func (s *State) Content() private.Value[Content] { return s.content }

// Deliverable reports whether it is in line to be published, and nothing has withdrawn it.
func (s *State) Deliverable() bool { return s.course.status == StatusSent }

// AsksOperators reports whether it is a request for suppression that no operator has answered.
func (s *State) AsksOperators() bool { return s.kind == SuppressCase && s.answer == "" }

// Answer returns what an operator did about a request for suppression, "" for nothing yet.
func (s *State) Answer() Answer { return s.answer }

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
	case *Sent:
		state.kind, state.frn, state.person = event.Type, event.FRN, event.Person
		state.sentAt, state.content = event.At, event.Content
	case *SuppressionAnswered:
		state.answer = event.Answer
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
	switch event := event.(type) {
	case *Sent:
		c.ref, c.status = event.Case, StatusSent
	case *Withdrawn:
		c.status = StatusWithdrawn
	case *Delivered:
		c.status = StatusDelivered
	case *Acknowledged:
		c.status = StatusAcknowledged
	case *Rejected:
		c.status = StatusRejected
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
	case *Acknowledged:
		named, says = fact.Named, StatusAcknowledged
	case *Rejected:
		named, says = fact.Named, StatusRejected
	default:
		return nil
	}
	var contradicted []string
	if named != c.ref {
		contradicted = append(contradicted, outgoing.DifferentCase)
	}
	switch c.status {
	case StatusSent, StatusDelivered, says: // it may answer before it is noted that it was asked
	case StatusAcknowledged, StatusRejected:
		contradicted = append(contradicted, outgoing.AlreadyAnswered)
	default:
		contradicted = append(contradicted, outgoing.NotSent)
	}
	return contradicted
}
