package commands

import (
	"context"
	"fmt"

	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
)

// TickAccount applies the inactivity rule to an account, as of today (requirements 41 and 42): what it
// decides, it decides on what is recorded up to that moment.
func (p *People) TickAccount(ctx context.Context, person string, today calendar.Day) (Done, error) {
	done, err := p.accounts.done(ctx, p.ofSystem(systemClock), person, account.Tick{Today: today})
	if err != nil {
		return Done{}, fmt.Errorf("apply rules to an account: %w", err)
	}
	return done, nil
}

// TickRequest applies the rules of retention to an access request, as of today.
func (p *People) TickRequest(ctx context.Context, id string, today calendar.Day) (Done, error) {
	return p.onRequest(ctx, p.ofSystem(systemClock), id, onboarding.Tick{Today: today})
}

// SuspendMember suspends a member whose account the clock disabled. An account that is not disabled any
// more suspends nobody: the person came back before this step came.
func (p *People) SuspendMember(ctx context.Context, frn, person string) (Done, error) {
	status, err := p.statusOf(ctx, person)
	if err != nil || status != account.Disabled {
		return Done{}, err
	}
	o := p.ofSystem(systemClock)
	return p.onMember(ctx, o, frn, membership.Disable{By: o.by, Person: person})
}

// RemoveMember ends the membership of a person whose account is erased, and revokes the invitation that he
// has there. It does nothing where the account is not erased.
func (p *People) RemoveMember(ctx context.Context, frn, person string) (Done, error) {
	status, err := p.statusOf(ctx, person)
	if err != nil || status != account.Gone {
		return Done{}, err
	}
	o := p.ofSystem(systemClock)
	return p.onMember(ctx, o, frn, membership.Remove{By: o.by, Person: person, Erasing: true})
}

// ReleaseAddress releases the addresses that a person does not use any more: all, once the account is
// erased. It needs the person's key, and so comes before that is destroyed.
func (p *People) ReleaseAddress(ctx context.Context, person string) (Done, error) {
	done, err := p.releaseFormer(ctx, p.ofSystem(systemReactions), person)
	if err != nil {
		return Done{}, fmt.Errorf("release addresses: %w", err)
	}
	return done, nil
}

// NoteActive notes on an access request that a business has an administrator who accepted.
func (p *People) NoteActive(ctx context.Context, requestID, frn string) (Done, error) {
	o := p.ofSystem(systemReactions)
	return p.onRequest(ctx, o, requestID, onboarding.NoteActive{FRN: frn, Day: o.day()})
}
