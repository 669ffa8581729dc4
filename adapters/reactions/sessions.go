package reactions

import (
	"context"
	"fmt"

	"casesync/domain/account"
	"casesync/eventstore"
)

// endSessions ends the sessions of an account that may not be used any more. It does so also where
// the account was enabled meanwhile: what was open before stays closed.
func (r *Reactions) endSessions(ctx context.Context, person string, _ eventstore.Decoded) error {
	if err := r.config.EndSessions(ctx, person); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// factorReset removes the second factor that was voided.
func (r *Reactions) factorReset(ctx context.Context, person string, event eventstore.Decoded) error {
	return r.void(ctx, person, event, func(g account.Generations) account.Generations { return account.Generations{Factor: g.Factor} })
}

// questionsReset removes the security questions that were voided.
func (r *Reactions) questionsReset(ctx context.Context, person string, event eventstore.Decoded) error {
	return r.void(ctx, person, event, func(g account.Generations) account.Generations {
		return account.Generations{Questions: g.Questions}
	})
}

// methodChanged removes the credentials of the way of signing in before.
func (r *Reactions) methodChanged(ctx context.Context, person string, event eventstore.Decoded) error {
	return r.void(ctx, person, event, func(g account.Generations) account.Generations { return g })
}

// void removes credentials of generations before those that pick picks of the present ones, and ends
// the sessions. It goes by what the log says now: a reaction that comes late, or again, removes what was
// voided up to this moment, and nothing that was enrolled after.
func (r *Reactions) void(ctx context.Context, person string, event eventstore.Decoded, pick func(account.Generations) account.Generations) error {
	var present account.Generations
	if _, err := r.account(ctx, person, func(s *account.State) bool { present = s.Generations(); return true }); err != nil {
		return err
	}
	if err := r.config.Credentials.Void(ctx, person, pick(present)); err != nil {
		return fmt.Errorf("void credentials: %w", err)
	}
	// A crash here leaves sessions of somebody without what they began with, until the next start.
	return r.endSessions(ctx, person, event)
}

// resetUsed ends the sessions of who has lost the password: whoever has found it may be signed in. The
// password itself was chosen anew by whoever followed the link, and stays. A second factor that is
// replaced by its own link ends no session: the one that begins with it would end as well.
func (r *Reactions) resetUsed(ctx context.Context, person string, event eventstore.Decoded) error {
	if event.Event.(*account.ResetUsed).Purpose != account.ResetPassword {
		return nil
	}
	return r.endSessions(ctx, person, event)
}
