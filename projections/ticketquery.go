package projections

import (
	"context"
	"strings"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/ticket"
	"casesync/projections/engine"
)

// Ticket is a question to the helpdesk. Times are UTC.
type Ticket struct {
	ID     string
	Type   ticket.Type
	Status ticket.Status
	// Person is the user id of who asked, "" where that was before sign-in; FRN the business that it is about, "" for none.
	Person, FRN string
	// AwaitsHelpdesk is whether the helpdesk is to write next, Since from when it stands as it does.
	AwaitsHelpdesk bool
	Since          time.Time
	// Messages counts those that follow the question.
	Messages            int64
	OpenedAt, UpdatedAt time.Time
	// ResolvedOn is the day of its resolution, ErasesOn the one of its erasure; no days while it is open.
	ResolvedOn, ErasesOn calendar.Day
	// Question and Contact are envelopes, read by OpenedTicketQuestion and OpenedTicketContact; "" where there is
	// nothing to open. Contact is there for whom the helpdesk's work is, and of strangers' tickets alone.
	Question, Contact string
}

// TicketFilter says which tickets are asked for; its zero value takes all that the scope sees but erased ones.
type TicketFilter struct {
	// Status takes those that are open, resolved or erased; "" open and resolved ones.
	Status ticket.Status
	// Mine takes those that the scope's own person opened.
	Mine bool
}

// TicketCursor is the place of a ticket in a list, by its Place. The zero value is the beginning.
type TicketCursor struct {
	Turn int64     `json:"n,omitzero"`
	At   time.Time `json:"t,omitzero"`
	ID   string    `json:"id,omitzero"`
}

// Place is where the ticket stands in a list that scope asked for.
func (t Ticket) Place(scope Scope, filter TicketFilter) TicketCursor {
	if !scope.tickets || filter.Mine {
		return TicketCursor{At: t.OpenedAt, ID: t.ID}
	}
	turn := map[ticket.Status]int64{ticket.StatusOpen: turnAsker, ticket.StatusResolved: turnNobody, ticket.StatusErased: turnOver}[t.Status]
	if t.AwaitsHelpdesk {
		turn = turnHelpdesk
	}
	return TicketCursor{Turn: turn, At: t.Since, ID: t.ID}
}

// ListTickets returns at most limit (up to PageRowsMax) tickets after after. A person's own come newest first.
// Of all tickets those come first that await the helpdesk, then those that await who asked, then resolved ones:
// each the longest waiting first. View is of TicketsName.
func ListTickets(ctx context.Context, view engine.View, scope Scope, filter TicketFilter, after TicketCursor, limit int) ([]Ticket, error) {
	query, s := ticketsQuery(scope, filter, after, limit)
	return ticketRows(ctx, view, scope, query, s)
}

func ticketsQuery(scope Scope, filter TicketFilter, after TicketCursor, limit int) (string, *statement) {
	s := &statement{}
	query := s.ticketsOf(scope) + " AND " + turnsOf(filter.Status)
	if scope.tickets && !filter.Mine {
		return query + " AND (turn, since, stream) > (" + s.arg(after.Turn) + ", " + s.arg(micros(after.At)) + ", " + s.arg(ticketStreams+after.ID) +
			") ORDER BY turn, since, stream" + s.limit(limit), s
	}
	if filter.Mine {
		query += " AND person <> '' AND person = " + s.arg(scope.user)
	}
	if after != (TicketCursor{}) {
		query += " AND (opened_at, stream) < (" + s.arg(micros(after.At)) + ", " + s.arg(ticketStreams+after.ID) + ")"
	}
	return query + " ORDER BY opened_at DESC, stream DESC" + s.limit(limit), s
}

// turnsOf is true for tickets with a status.
func turnsOf(status ticket.Status) string {
	switch status {
	case "":
		return "turn < 3"
	case ticket.StatusOpen:
		return "turn < 2"
	case ticket.StatusResolved:
		return "turn = 2"
	case ticket.StatusErased:
		return "turn = 3"
	}
	return "1 = 0"
}

// ticketsOf is true for a ticket that scope sees.
func (s *statement) ticketsOf(scope Scope) string {
	switch {
	case scope.tickets:
		return "1 = 1"
	case scope.ticket != "":
		return "turn < 3 AND stream = " + s.arg(ticketStreams+scope.ticket)
	case scope.user != "":
		return "person <> '' AND person = " + s.arg(scope.user)
	}
	return "1 = 0"
}

// TicketByID returns the ticket id; false if there is none that scope sees. View is of TicketsName.
func TicketByID(ctx context.Context, view engine.View, scope Scope, id string) (Ticket, bool, error) {
	s := &statement{}
	rows, err := ticketRows(ctx, view, scope, s.ticketsOf(scope)+" AND stream = "+s.arg(ticketStreams+id), s)
	if err != nil || len(rows) == 0 {
		return Ticket{}, false, err
	}
	return rows[0], true, nil
}

func ticketRows(ctx context.Context, view engine.View, scope Scope, rest string, s *statement) ([]Ticket, error) {
	rows, err := rowsOf(ctx, view, tickets, "SELECT "+list(tickets.Columns, "")+" FROM {tickets} WHERE "+rest, s)
	shown := make([]Ticket, len(rows))
	for i, r := range rows {
		shown[i] = r.public()
		if !scope.contacts {
			shown[i].Contact = ""
		}
	}
	return shown, err
}

func (r *ticketRow) public() Ticket {
	status := ticket.StatusOpen
	switch r.Turn {
	case turnNobody:
		status = ticket.StatusResolved
	case turnOver:
		status = ticket.StatusErased
	}
	return Ticket{
		ID: strings.TrimPrefix(r.Stream, ticketStreams), Type: ticket.Type(r.Type), Status: status, Person: r.Person, FRN: r.FRN,
		AwaitsHelpdesk: r.Turn == turnHelpdesk, Since: instant(r.Since), Messages: r.Messages,
		OpenedAt: instant(r.OpenedAt), UpdatedAt: instant(r.UpdatedAt),
		ResolvedOn: calendar.Day(r.ResolvedDay), ErasesOn: calendar.Day(r.DueDay), Question: r.Question, Contact: r.Contact,
	}
}

// TicketMessage is one message of a ticket.
type TicketMessage struct {
	N    int64 // 1, 2, 3 …
	Side ticket.Side
	// Author is the user id of who asked, or the id of a principal of the helpdesk; "" for a stranger.
	Author string
	At     time.Time
	// Sealed is an envelope, read by OpenedTicketMessage.
	Sealed string
}

// TicketMessages returns the messages that follow the question of the ticket id, in their order; none if scope
// does not see it. There are at most ticket.MessagesMax. View is of TicketsName.
func TicketMessages(ctx context.Context, view engine.View, scope Scope, id string) ([]TicketMessage, error) {
	s := &statement{}
	rows, err := rowsOf(ctx, view, ticketMessages, "SELECT "+list(ticketMessages.Columns, "")+" FROM {ticket_messages} WHERE stream IN (SELECT stream FROM {tickets} WHERE "+
		s.ticketsOf(scope)+" AND stream = "+s.arg(ticketStreams+id)+") ORDER BY n", s)
	shown := make([]TicketMessage, len(rows))
	for i, r := range rows {
		shown[i] = TicketMessage{N: r.N, Side: ticket.Side(r.Side), Author: r.Author, At: instant(r.At), Sealed: r.Sealed}
	}
	return shown, err
}

// TicketOwner says who opened a ticket: a user id, "" before sign-in and of an erased one.
type TicketOwner struct{ ID, Person string }

// TicketOwners returns who opened those of some tickets (up to PageRowsMax) that scope sees, by id; with
// [Scope.SeesTicket] it is known who of many is to be told of them. View is of TicketsName.
func TicketOwners(ctx context.Context, view engine.View, scope Scope, ids []string) ([]TicketOwner, error) {
	streams := make([]string, len(ids))
	for i, id := range ids {
		streams[i] = ticketStreams + id
	}
	s := &statement{}
	query := "SELECT stream, person FROM {tickets} WHERE " + s.ticketsOf(scope) + " AND " + s.in("stream", streams) + " ORDER BY stream" + s.limit(PageRowsMax)
	return collect(ctx, view, "find who opened tickets", query, s, func(scan func(...any) error) (owner TicketOwner, err error) {
		err = scan(&owner.ID, &owner.Person)
		owner.ID = strings.TrimPrefix(owner.ID, ticketStreams)
		return owner, err
	})
}

// DueTickets returns at most limit (up to PageRowsMax) tickets that are to be erased today, after after, those
// longest due first. Whether one is erased is the decider's to say: it may have been reopened. A scope that is
// no operator's, helpdesk's or auditor's sees none. View is of TicketsName.
func DueTickets(ctx context.Context, view engine.View, scope Scope, today calendar.Day, after Due, limit int) ([]Due, error) {
	return due(ctx, view, scope, "tickets", ticketStreams, today, after, limit)
}

// OpenedTicketQuestion reads what Ticket.Question holds; of nil, the content of an envelope whose key was
// destroyed, it returns the zero value.
func OpenedTicketQuestion(plain []byte) (ticket.Question, error) {
	var question ticket.Question
	err := read(plain, &question)
	return question, err
}

// OpenedTicketContact reads what Ticket.Contact holds, in the same way.
func OpenedTicketContact(plain []byte) (ticket.Contact, error) {
	var contact ticket.Contact
	err := read(plain, &contact)
	return contact, err
}

// OpenedTicketMessage reads what TicketMessage.Sealed holds, in the same way.
func OpenedTicketMessage(plain []byte) (ticket.Message, error) {
	var message ticket.Message
	err := read(plain, &message)
	return message, err
}
