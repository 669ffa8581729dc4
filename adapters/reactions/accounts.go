package reactions

import (
	"context"
	"fmt"

	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/eventstore"
)

// accountDisabled suspends who was disabled for inactivity at each business, so that he does not
// count as an administrator there, and returns the cases of whoever was disabled. Nothing is
// taken from somebody who was enabled since.
func (r *Reactions) accountDisabled(ctx context.Context, person string, event eventstore.Decoded) error {
	var inactiveSince calendar.Day
	disabled, err := r.account(ctx, person, func(s *account.State) bool {
		inactiveSince = s.Clock().DisabledOn
		return s.Status() != account.Active
	})
	if err != nil || !disabled {
		return err
	}
	if err := r.caughtUp(ctx, event.Position); err != nil {
		return err
	}
	if inactiveSince != 0 {
		if err := r.eachMembership(ctx, person, "suspend member", r.config.SuspendMember); err != nil {
			return err
		}
	}
	// A crash here leaves the cases allocated to somebody who cannot sign in, until the next start.
	return r.returnCases(ctx, "", person)
}

// detailsChanged releases an address that the person has given up, where the command that changed
// it was cut short.
func (r *Reactions) detailsChanged(ctx context.Context, person string, _ eventstore.Decoded) error {
	if _, err := r.config.ReleaseAddress(ctx, person); err != nil {
		return fmt.Errorf("release address: %w", err)
	}
	return nil
}

// accountErased removes what is kept of a person, and destroys the person's key last: the address
// can be released only while it can be read. Whatever is cut short is done again, whole, since the
// key is still there.
func (r *Reactions) accountErased(ctx context.Context, person string, event eventstore.Decoded) error {
	// The sessions' own subscription may be behind: nobody may be signed in as somebody erased.
	if err := r.endSessions(ctx, person, event); err != nil {
		return err
	}
	// A crash here leaves credentials of an account that signs nobody in.
	if err := r.config.Credentials.Remove(ctx, person); err != nil {
		return fmt.Errorf("remove credentials: %w", err)
	}
	// A crash here leaves rows that say when which mail was sent; they hold neither text nor address.
	if err := r.config.PurgeMails(ctx, person); err != nil {
		return fmt.Errorf("purge mails: %w", err)
	}
	if err := r.config.PurgeSaved(ctx, person); err != nil {
		return fmt.Errorf("purge what was saved: %w", err)
	}
	if err := r.caughtUp(ctx, event.Position); err != nil {
		return err
	}
	// A crash among these leaves the person a member of some businesses, in name only.
	if err := r.eachMembership(ctx, person, "remove member", r.config.RemoveMember); err != nil {
		return err
	}
	if err := r.returnCases(ctx, "", person); err != nil {
		return err
	}
	// A crash after this leaves the address free for another account, and still readable by its key.
	if _, err := r.config.ReleaseAddress(ctx, person); err != nil {
		return fmt.Errorf("release address: %w", err)
	}
	// A crash after this leaves the checkpoint before the event: all is done once more, to no effect.
	return r.destroyKeys(ctx, event, accountStreams+person)
}

// eachMembership gives a command for a person at each business at which he is a member or invited.
func (r *Reactions) eachMembership(ctx context.Context, person, what string, command memberCommand) error {
	frns, err := r.config.Memberships(ctx, person)
	if err != nil {
		return fmt.Errorf("find memberships: %w", err)
	}
	for _, frn := range frns {
		if _, err := command(ctx, frn, person); err != nil {
			return fmt.Errorf("%s at %s: %w", what, frn, err)
		}
	}
	return nil
}
