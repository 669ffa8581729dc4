package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/documents"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
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
	// Logger gets the faults that one of many cases met, which whoever asked is told of in a sentence. Default:
	// nobody does.
	Logger *slog.Logger
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
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
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

// The parts of the system that give commands of casework.
const (
	systemUploads = "system:uploads" // whoever receives files, and has them scanned
	systemOutbox  = "system:outbox"
)

// standing returns the standing of a case, as its stream has it now. A reference that no case can have is that of
// one that does not exist.
func (c *Casework) standing(ctx context.Context, ref string) (standing outgoing.Case, err error) {
	err = c.people.cases.look(ctx, ref, func(state *casefile.State, _ eventstore.Revision) { standing = outgoing.Standing(state) })
	if err != nil && !errors.Is(err, ErrUnknown) {
		return outgoing.Case{}, fmt.Errorf("look at standing of case: %w", err)
	}
	return standing, nil
}

// about returns the order of a person on what he does about a case, with the case's standing. A case that is hidden
// from all business users, and one of a business in which he has no part, are ErrUnknown.
func (c *Casework) about(ctx context.Context, ask Ask, ref string, commands ...access.Command) (order, outgoing.Case, error) {
	standing, err := c.standing(ctx, ref)
	if err != nil {
		return order{}, outgoing.Case{}, err
	}
	if !standing.Converted || standing.Suppressed {
		return order{}, outgoing.Case{}, ErrUnknown
	}
	o, err := c.authorise(ask, standing.FRN, commands...)
	if err == nil && ask.By.Person() == "" { // what is sent, a person sends
		err = refusedTo(ask.By, string(commands[0]), standing.FRN)
	}
	return o, standing, err
}

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
	// ID is that of the notification, where one was sent, and Bulk what all have that were sent at once, "" for one
	// that was sent alone.
	ID, Bulk string
	// Code and Reason say why it was skipped or failed; the reason is a sentence fit to be shown.
	Code, Reason string
}

// CasesMax is the most cases of one command (requirement 68).
const CasesMax = 500
