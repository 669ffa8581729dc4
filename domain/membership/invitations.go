package membership

import (
	"crypto/subtle"
	"time"

	"casesync/domain/access"
)

func (s *State) decideInvite(c Invite) ([]Event, error) {
	if err := s.authoriseRoles(c.By, c.Roles, c.Warrant); err != nil {
		return nil, err
	}
	if c.Person == "" || c.InvitationID == "" || c.TokenDigest == "" {
		return nil, errIncomplete
	}
	if !s.admits(c.Email.Domain()) {
		return nil, refuseDomainOutside()
	}
	if _, member := s.members[c.Person]; member {
		return nil, refuseAlreadyMember()
	}
	if _, taken := s.invitations[c.InvitationID]; taken {
		return nil, errIncomplete
	}
	if err := lifetime(c.At, c.ExpiresAt); err != nil {
		return nil, err
	}
	var events []Event
	if former, found := s.invited(c.Person); found {
		if c.At.Before(s.invitations[former].expires) {
			return nil, refuseAlreadyInvited()
		}
		events = append(events, &InvitationRevoked{InvitationID: former, Cause: Replaced})
	}
	if s.waiting(c.At) >= PendingInvitationsMax {
		return nil, refuseTooManyInvitations()
	}
	event := &MemberInvited{
		InvitationID: c.InvitationID, Person: c.Person, Domain: c.Email.Domain(), Roles: ordered(c.Roles),
		TokenDigest: c.TokenDigest, ExpiresAt: c.ExpiresAt.UTC(),
	}
	if administrates(c.Roles) {
		event.Warrant = c.Warrant
	}
	return append(events, event), nil
}

// lifetime refuses an invitation that would have expired at once, or would live too long.
func lifetime(at, expires time.Time) error {
	if !expires.After(at) || expires.Sub(at) > InvitationLifetimeMax {
		return refuseLifetime()
	}
	return nil
}

// waiting counts the invitations that can be accepted at an instant.
func (s *State) waiting(at time.Time) (n int) {
	for _, i := range s.invitations {
		if i.status == pending && at.Before(i.expires) {
			n++
		}
	}
	return n
}

func (s *State) resend(c Resend) ([]Event, error) {
	if err := s.authorise(c.By); err != nil {
		return nil, err
	}
	i, found := s.invitations[c.InvitationID]
	switch {
	case !found:
		return nil, refuseInvitationUnknown()
	case administrates(i.roles) && !c.By.Operator:
		// An expired invitation sent again makes the administrator whom time had unmade.
		return nil, refuseAdministratorByOperator()
	case i.status != pending:
		return nil, refuseInvitationOver(i.status)
	case !s.admits(i.domain):
		return nil, refuseDomainOutside()
	case c.TokenDigest == "" || c.TokenDigest == i.digest:
		return nil, errIncomplete
	}
	if err := lifetime(c.At, c.ExpiresAt); err != nil {
		return nil, err
	}
	return []Event{&InvitationResent{InvitationID: c.InvitationID, TokenDigest: c.TokenDigest, ExpiresAt: c.ExpiresAt.UTC()}}, nil
}

func (s *State) revokeInvitation(c RevokeInvitation) ([]Event, error) {
	if err := s.authorise(c.By); err != nil {
		return nil, err
	}
	i, found := s.invitations[c.InvitationID]
	switch {
	case !found:
		return nil, refuseInvitationUnknown()
	case i.status == revoked:
		return nil, nil
	case i.status != pending:
		return nil, refuseInvitationOver(i.status)
	}
	return []Event{&InvitationRevoked{InvitationID: c.InvitationID, Cause: Asked}}, nil
}

// accept gives one answer to whoever does not hold the token, so that nobody learns who is invited;
// to whoever does, it says what became of the invitation.
func (s *State) accept(c Accept) ([]Event, error) {
	i := s.invitations[c.InvitationID]
	holds := i.digest != "" && subtle.ConstantTimeCompare([]byte(i.digest), []byte(c.TokenDigest)) == 1
	switch {
	case !holds:
		return nil, refuseInvitationInvalid()
	case i.person != c.Person:
		return nil, refuseInvitationOfAnother()
	case i.status != pending:
		return nil, refuseInvitationOver(i.status)
	case !c.At.Before(i.expires):
		return nil, refuseInvitationExpired()
	case !s.admits(c.Email.Domain()):
		return nil, refuseDomainOutside()
	}
	return []Event{&InvitationAccepted{
		InvitationID: c.InvitationID, Person: c.Person, Domain: c.Email.Domain(), Roles: append([]access.Role(nil), i.roles...),
	}}, nil
}
