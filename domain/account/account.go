// Package account decides about one person's account. Its stream is account-<user id>; the user id
// is a pseudonym that stays when the person is erased.
//
// It promises (requirements 23–26, 29, 38, 41, 42):
//
//   - Name and address are sealed under the stream's own key, which is this person's: destroying
//     it erases them everywhere, and with them the reasons that were given in this stream.
//   - A local account is never active without a second factor, and a federated one never has one of
//     ours: factors and security questions of federated accounts can be neither set nor reset.
//   - A federated account is bound to the subject that first signed in to it. The same address in
//     the hands of another subject of the identity provider is another person.
//   - What was enrolled to sign in with before a reset never becomes good by being noted after it, and
//     what was enrolled after it is not taken for what was reset ([Generations]).
//   - What the inactivity rule does is decided here, on what is recorded up to that moment: a person
//     who comes back in the last second is not disabled.
//   - A reset link is for one purpose, is used once within a day, and only the newest one of its
//     purpose works: so who asks for another password, which anybody can, voids no link for a second
//     factor. It works under no other address, method or status than it was asked for under.
//   - An erased account takes no command that would say anything new of the person.
//
// The states: invited → active → disabled → erased. Disabled has causes: an operator, inactivity,
// or both, and ends when all are lifted; from each state it may go on to erased. An administrator
// disables a membership, not the account: package membership says why, and in which order commands
// go that touch both.
//
// That no two accounts have one address is the promise of package reservation: the address is
// reserved for a user id first, then the account is created under that id. A crash between leaves a
// reservation whose holder is the user id to go on with. When an account is erased, or its address
// changes, the reservation of the old address is released last.
package account

import (
	"maps"
	"slices"

	"casesync/domain/address"
	"casesync/domain/private"
	"casesync/domain/retention"
)

// Method is how a person proves who he is.
type Method string

// The methods (requirement 38).
const (
	// Local: a password and a second factor that we keep.
	Local Method = "local"
	// OIDC and SAML: the business's identity provider vouches for him.
	OIDC Method = "oidc"
	SAML Method = "saml"
)

// Known reports whether there is such a method.
func (m Method) Known() bool { return m == Local || m.Federated() }

// Federated reports whether the business's identity provider signs people in.
func (m Method) Federated() bool { return m == OIDC || m == SAML }

// Status is where an account stands.
type Status string

// The statuses. Missing: nothing was ever recorded of it.
const (
	Missing  Status = "missing"
	Invited  Status = "invited"
	Active   Status = "active"
	Disabled Status = "disabled"
	Gone     Status = "erased"
)

// State is what decisions about an account need to know of it.
type State struct {
	created, activated, erased, byOperator bool

	persons    []private.Value[Person] // sealed; the last is the present one
	domain     address.Domain
	method     Method
	connection string
	identity   string // digest of the subject it is bound to
	factor     bool
	questions  bool
	resets     map[ResetPurpose]Reset // the pending ones

	generations Generations

	clock    retention.Account
	accepted map[string]string // terms' version by FRN
	cookies  Cookies
}

// Cookies are the kinds of cookies that a person agreed to, beside the necessary ones.
type Cookies struct{ Functional, Analytics bool }

// Initial returns the state of an account of which nothing is recorded.
func Initial() *State { return &State{resets: map[ResetPurpose]Reset{}, accepted: map[string]string{}} }

// Status returns where the account stands. Only an active one may sign in or do anything.
func (s *State) Status() Status {
	switch {
	case !s.created:
		return Missing
	case s.erased:
		return Gone
	case s.byOperator || s.clock.DisabledOn != 0:
		return Disabled
	case s.activated:
		return Active
	}
	return Invited
}

// Method returns how the person signs in, and the id of the identity provider's settings, "" for
// local accounts.
func (s *State) Method() (method Method, connection string) { return s.method, s.connection }

// Identity returns the digest of the subject that a federated account is bound to, "" for none yet.
func (s *State) Identity() string { return s.identity }

// Persons returns the names and addresses that were ever recorded, sealed; the last one is what
// they are now. An address that is not in use any more may still be reserved.
func (s *State) Persons() []private.Value[Person] { return slices.Clone(s.persons) }

// Person returns the name and address that the person has now, sealed; absent where there is no
// account.
func (s *State) Person() private.Value[Person] {
	if len(s.persons) == 0 {
		return private.Value[Person]{}
	}
	return s.persons[len(s.persons)-1]
}

// Domain returns the domain of the account's e-mail address.
func (s *State) Domain() address.Domain { return s.domain }

// HasFactor reports whether a second factor is enrolled. A local account without one may sign in
// to enrol one, and do nothing else.
func (s *State) HasFactor() bool { return s.factor }

// HasQuestions reports whether security questions are set.
func (s *State) HasQuestions() bool { return s.questions }

// Reset returns the pending reset with an id, expired or not, and false where there is none.
func (s *State) Reset(id string) (Reset, bool) {
	for _, reset := range s.resets {
		if reset.ID == id {
			return reset, true
		}
	}
	return Reset{}, false
}

// Clock returns what the inactivity rule knows of the account.
func (s *State) Clock() retention.Account { return s.clock }

// Accepted returns the version of the terms that the person accepted last on behalf of the business
// frn, "" for none.
func (s *State) Accepted(frn string) string { return s.accepted[frn] }

// Cookies returns what the person chose; none but the necessary ones at first (requirement 29).
func (s *State) Cookies() Cookies { return s.cookies }

// Acceptances returns the versions of the terms accepted last, by FRN.
func (s *State) Acceptances() map[string]string { return maps.Clone(s.accepted) }
