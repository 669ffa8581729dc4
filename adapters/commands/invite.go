package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// Invite invites somebody to a business, and returns the ids of the invitation and of the person.
// Somebody who has an account keeps it, with its name and address; who has none, or was erased, gets
// one. Who never came, and was disabled for inactivity, can come now; and who was away while the business
// changed its way of signing in takes that.
//
// The order: whether the business would take the invitation at all; the address is reserved for a
// user id; account.Create; membership.Invite. A crash after the second leaves a reserved address, one
// after the third an account without a role, which the inactivity rule erases. The same invitation
// again goes on with either.
func (p *People) Invite(ctx context.Context, ask Ask, frn string, invitation Invitation) (invitationID, person string, done Done, err error) {
	o, err := p.authorise(ask, frn, "membership.invite", "account.create")
	if err != nil {
		return "", "", Done{}, err
	}
	made, err := p.invite(ctx, o, frn, invitation)
	return made.id, made.person, made.done, err
}

// invited is an invitation that was recorded: now, or the first time that its command was given.
type invited struct {
	id, person string
	done       Done
}

func (p *People) invite(ctx context.Context, o order, frn string, who Invitation) (made invited, err error) {
	email, err := address.ParseEmail(who.Email)
	if err != nil {
		return made, err
	}
	link := Link{Kind: InvitationLink, Of: frn, ID: uuid.NewSHA1(o.id, []byte("invitation\n"+frn)).String(), ExpiresAt: expiry(o.at, p.config.InvitationAge)}
	command := membership.Invite{
		By: o.by, InvitationID: link.ID, Email: email, Roles: who.Roles, Warrant: who.Warrant,
		TokenDigest: Digest(p.config.Links.Token(link)), ExpiresAt: link.ExpiresAt, At: o.at,
	}
	command.Person, err = p.accountFor(ctx, o, frn, who.Name, email, command)
	if err != nil {
		return made, fmt.Errorf("make account for an invitation: %w", err)
	}
	answer, err := p.memberships.do(ctx, o, frn, command)
	if err != nil {
		return made, fmt.Errorf("invite: %w", err)
	}
	made.done = Done{answer.Position}
	for _, event := range answer.Events {
		if event, is := event.(*membership.MemberInvited); is {
			made.id, made.person = event.InvitationID, event.Person
		}
	}
	return made, nil
}

// expiry is an age from an instant, to the second: it is part of tokens that mail makes again.
func expiry(at time.Time, age time.Duration) time.Time { return at.Add(age).Truncate(time.Second) }

// accountFor returns the user id of the account with an address, and makes the account where there is none.
// Nothing is made that the business would refuse to invite.
func (p *People) accountFor(ctx context.Context, o order, frn, name string, email address.Email, invite membership.Invite) (string, error) {
	holder, err := holderOf(ctx, p.emails, p.emailID(email.Canonical()))
	if err != nil {
		return "", err
	}
	status, err := p.statusOf(ctx, holder)
	switch {
	case err != nil:
		return "", err
	case status != account.Missing && status != account.Gone:
		if err := p.has(ctx, holder, email); err != nil {
			return "", err
		}
		invite.Person = holder
		return holder, p.readmit(ctx, o, frn, holder, invite)
	}
	// Nobody has an account yet: a stand-in for the user id is enough to ask about the rest.
	invite.Person = uuid.NewString()
	if err := p.memberships.check(ctx, o, frn, invite); err != nil {
		return "", err
	}
	if status == account.Gone {
		// The person was erased; whoever has the address now is told apart from him by a new user id.
		// This is the last step of that erasure, and does nothing where it was done.
		if _, err := p.release(ctx, o, email.Canonical(), holder); err != nil {
			return "", err
		}
	}
	return p.create(ctx, o, frn, name, email)
}

// create reserves an address and makes the account that holds it.
func (p *People) create(ctx context.Context, o order, frn, name string, email address.Email) (string, error) {
	business, err := p.Business(ctx, frn)
	if err != nil {
		return "", err
	}
	create := account.Create{Name: name, Email: email, Method: business.Method, Connection: business.Connection, Day: o.day()}
	if err := p.accounts.check(ctx, o.following(), uuid.NewString(), create); err != nil {
		return "", err // the name, say; before the address is reserved
	}
	person, err := p.reserveAddress(ctx, o, email)
	if err != nil {
		return "", err
	}
	_, err = p.accounts.do(ctx, o.following(), person, create)
	return person, err
}

// readmit has the account of a person whom command would invite (again) fit to follow the link: inactivity
// is lifted from who never came, and who was away while the business changed its way of signing in takes
// that. Nothing changes where the business would refuse. A crash after it leaves an account that waits for
// an invitation; the same one again goes on.
func (p *People) readmit(ctx context.Context, o order, frn, person string, command membership.Command) error {
	follow := account.ChangeMethod{}
	err := p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		follow.Method, follow.Connection = state.SignIn()
	})
	if err != nil {
		return err
	}
	lift, change := false, false
	err = p.accounts.look(ctx, person, func(state *account.State, _ eventstore.Revision) {
		method, connection := state.Method()
		lift = state.Status() == account.Disabled
		change = state.Status() != account.Missing && state.Status() != account.Gone && (method != follow.Method || connection != follow.Connection)
	})
	if err != nil || !lift && !change {
		return err
	}
	if err := p.memberships.check(ctx, o, frn, command); err != nil {
		return err
	}
	if lift {
		if _, err := p.accounts.do(ctx, o.following(), person, account.Create{Day: o.day()}); err != nil {
			return err
		}
	}
	if change { // not the administrator's doing: the business was configured so
		_, err = p.accounts.do(ctx, p.ofSystem(systemReactions), person, follow)
	}
	return err
}

// statusOf returns where an account stands; account.Missing for "".
func (p *People) statusOf(ctx context.Context, person string) (account.Status, error) {
	status := account.Missing
	if person == "" {
		return status, nil
	}
	err := p.accounts.look(ctx, person, func(state *account.State, _ eventstore.Revision) { status = state.Status() })
	return status, err
}

// has refuses an address that is reserved for a person who does not have it: it was his, or is to be
// his, and the change is not finished.
func (p *People) has(ctx context.Context, person string, email address.Email) error {
	view, err := p.Account(ctx, person)
	if err != nil {
		return err
	}
	if canonical(view.Email) != email.Canonical() {
		return &domain.Refusal{
			Code:   "email-taken",
			Reason: "This e-mail address belongs to another account, or did until a moment ago. Try again in a minute, or use another address.",
		}
	}
	return nil
}

// Resend sends a pending invitation again, also an expired one, under a new token and for a new
// time. The token sent before is void. Who never came, and was disabled for inactivity, can come now.
func (p *People) Resend(ctx context.Context, ask Ask, frn, invitationID string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.resend")
	if err != nil {
		return Done{}, err
	}
	expires := expiry(o.at, p.config.InvitationAge)
	person := ""
	err = p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		former, found := state.Invitation(invitationID)
		person = former.Person
		// Sent twice within a second, it must not be the same token: the second mail would not be sent.
		if found && !expires.After(former.ExpiresAt) {
			expires = former.ExpiresAt.Add(time.Second)
		}
	})
	if err != nil {
		return Done{}, fmt.Errorf("send invitation again: %w", err)
	}
	token := p.config.Links.Token(Link{Kind: InvitationLink, Of: frn, ID: invitationID, ExpiresAt: expires})
	command := membership.Resend{By: o.by, InvitationID: invitationID, TokenDigest: Digest(token), ExpiresAt: expires, At: o.at}
	if person == "" {
		return p.onMember(ctx, o, frn, command) // which refuses it
	}
	if err := p.readmit(ctx, o, frn, person, command); err != nil {
		return Done{}, fmt.Errorf("send invitation again: %w", err)
	}
	done, err := p.memberships.done(ctx, o, frn, command)
	if err != nil {
		return Done{}, fmt.Errorf("send invitation again: %w", err)
	}
	return done, nil
}

// RevokeInvitation makes a pending invitation void.
func (p *People) RevokeInvitation(ctx context.Context, ask Ask, frn, invitationID string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.revoke-invitation")
	if err != nil {
		return Done{}, err
	}
	done, err := p.memberships.done(ctx, o, frn, membership.RevokeInvitation{By: o.by, InvitationID: invitationID})
	if err != nil {
		return Done{}, fmt.Errorf("revoke invitation: %w", err)
	}
	return done, nil
}
