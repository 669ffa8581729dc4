package ticket

import (
	"time"

	"casesync/domain/calendar"
	"casesync/domain/private"
)

// Event is one of the events of a ticket. Times are in UTC.
type Event interface{ ticketEvent() }

// Opened records a question. Person is the user id of who asks, "" before sign-in; FRN is the business
// that it is about, "" for none. Question and Contact are sealed for the ticket and for whom it is about.
type Opened struct {
	Type     Type                    `json:"type"`
	Person   string                  `json:"person,omitzero"`
	FRN      string                  `json:"frn,omitzero"`
	Question private.Value[Question] `json:"question" seal:"case,asker"`
	Contact  private.Value[Contact]  `json:"contact,omitzero" seal:"case,asker"`
	At       time.Time               `json:"at"`
}

// MessageAdded records what one side wrote. Author is the user id, or the id of a principal of the helpdesk; ""
// for somebody who is not signed in.
type MessageAdded struct {
	Side    Side                   `json:"side"`
	Author  string                 `json:"author,omitzero"`
	Message private.Value[Message] `json:"message" seal:"case,asker"`
	At      time.Time              `json:"at"`
}

// Resolved records that the question is answered, and the day from which its erasure is counted.
type Resolved struct {
	Side Side         `json:"side"`
	Day  calendar.Day `json:"day"`
	At   time.Time    `json:"at"`
}

// Reopened records that the question is open again.
type Reopened struct {
	Side Side      `json:"side"`
	At   time.Time `json:"at"`
}

// Erased records that the ticket's keys are to be destroyed.
type Erased struct {
	Day calendar.Day `json:"day"`
}

func (*Opened) ticketEvent()       {}
func (*MessageAdded) ticketEvent() {}
func (*Resolved) ticketEvent()     {}
func (*Reopened) ticketEvent()     {}
func (*Erased) ticketEvent()       {}
