package commands

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// ErrNoPerson is returned where there is no such account, membership, invitation or request, or
// the principal may not know of it.
var ErrNoPerson = errors.New("no such person")

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
// first stream's event, by package reactions where a crash has cut it short.
//
// Its errors: ErrForbidden, ErrNoPerson, ErrLink, ErrNoReason, a *domain.Refusal,
// eventstore.ErrWrongExpectedRevision; any other leaves the outcome unknown.
type People struct {
	config PeopleConfig
}

// PeopleConfig says what People works on. All fields are required but those that name a default.
type PeopleConfig struct {
	Log   eventstore.Log
	Codec *eventstore.Codec
	// AddressKey keys the hashes of addresses in names of streams.
	AddressKey []byte
	// Links makes the tokens of mailed links.
	Links Links
	// Memberships returns the FRNs of businesses at which a person may have roles or invitations. It
	// may be late and may name too many: every one is asked.
	Memberships func(ctx context.Context, person string) ([]string, error)
	// InvitationAge is how long an invitation may be accepted; 7 days by default, at most
	// membership.InvitationLifetimeMax. ResetAge is the same of reset links; 1 hour by default.
	InvitationAge, ResetAge time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
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

// NewPeople returns the commands of people on a log, or an error that names the missing setting.
func NewPeople(config PeopleConfig) (*People, error) {
	return nil, errors.ErrUnsupported
}
