package commands

import (
	"context"
	"errors"

	"casesync/domain/calendar"
)

// TickAccount applies the inactivity rule to an account.
func (p *People) TickAccount(ctx context.Context, person string, today calendar.Day) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// TickRequest applies the rules of retention to an access request.
func (p *People) TickRequest(ctx context.Context, id string, today calendar.Day) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// TickCase applies the rules of retention to a case.
func (p *People) TickCase(ctx context.Context, ref string, today calendar.Day) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// SuspendMember suspends a member whose account the clock disabled.
func (p *People) SuspendMember(ctx context.Context, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// RemoveMember ends the membership of a person whose account is erased.
func (p *People) RemoveMember(ctx context.Context, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ReleaseAddress releases the addresses that a person does not use any more.
func (p *People) ReleaseAddress(ctx context.Context, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// FinishAcceptance opens the account of who accepted an invitation.
func (p *People) FinishAcceptance(ctx context.Context, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// FollowConfiguration has the accounts of a business's members follow its way of signing in.
func (p *People) FollowConfiguration(ctx context.Context, frn string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// NoteActive notes on an access request that a business has an administrator.
func (p *People) NoteActive(ctx context.Context, requestID, frn string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ReturnCases returns a case that is allocated to a person to unallocated.
func (p *People) ReturnCases(ctx context.Context, ref, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
