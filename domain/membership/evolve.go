package membership

import (
	"slices"

	"casesync/domain/access"
)

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *Configured:
		state.configured(event)
	case *AdministratorRequested:
		state.requests = append(state.requests, *event)
	case *MemberInvited:
		state.answer(event.Roles, event.Warrant, "")
		state.invitations[event.InvitationID] = invitation{
			person: event.Person, domain: event.Domain, roles: ordered(event.Roles),
			digest: event.TokenDigest, expires: event.ExpiresAt, status: pending,
		}
	case *InvitationResent:
		state.invite(event.InvitationID, func(i *invitation) { i.digest, i.expires = event.TokenDigest, event.ExpiresAt })
	case *InvitationRevoked:
		state.invite(event.InvitationID, func(i *invitation) { i.status = revoked })
	case *InvitationAccepted:
		state.invite(event.InvitationID, func(i *invitation) { i.status = accepted })
		state.members[event.Person] = member{domain: event.Domain, roles: ordered(event.Roles)}
	default:
		state.evolveMember(event)
	}
	return state
}

func (s *State) configured(event *Configured) {
	for _, domain := range s.domains {
		s.former[domain] = s.connection
	}
	for _, domain := range event.Domains {
		delete(s.former, domain)
	}
	s.domains = slices.Sorted(slices.Values(event.Domains))
	s.method, s.connection = event.Method, event.Connection
}

func (s *State) evolveMember(event Event) {
	switch event := event.(type) {
	case *RolesGranted:
		s.answer(event.Roles, event.Warrant, event.Person)
		s.member(event.Person, func(m *member) { m.roles = ordered(slices.Concat(m.roles, event.Roles)) })
	case *RolesRevoked:
		s.member(event.Person, func(m *member) { m.roles = without(m.roles, event.Roles) })
	case *MemberDisabled:
		s.member(event.Person, func(m *member) { m.holds = slices.Sorted(slices.Values(append(slices.Clone(m.holds), event.Hold))) })
	case *MemberEnabled:
		s.member(event.Person, func(m *member) { m.holds = nil })
	case *MemberMoved:
		s.member(event.Person, func(m *member) { m.domain = event.Domain })
	case *MemberRemoved:
		delete(s.members, event.Person)
		s.requests = slices.DeleteFunc(s.requests, func(r AdministratorRequested) bool {
			return r.RequestedBy == event.Person || r.Person == event.Person
		})
	}
}

func (s *State) member(person string, change func(*member)) {
	m := s.members[person]
	change(&m)
	s.members[person] = m
}

func (s *State) invite(id string, change func(*invitation)) {
	i := s.invitations[id]
	change(&i)
	s.invitations[id] = i
}

// answer drops the request that making an administrator answers: of whoever is the warrant, for the
// person, or for nobody named.
func (s *State) answer(roles []access.Role, warrant Warrant, person string) {
	if administrates(roles) {
		s.requests = slices.DeleteFunc(s.requests, func(r AdministratorRequested) bool {
			return r.RequestedBy == warrant.RequestedBy && (r.Person == "" || r.Person == person)
		})
	}
}

// administrates reports whether roles have the administrator among them.
func administrates(roles []access.Role) bool { return slices.Contains(roles, access.Administrator) }
