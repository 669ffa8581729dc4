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

// factorReset voids the second factor, unless another was enrolled since, which has replaced it.
func (r *Reactions) factorReset(ctx context.Context, person string, event eventstore.Decoded) error {
	enrolled, err := r.account(ctx, person, (*account.State).HasFactor)
	if err != nil {
		return err
	}
	if !enrolled {
		if err := r.config.Credentials.ResetSecondFactor(ctx, person); err != nil {
			return fmt.Errorf("void second factor: %w", err)
		}
	}
	// A crash here leaves sessions of somebody without a second factor, until the next start.
	return r.endSessions(ctx, person, event)
}

// questionsReset voids the security questions, unless others were chosen since.
func (r *Reactions) questionsReset(ctx context.Context, person string, event eventstore.Decoded) error {
	chosen, err := r.account(ctx, person, (*account.State).HasQuestions)
	if err != nil {
		return err
	}
	if !chosen {
		if err := r.config.Credentials.ResetQuestions(ctx, person); err != nil {
			return fmt.Errorf("void security questions: %w", err)
		}
	}
	// A crash here leaves the sessions until the next start.
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

// methodChanged removes the credentials of the way of signing in before, unless the person has
// enrolled anew since.
func (r *Reactions) methodChanged(ctx context.Context, person string, event eventstore.Decoded) error {
	enrolled, err := r.account(ctx, person, (*account.State).HasFactor)
	if err != nil {
		return err
	}
	if !enrolled {
		if err := r.config.Credentials.Remove(ctx, person); err != nil {
			return fmt.Errorf("remove credentials: %w", err)
		}
	}
	// A crash here leaves the sessions until the next start.
	return r.endSessions(ctx, person, event)
}
