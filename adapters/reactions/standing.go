package reactions

import (
	"context"
	"fmt"
	"slices"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// Streams begin so; the rest is a user id, an FRN, a case's reference, or the id of what it is of.
const (
	accountStreams = "account-"
	accessStreams  = "access-"
	requestStreams = "onboarding-"
	shelfStreams   = "documents-"
	uploadStreams  = "upload-"
	ticketStreams  = "ticket-"
)

// account asks an account as the log has it now.
func (r *Reactions) account(ctx context.Context, person string, ask func(*account.State) bool) (answer bool, err error) {
	err = r.accounts.State(ctx, eventstore.StreamName(accountStreams+person), func(s *account.State, _ eventstore.Revision) {
		answer = ask(s)
	})
	if err != nil {
		return false, fmt.Errorf("read account: %w", err)
	}
	return answer, nil
}

// Works reports whether a person may have cases of the business frn allocated to him, as the log has
// it now: the account is active, and he has a role for it there that nothing holds.
func (r *Reactions) Works(ctx context.Context, frn, person string) (works bool, err error) {
	var domain address.Domain
	active, err := r.account(ctx, person, func(s *account.State) bool {
		domain = s.Domain()
		return s.Status() == account.Active
	})
	if err != nil || !active {
		return false, err
	}
	err = r.members.State(ctx, eventstore.StreamName(accessStreams+frn), func(s *membership.State, _ eventstore.Revision) {
		works = slices.ContainsFunc(s.Roles(person, domain), func(role access.Role) bool { return role.Gives(access.AllocateSelf) })
	})
	if err != nil {
		return false, fmt.Errorf("read members of %s: %w", frn, err)
	}
	return works, nil
}

// caughtUp waits for the read models to have reached position, for a while.
func (r *Reactions) caughtUp(ctx context.Context, position eventstore.Position) error {
	ctx, stop := context.WithTimeout(ctx, r.config.CatchUpTimeout)
	defer stop()
	if err := r.config.CaughtUp(ctx, position); err != nil {
		return fmt.Errorf("wait for read models: %w", err)
	}
	return nil
}

// returnCases returns the cases that are allocated to a person to unallocated (requirement 42): of the
// business frn, or of all where that is "". The read models must have caught up. A crash between
// two of them leaves the rest allocated; the next start finds those.
func (r *Reactions) returnCases(ctx context.Context, frn, person string) error {
	refs, err := r.config.Allocations(ctx, person, frn)
	if err != nil {
		return fmt.Errorf("find allocations: %w", err)
	}
	for _, ref := range refs {
		if _, err := r.config.ReturnCases(ctx, ref, person); err != nil {
			return fmt.Errorf("return case %s: %w", ref, err)
		}
	}
	return nil
}
