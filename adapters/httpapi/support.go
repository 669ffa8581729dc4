package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"casesync/adapters/commands"
	"casesync/domain/ticket"
	"casesync/projections"
)

// registerSupport registers the routes of the helpdesk. Without Casework there are none but its hours.
func (s *Server) registerSupport(api huma.API) {
	get(api, plainRead, "/api/v1/helpdesk", "Show when the helpdesk answers", "Whether it is open now, and its hours.", nil, s.showHelpdesk)
	if s.config.Casework == nil {
		return
	}
	desk := s.config.Casework
	give(s, api, http.MethodPost, "/api/v1/tickets", "Ask the helpdesk", "Technical questions, access, and additional administrators. What is about a case goes by notification.", http.StatusCreated, s.openTicket, allowance)
	get(api, positioned, "/api/v1/tickets", "List tickets", "What you asked; all that was asked for the helpdesk.", openAPI(ticketParameters), s.listTickets)
	get(api, positioned, "/api/v1/tickets/{id}", "Show a ticket", "A question with the conversation that followed.", nil, s.showTicket)
	give(s, api, http.MethodPost, "/api/v1/tickets/{id}/messages", "Write in a ticket", "As who asked, or as the helpdesk. Who asked reopens a resolved ticket by it.", http.StatusOK, s.replyInTicket)
	give(s, api, http.MethodPost, "/api/v1/tickets/{id}/resolve", "Resolve a ticket", "Says that the question is answered. 120 days later the ticket is erased.", http.StatusOK, onTicket(desk.ResolveTicket))
	give(s, api, http.MethodPost, "/api/v1/tickets/{id}/reopen", "Reopen a ticket", "Says that the question is not answered yet.", http.StatusOK, onTicket(desk.ReopenTicket))
	s.registerSupportRequests(api)
}

func (s *Server) registerSupportRequests(api huma.API) {
	desk := s.config.Casework
	give(s, api, http.MethodPost, "/api/v1/support-requests", "Ask the helpdesk before sign-in", "Anybody may. A link with which the answers can be read is mailed to the address, and given nowhere else.", http.StatusAccepted, s.askAsStranger, allowance)
	get(api, positioned, "/api/v1/support-requests/mine", "Show one's own question", "For the holder of the mailed link.", []*huma.Param{headerParam(headerLink, linkDoc)}, s.showOwnTicket)
	onLink(s, api, "/api/v1/support-requests/mine/messages", "Write in one's own question", "Reopens it where it was resolved.",
		func(ctx context.Context, token string, text TicketText) (commands.Done, error) {
			return desk.ReplyByLink(ctx, token, text.Text)
		})
	onLink(s, api, "/api/v1/support-requests/mine/resolve", "Resolve one's own question", "Says that it is answered. 120 days later it is erased.",
		func(ctx context.Context, token string, _ NoMore) (commands.Done, error) {
			return desk.ResolveByLink(ctx, token)
		})
}

// TicketQuestion asks the helpdesk something.
type TicketQuestion struct {
	_ struct{} `additionalProperties:"false"`

	Type     ticket.Type `json:"type" enum:"technical,additional-administrator,access"`
	Business string      `json:"business,omitempty" maxLength:"20" doc:"The FRN of the business that it is about; needed for another administrator"`
	Subject  string      `json:"subject" minLength:"1" maxLength:"200" doc:"One line"`
	Text     string      `json:"text" minLength:"1" maxLength:"4000"`
}

func (q TicketQuestion) question() commands.Question {
	return commands.Question{Type: q.Type, FRN: q.Business, Subject: q.Subject, Text: q.Text}
}

// SupportRequest asks the helpdesk something before sign-in.
type SupportRequest struct {
	_ struct{} `additionalProperties:"false"`

	TicketQuestion
	Name  string `json:"name" minLength:"1" maxLength:"200"`
	Email string `json:"email" minLength:"1" maxLength:"254" doc:"Where the link to the answers is mailed"`
}

// TicketText is a message to be added to a ticket.
type TicketText struct {
	_ struct{} `additionalProperties:"false"`

	Text string `json:"text" minLength:"1" maxLength:"4000"`
}

// NoMore is the body of a command that says all by its address: {}.
type NoMore struct {
	_ struct{} `additionalProperties:"false"`
}

// TicketOpened is the answer to a question.
type TicketOpened struct {
	Outcome
	ID string `json:"id" doc:"The ticket's"`
}

// SupportTaken is the answer to a question before sign-in. It is the same whoever asks about whatever business, and
// says nothing by which the ticket could be read: only who reads the mail has the link.
type SupportTaken struct {
	Status string `json:"status" enum:"accepted"`
	Mail   string `json:"mail" enum:"sent" doc:"A link is mailed to the address that was given"`
}

func (s *Server) openTicket(ctx context.Context, ask commands.Ask, in *command[TicketQuestion]) (*acted[TicketOpened], error) {
	if in.Body.Business != "" {
		visitOf(ctx).concerns(in.Body.Business)
	}
	if refusal := s.config.Allowances.ticket(ask); refusal != nil {
		return nil, refusal
	}
	id, done, err := s.config.Casework.OpenTicket(ctx, ask, in.Body.question())
	return told(done, TicketOpened{outcomeOf(done), id}), err
}

// askAsStranger takes a question from anybody. The token of the link to it goes by mail alone.
func (s *Server) askAsStranger(ctx context.Context, ask commands.Ask, in *command[SupportRequest]) (*acted[SupportTaken], error) {
	if refusal := s.config.Allowances.stranger(in.http); refusal != nil {
		return nil, refusal
	}
	_, _, done, err := s.config.Casework.OpenTicketAsStranger(ctx, ask, in.Body.question(), ticket.Contact{Name: in.Body.Name, Email: in.Body.Email})
	return told(done, SupportTaken{Status: string(commands.Accepted), Mail: "sent"}), err
}

func (s *Server) replyInTicket(ctx context.Context, ask commands.Ask, in *command[TicketText]) (*acted[Outcome], error) {
	done, err := s.config.Casework.Reply(ctx, ask, pathValue(in.http, "id"), in.Body.Text)
	return told(done, outcomeOf(done)), err
}

// onTicket gives a command on the ticket that the address names.
func onTicket(act func(context.Context, commands.Ask, string) (commands.Done, error)) func(context.Context, commands.Ask, *command[NoMore]) (*acted[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[NoMore]) (*acted[Outcome], error) {
		done, err := act(ctx, ask, pathValue(in.http, "id"))
		return told(done, outcomeOf(done)), err
	}
}

// showOwnTicket shows a ticket to the holder of its link, and to nobody who guesses one.
func (s *Server) showOwnTicket(ctx context.Context, in *request) (*output[TicketDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	token, refusal := linkOf(in.http)
	if refusal != nil {
		return nil, refusal
	}
	id, err := s.config.Casework.TicketOf(ctx, token)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	return answer(s, in, s.oneTicket(projections.TicketScope(id), id, false))
}

// onLink registers a command for the holder of the link to a ticket.
func onLink[B any](s *Server, api huma.API, path, summary, description string, act func(ctx context.Context, token string, body B) (commands.Done, error)) {
	op := operation(http.MethodPost, path, summary, description)
	op.DefaultStatus = http.StatusOK
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	byLink(&op)
	huma.Register(api, op, func(ctx context.Context, in *command[B]) (*acted[Outcome], error) {
		if _, refusal := askOf(in); refusal != nil {
			return nil, refusal
		}
		token, refusal := linkOf(in.http)
		if refusal != nil {
			return nil, refusal
		}
		done, err := act(ctx, token, in.Body)
		if err != nil {
			return nil, s.peopleProblem(ctx, in.http, err)
		}
		return told(done, outcomeOf(done)), nil
	})
}
