package commands

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// OpenLink returns what the token of an invitation or of a reset stands for while it may be used,
// and ErrLink for one that is unknown, used, revoked or expired: nobody learns which.
func (p *People) OpenLink(ctx context.Context, token string) (OpenedLink, error) {
	link, err := ParseLink(token)
	if err != nil {
		return OpenedLink{}, err
	}
	var opened OpenedLink
	var person string
	switch link.Kind {
	case InvitationLink:
		opened, person, err = p.openInvitation(ctx, link, token)
	case ResetLink:
		opened, person, err = p.openReset(ctx, link, token)
	default:
		return OpenedLink{}, ErrLink
	}
	if err == nil && (person == "" || !p.config.Now().Before(opened.ExpiresAt)) {
		err = ErrLink
	}
	if err != nil {
		return OpenedLink{}, linkError(err)
	}
	opened.Link, opened.Link.ExpiresAt = link, opened.ExpiresAt
	if opened.Account, err = p.Account(ctx, person); err != nil {
		return OpenedLink{}, linkError(err)
	}
	return opened, nil
}

// linkError tells the holder of a link nothing of what there is not.
func linkError(err error) error {
	if errors.Is(err, ErrLink) || errors.Is(err, ErrUnknown) {
		return ErrLink
	}
	return fmt.Errorf("open link: %w", err)
}

// openInvitation returns a pending invitation and whom it is for; nobody where the token is not its.
func (p *People) openInvitation(ctx context.Context, link Link, token string) (opened OpenedLink, person string, err error) {
	err = p.memberships.look(ctx, link.Of, func(state *membership.State, _ eventstore.Revision) {
		invitation, found := state.Invitation(link.ID)
		if found && invitation.Pending && same(invitation.TokenDigest, Digest(token)) {
			opened = OpenedLink{FRN: link.Of, Roles: invitation.Roles, ExpiresAt: invitation.ExpiresAt}
			person = invitation.Person
		}
	})
	return opened, person, err
}

// same compares digests in a time that does not tell where they differ.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// AcceptInvitation takes an invitation up, for whoever holds its token and has shown to be the person
// invited: by enrolling a second factor, or by an identity provider that vouches for email. Where email is
// not "" it must be the account's own address. An identity is bound to the account before
// (LinkIdentity), a factor noted (NoteFactor).
//
// The order: whether the account is fit to be activated; membership.Accept; account.Activate. A crash
// between the last two leaves a member who cannot sign in yet; the same link again, or
// FinishAcceptance, goes on from there.
func (p *People) AcceptInvitation(ctx context.Context, token, email string) (Done, error) {
	link, err := ParseLink(token)
	if err != nil || link.Kind != InvitationLink {
		return Done{}, ErrLink
	}
	person := ""
	err = p.memberships.look(ctx, link.Of, func(state *membership.State, _ eventstore.Revision) {
		if invitation, found := state.Invitation(link.ID); found && same(invitation.TokenDigest, Digest(token)) {
			person = invitation.Person
		}
	})
	if err == nil && person == "" {
		err = ErrLink
	}
	if err != nil {
		return Done{}, linkError(err)
	}
	view, err := p.Account(ctx, person)
	if err != nil {
		return Done{}, linkError(err)
	}
	done, err := p.accept(ctx, link, token, email, view)
	if err != nil {
		return Done{}, fmt.Errorf("accept invitation: %w", err)
	}
	return done, nil
}

func (p *People) accept(ctx context.Context, link Link, token, email string, view AccountView) (Done, error) {
	own, err := address.ParseEmail(view.Email)
	if err != nil {
		return Done{}, err
	}
	if email != "" && canonical(email) != own.Canonical() {
		return Done{}, refuseAnother()
	}
	o := p.ofHolder(actorOf(view.Person))
	activate := account.Activate{Day: o.day()}
	if err := p.accounts.check(ctx, o, view.Person, activate); err != nil {
		return Done{}, err
	}
	accepted, err := p.memberships.done(ctx, o, link.Of, membership.Accept{
		InvitationID: link.ID, TokenDigest: Digest(token), Person: view.Person, Email: own, At: o.at,
	})
	if refusalCode(err) == codeInvitationUsed && view.Status == account.Invited {
		return p.FinishAcceptance(ctx, link.Of, view.Person)
	}
	if err != nil {
		return Done{}, err
	}
	activated, err := p.accounts.done(ctx, o, view.Person, activate)
	return later(accepted, activated), err
}

// codeInvitationUsed is the code by which a business refuses an invitation that was accepted.
const codeInvitationUsed = "invitation-used"

// refuseAnother refuses an invitation to whom it was not sent.
func refuseAnother() error {
	return &domain.Refusal{
		Code:   "invitation-for-another",
		Reason: "You signed in under another e-mail address than the one that was invited. Sign in as the person invited, or ask for an invitation of your own.",
	}
}

// FinishAcceptance opens the account of who accepted an invitation of a business. It does nothing
// for who is no member there, or whose account is not fit yet: the person still has to go on.
func (p *People) FinishAcceptance(ctx context.Context, frn, person string) (Done, error) {
	member := false
	err := p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		_, member = state.Member(person)
	})
	if err != nil || !member {
		return Done{}, err
	}
	o := p.ofSystem(systemReactions)
	done, err := p.accounts.done(ctx, o, person, account.Activate{Day: o.day()})
	if refusalCode(err) != "" {
		return Done{}, nil
	}
	return done, err
}
