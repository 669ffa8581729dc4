package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"casesync/domain/account"
	"casesync/eventstore"
)

// RequestReset has a reset link mailed to a person with an active local account, in place of any
// before for the same purpose. Anybody may ask for one for the password, as the mail goes to the account's own address;
// one for the second factor takes the permission to reset factors at a business of the person, or to
// manage accounts. Where ask.By is nobody, nobody is told what became of it: that is for the caller.
func (p *People) RequestReset(ctx context.Context, ask Ask, person string, purpose account.ResetPurpose) (Done, error) {
	o := p.ofHolder(anybody)
	if ask.By.ID != "" {
		o.actor = ask.By.ID
	}
	if purpose != account.ResetPassword {
		if err := p.mayResetFactor(ctx, ask, person); err != nil {
			return Done{}, err
		}
	}
	o.id = idOr(ask.ID)
	link := Link{Kind: ResetLink, Of: person, ID: uuid.NewSHA1(o.id, []byte("reset\n"+person)).String(), ExpiresAt: expiry(o.at, p.config.ResetAge)}
	done, err := p.accounts.done(ctx, o, person, account.RequestReset{
		ID: link.ID, Purpose: purpose, TokenDigest: Digest(p.config.Links.Token(link)), ExpiresAt: link.ExpiresAt, At: o.at,
	})
	if err != nil {
		return Done{}, fmt.Errorf("request reset: %w", err)
	}
	return done, nil
}

// anybody is the actor of what somebody asked who did not say who he is.
const anybody = "system:anybody"

// mayResetFactor refuses whoever may reset factors at none of the businesses of a person.
func (p *People) mayResetFactor(ctx context.Context, ask Ask, person string) error {
	if _, err := p.authorise(ask, "", "account.request-reset"); err == nil {
		return nil
	}
	for frn := range ask.By.Grants {
		o, err := p.authorise(ask, frn, "account.request-reset")
		if err != nil {
			continue
		}
		if err := p.manages(ctx, o, frn, person); err == nil {
			return nil
		}
	}
	return ErrUnknown
}

// UseReset uses a reset link up: what it is for happens next, once. A crash in between leaves a used
// link and nothing changed: the person asks for another.
func (p *People) UseReset(ctx context.Context, token string) error {
	link, err := ParseLink(token)
	if err != nil || link.Kind != ResetLink {
		return ErrLink
	}
	o := p.ofHolder(actorOf(link.Of))
	_, err = p.accounts.do(ctx, o, link.Of, account.UseReset{ID: link.ID, TokenDigest: Digest(token), At: o.at})
	if refusalCode(err) != "" {
		return ErrLink
	}
	if err != nil {
		return linkError(err)
	}
	return nil
}

// openReset returns a reset that was not used, and whom it is for; nobody where the token is not its.
func (p *People) openReset(ctx context.Context, link Link, token string) (opened OpenedLink, person string, err error) {
	err = p.accounts.look(ctx, link.Of, func(state *account.State, _ eventstore.Revision) {
		reset, found := state.Reset(link.ID)
		if found && same(reset.TokenDigest, Digest(token)) && state.Status() == account.Active {
			opened = OpenedLink{Purpose: reset.Purpose, ExpiresAt: reset.ExpiresAt}
			person = link.Of
		}
	})
	return opened, person, err
}

// MayReset says whether a principal may reset what a member of a business signs in with: nil, or why
// not. Federated accounts have nothing of ours to reset (requirement 23).
func (p *People) MayReset(ctx context.Context, ask Ask, frn, person string) error {
	o, err := p.authorise(ask, frn, "account.reset-factor", "account.reset-questions")
	if err != nil {
		return err
	}
	if err := p.mayReset(ctx, o, frn, person, account.ResetFactor{}); err != nil {
		return fmt.Errorf("ask whether a reset is allowed: %w", err)
	}
	return nil
}

func (p *People) mayReset(ctx context.Context, o order, frn, person string, command account.Command) error {
	if err := p.manages(ctx, o, frn, person); err != nil {
		return err
	}
	return p.accounts.check(ctx, o, person, command)
}

// ResetFactor voids the second factor of a member with a local account, who must enrol another
// before anything else. Who may is looked up just before: an administrator who is removed in that
// moment may still have his last word (package membership says why).
func (p *People) ResetFactor(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	o, err := p.authorise(ask, frn, "account.reset-factor")
	if err != nil {
		return Done{}, err
	}
	return p.reset(ctx, o, frn, person, account.ResetFactor{})
}

// ResetQuestions voids the security questions of a member with a local account; see ResetFactor.
func (p *People) ResetQuestions(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	o, err := p.authorise(ask, frn, "account.reset-questions")
	if err != nil {
		return Done{}, err
	}
	return p.reset(ctx, o, frn, person, account.ResetQuestions{})
}

func (p *People) reset(ctx context.Context, o order, frn, person string, command account.Command) (Done, error) {
	err := p.mayReset(ctx, o, frn, person, command)
	if err != nil {
		return Done{}, fmt.Errorf("reset: %w", err)
	}
	done, err := p.accounts.done(ctx, o, person, command)
	if err != nil {
		return Done{}, fmt.Errorf("reset: %w", err)
	}
	return done, nil
}
