package httpapi

import (
	"context"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// NewInvitation invites somebody to a business (requirement 37).
type NewInvitation struct {
	_ struct{} `additionalProperties:"false"`

	Why
	AtBusiness
	Name  string        `json:"name" minLength:"1" maxLength:"200" example:"Robin Sample"`
	Email string        `json:"email" minLength:"3" maxLength:"254" doc:"The person's own, under a domain of the business" example:"robin.sample@business.example"`
	Roles []access.Role `json:"roles" minItems:"1" maxItems:"3" nullable:"false" enum:"caseworker,supervisor,administrator" doc:"Administrators are made by operators: POST /api/v1/administrator-requests/grant"`
}

// InvitationSent is the answer to an invitation. The link is mailed, and stands nowhere else.
type InvitationSent struct {
	Outcome
	ID   string `json:"id" format:"uuid" doc:"Of the invitation"`
	User string `json:"user" format:"uuid" doc:"The user id of who is invited"`
}

func (s *Server) invite(ctx context.Context, ask commands.Ask, in *command[NewInvitation]) (*acted[InvitationSent], error) {
	return s.invited(ctx, ask, in.Body.Business, commands.Invitation{Name: in.Body.Name, Email: in.Body.Email, Roles: in.Body.Roles})
}

func (s *Server) invited(ctx context.Context, ask commands.Ask, frn string, invitation commands.Invitation) (*acted[InvitationSent], error) {
	id, person, done, err := s.config.People.Invite(ctx, ask, frn, invitation)
	return told(done, InvitationSent{Outcome: outcomeOf(done), ID: id, User: person}), err
}

// onInvitation gives a command on an invitation of a business.
func onInvitation(give func(context.Context, commands.Ask, string, string) (commands.Done, error)) func(context.Context, commands.Ask, *command[MemberDecision]) (*acted[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[MemberDecision]) (*acted[Outcome], error) {
		id, err := personIn(&in.request) // the form of its id is the same
		if err != nil {
			return nil, err
		}
		done, err := give(ctx, ask, in.Body.Business, id)
		return told(done, outcomeOf(done)), err
	}
}
