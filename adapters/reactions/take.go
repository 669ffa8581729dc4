package reactions

import (
	"context"
	"fmt"
	"strings"

	"casesync/eventstore"
	"casesync/eventstore/follower"
)

// reaction does what an event asks for; id is its stream's name without the kind.
type reaction func(r *Reactions, ctx context.Context, id string, event eventstore.Decoded) error

// reactions are reactions by the stored names of the events.
type reactions map[string]reaction

func (t reactions) wants(eventType string) bool { return t[eventType] != nil }

// sessionReactions are the reactions that wait for nobody.
var sessionReactions = reactions{
	"account.disabled.v1":        (*Reactions).endSessions,
	"account.erased.v1":          (*Reactions).endSessions,
	"account.factor-reset.v1":    (*Reactions).factorReset,
	"account.questions-reset.v1": (*Reactions).questionsReset,
	"account.reset-used.v1":      (*Reactions).resetUsed,
	"account.method-changed.v1":  (*Reactions).methodChanged,
}

// slowReactions are all the others.
var slowReactions = reactions{
	"account.disabled.v1":               (*Reactions).accountDisabled,
	"account.details-changed.v1":        (*Reactions).detailsChanged,
	"account.erased.v1":                 (*Reactions).accountErased,
	"membership.configured.v1":          (*Reactions).businessConfigured,
	"membership.invitation-accepted.v1": (*Reactions).invitationAccepted,
	"membership.roles-revoked.v1":       (*Reactions).rolesRevoked,
	"membership.member-disabled.v1":     (*Reactions).memberDisabled,
	"membership.member-removed.v1":      (*Reactions).memberRemoved,
	"onboarding.people-erased.v1":       (*Reactions).requestErased,
	"casefile.data-erased.v1":           (*Reactions).dataErased,
	"casefile.party-erased.v1":          (*Reactions).partyErased,
	"upload.refused.v1":                 (*Reactions).uploadOver,
	"upload.duplicate-found.v1":         (*Reactions).uploadOver,
	"upload.abandoned.v1":               (*Reactions).uploadOver,
	"upload.erased.v1":                  (*Reactions).uploadOver,
	"upload.retried.v1":                 (*Reactions).uploadRetried,
	"ticket.erased.v1":                  (*Reactions).ticketErased,
}

// reacting returns what reacts to the events of a batch by a table. Where one fails, those before it need not be
// reacted to again.
func (r *Reactions) reacting(table reactions) func(ctx context.Context, batch []eventstore.Recorded) error {
	return func(ctx context.Context, batch []eventstore.Recorded) error {
		for i, recorded := range batch {
			if err := r.react(ctx, table[recorded.Type], recorded); err != nil {
				return failedAt(batch, i, err)
			}
		}
		return nil
	}
}

// failedAt says which event of a batch could not be reacted to; those before it were.
func failedAt(batch []eventstore.Recorded, i int, err error) error {
	at := batch[i]
	return &follower.PartialError{Taken: i, Err: fmt.Errorf("react to %s of %s at position %s: %w", at.Type, at.Stream, at.Position, err)}
}

func (r *Reactions) react(ctx context.Context, react reaction, recorded eventstore.Recorded) error {
	if react == nil {
		return nil
	}
	decoded, err := r.config.Codec.Decode(recorded)
	if err != nil {
		return err
	}
	_, id, _ := strings.Cut(string(recorded.Stream), "-")
	return react(r, ctx, id, decoded)
}
