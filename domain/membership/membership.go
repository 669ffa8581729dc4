// Package membership decides who holds which roles at one respondent business. Its stream is
// access-<frn>, and whatever must hold of a business's people at every moment holds in that one
// stream, so that its revision decides between two who act at once (requirements 11–22, 37, 39):
//
//   - Only an active administrator of the business, or an operator, changes anything here. Whether
//     the one who asks still is one is decided here, not by what he was shown.
//   - Nobody but an operator, on the request of an active administrator or supervisor or of an
//     access request, makes an administrator. Administrators may give themselves the other roles.
//   - No person's command leaves the business without an active administrator once it has one. The
//     clock's do, as its rules have no exceptions; the event [AdministratorsLow] tells operators.
//   - An invitation is for one person, at an address under the business's domains, until an
//     instant; it is accepted once, and can be revoked or sent again under a new token. Only
//     digests of tokens are stored.
//   - Nobody has a role here whose e-mail domain is none of the business's: not at invitation, not
//     at acceptance, not after either the person's address or the business's domains changed.
//
// # Disabling, at two levels
//
// One person has one account with roles per business. An administrator acts inside the businesses
// he administers alone (requirement 21), so what he disables is a membership: all roles of the
// person at this business, until enabled again. Package account disables the whole account, and
// with it sign-in: an operator does, and the clock. A member is active while nothing holds him here;
// whether he may come in at all is for his account to say, and both are asked at every request.
//
// # Commands that span streams
//
// The stream that can refuse goes first; what follows cannot refuse, does nothing the second time,
// and is repeated, from the first stream's event, by whoever finds it missing.
//
//	invite               account.Create, then Invite here: a crash between leaves an account without
//	                     a role, which the inactivity rule erases
//	accept               Accept here, then account.Activate: between them the person has roles and
//	                     cannot sign in yet
//	reset, change of     only account.ResetFactor, account.ResetQuestions or account.ChangeDetails:
//	a name               see below
//	change of address    the new address is reserved, Move at each business, account.ChangeDetails,
//	                     the old address is released: between them the old address still works, and
//	                     [State.Roles] is asked with the domain that the account has
//	disabled by operator Disable at each business (the last administrator is refused), then
//	                     account.Disable: between them the person signs in and may do nothing
//	disabled by clock    account.Tick, then Disable here by the clock: between them nobody comes
//	                     in, and the member still counts as an administrator
//	enabled              Enable here, then account.Enable: between them he cannot sign in. What
//	                     holds him at other businesses is for their administrators to lift
//	set up               each domain is reserved for the identity provider, Configure here, then
//	                     account.ChangeMethod for the members: between them they sign in as before
//	erased by operator   Remove at each business, then account.Erase, then the key is destroyed
//	erased by clock      account.Tick, then Remove by the clock at each business, then the key
//
// A reset of what a person signs in with, and a change of a name, are commands to the account alone. Whether
// who asks administers the business is looked up just before ([State.Manages]), so that one who is removed
// in that same moment may still have his last word. It is no more than he could have said a moment
// earlier, and gives him nothing: the link goes to the person's own address. To have this stream say it
// first would take an event here for each, and somebody to go on after a crash between the two; but
// a reset that goes on by itself, late, would void what the person has enrolled since. A change of address,
// which does give somebody something, is decided here first.
//
// No personal data is in this stream: a person is a user id, which stays as a pseudonym when the
// account is erased.
package membership

import (
	"maps"
	"slices"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
)

// State is what decisions about the people of a business need to know.
type State struct {
	domains     []address.Domain // sorted
	method      account.Method
	connection  string
	former      map[address.Domain]string // given up, with the connection of that time
	requests    []AdministratorRequested  // not answered yet
	members     map[string]member
	invitations map[string]invitation
}

// member is a person with roles, by user id.
type member struct {
	domain address.Domain
	roles  []access.Role // in the order of access.Roles
	holds  []Hold        // sorted; none where the member is active
}

type invitation struct {
	person  string
	domain  address.Domain
	roles   []access.Role
	digest  string
	expires time.Time
	status  status
}

type status string

const (
	pending  status = "pending"
	accepted status = "accepted"
	revoked  status = "revoked"
)

// Initial returns the state of a business that was never configured.
func Initial() *State {
	return &State{former: map[address.Domain]string{}, members: map[string]member{}, invitations: map[string]invitation{}}
}

// Domains returns the e-mail domains of the business, sorted.
func (s *State) Domains() []address.Domain { return slices.Clone(s.domains) }

// Former returns the domains that the business gave up, and has not got back, with the connection
// that it had with each. They may still be reserved.
func (s *State) Former() map[address.Domain]string { return maps.Clone(s.former) }

// SignIn returns how the people of the business sign in, and the id of the identity provider's
// settings; no method where the business was never configured.
func (s *State) SignIn() (method account.Method, connection string) { return s.method, s.connection }

// Requests returns the requests for administrators that operators have not answered.
func (s *State) Requests() []AdministratorRequested { return slices.Clone(s.requests) }

// Roles returns what a person whose account has an e-mail address under domain may act as here
// now: nothing for who is disabled or removed, or whose domain is none of the business's.
func (s *State) Roles(person string, domain address.Domain) []access.Role {
	m := s.members[person]
	if len(m.holds) > 0 || !s.admits(domain) {
		return nil
	}
	return slices.Clone(m.roles)
}

// Member is a person with roles at the business, as it is shown to its administrators.
type Member struct {
	Person string
	Domain address.Domain
	Roles  []access.Role
	// Holds says why the member is disabled; empty while active.
	Holds []Hold
}

// Members returns all members, by user id.
func (s *State) Members() []Member {
	list := make([]Member, 0, len(s.members))
	for _, person := range slices.Sorted(maps.Keys(s.members)) {
		m := s.members[person]
		list = append(list, Member{person, m.domain, slices.Clone(m.roles), slices.Clone(m.holds)})
	}
	return list
}

// Member returns the member with a user id, and false for who is none.
func (s *State) Member(person string) (Member, bool) {
	m, found := s.members[person]
	return Member{person, m.domain, slices.Clone(m.roles), slices.Clone(m.holds)}, found
}

// Invitation is somebody invited to the business.
type Invitation struct {
	ID, Person string
	Domain     address.Domain
	Roles      []access.Role
	// TokenDigest is of the token in the newest mail, which may be followed until ExpiresAt.
	TokenDigest string
	ExpiresAt   time.Time
	// Pending is whether it was neither accepted nor revoked.
	Pending bool
}

// Invitation returns the invitation with an id, and false where there never was one.
func (s *State) Invitation(id string) (Invitation, bool) {
	i, found := s.invitations[id]
	return Invitation{
		ID: id, Person: i.person, Domain: i.domain, Roles: slices.Clone(i.roles),
		TokenDigest: i.digest, ExpiresAt: i.expires, Pending: i.status == pending,
	}, found
}

// Invitations returns the invitations that were neither accepted nor revoked, by id; some may have
// expired.
func (s *State) Invitations() []Invitation {
	var list []Invitation
	for _, id := range slices.Sorted(maps.Keys(s.invitations)) {
		if i, _ := s.Invitation(id); i.Pending {
			list = append(list, i)
		}
	}
	return list
}

// Administrators returns the user ids of the active administrators, sorted. Where there is one
// alone, he and operators should be warned.
func (s *State) Administrators() []string {
	var list []string
	for person := range s.members {
		if s.acts(person, access.Administrator) {
			list = append(list, person)
		}
	}
	slices.Sort(list)
	return list
}

// acts reports whether person is an active member with one of roles.
func (s *State) acts(person string, roles ...access.Role) bool {
	m := s.members[person]
	return len(m.holds) == 0 && slices.ContainsFunc(m.roles, func(r access.Role) bool { return slices.Contains(roles, r) })
}

func (s *State) admits(domain address.Domain) bool { return slices.Contains(s.domains, domain) }

// invited returns the id of the pending invitation of a person, expired or not.
func (s *State) invited(person string) (id string, found bool) {
	for id, i := range s.invitations {
		if i.person == person && i.status == pending {
			return id, true
		}
	}
	return "", false
}

// ordered returns roles without repetitions, in the order of access.Roles.
func ordered(roles []access.Role) []access.Role {
	var list []access.Role
	for _, role := range access.Roles() {
		if slices.Contains(roles, role) {
			list = append(list, role)
		}
	}
	return list
}

// without returns roles but for those in drop.
func without(roles, drop []access.Role) []access.Role {
	var list []access.Role
	for _, role := range roles {
		if !slices.Contains(drop, role) {
			list = append(list, role)
		}
	}
	return list
}
