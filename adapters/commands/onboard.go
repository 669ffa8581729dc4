package commands

import (
	"context"
	"fmt"
	"slices"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/connection"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/eventstore"
)

// ConfigureRequest sets up the businesses of a complete request. A connection that is not set yet is
// made of the request's technical data, with the name of the place of its secret; one that is set is
// taken as it is.
//
// The order: whether the request is complete; the connection; the businesses, as ConfigureBusiness
// does, none before all could be; then the request notes it. A crash between leaves the request
// behind; the same command again finds the first part done.
func (p *People) ConfigureRequest(ctx context.Context, ask Ask, id, connectionID, secretReference string) (Done, error) {
	o, err := p.authorise(ask, "", "onboarding.configure", "connection.set", "membership.configure", "account.change-method")
	if err != nil {
		return Done{}, err
	}
	view, err := p.showRequest(ctx, id)
	if err != nil {
		return Done{}, err
	}
	// What is configured is what was read here: it must be that which was found complete.
	note, read := onboarding.Configure{Connection: connectionID, SecretReference: secretReference, Day: o.day()}, o
	if read.expected == nil {
		read.expected = &view.Revision
	}
	if err := p.requests.check(ctx, read, id, note); err != nil {
		return Done{}, fmt.Errorf("configure businesses of an access request: %w", err)
	}
	how := view.Request.Authentication
	if how.Method.Federated() {
		if err := p.ensureConnection(ctx, o.following(), how, connectionID, secretReference); err != nil {
			return Done{}, err
		}
	}
	var setups []setup
	for _, business := range view.Request.Businesses {
		setups = append(setups, setup{business.FRN, membership.Configure{
			By: o.by, Domains: business.Domains, Method: how.Method, Connection: connectionID,
		}})
	}
	configured, err := p.configure(ctx, o.following(), setups...)
	if err != nil {
		return Done{}, fmt.Errorf("configure businesses of an access request: %w", err)
	}
	noted, err := p.onRequest(ctx, o, id, note)
	return later(configured, noted), err
}

// ensureConnection makes a connection of a request's data, where there is none; one that there is has
// to be of the same method.
func (p *People) ensureConnection(ctx context.Context, o order, how onboarding.Authentication, id, secretReference string) error {
	_, found, err := p.Connection(ctx, id)
	if err != nil {
		return err
	}
	if found {
		return p.checkConnection(ctx, how.Method, id)
	}
	settings := connection.Settings{ID: id, Method: how.Method}
	if how.Method == account.OIDC {
		settings.OIDC = connection.OIDC{Issuer: how.Issuer, ClientID: how.ClientID, SecretReference: secretReference}
	} else {
		settings.SAML = connection.SAML{Metadata: how.Metadata, MetadataURL: how.MetadataURL}
	}
	_, err = p.setConnection(ctx, o, settings)
	return err
}

// InviteAdministrators invites the administrators that a configured request names (requirement 36).
//
// The order, business by business: each administrator as Invite does, with the request as the warrant; then
// the request notes that they were invited. A crash between leaves some invited; the same command again finds
// them so, and goes on with the others.
func (p *People) InviteAdministrators(ctx context.Context, ask Ask, id string) (done Done, err error) {
	o, err := p.authorise(ask, "", "onboarding.note-invited", "membership.invite", "membership.grant", "account.create")
	if err != nil {
		return Done{}, err
	}
	view, err := p.showRequest(ctx, id)
	if err != nil {
		return Done{}, err
	}
	for _, business := range view.Request.Businesses {
		step, err := p.inviteFor(ctx, o.named(business.FRN), view, business.FRN)
		if err != nil {
			return done, fmt.Errorf("invite administrators: %w", err)
		}
		if done = later(done, step); !step.Position.IsZero() {
			o = o.following() // the request is not at the expected revision any more: by this command
		}
	}
	return done, nil
}

// inviteFor invites the administrators of one business, unless they were.
func (p *People) inviteFor(ctx context.Context, o order, view RequestView, frn string) (Done, error) {
	note := onboarding.NoteInvited{FRN: frn, Day: o.day()}
	news, err := p.requests.would(ctx, o, view.ID, note)
	if err != nil || !news {
		return Done{}, err
	}
	for _, administrator := range view.People.Administrators {
		if !slices.Contains(administrator.FRNs, frn) {
			continue
		}
		if err := p.inviteAdministrator(ctx, o.following(), view.ID, frn, administrator.Person); err != nil {
			return Done{}, err
		}
	}
	return p.onRequest(ctx, o, view.ID, note)
}

// inviteAdministrator invites somebody as an administrator, or makes a member one. Who is either
// already is left as he is.
func (p *People) inviteAdministrator(ctx context.Context, o order, request, frn string, who onboarding.Person) error {
	o = o.named(p.emailID(canonical(who.Email)))
	roles, warrant := []access.Role{access.Administrator}, membership.Warrant{Onboarding: request}
	_, err := p.invite(ctx, o, frn, Invitation{Name: who.Name, Email: who.Email, Roles: roles, Warrant: warrant})
	switch refusalCode(err) {
	case "already-member":
		person, err := p.PersonOf(ctx, who.Email)
		if err != nil {
			return err
		}
		_, err = p.memberships.do(ctx, o, frn, membership.Grant{By: o.by, Person: person, Roles: roles, Warrant: warrant})
		return err
	case "already-invited":
		invited, failed := p.invitedAs(ctx, frn, who.Email, access.Administrator)
		if failed != nil || invited {
			return failed
		}
	}
	return err
}

// invitedAs reports whether who has an address is invited to a business in a role.
func (p *People) invitedAs(ctx context.Context, frn, email string, role access.Role) (is bool, err error) {
	person, err := p.PersonOf(ctx, email)
	if err != nil {
		return false, err
	}
	err = p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		is = slices.ContainsFunc(state.Invitations(), func(i membership.Invitation) bool {
			return i.Person == person && slices.Contains(i.Roles, role)
		})
	})
	return is, err
}
