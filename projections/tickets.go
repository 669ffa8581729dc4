package projections

import (
	"casesync/domain/calendar"
	"casesync/domain/retention"
	"casesync/domain/ticket"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// ticketStreams begin the streams of tickets; the rest is the ticket's id.
const ticketStreams = "ticket-"

// Tickets is the read model of questions to the helpdesk, and of the conversations that follow.
//
// Nothing that somebody wrote is in clear in it, nor how strangers can be answered: folds copy envelopes
// and look into none, so that the rows are the same whether the keys still exist or not. Of an erased ticket
// are left its type, its business and its days (requirement 33).
func Tickets() engine.Projection {
	return engine.Projection{
		Name: TicketsName, Version: 1,
		Tables: []engine.AnyTable{tickets, ticketMessages},
		Key: func(e engine.Event) (key string, wanted bool) {
			return string(e.Stream), kindOf(e.Stream) == ticketStreams
		},
		Fold: foldTicket,
		Whole: func(e engine.Event) []engine.AnyTable {
			if _, erased := e.Event.(*ticket.Erased); erased {
				return []engine.AnyTable{ticketMessages}
			}
			return nil
		},
		Streams: func(stream string) []eventstore.StreamName {
			return []eventstore.StreamName{eventstore.StreamName(stream)}
		},
		Prefixes: []string{ticketStreams},
	}
}

// The turns of a ticket: who is to write next. They are stored, and the order of the helpdesk's list.
const (
	turnHelpdesk int64 = iota
	turnAsker
	turnNobody // it is resolved
	turnOver   // it is erased
)

// ticketRow is a ticket.
type ticketRow struct {
	Stream, Type, Person, FRN string
	Turn, Since               int64 // whose turn it is, and since when
	Messages                  int64 // after the question
	OpenedAt, UpdatedAt       int64
	ResolvedDay, DueDay       int64 // of its resolution and of its erasure, 0 while it is open
	Question, Contact         string
}

var tickets = &engine.Table[ticketRow]{
	Spec: engine.Spec{
		Name: "tickets", Key: 1, Wide: true,
		Columns: join(texts("stream", "type", "person", "frn"),
			numbers("turn", "since", "messages", "opened_at", "updated_at", "resolved_day", "due_day"), texts("question", "contact")),
		Indexes: []string{
			"turn, since, stream", "person, opened_at, stream WHERE person <> ''", "due_day, stream WHERE due_day > 0",
		},
	},
	Fields: func(r *ticketRow) []any {
		return []any{&r.Stream, &r.Type, &r.Person, &r.FRN,
			&r.Turn, &r.Since, &r.Messages, &r.OpenedAt, &r.UpdatedAt, &r.ResolvedDay, &r.DueDay, &r.Question, &r.Contact}
	},
}

// ticketMessageRow is one message after the question, numbered 1, 2, 3 …
type ticketMessageRow struct {
	Stream       string
	N            int64
	Side, Author string
	At           int64
	Sealed       string
}

var ticketMessages = &engine.Table[ticketMessageRow]{
	Spec: engine.Spec{
		Name: "ticket_messages", Key: 2, Wide: true, AppendOnly: true,
		Columns: join(texts("stream"), numbers("n"), texts("side", "author"), numbers("at"), texts("sealed")),
	},
	Fields: func(r *ticketMessageRow) []any { return []any{&r.Stream, &r.N, &r.Side, &r.Author, &r.At, &r.Sealed} },
}

// foldTicket takes an event into its ticket.
func foldTicket(rows *engine.Rows, e engine.Event) error {
	row := tickets.Get(rows, string(e.Stream))
	if row == nil {
		row = tickets.Put(rows, ticketRow{Stream: string(e.Stream)})
	}
	switch event := e.Event.(type) {
	case *ticket.Opened:
		row.Type, row.Person, row.FRN = string(event.Type), event.Person, event.FRN
		row.Question, row.Contact = event.Question.Envelope(), event.Contact.Envelope()
		row.OpenedAt, row.UpdatedAt, row.Since = micros(event.At), micros(event.At), micros(event.At)
	case *ticket.MessageAdded:
		row.Messages++
		ticketMessages.Put(rows, ticketMessageRow{
			Stream: row.Stream, N: row.Messages, Side: string(event.Side), Author: event.Author,
			At: micros(event.At), Sealed: event.Message.Envelope(),
		})
		row.to(turnAfter(event.Side), micros(event.At))
	case *ticket.Resolved:
		row.ResolvedDay, row.DueDay = int64(event.Day), int64(event.Day)+int64(retention.Standard().TicketAfterDays)
		row.to(turnNobody, micros(event.At))
	case *ticket.Reopened:
		row.ResolvedDay, row.DueDay = 0, 0
		row.to(turnAfter(event.Side), micros(event.At))
	case *ticket.Erased:
		row.erase(rows, event.Day)
	}
	return nil
}

// turnAfter is whose turn it is once a side has spoken.
func turnAfter(side ticket.Side) int64 {
	if side == ticket.Asker {
		return turnHelpdesk
	}
	return turnAsker
}

// to hands the turn on. Who writes again while it is the other's turn has waited since the first time.
func (r *ticketRow) to(turn, at int64) {
	r.UpdatedAt = at
	if r.Turn != turn {
		r.Turn, r.Since = turn, at
	}
}

// erase leaves what is nobody's: the type, the business and the days.
func (r *ticketRow) erase(rows *engine.Rows, day calendar.Day) {
	at := micros(day.At(0, 0))
	*r = ticketRow{
		Stream: r.Stream, Type: r.Type, FRN: r.FRN, Turn: turnOver, Since: at,
		OpenedAt: r.OpenedAt, UpdatedAt: at, ResolvedDay: r.ResolvedDay,
	}
	for _, message := range ticketMessages.All(rows, r.Stream) {
		ticketMessages.Delete(rows, message.Stream, message.N)
	}
}
