package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/ticket"
	"casesync/eventstore"
)

// Question is a ticket to be opened. FRN is the business that it is about, "" for none.
type Question struct {
	Type               ticket.Type
	FRN, Subject, Text string
}

// OpenTicket asks the helpdesk something, for a person who is signed in and may ask it at the business that the
// question is about, or at any where it is about none. The same ask.ID of the same person is the same ticket.
func (c *Casework) OpenTicket(ctx context.Context, ask Ask, question Question) (id string, done Done, err error) {
	person := ask.By.Person()
	may := ask.By.May(access.AskSupport, question.FRN) || question.FRN == "" && ask.By.Somewhere(access.AskSupport)
	if person == "" || !may {
		return "", Done{}, refusedTo(ask.By, "ticket.open", question.FRN)
	}
	return c.openTicket(ctx, c.ofPerson(ask).following(), person, ticket.Open{Person: person}, question)
}

// OpenTicketAsStranger asks the helpdesk something before sign-in, and returns the token by which the stranger
// sees the answers; it is for the contact's address alone, as whoever has it reads and writes in the ticket. The
// same words under the same ask.ID are the same ticket; somebody else's are not, so that nobody gets another's token.
func (c *Casework) OpenTicketAsStranger(ctx context.Context, ask Ask, question Question, contact ticket.Contact) (id, token string, done Done, err error) {
	o := c.ofHolder(anybody)
	if ask.ID != uuid.Nil {
		o.id = uuid.NewSHA1(ask.ID, fmt.Appendf(nil, "%#v %#v", question, contact))
	}
	id, done, err = c.openTicket(ctx, o, "", ticket.Open{Contact: contact}, question)
	if err != nil {
		return "", "", Done{}, err
	}
	return id, c.config.Links.Token(Link{Kind: TicketLink, ID: id}), done, nil
}

func (c *Casework) openTicket(ctx context.Context, o order, person string, open ticket.Open, q Question) (id string, done Done, err error) {
	open.Type, open.FRN, open.Subject, open.Text, open.At = q.Type, q.FRN, q.Subject, q.Text, o.at
	id = uuid.NewSHA1(o.id, []byte("ticket\n"+person)).String()
	done, err = c.tickets.done(ctx, o, id, open)
	if err != nil {
		return "", Done{}, fmt.Errorf("open ticket: %w", err)
	}
	return id, done, nil
}

// Reply writes in a ticket: as who opened it, or as the helpdesk. To anybody else there is no such ticket.
func (c *Casework) Reply(ctx context.Context, ask Ask, id, text string) (Done, error) {
	return c.inTicket(ctx, ask, "ticket.reply", id, func(p part) ticket.Command {
		return ticket.Reply{Side: p.side, Author: p.author, Text: text, At: p.at}
	})
}

// ResolveTicket says that the question is answered; see Reply for who may.
func (c *Casework) ResolveTicket(ctx context.Context, ask Ask, id string) (Done, error) {
	return c.inTicket(ctx, ask, "ticket.resolve", id, func(p part) ticket.Command {
		return ticket.Resolve{Side: p.side, Author: p.author, At: p.at}
	})
}

// ReopenTicket says that it is not; see Reply for who may.
func (c *Casework) ReopenTicket(ctx context.Context, ask Ask, id string) (Done, error) {
	return c.inTicket(ctx, ask, "ticket.reopen", id, func(p part) ticket.Command {
		return ticket.Reopen{Side: p.side, Author: p.author, At: p.at}
	})
}

// part is on which side of a conversation somebody is, and when he says something.
type part struct {
	side   ticket.Side
	author string
	at     time.Time
}

// inTicket gives a command as whoever asks takes part in a ticket.
func (c *Casework) inTicket(ctx context.Context, ask Ask, name access.Command, id string, command func(part) ticket.Command) (Done, error) {
	p, err := c.partIn(ctx, ask.By, name, id)
	if err != nil {
		return Done{}, err
	}
	o := c.ofPerson(ask)
	p.at = o.at
	return c.onTicket(ctx, o, id, command(p))
}

// partIn returns the part that a principal has in a ticket, as the log has it now, and ErrUnknown where he has
// none. Who opened it is the asker also where he may answer others'.
func (c *Casework) partIn(ctx context.Context, by access.Principal, name access.Command, id string) (part, error) {
	opener, me := "", by.Person()
	err := c.tickets.look(ctx, id, func(state *ticket.State, _ eventstore.Revision) { opener = state.Person() })
	switch {
	case err != nil:
		return part{}, fmt.Errorf("look at ticket: %w", err)
	case me != "" && me == opener:
		if !by.Somewhere(access.AskSupport) {
			return part{}, refusedTo(by, string(name), "")
		}
		return part{side: ticket.Asker, author: me}, nil
	case by.Everywhere(access.AnswerTickets):
		return part{side: ticket.Helpdesk, author: by.ID}, nil
	}
	return part{}, ErrUnknown
}

// TicketOf returns the id of the ticket that a link is for, and ErrLink for any other token, and once the ticket
// was erased.
func (c *Casework) TicketOf(ctx context.Context, token string) (id string, err error) {
	link, err := ParseLink(token)
	if err != nil || link.Kind != TicketLink || link.Of != "" {
		return "", ErrLink
	}
	if err := c.config.Links.Check(token, link); err != nil {
		return "", err
	}
	open := false
	err = c.tickets.look(ctx, link.ID, func(state *ticket.State, _ eventstore.Revision) {
		gone := state.Status() == ticket.StatusMissing || state.Status() == ticket.StatusErased
		open = !gone && state.Person() == "" // who has an account signs in
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("look at ticket: %w", err)
	case !open:
		return "", ErrLink
	}
	return link.ID, nil
}

// ReplyByLink is Reply for who holds the link to a ticket.
func (c *Casework) ReplyByLink(ctx context.Context, token, text string) (Done, error) {
	return c.byLink(ctx, token, func(p part) ticket.Command { return ticket.Reply{Side: p.side, Text: text, At: p.at} })
}

// ResolveByLink is ResolveTicket for who holds its link.
func (c *Casework) ResolveByLink(ctx context.Context, token string) (Done, error) {
	return c.byLink(ctx, token, func(p part) ticket.Command { return ticket.Resolve{Side: p.side, At: p.at} })
}

func (c *Casework) byLink(ctx context.Context, token string, command func(part) ticket.Command) (Done, error) {
	id, err := c.TicketOf(ctx, token)
	if err != nil {
		return Done{}, err
	}
	o := c.ofHolder(anybody)
	return c.onTicket(ctx, o, id, command(part{side: ticket.Asker, at: o.at}))
}

// TickTicket applies the rules of retention to a ticket (requirement 33). Package reactions destroys the keys of
// one that it erases, from the event.
func (c *Casework) TickTicket(ctx context.Context, id string, today calendar.Day) (Done, error) {
	return c.onTicket(ctx, c.ofSystem(systemClock), id, ticket.Tick{Today: today})
}

func (c *Casework) onTicket(ctx context.Context, o order, id string, command ticket.Command) (Done, error) {
	done, err := c.tickets.done(ctx, o, id, command)
	if err != nil {
		return Done{}, fmt.Errorf("change ticket: %w", err)
	}
	return done, nil
}
