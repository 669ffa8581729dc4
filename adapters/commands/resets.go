package commands

import (
	"context"
	"errors"

	"casesync/domain/account"
)

// RequestReset makes a reset link and has it mailed.
func (p *People) RequestReset(ctx context.Context, ask Ask, person string, purpose account.ResetPurpose) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// UseReset uses a reset link up.
func (p *People) UseReset(ctx context.Context, token string) error { return errors.ErrUnsupported }

// MayReset says whether an administrator may reset what a person signs in with.
func (p *People) MayReset(ctx context.Context, ask Ask, frn, person string) error {
	return errors.ErrUnsupported
}

// ResetFactor voids the second factor of a member with a local account.
func (p *People) ResetFactor(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ResetQuestions voids the security questions of a member with a local account.
func (p *People) ResetQuestions(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
