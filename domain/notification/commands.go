package notification

import (
	"time"

	"casesync/domain/outgoing"
)

// Command is something asked of a notification. At is when; Standing is the standing of the case just before.
type Command interface{ notificationCommand() }

// Send sends a notification about the case Case, from a person of the business FRN.
type Send struct {
	Case        string
	Standing    outgoing.Case
	FRN, Person string
	Type        TypeID
	Fields      map[string]string // by the names of the type's form
	// Bulk is what all notifications have that are sent at once, "" for one that is sent alone.
	Bulk string
	At   time.Time
}

// Check withdraws what the case bars by now and did not go out yet. It is given when a case is suppressed,
// moves or closes, and immediately before publishing. It is never refused.
type Check struct {
	Standing outgoing.Case
	At       time.Time
}

// NoteDelivered says that the notification was published. It is never refused: what it notes has happened.
type NoteDelivered struct{ At time.Time }

// AnswerSuppression says what an operator did about a request for suppression.
type AnswerSuppression struct {
	Answer Answer
	At     time.Time
}

// Record takes a fact of a case management system; see feed.Record.
type Record struct {
	Fact  Event
	Owner string
	Retry bool
	Alone bool
}

// Skip gives up waiting for the sequences From to To of Source; see casefile.Skip.
type Skip struct {
	Source string
	From   int64
	To     int64
	Alone  bool
}

// Release records held facts whose turn has come; see casefile.Release.
type Release struct {
	FactsMax int
}

func (Send) notificationCommand()              {}
func (Check) notificationCommand()             {}
func (NoteDelivered) notificationCommand()     {}
func (AnswerSuppression) notificationCommand() {}
func (Record) notificationCommand()            {}
func (Skip) notificationCommand()              {}
func (Release) notificationCommand()           {}
