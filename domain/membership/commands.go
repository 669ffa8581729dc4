package membership

import (
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
)

// Limits.
const (
	// DomainsMax is the most e-mail domains of one business.
	DomainsMax = 50
	// PendingInvitationsMax is the most invitations of one business that wait to be accepted.
	PendingInvitationsMax = 500
	// InvitationLifetimeMax is the longest that an invitation may be accepted after it was sent.
	InvitationLifetimeMax = 14 * 24 * time.Hour
)

// Command is something asked about the people of a business.
type Command interface{ membershipCommand() }

// By says in what office somebody asks, as far as it matters here.
type By struct {
	// Person is the user id of a member of the business; "" for the offices below.
	Person string
	// Operator: a person of the Financial Ombudsman Service.
	Operator bool
	// Clock: no person, but the rules of package retention.
	Clock bool
}

// Warrant says on whose request an operator makes an administrator (requirement 22): one of the two.
type Warrant struct {
	// RequestedBy is the user id of an active administrator or supervisor of the business.
	RequestedBy string `json:"requestedBy,omitzero"`
	// Onboarding is the id of the access request that names the administrator.
	Onboarding string `json:"onboarding,omitzero"`
}

// Configure sets the e-mail domains of the business, all of them, and how its people sign in;
// operators do. Members and invitations under other domains are removed in the same append.
type Configure struct {
	By         By
	Domains    []address.Domain
	Method     account.Method
	Connection string // the id of the identity provider's settings; "" for local accounts
}

// RequestAdministrator asks the Financial Ombudsman Service to make an administrator: of the member
// Person, or of somebody to be named, where Person is "".
type RequestAdministrator struct {
	By     By
	Person string
}

// Invite invites a person. Where Roles has the administrator, an operator asks, with a Warrant.
type Invite struct {
	By           By
	InvitationID string // new, not secret
	Person       string // the user id of the account
	Email        address.Email
	Roles        []access.Role
	TokenDigest  string // of the token that stands in the mail
	ExpiresAt    time.Time
	At           time.Time
	Warrant      Warrant
}

// Resend sends a pending invitation again, also an expired one. The token sent before is void.
type Resend struct {
	By           By
	InvitationID string
	TokenDigest  string
	ExpiresAt    time.Time
	At           time.Time
}

// RevokeInvitation makes a pending invitation void.
type RevokeInvitation struct {
	By           By
	InvitationID string
}

// Accept takes an invitation up. Person is whoever followed the link and proved to be that person;
// Email the address that the account has now.
type Accept struct {
	InvitationID string
	TokenDigest  string
	Person       string
	Email        address.Email
	At           time.Time
}

// Grant gives a member more roles.
type Grant struct {
	By      By
	Person  string
	Roles   []access.Role
	Warrant Warrant
}

// Revoke takes roles from a member, not all of them: that is Remove.
type Revoke struct {
	By     By
	Person string
	Roles  []access.Role
}

// Disable suspends all roles of a member, until Enable.
type Disable struct {
	By     By
	Person string
}

// Enable ends what holds a member. What an operator disabled, an operator enables.
type Enable struct {
	By     By
	Person string
}

// Remove ends a membership, and revokes what invitation the person has.
type Remove struct {
	By     By
	Person string
	// Erasing: it is done because the person's account is to be erased. Then it does nothing, and
	// is not refused, where the person has no part in the business (any more).
	Erasing bool
}

// Move notes that the address of a member changes. It is recorded also where the domain stays the same:
// that somebody administers the business at that moment is decided by the append.
type Move struct {
	By     By
	Person string
	Email  address.Email
}

func (Configure) membershipCommand()            {}
func (RequestAdministrator) membershipCommand() {}
func (Invite) membershipCommand()               {}
func (Resend) membershipCommand()               {}
func (RevokeInvitation) membershipCommand()     {}
func (Accept) membershipCommand()               {}
func (Grant) membershipCommand()                {}
func (Revoke) membershipCommand()               {}
func (Disable) membershipCommand()              {}
func (Enable) membershipCommand()               {}
func (Remove) membershipCommand()               {}
func (Move) membershipCommand()                 {}
