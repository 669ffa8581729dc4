package commands

import (
	"context"
	"errors"

	"casesync/domain/calendar"
	"casesync/domain/ticket"
)

// Question is a ticket to be opened. FRN is the business that it is about, "" for none.
type Question struct {
	Type               ticket.Type
	FRN, Subject, Text string
}

// OpenTicket asks the helpdesk something, for a person who is signed in.
func (c *Casework) OpenTicket(ctx context.Context, ask Ask, question Question) (id string, done Done, err error) {
	return "", Done{}, errors.ErrUnsupported
}

// OpenTicketAsStranger asks the helpdesk something before sign-in, and returns the token by which the stranger
// sees the answers.
func (c *Casework) OpenTicketAsStranger(ctx context.Context, ask Ask, question Question, contact ticket.Contact) (id, token string, done Done, err error) {
	return "", "", Done{}, errors.ErrUnsupported
}

// Reply writes in a ticket: as who opened it, or as the helpdesk.
func (c *Casework) Reply(ctx context.Context, ask Ask, id, text string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ResolveTicket says that the question is answered.
func (c *Casework) ResolveTicket(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ReopenTicket says that it is not.
func (c *Casework) ReopenTicket(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// TicketOf returns the id of the ticket that a link is for, and ErrLink for any other token.
func (c *Casework) TicketOf(ctx context.Context, token string) (id string, err error) {
	return "", errors.ErrUnsupported
}

// ReplyByLink is Reply for who holds the link to a ticket.
func (c *Casework) ReplyByLink(ctx context.Context, token, text string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ResolveByLink is ResolveTicket for who holds its link.
func (c *Casework) ResolveByLink(ctx context.Context, token string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// TickTicket applies the rules of retention to a ticket (requirement 33).
func (c *Casework) TickTicket(ctx context.Context, id string, today calendar.Day) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
