package ticket

import (
	"time"

	"casesync/domain/calendar"
)

// Command is something asked of a ticket. At is when.
type Command interface{ ticketCommand() }

// Open asks a question: from a person with an account, or before sign-in, with a contact.
type Open struct {
	Type   Type
	Person string // user id, "" before sign-in
	FRN    string // the business that it is about, "" for none
	// Contact is needed before sign-in, and else not taken.
	Contact       Contact
	Subject, Text string
	At            time.Time
}

// Reply writes in the ticket. Author is who does: of the asker's side the user id of who opened it, "" for
// somebody who is not signed in and followed the link that was mailed to him.
type Reply struct {
	Side   Side
	Author string
	Text   string
	At     time.Time
}

// Resolve says that the question is answered.
type Resolve struct {
	Side   Side
	Author string
	At     time.Time
}

// Reopen says that it is not.
type Reopen struct {
	Side   Side
	Author string
	At     time.Time
}

// Tick applies the rules of package retention as of Today.
type Tick struct{ Today calendar.Day }

func (Open) ticketCommand()    {}
func (Reply) ticketCommand()   {}
func (Resolve) ticketCommand() {}
func (Reopen) ticketCommand()  {}
func (Tick) ticketCommand()    {}
