package membership

import (
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
)

// Hold says what disables a member.
type Hold string

// The holds that a member can be under, each at most once.
const (
	HeldByAdministrator Hold = "administrator"
	HeldByOperator      Hold = "operator"
	HeldForInactivity   Hold = "inactivity"
)

// Cause says why a membership or an invitation ended.
type Cause string

// The causes.
const (
	// Asked: somebody removed the member or revoked the invitation.
	Asked Cause = "asked"
	// DomainWithdrawn: the business gave up the e-mail domain of the person.
	DomainWithdrawn Cause = "domain-withdrawn"
	// Erased: the person's account is erased.
	Erased Cause = "erased"
	// Replaced: the invitation had expired, and there is a new one.
	Replaced Cause = "replaced"
)

// Event is one of the events of a business's people. Persons are user ids.
type Event interface{ membershipEvent() }

// Configured records the e-mail domains of the business, all of them, and how its people sign in.
type Configured struct {
	Domains    []address.Domain `json:"domains"`
	Method     account.Method   `json:"method"`
	Connection string           `json:"connection,omitzero"`
}

// AdministratorRequested records that operators are asked for an administrator: a member, or
// somebody to be named where Person is "".
type AdministratorRequested struct {
	RequestedBy string `json:"requestedBy"`
	Person      string `json:"person,omitzero"`
}

// MemberInvited records an invitation. Of the token only a digest is kept.
type MemberInvited struct {
	InvitationID string         `json:"invitationId"`
	Person       string         `json:"person"`
	Domain       address.Domain `json:"domain"`
	Roles        []access.Role  `json:"roles"`
	TokenDigest  string         `json:"tokenDigest"`
	ExpiresAt    time.Time      `json:"expiresAt"`
	Warrant      Warrant        `json:"warrant,omitzero"`
}

// InvitationResent records a new token and time for an invitation; the token before is void.
type InvitationResent struct {
	InvitationID string    `json:"invitationId"`
	TokenDigest  string    `json:"tokenDigest"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

// InvitationRevoked records that an invitation is void.
type InvitationRevoked struct {
	InvitationID string `json:"invitationId"`
	Cause        Cause  `json:"cause"`
}

// InvitationAccepted records that the person invited is a member, with the roles of the invitation.
type InvitationAccepted struct {
	InvitationID string         `json:"invitationId"`
	Person       string         `json:"person"`
	Domain       address.Domain `json:"domain"`
	Roles        []access.Role  `json:"roles"`
}

// RolesGranted records the roles that a member has beside those before.
type RolesGranted struct {
	Person  string        `json:"person"`
	Roles   []access.Role `json:"roles"`
	Warrant Warrant       `json:"warrant,omitzero"`
}

// RolesRevoked records the roles that a member has no more.
type RolesRevoked struct {
	Person string        `json:"person"`
	Roles  []access.Role `json:"roles"`
}

// MemberDisabled records one more hold on a member.
type MemberDisabled struct {
	Person string `json:"person"`
	Hold   Hold   `json:"hold"`
}

// MemberEnabled records that a member is active again, and which holds were lifted.
type MemberEnabled struct {
	Person string `json:"person"`
	Lifted []Hold `json:"lifted"`
}

// MemberRemoved records that a person has no part in the business any more.
type MemberRemoved struct {
	Person string `json:"person"`
	Cause  Cause  `json:"cause"`
}

// MemberMoved records that a member's e-mail address changes, and under which domain of the business
// it is then.
type MemberMoved struct {
	Person string         `json:"person"`
	Domain address.Domain `json:"domain"`
}

// AdministratorsLow records that one active administrator is left, or none: a warning to the
// business, or an alert to operators.
type AdministratorsLow struct {
	Left int `json:"left"`
}

func (*Configured) membershipEvent()             {}
func (*AdministratorRequested) membershipEvent() {}
func (*MemberInvited) membershipEvent()          {}
func (*InvitationResent) membershipEvent()       {}
func (*InvitationRevoked) membershipEvent()      {}
func (*InvitationAccepted) membershipEvent()     {}
func (*RolesGranted) membershipEvent()           {}
func (*RolesRevoked) membershipEvent()           {}
func (*MemberDisabled) membershipEvent()         {}
func (*MemberEnabled) membershipEvent()          {}
func (*MemberRemoved) membershipEvent()          {}
func (*MemberMoved) membershipEvent()            {}
func (*AdministratorsLow) membershipEvent()      {}
