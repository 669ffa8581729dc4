package commands

import (
	"context"
	"errors"
)

// OpenLink returns what the token of an invitation or reset stands for; ErrLink if it is unknown, used, revoked or expired.
func (p *People) OpenLink(ctx context.Context, token string) (OpenedLink, error) {
	return OpenedLink{}, errors.ErrUnsupported
}

// AcceptInvitation takes an invitation up. The email is what an identity provider vouches for, "" for local accounts.
func (p *People) AcceptInvitation(ctx context.Context, token, email string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Invite invites somebody to a business.
func (p *People) Invite(ctx context.Context, ask Ask, frn string, invitation Invitation) (invitationID, person string, done Done, err error) {
	return "", "", Done{}, errors.ErrUnsupported
}

// Resend sends a pending invitation again, under a new token.
func (p *People) Resend(ctx context.Context, ask Ask, frn, invitationID string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// RevokeInvitation makes a pending invitation void.
func (p *People) RevokeInvitation(ctx context.Context, ask Ask, frn, invitationID string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
