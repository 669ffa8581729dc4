// Package mail sends the mails that follow from events (requirements 22, 31, 34, 36 and 42):
// invitations, warnings, links to choose something anew, notices of what was done to an account,
// what becomes of an access request or of a question to the helpdesk, and alerts to operators.
//
// It promises:
//
//   - Each event leads to each of its mails once, however often the event is seen: a mail's id is
//     derived from the event's. It is delivered at least once, with the same Message-ID each time.
//   - No mail holds anything of a case, or any name but the recipient's own, in the greeting.
//   - Until it is sent, no mail exists: it is composed at that moment from the event and the account
//     as it is then. The queue holds no name, no address, no text and no token; mail to somebody
//     who was erased since, or with a link that is void, is dropped.
//   - Mails that strangers ask for, by an access request or a question in anybody's name, go to one address a
//     few times a day at most; the address itself is nowhere kept to count them, but a keyed hash, for that day.
//   - An event that is old when it is first seen leads to no mail. So a state database that was
//     restored, or made anew, does not mail the past again.
//
// A mail's row goes from queued to one of sent, dead (12 tries failed, or the recipient's server
// refused it for good; operators retry or discard it), dropped (there is nothing to be said any
// more), and from dead to queued again or discarded. Rows of events that were old are too-late.
//
// # Where a crash leaves it
//
//	after queuing, before the checkpoint    the events are seen again, and add nothing
//	between taking a row and sending        the lease runs out; the row is due again, one try more
//	after delivery, before the row says so  the same: the mail is delivered again, with the same
//	                                        Message-ID. That is the one way to get a mail twice
package mail

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
)

// People is what mail asks about people; it is a *commands.People.
type People interface {
	// Account returns an account as it is now.
	Account(ctx context.Context, person string) (commands.AccountView, error)
	// Business returns, among others, who administers a business now.
	Business(ctx context.Context, frn string) (commands.BusinessPeople, error)
	// OpenLink returns commands.ErrLink for the token of a link that works no more.
	OpenLink(ctx context.Context, token string) (commands.OpenedLink, error)
}

// Config says how mail is sent. All fields are required but those that name a default.
type Config struct {
	DB        *sqldb.DB // the state database, of which the caller keeps the ownership
	Log       eventstore.Log
	Codec     *eventstore.Codec
	People    People
	Links     commands.Links
	Transport Transport
	// PublicURL is where people reach this service, "https://cases.example.org".
	PublicURL string
	// HelpdeskURL is the helpdesk's webform (requirement 31).
	HelpdeskURL string
	// OperatorsAddress is where alerts to operators go; "" sends none.
	OperatorsAddress string
	// Service is what this service is called in mails; "the business portal" by default.
	Service string
	// AgeMax is how old an event may be to be mailed about; 72 hours by default.
	AgeMax time.Duration
	// AttemptsMax is after how many tries a mail is dead; 12 by default, which is some 6 hours.
	AttemptsMax int
	// SendersMax is how many mails are sent at the same time; 4 by default.
	SendersMax int
	// SendTimeout is how long one delivery may take; 2 minutes by default. A row is taken for twice
	// as long, so that no delivery outlives it.
	SendTimeout time.Duration
	// PollEvery is how often the queue is looked at for what is due; 2 seconds by default.
	PollEvery time.Duration
	// RecipientDigest is the keyed hash of an address, by which mails that strangers ask for are counted:
	// those that follow from an access request, or from a question before sign-in. Default: they are not counted.
	RecipientDigest func(address string) string
	// RequestsPerDayMax is how many such mails go to one address on a day; 3 by default. The rest are
	// dropped, and whoever asked is answered the same: who made an access request was given its token, and
	// who asked the helpdesk gets the link with the answer.
	RequestsPerDayMax int
	// KeepFor is how long the rows of mails that are done with are kept; 90 days by default. It must
	// be longer than AgeMax.
	KeepFor time.Duration
	// Activity is told of every mail that was sent or is dead; nil tells nobody.
	Activity commands.ActivityLog
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger gets what goes wrong, without addresses. Default slog.Default().
	Logger *slog.Logger
}

// Mails queues and sends mails. It is safe for concurrent use, and several processes may share the
// state database.
type Mails struct {
	config Config
	queue  queue
	// woken has a token in it when something was queued here.
	woken chan struct{}
}

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_mails"

// Open returns the mails of a state database, whose table it brings up to date.
func Open(ctx context.Context, config Config) (*Mails, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open mails: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open mails: %w", err)
	}
	if err := sqldb.Migrate(ctx, config.DB, files, migrationsTable); err != nil {
		return nil, fmt.Errorf("open mails: %w", err)
	}
	return &Mails{config: config, queue: queue{config.DB}, woken: make(chan struct{}, 1)}, nil
}

func (c Config) withDefaults() (Config, error) {
	c.Service = cmp.Or(c.Service, "the business portal")
	c.AgeMax = cmp.Or(c.AgeMax, 72*time.Hour)
	c.AttemptsMax = cmp.Or(c.AttemptsMax, 12)
	c.SendersMax = cmp.Or(c.SendersMax, 4)
	c.RequestsPerDayMax = cmp.Or(c.RequestsPerDayMax, 3)
	c.SendTimeout = cmp.Or(c.SendTimeout, 2*time.Minute)
	c.PollEvery = cmp.Or(c.PollEvery, 2*time.Second)
	c.KeepFor = cmp.Or(c.KeepFor, 90*24*time.Hour)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	for name, text := range map[string]string{"PublicURL": c.PublicURL, "HelpdeskURL": c.HelpdeskURL} {
		parsed, err := url.Parse(text)
		if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" || oneLine(text, linkBytesMax) != text {
			return c, fmt.Errorf("%s is no address of a website: %q", name, text)
		}
	}
	if c.OperatorsAddress != "" {
		if _, err := mail.ParseAddress(c.OperatorsAddress); err != nil {
			return c, errors.New("OperatorsAddress is no e-mail address")
		}
	}
	switch {
	case c.KeepFor <= c.AgeMax:
		return c, errors.New("KeepFor must be longer than AgeMax: a row that is forgotten could be mailed again")
	case c.AttemptsMax < 1, c.SendersMax < 1, c.RequestsPerDayMax < 1, c.SendTimeout < 0, c.PollEvery < 0, c.AgeMax < 0:
		return c, errors.New("AttemptsMax, SendersMax, RequestsPerDayMax, SendTimeout, PollEvery and AgeMax must not be negative")
	}
	return c, nil
}

// lease is how long a row is taken for.
func (c Config) lease() time.Duration { return 2 * c.SendTimeout }
