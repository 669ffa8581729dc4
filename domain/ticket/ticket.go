// Package ticket decides about one question to the helpdesk, and the conversation that follows. Its stream is
// ticket-<id>.
//
// It promises (requirements 30–33):
//
//   - What is written is sealed under the stream's own key, and where a person with an account opened the ticket
//     under that person's too: it is gone when the ticket or the person is erased.
//   - Of a ticket that was opened before sign-in, the contact is kept sealed in it, and nowhere else.
//   - Only who opened a ticket, and the helpdesk, write in it, resolve it and reopen it.
//   - 120 days after its resolution it is erased; one that is reopened is not, and is counted anew.
//
// The states: open → resolved → erased, and from resolved back to open. Whoever opened it reopens it by
// writing in it. [Erased] tells that the keys are to be destroyed, and whatever is kept of the ticket
// elsewhere purged; a crash before that leaves this event, from which it is done again.
package ticket

import (
	"time"

	"casesync/domain/calendar"
	"casesync/domain/private"
)

// Type is what a ticket is about.
type Type string

// The types. Casework is none of them: it goes by notification (requirement 32).
const (
	Technical Type = "technical"
	// AdditionalAdministrator asks for another administrator of a business (requirement 22).
	AdditionalAdministrator Type = "additional-administrator"
	// Access: somebody can not sign in, or has no account yet.
	Access Type = "access"
)

// Types returns all types.
func Types() []Type { return []Type{Technical, AdditionalAdministrator, Access} }

// Status is where a ticket stands.
type Status string

// The statuses. StatusMissing: there is no such ticket.
const (
	StatusMissing  Status = "missing"
	StatusOpen     Status = "open"
	StatusResolved Status = "resolved"
	StatusErased   Status = "erased"
)

// Side says who writes.
type Side string

// The sides of a conversation.
const (
	// Asker is who opened the ticket.
	Asker Side = "asker"
	// Helpdesk answers.
	Helpdesk Side = "helpdesk"
)

// Contact is how somebody who is not signed in can be answered.
type Contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Message is what somebody writes.
type Message struct {
	Text string `json:"text"` // several lines
}

// Question is what a ticket begins with.
type Question struct {
	Subject string `json:"subject"` // one line
	Text    string `json:"text"`    // several lines
}

// State is what decisions about a ticket need to know of it.
type State struct {
	status      Status
	kind        Type
	person, frn string
	question    private.Value[Question]
	contact     private.Value[Contact]
	messages    int
	openedAt    time.Time
	resolvedOn  calendar.Day
	last        Side
}

// Initial returns the state of a ticket that nobody opened.
func Initial() *State { return &State{status: StatusMissing} }

// Status returns where the ticket stands.
func (s *State) Status() Status { return s.status }

// Type returns what the ticket is about.
func (s *State) Type() Type { return s.kind }

// Person returns the user id of who opened it, "" where that was before sign-in.
func (s *State) Person() string { return s.person }

// FRN returns the business that it is about, "" for none.
func (s *State) FRN() string { return s.frn }

// Question returns what it began with, sealed.
func (s *State) Question() private.Value[Question] { return s.question }

// Contact returns how somebody who was not signed in can be answered, sealed; absent for a person.
func (s *State) Contact() private.Value[Contact] { return s.contact }

// Messages returns how many messages followed the question.
func (s *State) Messages() int { return s.messages }

// OpenedAt returns when it was opened.
func (s *State) OpenedAt() time.Time { return s.openedAt }

// ResolvedOn returns the day of its resolution, no day while it is open.
func (s *State) ResolvedOn() calendar.Day { return s.resolvedOn }

// AwaitsHelpdesk reports whether it is for the helpdesk to write next.
func (s *State) AwaitsHelpdesk() bool { return s.status == StatusOpen && s.last == Asker }

// HelpdeskHours are when the helpdesk answers: Monday to Friday 08:00 to 22:00, Saturday and Sunday 12:00
// to 16:00, bank holidays included, not on Christmas Day (requirement 30).
func HelpdeskHours() calendar.Hours {
	work, rest := calendar.Opening{From: 8, To: 22}, calendar.Opening{From: 12, To: 16}
	return calendar.Hours{
		Week: map[time.Weekday]calendar.Opening{
			time.Monday: work, time.Tuesday: work, time.Wednesday: work, time.Thursday: work, time.Friday: work,
			time.Saturday: rest, time.Sunday: rest,
		},
		Closed: func(d calendar.Day) bool {
			_, month, day := d.Date()
			return month == time.December && day == 25
		},
	}
}
