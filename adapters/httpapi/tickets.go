package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/ticket"
	"casesync/projections"
	"casesync/projections/engine"
)

// Ticket is a question to the helpdesk, in a list.
type Ticket struct {
	ID         string         `json:"id"`
	Type       ticket.Type    `json:"type" enum:"technical,additional-administrator,access"`
	Status     ticket.Status  `json:"status" enum:"open,resolved,erased"`
	Subject    string         `json:"subject,omitempty" doc:"Absent where it was erased"`
	Business   string         `json:"business,omitempty" doc:"The FRN of the business that it is about"`
	OpenedBy   string         `json:"openedBy,omitempty" doc:"The id of the user who asked; absent where that was before sign-in"`
	Contact    *TicketContact `json:"contact,omitempty" doc:"For the helpdesk: who asked before sign-in"`
	Awaits     ticket.Side    `json:"awaits,omitempty" enum:"helpdesk,asker" doc:"Who is to write next, while it is open"`
	Since      *time.Time     `json:"since,omitempty" doc:"Since when it stands so"`
	Messages   int64          `json:"messages" doc:"How many followed the question"`
	OpenedAt   *time.Time     `json:"openedAt,omitempty"`
	UpdatedAt  *time.Time     `json:"updatedAt,omitempty"`
	ResolvedOn *calendar.Day  `json:"resolvedOn,omitempty" format:"date"`
	ErasesOn   *calendar.Day  `json:"erasesOn,omitempty" format:"date" doc:"When it is erased, if it is not reopened before"`
}

// TicketContact is how somebody who asked before sign-in can be answered.
type TicketContact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// TicketPage is a page of tickets.
type TicketPage struct {
	AsOf  AsOf     `json:"asOf"`
	Items []Ticket `json:"items" nullable:"false" doc:"Your own newest first. For the helpdesk those first that await it, the longest waiting first, and resolved ones last"`
	Next  *string  `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// TicketDetails is a ticket with its conversation.
type TicketDetails struct {
	AsOf AsOf `json:"asOf"`
	Ticket
	Text         string          `json:"text,omitempty" doc:"The question. Absent where it was erased"`
	Conversation []TicketMessage `json:"conversation" nullable:"false" doc:"What followed, in its order"`
}

// TicketMessage is one message of a ticket.
type TicketMessage struct {
	Number int64       `json:"number" doc:"1, 2, 3 …"`
	Side   ticket.Side `json:"side" enum:"asker,helpdesk" doc:"Who wrote it"`
	Author string      `json:"author,omitempty" doc:"For the helpdesk: the id of who wrote it"`
	At     *time.Time  `json:"at"`
	Text   string      `json:"text,omitempty" doc:"Absent where it was erased"`
}

// ticketQuery is what the parameters of the list say.
type ticketQuery struct {
	pageQuery
	status string
	mine   *bool
}

var ticketStatuses = []string{string(ticket.StatusOpen), string(ticket.StatusResolved), string(ticket.StatusErased)}

var ticketParameters = []parameter[ticketQuery]{
	{name: "status", doc: "Where it stands; open and resolved ones without it", schema: oneOf(ticketStatuses...),
		set: choose(func(q *ticketQuery) *string { return &q.status }, ticketStatuses...)},
	{name: "mine", doc: "Only what you asked yourself, for who sees what others asked", schema: &huma.Schema{Type: huma.TypeBoolean},
		set: setFlag(func(q *ticketQuery) **bool { return &q.mine })},
	{name: "limit", doc: "Tickets per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *ticketQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *ticketQuery) *string { return &q.cursor })},
}

func (s *Server) listTickets(_ context.Context, in *request) (*output[TicketPage], error) {
	query := ticketQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, ticketParameters, &query); refusal != nil {
		return nil, refusal
	}
	filter := projections.TicketFilter{Status: ticket.Status(query.status), Mine: query.mine != nil && *query.mine}
	var after projections.TicketCursor
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[TicketPage]{
		projection: projections.TicketsName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (TicketPage, error), error) {
			scope := scopeOf(ctx)
			rows, err := projections.ListTickets(ctx, view, scope, filter, after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := TicketPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, func(last projections.Ticket) any { return last.Place(scope, filter) })
			return func(ctx context.Context) (TicketPage, error) {
				if err != nil {
					return body, err
				}
				body.Items = make([]Ticket, len(rows))
				var o opening
				for i, row := range rows {
					body.Items[i] = ticketOf(row)
					addTicket(&o, &body.Items[i], new(string), row)
				}
				return body, o.open(ctx, s)
			}, nil
		},
	})
}

func (s *Server) showTicket(ctx context.Context, in *request) (*output[TicketDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, s.oneTicket(scopeOf(ctx), pathValue(in.http, "id"), callerOf(ctx).principal.Everywhere(access.ReadTickets)))
}

// oneTicket asks for the ticket id with its conversation, as scope sees it; with authors also who of the helpdesk
// wrote what.
func (s *Server) oneTicket(scope projections.Scope, id string, authors bool) question[TicketDetails] {
	return question[TicketDetails]{
		projection: projections.TicketsName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (TicketDetails, error), error) {
			row, found, err := projections.TicketByID(ctx, view, scope, id)
			if err != nil {
				return nil, err
			}
			if !found {
				return nil, notFound()
			}
			messages, err := projections.TicketMessages(ctx, view, scope, id)
			if err != nil {
				return nil, err
			}
			body := TicketDetails{AsOf: asOf(view), Ticket: ticketOf(row), Conversation: make([]TicketMessage, len(messages))}
			return func(ctx context.Context) (TicketDetails, error) {
				var o opening
				addTicket(&o, &body.Ticket, &body.Text, row)
				for i, message := range messages {
					shown := &body.Conversation[i]
					*shown = TicketMessage{Number: message.N, Side: message.Side, At: instant(message.At)}
					if authors {
						shown.Author = message.Author
					}
					opened(&o, message.Sealed, projections.OpenedTicketMessage, func(m ticket.Message) { shown.Text = m.Text })
				}
				return body, o.open(ctx, s)
			}, nil
		},
	}
}

// addTicket asks for the sealed parts of a ticket.
func addTicket(o *opening, shown *Ticket, text *string, row projections.Ticket) {
	opened(o, row.Question, projections.OpenedTicketQuestion, func(q ticket.Question) { shown.Subject, *text = q.Subject, q.Text })
	opened(o, row.Contact, projections.OpenedTicketContact, func(c ticket.Contact) { shown.Contact = &TicketContact{c.Name, c.Email} })
}

func ticketOf(row projections.Ticket) Ticket {
	shown := Ticket{
		ID: row.ID, Type: row.Type, Status: row.Status, Business: row.FRN, OpenedBy: row.Person,
		Since: instant(row.Since), Messages: row.Messages, OpenedAt: instant(row.OpenedAt), UpdatedAt: instant(row.UpdatedAt),
		ResolvedOn: dayOf(row.ResolvedOn), ErasesOn: dayOf(row.ErasesOn),
	}
	if row.Status == ticket.StatusOpen {
		shown.Awaits = ticket.Asker
		if row.AwaitsHelpdesk {
			shown.Awaits = ticket.Helpdesk
		}
	}
	return shown
}
