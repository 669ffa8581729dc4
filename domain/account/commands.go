package account

import (
	"time"

	"casesync/domain/address"
	"casesync/domain/calendar"
)

// Command is something asked of an account.
type Command interface{ accountCommand() }

// Create opens an account for a person who is invited. For one that exists nothing happens, as a
// person has one account, whoever invites; but where it was never activated, and is disabled for
// inactivity alone, that is lifted, so that the new invitation can be followed. Then the day is enough.
type Create struct {
	Name       string
	Email      address.Email
	Method     Method
	Connection string // the id of the identity provider's settings; "" for Local
	Day        calendar.Day
}

// Activate opens a complete account for use, for who accepted an invitation.
type Activate struct{ Day calendar.Day }

// ChangeDetails gives the person another name, another address, or both.
type ChangeDetails struct {
	Name  string
	Email address.Email
}

// ChangeMethod has the person sign in otherwise, as the business changed its setting. Factors,
// questions and the binding to an identity are of the method before, and are void.
type ChangeMethod struct {
	Method     Method
	Connection string
}

// LinkIdentity binds a federated account to the subject that signs in to it. It is refused for
// another subject than the one it is bound to.
type LinkIdentity struct {
	Connection    string
	SubjectDigest string // keyed: identity providers use addresses as subjects
}

// EnrolFactor notes a second factor, in place of any before. Generation is the present one when it was
// begun with: it is refused where factors were voided since.
type EnrolFactor struct {
	Kind       FactorKind
	Generation int
}

// ResetFactor voids the second factor: the person must enrol another before doing anything else.
type ResetFactor struct{}

// SetQuestions notes that the person chose security questions. Generation is as in EnrolFactor.
type SetQuestions struct{ Generation int }

// ResetQuestions voids the security questions, noted or not: the person is asked for others.
type ResetQuestions struct{}

// RequestReset has a reset link mailed to the person, in place of any before for the same purpose. Only who has an active
// local account needs one: who is invited follows the invitation, and who signs in elsewhere resets
// there (requirement 23).
type RequestReset struct {
	ID          string // new, not secret
	Purpose     ResetPurpose
	TokenDigest string // of the token that stands in the mail
	ExpiresAt   time.Time
	At          time.Time
}

// UseReset uses a reset up: what it is for happens next, once.
type UseReset struct {
	ID          string
	TokenDigest string
	At          time.Time
}

// Disable blocks the account, by an operator, until an operator enables it.
type Disable struct{ Day calendar.Day }

// Enable lifts what disables the account, and begins the inactivity rule's count anew.
type Enable struct {
	// Operator: an operator asks, who may lift everything. An administrator of one of the person's
	// businesses may lift inactivity.
	Operator bool
	Day      calendar.Day
}

// Erase ends the account for good, at somebody's request.
type Erase struct{}

// Tick applies the inactivity rule as of Today.
type Tick struct{ Today calendar.Day }

// RecordActivity notes that there was an authenticated request on a day.
type RecordActivity struct{ Day calendar.Day }

// AcceptTerms accepts a version of the terms on behalf of a business.
type AcceptTerms struct {
	FRN     string
	Version string
	At      time.Time
}

// ChooseCookies sets the person's cookie preferences.
type ChooseCookies struct{ Cookies }

func (Create) accountCommand()         {}
func (Activate) accountCommand()       {}
func (ChangeDetails) accountCommand()  {}
func (ChangeMethod) accountCommand()   {}
func (LinkIdentity) accountCommand()   {}
func (EnrolFactor) accountCommand()    {}
func (ResetFactor) accountCommand()    {}
func (SetQuestions) accountCommand()   {}
func (ResetQuestions) accountCommand() {}
func (RequestReset) accountCommand()   {}
func (UseReset) accountCommand()       {}
func (Disable) accountCommand()        {}
func (Enable) accountCommand()         {}
func (Erase) accountCommand()          {}
func (Tick) accountCommand()           {}
func (RecordActivity) accountCommand() {}
func (AcceptTerms) accountCommand()    {}
func (ChooseCookies) accountCommand()  {}
