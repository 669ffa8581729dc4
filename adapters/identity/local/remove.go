package local

import (
	"context"
	"fmt"

	"casesync/domain/account"
)

// Void removes a user's credentials of generations before the present ones, each kind by its own: by
// a zero, nothing. Recovery codes go with the second factor, and who is half-way in with what was
// removed is not any more. Without a second factor nobody signs in until another is enrolled
// (requirement 19). The caller ends the user's sessions.
func (c *Credentials) Void(ctx context.Context, user string, present account.Generations) error {
	err := c.inTransaction(ctx, func(run execution) error {
		removed := int64(0)
		for _, kind := range []struct {
			statement string
			before    int
		}{
			{`DELETE FROM local_questions WHERE user_id = $1 AND generation < $2`, present.Questions},
			{`UPDATE local_totp SET pending_sealed = '' WHERE user_id = $1 AND pending_generation < $2`, present.Factor},
			{`DELETE FROM local_recovery_codes WHERE user_id = $1 AND EXISTS
				(SELECT 1 FROM local_totp WHERE user_id = $1 AND sealed <> '' AND generation < $2)`, present.Factor},
			{`UPDATE local_totp SET sealed = '' WHERE user_id = $1 AND sealed <> '' AND generation < $2`, present.Factor},
			{`DELETE FROM local_passwords WHERE user_id = $1 AND generation < $2`, present.Password},
		} {
			changed, err := run(kind.statement, user, kind.before)
			if err != nil {
				return err
			}
			removed += changed
		}
		if _, err := run(`DELETE FROM local_totp WHERE user_id = $1 AND sealed = '' AND pending_sealed = ''`, user); err != nil || removed == 0 {
			return err
		}
		_, err := run(`DELETE FROM local_challenges WHERE user_id = $1`, user)
		return err
	})
	if err != nil {
		return fmt.Errorf("void credentials: %w", err)
	}
	return nil
}

// Remove removes all credentials of a user, for good.
func (c *Credentials) Remove(ctx context.Context, user string) error {
	err := c.inTransaction(ctx, func(run execution) error {
		for _, statement := range []string{
			`DELETE FROM local_passwords WHERE user_id = $1`, `DELETE FROM local_totp WHERE user_id = $1`,
			`DELETE FROM local_recovery_codes WHERE user_id = $1`, `DELETE FROM local_questions WHERE user_id = $1`,
			`DELETE FROM local_challenges WHERE user_id = $1`,
		} {
			if _, err := run(statement, user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove credentials: %w", err)
	}
	return nil
}
