package membership

import (
	"slices"

	"casesync/domain/access"
)

// requestAdministrator takes one request of each person for each.
func (s *State) requestAdministrator(c RequestAdministrator) ([]Event, error) {
	if !s.acts(c.By.Person, access.Administrator, access.Supervisor) {
		return nil, refuseMayNotRequest()
	}
	if c.Person != "" {
		m, found := s.members[c.Person]
		if !found {
			return nil, refuseNotMember()
		}
		if administrates(m.roles) {
			return nil, refuseAdministratorAlready()
		}
	}
	event := AdministratorRequested{RequestedBy: c.By.Person, Person: c.Person}
	if slices.Contains(s.requests, event) {
		return nil, nil
	}
	return []Event{&event}, nil
}

func (s *State) grant(c Grant) ([]Event, error) {
	if err := s.authoriseRoles(c.By, c.Roles, c.Warrant); err != nil {
		return nil, err
	}
	m, found := s.members[c.Person]
	if !found {
		return nil, refuseNotMember()
	}
	added := without(ordered(c.Roles), m.roles)
	if len(added) == 0 {
		return nil, nil
	}
	event := &RolesGranted{Person: c.Person, Roles: added}
	if administrates(added) {
		event.Warrant = c.Warrant
	}
	return []Event{event}, nil
}

func (s *State) revoke(c Revoke) ([]Event, error) {
	if err := s.authorise(c.By); err != nil {
		return nil, err
	}
	m, found := s.members[c.Person]
	if !found {
		return nil, refuseNotMember()
	}
	kept := without(m.roles, c.Roles)
	dropped := without(m.roles, kept)
	switch {
	case len(dropped) == 0:
		return nil, nil
	case len(kept) == 0:
		return nil, refuseLastRole()
	case !administrates(dropped):
		return []Event{&RolesRevoked{Person: c.Person, Roles: dropped}}, nil
	case s.last(c.Person):
		return nil, refuseLastAdministrator(c.By)
	}
	return s.warn([]Event{&RolesRevoked{Person: c.Person, Roles: dropped}}, c.Person), nil
}

func (s *State) disable(c Disable) ([]Event, error) {
	hold := c.By.hold()
	if !c.By.Clock {
		if err := s.authorise(c.By); err != nil {
			return nil, err
		}
	}
	m, found := s.members[c.Person]
	switch {
	case !found && c.By.Clock, slices.Contains(m.holds, hold):
		return nil, nil
	case !found:
		return nil, refuseNotMember()
	case !c.By.Clock && s.last(c.Person):
		return nil, refuseLastAdministrator(c.By)
	}
	return s.warn([]Event{&MemberDisabled{Person: c.Person, Hold: hold}}, c.Person), nil
}

// hold is what the one who asks puts a member under.
func (b By) hold() Hold {
	switch {
	case b.Clock:
		return HeldForInactivity
	case b.Operator:
		return HeldByOperator
	}
	return HeldByAdministrator
}

func (s *State) enable(c Enable) ([]Event, error) {
	if err := s.authorise(c.By); err != nil {
		return nil, err
	}
	m, found := s.members[c.Person]
	switch {
	case !found:
		return nil, refuseNotMember()
	case len(m.holds) == 0:
		return nil, nil
	case !c.By.Operator && slices.Contains(m.holds, HeldByOperator):
		return nil, refuseHeldByOperator()
	}
	return []Event{&MemberEnabled{Person: c.Person, Lifted: slices.Clone(m.holds)}}, nil
}

func (s *State) remove(c Remove) ([]Event, error) {
	cause := Asked
	if c.Erasing || c.By.Clock {
		cause = Erased
	}
	if !c.By.Clock {
		if err := s.authorise(c.By); err != nil {
			return nil, err
		}
		if c.Erasing && !c.By.Operator {
			return nil, refuseOperatorsOnly()
		}
	}
	_, found := s.members[c.Person]
	switch {
	case !found && cause != Erased:
		return nil, refuseNotMember()
	case !c.By.Clock && s.last(c.Person):
		return nil, refuseLastAdministrator(c.By)
	}
	var events []Event
	if id, invited := s.invited(c.Person); invited {
		events = append(events, &InvitationRevoked{InvitationID: id, Cause: cause})
	}
	if found {
		events = append(events, &MemberRemoved{Person: c.Person, Cause: cause})
	}
	return s.warn(events, c.Person), nil
}

func (s *State) move(c Move) ([]Event, error) {
	if err := s.authorise(c.By); err != nil {
		return nil, err
	}
	_, found := s.members[c.Person]
	switch {
	case !found:
		return nil, refuseNotMember()
	case !s.admits(c.Email.Domain()):
		return nil, refuseDomainOutside()
	}
	return []Event{&MemberMoved{Person: c.Person, Domain: c.Email.Domain()}}, nil
}

// Manages reports whether a person may manage the account of another in what concerns both their
// businesses, such as resetting the second factor: the first is an active administrator here, the
// second a member.
func (s *State) Manages(administrator, person string) bool {
	_, member := s.members[person]
	return member && s.acts(administrator, access.Administrator)
}
