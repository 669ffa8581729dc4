package mail

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// The streams whose events are mailed about begin with what they are of.
const (
	accountPrefix = "account-"
	requestPrefix = "onboarding-"
	accessPrefix  = "access-"
	ticketPrefix  = "ticket-"
)

// rule says that events of a stored name lead to mails of a kind, each to one recipient, and how
// these are drafted.
type rule struct {
	event string
	kind  Kind
	draft func(*Mails, context.Context, occasion) (draft, error)
}

// rules are all mails there are. To add one: a line here, a Kind, and its text in letters.
var rules = []rule{
	{"membership.member-invited.v1", Invitation, (*Mails).invitation},
	{"membership.invitation-resent.v1", InvitationAgain, (*Mails).invitationAgain},
	{"membership.administrators-low.v1", AdministratorsLow, (*Mails).administratorsLow},
	{"membership.administrators-low.v1", AdministratorsLowAlert, (*Mails).administratorsLowAlert},
	{"membership.administrator-requested.v1", AdministratorRequested, (*Mails).administratorRequested},
	{"account.inactivity-warned.v1", InactivityWarned, (*Mails).inactivityWarned},
	{"account.disabled.v1", AccountDisabled, (*Mails).accountDisabled},
	{"account.reset-requested.v1", ResetLink, (*Mails).resetLink},
	{"account.reset-used.v1", PasswordChanged, (*Mails).passwordChanged},
	{"account.factor-enrolled.v1", FactorChanged, (*Mails).factorChanged},
	{"account.factor-reset.v1", FactorReset, (*Mails).notice},
	{"account.questions-reset.v1", QuestionsReset, (*Mails).notice},
	{"account.details-changed.v1", AddressChanged, (*Mails).addressChanged},
	{"account.details-changed.v1", FormerAddress, (*Mails).formerAddress},
	{"onboarding.submitted.v1", RequestReceived, (*Mails).request},
	{"onboarding.data-asked.v1", DataAsked, (*Mails).request},
	{"onboarding.completed.v1", RequestComplete, (*Mails).request},
	{"onboarding.declined.v1", RequestDeclined, (*Mails).request},
	{"onboarding.lapsed.v1", RequestLapsed, (*Mails).request},
	{"onboarding.business-activated.v1", BusinessActive, (*Mails).request},
	{"ticket.opened.v1", TicketReceived, (*Mails).ticketReceived},
	{"ticket.message-added.v1", TicketAnswered, (*Mails).ticketAnswered},
}

// Kinds returns all kinds of mails.
func Kinds() []Kind {
	kinds := make([]Kind, len(rules))
	for i, r := range rules {
		kinds[i] = r.kind
	}
	return kinds
}

// ruleOf returns the rule of a kind.
func ruleOf(kind Kind) (rule, bool) {
	for _, r := range rules {
		if r.kind == kind {
			return r, true
		}
	}
	return rule{}, false
}

// byEvent are the kinds of mails that follow from the events of a stored name. All other events are
// passed over without being decoded.
var byEvent = func() map[string][]Kind {
	kinds := map[string][]Kind{}
	for _, r := range rules {
		kinds[r.event] = append(kinds[r.event], r.kind)
	}
	return kinds
}()

// Wants reports whether events of a stored name lead to mails; it is the Wants of a follower.
func Wants(eventType string) bool { return len(byEvent[eventType]) > 0 }

// mailSpace is the namespace of the ids of mails.
var mailSpace = uuid.MustParse("0f6d5c64-7f0b-5f52-9f38-6d0c2a5be5b7")

// idOf returns the id of the mail of a kind that follows from an event.
func idOf(event uuid.UUID, kind Kind) uuid.UUID {
	return uuid.NewSHA1(mailSpace, []byte(event.String()+"\n"+string(kind)))
}

// Take queues the mails that follow from a batch of events, durably; it is the Take of a follower.
// It decodes nothing, so no event can stop it. Events that it has seen before add nothing: a crash
// between here and the follower's checkpoint has no effect.
func (m *Mails) Take(ctx context.Context, batch []eventstore.Recorded) error {
	now := m.config.Now()
	var entries []Entry
	for _, recorded := range batch {
		for _, kind := range byEvent[recorded.Type] {
			entry := Entry{
				ID: idOf(recorded.ID, kind), Kind: kind, Status: Queued, About: aboutOf(recorded.Stream),
				Stream: recorded.Stream, Revision: recorded.Revision, Position: recorded.Position.String(),
				RecordedAt: recorded.RecordedAt, QueuedAt: now, eventID: recorded.ID,
			}
			if now.Sub(recorded.RecordedAt) > m.config.AgeMax {
				entry.Status, entry.EndedAt = TooLate, now
			}
			entries = append(entries, entry)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := m.queue.add(ctx, entries); err != nil {
		return fmt.Errorf("take events: %w", err)
	}
	m.wake()
	return nil
}

// wake has a sender of this process look at the queue at once.
func (m *Mails) wake() {
	select {
	case m.woken <- struct{}{}:
	default: // it is awake already
	}
}

// aboutOf returns the id of the person, access request or ticket that a stream is of, "" for any other.
func aboutOf(stream eventstore.StreamName) string {
	for _, prefix := range []string{accountPrefix, requestPrefix, ticketPrefix} {
		if id, found := strings.CutPrefix(string(stream), prefix); found {
			return id
		}
	}
	return ""
}
