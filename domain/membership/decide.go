package membership

import (
	"errors"
	"fmt"
	"slices"

	"casesync/domain/access"
	"casesync/domain/address"
)

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Configure:
		return state.configure(command)
	case RequestAdministrator:
		return state.requestAdministrator(command)
	case Invite:
		return state.decideInvite(command)
	case Resend:
		return state.resend(command)
	case RevokeInvitation:
		return state.revokeInvitation(command)
	case Accept:
		return state.accept(command)
	case Grant:
		return state.grant(command)
	case Revoke:
		return state.revoke(command)
	case Disable:
		return state.disable(command)
	case Enable:
		return state.enable(command)
	case Remove:
		return state.remove(command)
	case Move:
		return state.move(command)
	}
	return nil, fmt.Errorf("decide %T: not a command about the people of a business", command)
}

// authorise refuses whoever may not, now, change anything here.
func (s *State) authorise(by By) error {
	switch {
	case by.Clock:
		return errors.New("the clock does not ask for this")
	case by.Operator || s.acts(by.Person, access.Administrator):
		return nil
	}
	return refuseNotAdministrator()
}

// authoriseRoles refuses roles that by may not give here.
func (s *State) authoriseRoles(by By, roles []access.Role, warrant Warrant) error {
	if err := s.authorise(by); err != nil {
		return err
	}
	if len(roles) == 0 || slices.ContainsFunc(roles, func(r access.Role) bool { return !r.OfBusiness() }) {
		return refuseRoles()
	}
	if !administrates(roles) {
		return nil
	}
	if !by.Operator {
		return refuseAdministratorByOperator()
	}
	requested := s.acts(warrant.RequestedBy, access.Administrator, access.Supervisor)
	if requested == (warrant.Onboarding != "") || !requested && warrant.RequestedBy != "" {
		return refuseWarrant()
	}
	return nil
}

func (s *State) configure(c Configure) ([]Event, error) {
	if !c.By.Operator {
		return nil, refuseOperatorsOnly()
	}
	domains := slices.Compact(slices.Sorted(slices.Values(c.Domains)))
	if len(domains) == 0 || len(domains) > DomainsMax {
		return nil, refuseDomains()
	}
	if !c.Method.Known() || c.Method.Federated() != (c.Connection != "") {
		return nil, refuseMethod()
	}
	if slices.Equal(domains, s.domains) && c.Method == s.method && c.Connection == s.connection {
		return nil, nil
	}
	events := []Event{&Configured{Domains: domains, Method: c.Method, Connection: c.Connection}}
	var gone []string
	for _, m := range s.Members() {
		if !slices.Contains(domains, m.Domain) {
			events = append(events, &MemberRemoved{Person: m.Person, Cause: DomainWithdrawn})
			gone = append(gone, m.Person)
		}
	}
	if before := s.Administrators(); len(before) > 0 && len(remaining(before, gone)) == 0 {
		return nil, refuseLastAdministrator(c.By)
	}
	for _, id := range s.pendingOutside(domains) {
		events = append(events, &InvitationRevoked{InvitationID: id, Cause: DomainWithdrawn})
	}
	return s.warn(events, gone...), nil
}

// pendingOutside returns the ids of pending invitations under none of domains, sorted.
func (s *State) pendingOutside(domains []address.Domain) []string {
	var ids []string
	for id, i := range s.invitations {
		if i.status == pending && !slices.Contains(domains, i.domain) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// warn adds to events, by which the persons gone stop being active administrators, what there is
// to say where few are left.
func (s *State) warn(events []Event, gone ...string) []Event {
	before := s.Administrators()
	if left := len(remaining(before, gone)); left < len(before) && left <= 1 {
		events = append(events, &AdministratorsLow{Left: left})
	}
	return events
}

func remaining(administrators, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(administrators), func(person string) bool { return slices.Contains(gone, person) })
}

// last reports whether person is the one active administrator.
func (s *State) last(person string) bool {
	return slices.Equal(s.Administrators(), []string{person})
}
