package reactions

import (
	"context"
	"fmt"

	"casesync/domain/membership"
	"casesync/eventstore"
)

// businessConfigured has the members' accounts follow the business's way of signing in, where the
// command that set it was cut short.
func (r *Reactions) businessConfigured(ctx context.Context, frn string, event eventstore.Decoded) error {
	if err := r.caughtUp(ctx, event.Position); err != nil {
		return err
	}
	if _, err := r.config.FollowConfiguration(ctx, frn); err != nil {
		return fmt.Errorf("follow configuration: %w", err)
	}
	return nil
}

// invitationAccepted opens the account of the new member, and tells the access request that named
// him, if one did, that the business has an administrator.
func (r *Reactions) invitationAccepted(ctx context.Context, frn string, event eventstore.Decoded) error {
	accepted := event.Event.(*membership.InvitationAccepted)
	if _, err := r.config.FinishAcceptance(ctx, frn, accepted.Person); err != nil {
		return fmt.Errorf("finish acceptance: %w", err)
	}
	warrant, err := r.warrantOf(ctx, event.Stream, accepted.InvitationID)
	if err != nil || warrant.Onboarding == "" {
		return err
	}
	// A crash here leaves the request behind what it led to, until the next start.
	if _, err := r.config.NoteActive(ctx, warrant.Onboarding, frn); err != nil {
		return fmt.Errorf("note active business: %w", err)
	}
	return nil
}

// warrantOf returns on whose behalf an invitation was made.
func (r *Reactions) warrantOf(ctx context.Context, stream eventstore.StreamName, invitationID string) (membership.Warrant, error) {
	for recorded, err := range r.config.Log.ReadStream(ctx, stream, 0) {
		if err != nil {
			return membership.Warrant{}, fmt.Errorf("find invitation: %w", err)
		}
		if recorded.Type != "membership.member-invited.v1" {
			continue
		}
		decoded, err := r.config.Codec.Decode(recorded)
		if err != nil {
			return membership.Warrant{}, fmt.Errorf("find invitation: %w", err)
		}
		if invited := decoded.Event.(*membership.MemberInvited); invited.InvitationID == invitationID {
			return invited.Warrant, nil
		}
	}
	return membership.Warrant{}, nil
}

func (r *Reactions) rolesRevoked(ctx context.Context, frn string, event eventstore.Decoded) error {
	return r.lessAccess(ctx, frn, event.Event.(*membership.RolesRevoked).Person, event)
}

func (r *Reactions) memberDisabled(ctx context.Context, frn string, event eventstore.Decoded) error {
	return r.lessAccess(ctx, frn, event.Event.(*membership.MemberDisabled).Person, event)
}

func (r *Reactions) memberRemoved(ctx context.Context, frn string, event eventstore.Decoded) error {
	return r.lessAccess(ctx, frn, event.Event.(*membership.MemberRemoved).Person, event)
}

// lessAccess returns a person's cases at a business, unless he works with cases there all the same.
func (r *Reactions) lessAccess(ctx context.Context, frn, person string, event eventstore.Decoded) error {
	works, err := r.Works(ctx, frn, person)
	if err != nil || works {
		return err
	}
	if err := r.caughtUp(ctx, event.Position); err != nil {
		return err
	}
	return r.returnCases(ctx, frn, person)
}

// requestErased removes what is kept of the people whom an access request names, their key last.
func (r *Reactions) requestErased(ctx context.Context, id string, event eventstore.Decoded) error {
	if err := r.config.PurgeMails(ctx, id); err != nil {
		return fmt.Errorf("purge mails: %w", err)
	}
	// A crash here leaves the key, until the next start.
	return r.destroyKeys(ctx, event, requestStreams+id)
}
