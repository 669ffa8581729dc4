package mail

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/eventstore"
)

// compose makes the message of a mail that this sender has taken, from its event and from what is
// known now. It returns a droppedError where there is nothing to be sent, and a *Fault that is permanent
// where it cannot be made. It sets whom the entry is about.
func (m *Mails) compose(ctx context.Context, entry *Entry) (Message, error) {
	rule, known := ruleOf(entry.Kind)
	if !known {
		return Message{}, &Fault{Code: "kind-unknown"} // of a newer version, perhaps, which runs beside this one
	}
	happened, err := m.occasion(ctx, *entry)
	if err != nil {
		return Message{}, err
	}
	draft, err := rule.draft(m, ctx, happened)
	if err != nil {
		return Message{}, err
	}
	if draft.person != "" {
		draft.about = draft.person
	}
	// The row names whom it concerns before the account is looked at. So who erases the person, and
	// purges what is about him after that, either finds this row taken, or it finds him erased.
	if entry.About = draft.about; happened.entry.About != entry.About {
		if err := m.queue.assign(ctx, *entry); err != nil {
			return Message{}, err
		}
	}
	if draft.person != "" {
		if err := m.see(ctx, &draft); err != nil {
			return Message{}, err
		}
	}
	if draft.about != operators && !deliverable(draft.address) {
		return Message{}, &Fault{Code: "address-unusable", Permanent: true}
	}
	if allowed, err := m.allowed(ctx, *entry, draft.address); err != nil {
		return Message{}, err
	} else if !allowed {
		return Message{}, errTooMany
	}
	draft.facts.Service, draft.facts.Helpdesk = m.config.Service, m.config.HelpdeskURL
	letter, err := Write(entry.Kind, draft.facts)
	if err != nil {
		return Message{}, err
	}
	return Message{
		ID: entry.ID, Kind: entry.Kind, About: draft.about, To: draft.address, At: entry.QueuedAt,
		Subject: letter.Subject, Body: letter.Body,
	}, nil
}

// see looks at the account of a draft's person, and takes name and address from it.
func (m *Mails) see(ctx context.Context, d *draft) error {
	view, err := m.config.People.Account(ctx, d.person)
	switch {
	case errors.Is(err, commands.ErrUnknown):
		return errErased
	case err != nil:
		return fmt.Errorf("look at account: %w", err)
	case view.Status == account.Gone, view.Email == "":
		return errErased
	case d.wanted != nil && !d.wanted(view):
		return errSettled
	}
	d.facts.Name, d.facts.Federated = view.Name, view.Method.Federated()
	if d.address == "" {
		d.address = view.Email
	}
	return nil
}

// occasion reads the event of an entry, and opens it.
func (m *Mails) occasion(ctx context.Context, entry Entry) (occasion, error) {
	for recorded, err := range m.config.Log.ReadStream(ctx, entry.Stream, entry.Revision) {
		if err != nil {
			return occasion{}, fmt.Errorf("read event: %w", err)
		}
		if recorded.ID != entry.eventID {
			break // the log was restored to a time before the event
		}
		decoded, err := m.config.Codec.Decode(recorded)
		if err != nil {
			return occasion{}, &Fault{Code: "event-unreadable", Permanent: true}
		}
		if err := m.config.Codec.Open(ctx, decoded); err != nil {
			return occasion{}, fmt.Errorf("open event: %w", err)
		}
		return occasion{decoded, entry}, nil
	}
	return occasion{}, &Fault{Code: "event-missing", Permanent: true}
}

// history yields the events of a stream, decoded, with their private values sealed.
func (m *Mails) history(ctx context.Context, stream eventstore.StreamName) iter.Seq2[eventstore.Decoded, error] {
	return func(yield func(eventstore.Decoded, error) bool) {
		for recorded, err := range m.config.Log.ReadStream(ctx, stream, 0) {
			var decoded eventstore.Decoded
			if err == nil {
				decoded, err = m.config.Codec.Decode(recorded)
			}
			if err != nil {
				err = fmt.Errorf("read history: %w", err)
			}
			if !yield(decoded, err) || err != nil {
				return
			}
		}
	}
}

// frn returns the business whose people the event is about.
func (e Entry) frn() string { return strings.TrimPrefix(string(e.Stream), accessPrefix) }
