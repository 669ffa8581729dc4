package gate

import (
	"context"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/signin"
	"casesync/domain/account"
)

// requestReset has a link mailed to whoever may choose another password with it. Whatever the
// address is, the answer is the same: who asks learns from the mail, or not at all.
func (g *Gate) requestReset(ctx context.Context, in *bodied[Typed]) (*empty, error) {
	defer g.evenly(ctx, time.Now())
	t := trial{http: in.http, typed: accountOf(in.Body.Email), method: account.Local}
	person, err := g.config.People.PersonOf(ctx, in.Body.Email)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	t.person = person
	if err := g.mailReset(ctx, t); err != nil {
		_ = g.refuse(ctx, t, err) // recorded or logged, and not told to whoever asks
	}
	return &empty{CacheControl: noStore}, nil
}

// mailReset makes the link. Each address may ask for one in a while, so that nobody's mailbox is
// filled by somebody else.
func (g *Gate) mailReset(ctx context.Context, t trial) error {
	now := g.config.Now()
	window := now.Truncate(g.config.ResetEvery)
	id := "password-reset|" + t.typed + "|" + window.UTC().Format(time.RFC3339)
	err := g.config.Attempts.Spend(ctx, id, window.Add(g.config.ResetEvery))
	if signin.CodeOf(err) == signin.Replayed {
		return signin.Refuse(signin.Limited, "a link was asked for a moment ago")
	}
	if err != nil {
		return err
	}
	if t.person == "" {
		return signin.Refuse(signin.AccountUnknown, "nobody here has the address")
	}
	standing, err := g.config.People.Standing(ctx, t.person)
	if err != nil {
		return err
	}
	if err := mayComeIn(standing, account.Local); err != nil {
		return err
	}
	_, err = g.config.People.RequestReset(ctx, commands.Ask{}, t.person, account.ResetPassword)
	return err
}

// resetPassword replaces a forgotten password; signing in afterwards takes the second factor as
// ever. The link is used up first, so that of two who hold it one succeeds: a crash after that leaves
// the old password, and the person asks for another link. A crash after the password was set leaves
// sessions that the reaction to the used link ends.
func (g *Gate) resetPassword(ctx context.Context, e enrolment, password string) (*output[Step], error) {
	if err := local.CheckPassword(password, e.Account.Name, e.Account.Email); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if err := g.config.People.UseReset(ctx, e.token); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if err := g.config.Local.SetPassword(ctx, e.person, e.Account.Generations.Password, password, e.Account.Name, e.Account.Email); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if err := g.config.Sessions.EndAll(ctx, e.person); err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	if err := g.config.Local.Unlock(ctx, e.typed); err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	g.noteCredential(ctx, e.trial, "password")
	return answer(Step{Next: nextSignIn}), nil
}

// resetFactor gives a new seed to whoever has answered his security questions, where he has some,
// and proves his password.
func (g *Gate) resetFactor(ctx context.Context, e enrolment, password string) (*output[Step], error) {
	questions, err := g.questionsFirst(ctx, e)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	if stage, _ := g.reached(ctx, e); len(questions) > 0 && stage != stageAnswered && stage != stageSeeded {
		return nil, g.config.Refused(codeAnswersNeeded, "Answer the security questions first.", 0)
	}
	// The factor is gone, or about to go: either answer says that the password is right.
	if _, err := g.prove(ctx, e.trial, password); err != nil && signin.CodeOf(err) != signin.NotEnrolled {
		return nil, g.refuse(ctx, e.trial, err)
	}
	return g.seed(ctx, e)
}

// finishReset uses the link up for the second factor that was just put to use, and signs in. A crash
// before the link is used up leaves it open, and a second factor that works already.
func (g *Gate) finishReset(ctx context.Context, e enrolment, recovery []string) (*taken, error) {
	if err := g.config.People.UseReset(ctx, e.token); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	if err := g.config.People.NoteFactor(ctx, e.person, account.TOTP, e.Account.Generations.Factor); err != nil {
		return nil, g.refuse(ctx, e.trial, err)
	}
	g.noteCredential(ctx, e.trial, "second factor")
	if err := g.begin(ctx, e.trial); err != nil {
		return nil, err
	}
	return &taken{CacheControl: noStore, Body: Step{Next: nextDone, RecoveryCodes: recovery}}, nil
}

// begin ends all sessions of a person and begins a new one in this browser, if he may come in.
func (g *Gate) begin(ctx context.Context, t trial) error {
	if err := g.config.Sessions.EndAll(ctx, t.person); err != nil {
		return g.config.Fault(ctx, err)
	}
	ticket, err := g.config.Sessions.Ticket(ctx, t.person)
	if err != nil {
		return g.config.Fault(ctx, err)
	}
	return g.admit(ctx, t, ticket)
}

// noteCredential tells Security Operations that something to sign in with was changed. It has
// happened: what cannot be told is logged.
func (g *Gate) noteCredential(ctx context.Context, t trial, what string) {
	activity := t.activity(commands.CredentialSet)
	activity.Detail["credential"] = what
	if err := g.record(ctx, t.http, activity, t.typed); err != nil {
		g.config.Logger.ErrorContext(ctx, "change of a credential was not recorded", "credential", what, "error", err)
	}
}
