package mail

import (
	"context"
	"fmt"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/ticket"
	"casesync/eventstore"
)

// ticketReceived drafts a mail to somebody who asked the helpdesk before sign-in: it brings the link by which
// the question and its answers are read, which is given nowhere else. Who has an account has seen his own ticket.
func (m *Mails) ticketReceived(ctx context.Context, o occasion) (draft, error) {
	opened, contact, err := m.ticketOf(ctx, o.Stream)
	switch {
	case err != nil:
		return draft{}, err
	case opened.Person != "":
		return draft{}, errNoMatter
	}
	return m.toStranger(o, contact), nil
}

// ticketAnswered drafts a mail that says that the helpdesk answered, and nothing of the answer: that stands where
// it is erased with the ticket.
func (m *Mails) ticketAnswered(ctx context.Context, o occasion) (draft, error) {
	if o.Event.(*ticket.MessageAdded).Side != ticket.Helpdesk {
		return draft{}, errNoMatter
	}
	opened, contact, err := m.ticketOf(ctx, o.Stream)
	switch {
	case err != nil:
		return draft{}, err
	case opened.Person == "":
		return m.toStranger(o, contact), nil
	}
	return draft{
		person: opened.Person, facts: Facts{Account: true, Link: m.address("/", "")},
		wanted: func(a commands.AccountView) bool { return a.Status == account.Active }, // who else could not sign in to read it
	}, nil
}

// toStranger drafts a mail with the link to a ticket. The link is in the ticket's name alone, and works until the
// ticket is erased.
func (m *Mails) toStranger(o occasion, contact ticket.Contact) draft {
	id := aboutOf(o.Stream)
	token := m.config.Links.Token(commands.Link{Kind: commands.TicketLink, ID: id})
	return draft{address: contact.Email, about: id, facts: Facts{Name: contact.Name, Link: m.address("/support", token)}}
}

// ticketOf returns how a ticket was opened, and by whom before sign-in. Of one that was erased since, or whose
// keys are gone, there is nothing to be said to anybody.
func (m *Mails) ticketOf(ctx context.Context, stream eventstore.StreamName) (*ticket.Opened, ticket.Contact, error) {
	var first eventstore.Decoded
	for event, err := range m.history(ctx, stream) {
		if err != nil {
			return nil, ticket.Contact{}, err
		}
		switch event.Event.(type) {
		case *ticket.Opened:
			first = event
		case *ticket.Erased:
			return nil, ticket.Contact{}, errErased
		}
	}
	opened, is := first.Event.(*ticket.Opened)
	if !is {
		return nil, ticket.Contact{}, &Fault{Code: "event-missing", Permanent: true}
	}
	if opened.Person != "" {
		return opened, ticket.Contact{}, nil
	}
	if err := m.config.Codec.Open(ctx, first); err != nil {
		return nil, ticket.Contact{}, fmt.Errorf("open ticket: %w", err)
	}
	contact, open := opened.Contact.Get()
	if !open {
		return nil, ticket.Contact{}, errErased
	}
	return opened, contact, nil
}
