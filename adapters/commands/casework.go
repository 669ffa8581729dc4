package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/documents"
	"casesync/domain/notification"
	"casesync/domain/savedview"
	"casesync/domain/ticket"
	"casesync/domain/upload"
	"casesync/eventstore"
)

// Casework runs the deciders of what people do about cases: uploads, notifications, suppression, tickets
// and saved views. It is safe for concurrent use.
//
// Commands that span streams are ordered as those of [People] are, with its errors. Where a command rests
// on the standing of a case, that is read from the case's stream just before, and once more immediately
// before anything goes out; package outgoing says why.
type Casework struct {
	config CaseworkConfig
	orders
	caseworkKinds
	people *People
}

// CaseworkConfig says what Casework works on. All fields are required but those that name a default.
type CaseworkConfig struct {
	Log    eventstore.Log
	Codec  *eventstore.Codec
	People *People
	// Limits are of uploads.
	Limits upload.Limits
	// DigestKey keys the digests by which a file is known again within its case; at least 32 bytes.
	DigestKey []byte
	// SentOn returns how many bytes a business has sent on a day; it may be late.
	SentOn func(ctx context.Context, frn string, day calendar.Day) (bytes int64, err error)
	// Links makes the tokens of links to tickets that were opened before sign-in.
	Links Links
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// digestKeyBytesMin is the least length of the key of digests, in bytes.
const digestKeyBytesMin = 32

func (c CaseworkConfig) check() error {
	switch {
	case c.Log == nil, c.Codec == nil, c.People == nil, c.SentOn == nil:
		return errors.New("casework: Log, Codec, People and SentOn are needed")
	case len(c.DigestKey) < digestKeyBytesMin:
		return fmt.Errorf("casework: DigestKey: needs %d bytes", digestKeyBytesMin)
	case len(c.Links.key) == 0:
		return errors.New("casework: Links: need a key")
	}
	return c.Limits.Validate()
}

// NewCasework returns the commands of casework on a log, or an error that names the setting that is missing
// or wrong.
func NewCasework(config CaseworkConfig) (*Casework, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	return &Casework{
		config: config, orders: orders{config.Now}, caseworkKinds: newCaseworkKinds(config.Log, config.Codec), people: config.People,
	}, nil
}

// Limits returns the limits of uploads, which people are told before they send anything.
func (c *Casework) Limits() upload.Limits { return c.config.Limits }

// caseworkKinds are the kinds of streams that casework decides on, beside those of cases and people.
type caseworkKinds struct {
	uploads       kind[*upload.State, upload.Command, upload.Event]
	shelves       kind[*documents.State, documents.Command, documents.Event]
	notifications kind[*notification.State, notification.Command, notification.Event]
	tickets       kind[*ticket.State, ticket.Command, ticket.Event]
	views         kind[*savedview.State, savedview.Command, savedview.Event]
}

const (
	uploadPrefix       = "upload-"
	shelfPrefix        = "documents-" // the files of a case
	notificationPrefix = "notification-"
	ticketPrefix       = "ticket-"
	viewsPrefix        = "savedviews-"
)

// caseworkStatesMax is how many states of each of these kinds are kept in memory, of 1 to 3 kB.
const caseworkStatesMax = 2_000

func newCaseworkKinds(log eventstore.Log, codec *eventstore.Codec) caseworkKinds {
	return caseworkKinds{
		uploads:       newKind(log, codec, uploadPrefix, idPattern, upload.Initial, upload.Decide, upload.Evolve, caseworkStatesMax),
		shelves:       newKind(log, codec, shelfPrefix, idPattern, documents.Initial, documents.Decide, documents.Evolve, caseworkStatesMax),
		notifications: newKind(log, codec, notificationPrefix, idPattern, notification.Initial, notification.Decide, notification.Evolve, caseworkStatesMax),
		tickets:       newKind(log, codec, ticketPrefix, idPattern, ticket.Initial, ticket.Decide, ticket.Evolve, caseworkStatesMax),
		views:         newKind(log, codec, viewsPrefix, idPattern, savedview.Initial, savedview.Decide, savedview.Evolve, caseworkStatesMax),
	}
}

// ResultStatus is what became of one of many.
type ResultStatus string

// The statuses of results (requirement 68).
const (
	ResultDone    ResultStatus = "done"
	ResultSkipped ResultStatus = "skipped" // nothing was to be done, or it may not be done; the code says why
	ResultFailed  ResultStatus = "failed"  // it is not known what became of it; the same command again says so
)

// Result is what became of a command on one of many cases.
type Result struct {
	Case   string
	Status ResultStatus
	// ID is that of the notification, where one was sent.
	ID string
	// Code and Reason say why it was skipped or failed; the reason is a sentence fit to be shown.
	Code, Reason string
}

// CasesMax is the most cases of one command (requirement 68).
const CasesMax = 500
