package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"casesync/adapters/commands"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/domain/account"
	"casesync/domain/address"
)

// admit signs a person in who has just proved who he is, if he may come in now. The ticket was taken
// before: whoever is disabled after the look at the account here has his sessions ended, and with
// them the ticket. A crash after the record leaves a sign-in that is told of and did not happen.
func (g *Gate) admit(ctx context.Context, t trial, ticket sessions.Ticket) error {
	standing, err := g.standing(ctx, t.person)
	if err != nil {
		return err
	}
	if err := mayComeIn(standing, t.method); err != nil {
		return g.refuse(ctx, t, err)
	}
	if !standing.Complete {
		return g.refuse(ctx, t, signin.Refuse(signin.NotEnrolled, "the second factor was reset, or is not noted"))
	}
	activity := t.activity(commands.SignedIn)
	activity.Actor = actorOf(t.person)
	if err := g.record(ctx, t.http, activity, t.typed); err != nil {
		return g.config.Fault(ctx, fmt.Errorf("record sign-in: %w", err))
	}
	if err := g.config.Sessions.SignIn(ctx, ticket, string(t.method)); err != nil {
		return g.config.Fault(ctx, err)
	}
	return nil
}

// standing is what a person may do now; whoever has no account may do nothing.
func (g *Gate) standing(ctx context.Context, person string) (commands.Standing, error) {
	standing, err := g.config.People.Standing(ctx, person)
	if errors.Is(err, commands.ErrUnknown) {
		return commands.Standing{}, nil
	}
	if err != nil {
		return commands.Standing{}, g.config.Fault(ctx, fmt.Errorf("sign in: %w", err))
	}
	return standing, nil
}

// mayComeIn refuses whoever has no active account of this way of signing in.
func mayComeIn(standing commands.Standing, method account.Method) error {
	switch {
	case standing.Status != account.Active:
		return signin.Refuse(signin.AccountInactive, "the account is %s", standing.Status)
	case standing.Method != method:
		return signin.Refuse(signin.OtherMethod, "the account's method is %s", standing.Method)
	}
	return nil
}

// accountOf normalises what was typed as an e-mail address, so that writing it otherwise is no way
// round a limit. What is no address is counted as it is.
func accountOf(typed string) string {
	if email, err := address.ParseEmail(typed); err == nil {
		return email.Canonical()
	}
	return strings.ToLower(strings.TrimSpace(typed))
}

// masked shows enough of an address for its owner to know it.
func masked(email string) string {
	name, host, found := strings.Cut(email, "@")
	if !found || name == "" {
		return ""
	}
	return name[:1] + "•••@" + host
}
