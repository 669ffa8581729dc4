package upload

import (
	"time"

	"casesync/domain/outgoing"
)

// Command is something asked of an upload. At is when; Standing is the standing of the case just before.
type Command interface{ uploadCommand() }

// Begin announces a file of Bytes bytes, which a person of the business FRN sends to the case Case.
type Begin struct {
	Case        string
	Standing    outgoing.Case
	FRN, Person string
	Name        string // of the file, as the person's computer has it
	Bytes       int64
	Limits      Limits
	At          time.Time
}

// Complete says what was received, all of it being durable. A file of another size than was declared, or of a
// type that is not allowed, is refused by an event and not by an error: it was received, and this is its end.
type Complete struct {
	SHA256    string // 64 hexadecimal digits
	MediaType string // found out from the bytes, without parameters
	Bytes     int64
	// DuplicateOf is the upload that documents.Claim named as the one with the same bytes, "" for none.
	DuplicateOf string
	Limits      Limits
	At          time.Time
}

// BeginScan says that the scanner is about to be asked. Nothing happens unless the file waits for it. A crash
// before NoteScan leaves the file scanning: whoever starts next asks the scanner again, in the same attempt.
type BeginScan struct{ At time.Time }

// NoteScan says what came of asking the scanner in Attempt. Nothing happens where that is over.
type NoteScan struct {
	Attempt int
	Finding Finding
	// Scanner is the scanner with its signatures, as it calls itself.
	Scanner string
	At      time.Time
}

// Queue puts a clean file in line to go out, or stops it where the case bars that.
type Queue struct {
	Standing outgoing.Case
	At       time.Time
}

// Check stops what the case bars by now and did not go out yet. It is given when a case is suppressed or
// moves, and immediately before publishing. It is never refused.
type Check struct {
	Standing outgoing.Case
	At       time.Time
}

// NoteSent says that Attempt was published. It is never refused: what it notes has happened.
type NoteSent struct {
	Attempt int
	At      time.Time
}

// Retry tries again, with the bytes that are there. A person of the business FRN asks for it.
type Retry struct {
	Standing    outgoing.Case
	FRN, Person string
	At          time.Time
}

// Cancel gives up what did not go out yet. A person of the business FRN asks for it.
type Cancel struct {
	FRN string
	At  time.Time
}

// Tick abandons an upload of which no byte has come for Limits.IdleAfter, counted anew from each Retry.
type Tick struct {
	// LastByte is when a byte came last, as the store of bytes has it; the zero time for none.
	LastByte time.Time
	Limits   Limits
	Now      time.Time
}

// Erase follows the erasure of the case's data. Nothing happens where it was done.
type Erase struct{ At time.Time }

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

func (Begin) uploadCommand()     {}
func (Complete) uploadCommand()  {}
func (BeginScan) uploadCommand() {}
func (NoteScan) uploadCommand()  {}
func (Queue) uploadCommand()     {}
func (Check) uploadCommand()     {}
func (NoteSent) uploadCommand()  {}
func (Retry) uploadCommand()     {}
func (Cancel) uploadCommand()    {}
func (Tick) uploadCommand()      {}
func (Erase) uploadCommand()     {}
func (Record) uploadCommand()    {}
func (Skip) uploadCommand()      {}
func (Release) uploadCommand()   {}
