package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/eventstore"
	"casesync/eventstore/lru"
)

// ErrUnknown is returned where there is no such thing (account, membership, invitation, request, case,
// upload, ticket), or the principal may not know of it.
var ErrUnknown = errors.New("no such thing")

// Ask is who gives a command, and what goes with it.
type Ask struct {
	By access.Principal
	// ID makes the command idempotent (Idempotency-Key); uuid.Nil gives it a new one.
	ID uuid.UUID
	// Reason is why, for those who read the log later. Commands of operators on people need one.
	// It must not name anybody: reasons outlive an erasure.
	Reason string
	// Expected is the revision that the caller saw (If-Match). Its zero value means Any.
	Expected *eventstore.Revision
}

// Done is where the log ended after a command: the position to wait for. It is zero where nothing
// had to be recorded.
type Done struct{ Position eventstore.Position }

// People runs the deciders of people: accounts, memberships, invitations, access requests, terms,
// and the settings of identity providers. It is safe for concurrent use.
//
// A command that spans streams begins with the one that can refuse; the rest is repeated, from the
// first stream's event, by package reactions where a crash has cut it short. Each method says what a
// crash in it leaves. Given again, under the same id or another, a command goes on where it stopped.
//
// Its errors: ErrForbidden, ErrUnknown, ErrLink, ErrNoReason, a *domain.Refusal (one that says that
// something does not exist also Is ErrUnknown), eventstore.ErrWrongExpectedRevision; any other
// leaves the outcome unknown.
type People struct {
	config PeopleConfig
	orders
	kinds
	// seen has the days of activity that were recorded: what is in it need not be appended.
	seen *lru.Cache[seenDay, struct{}]
}

// PeopleConfig says what People works on. All fields are required but those that name a default.
type PeopleConfig struct {
	Log   eventstore.Log
	Codec *eventstore.Codec
	// AddressKey keys the hashes of addresses in names of streams; at least 32 bytes.
	AddressKey []byte
	// Links makes the tokens of mailed links.
	Links Links
	// Memberships returns the FRNs of businesses at which a person may have roles or invitations. It
	// may be late and may name too many: every one is asked.
	Memberships func(ctx context.Context, person string) ([]string, error)
	// BusinessesUnder returns the FRNs of businesses that may have an e-mail domain; it may be late
	// and may name too many: every one is asked. By default nobody knows: then no domain moves to
	// another way of signing in, and none that a business gives up becomes free.
	BusinessesUnder func(ctx context.Context, domain address.Domain) ([]string, error)
	// BusinessesWith returns the FRNs of businesses whose people may sign in by a connection; it may be
	// late and may name too many: every one is asked. By default nobody knows: then a connection is
	// retired whoever uses it.
	BusinessesWith func(ctx context.Context, connection string) ([]string, error)
	// InvitationAge is how long an invitation may be accepted; 7 days by default, at most
	// membership.InvitationLifetimeMax. ResetAge is the same of reset links; 1 hour by default, at
	// most account.ResetLifetimeMax.
	InvitationAge, ResetAge time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// addressKeyBytesMin is the least length of the key of addresses, in bytes.
const addressKeyBytesMin = 32

// check returns an error that names the first setting that is missing or wrong.
func (c PeopleConfig) check() error {
	switch {
	case c.Log == nil, c.Codec == nil, c.Memberships == nil:
		return errors.New("people: Log, Codec and Memberships are needed")
	case len(c.AddressKey) < addressKeyBytesMin:
		return fmt.Errorf("people: AddressKey: needs %d bytes", addressKeyBytesMin)
	case len(c.Links.key) < addressKeyBytesMin:
		return fmt.Errorf("people: Links: need a key of %d bytes", addressKeyBytesMin)
	case c.InvitationAge < time.Second || c.InvitationAge > membership.InvitationLifetimeMax:
		return fmt.Errorf("people: InvitationAge: at most %s", membership.InvitationLifetimeMax)
	case c.ResetAge < time.Second || c.ResetAge > account.ResetLifetimeMax:
		return fmt.Errorf("people: ResetAge: at most %s", account.ResetLifetimeMax)
	}
	return nil
}

// NewPeople returns the commands of people on a log, or an error that names the setting that is
// missing or wrong.
func NewPeople(config PeopleConfig) (*People, error) {
	config.InvitationAge = cmp.Or(config.InvitationAge, 7*24*time.Hour)
	config.ResetAge = cmp.Or(config.ResetAge, time.Hour)
	if config.Now == nil {
		config.Now = time.Now
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	return &People{
		config: config, orders: orders{config.Now}, kinds: newKinds(config.Log, config.Codec),
		seen: lru.New[seenDay, struct{}](seenDaysMax),
	}, nil
}

// Standing is what a person may do now. It is read from the log itself, so that what was taken
// away a moment ago is gone.
type Standing struct {
	// Principal has the roles that the person holds now at businesses; it may do nothing where the
	// account is not active.
	Principal access.Principal
	Status    account.Status
	Method    account.Method
	// Complete is whether the account may be used: a local one has a second factor.
	Complete bool
	Cookies  account.Cookies
	// TermsVersion is the version of the terms in force, "" for none. Pending are the businesses,
	// sorted, for which the person has not accepted it.
	TermsVersion string
	Pending      []string
}

// AccountView is what is known of an account; Name and Email are "" where the person was erased.
type AccountView struct {
	Person      string
	Name, Email string
	Domain      address.Domain
	Status      account.Status
	Method      account.Method
	Connection  string
	Identity    string // the digest of the subject it is bound to
	HasFactor   bool
	HasQuestion bool
	// Generations are of what is enrolled from now on.
	Generations account.Generations
	Acceptances map[string]string // versions of the terms, by FRN
	Revision    eventstore.Revision
}

// Invitation is somebody to be invited.
type Invitation struct {
	Name, Email string
	Roles       []access.Role
	Warrant     membership.Warrant
}

// OpenedLink is what the token of an invitation or of a reset stands for, while it may be used.
type OpenedLink struct {
	Link      Link
	Account   AccountView
	FRN       string // of an invitation
	Roles     []access.Role
	Purpose   account.ResetPurpose // of a reset
	ExpiresAt time.Time
}
