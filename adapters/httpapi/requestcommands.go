package httpapi

import (
	"context"

	"casesync/adapters/commands"
)

// RequestAmendment replaces what an access request says, by an operator.
type RequestAmendment struct {
	_ struct{} `additionalProperties:"false"`

	Why
	RequestForm
}

// RequestQuestion asks the contact of an access request for what is missing.
type RequestQuestion struct {
	_ struct{} `additionalProperties:"false"`

	Why
	Question string `json:"question,omitempty" maxLength:"200" doc:"What to ask beside what is missing; it is mailed to the contact"`
}

// RequestSetup sets up the businesses of an access request.
type RequestSetup struct {
	_ struct{} `additionalProperties:"false"`

	Why
	Connection      string `json:"connection,omitempty" maxLength:"40" doc:"The id of the identity provider's settings; none for local accounts" example:"example-bank"`
	SecretReference string `json:"secretReference,omitempty" maxLength:"100" doc:"The name of the file with the client secret, for OpenID Connect; never the secret itself" example:"example-bank"`
}

// showRequest shows an access request to an operator, as it stands in the log at this moment.
func (s *Server) showRequest(ctx context.Context, in *request) (*present[AccessRequest], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	id, err := requestIn(in)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	view, err := s.config.People.ShowRequest(ctx, commands.Ask{By: callerOf(ctx).principal}, id)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	return &present[AccessRequest]{ETag: revisionTag(view.Revision), CacheControl: noStore, Body: accessRequestOf(view)}, nil
}

// requestIn returns the id of the access request that an address names.
func requestIn(in *request) (string, error) {
	id := pathValue(in.http, "id")
	if !isPerson(id) {
		return "", commands.ErrUnknown
	}
	return id, nil
}

// onRequest gives an operator's command on an access request.
func onRequest[B any](give func(context.Context, commands.Ask, string, B) (commands.Done, error)) func(context.Context, commands.Ask, *command[B]) (*acted[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[B]) (*acted[Outcome], error) {
		id, err := requestIn(&in.request)
		if err != nil {
			return nil, err
		}
		done, err := give(ctx, ask, id, in.Body)
		return told(done, outcomeOf(done)), err
	}
}

func (s *Server) amendRequest(ctx context.Context, ask commands.Ask, id string, body RequestAmendment) (commands.Done, error) {
	return s.config.People.AmendRequest(ctx, ask, id, body.form())
}

func (s *Server) askRequest(ctx context.Context, ask commands.Ask, id string, body RequestQuestion) (commands.Done, error) {
	return s.config.People.AskRequest(ctx, ask, id, body.Question)
}

func (s *Server) configureRequest(ctx context.Context, ask commands.Ask, id string, body RequestSetup) (commands.Done, error) {
	return s.config.People.ConfigureRequest(ctx, ask, id, body.Connection, body.SecretReference)
}

func (s *Server) completeRequest(ctx context.Context, ask commands.Ask, id string, _ Decision) (commands.Done, error) {
	return s.config.People.CompleteRequest(ctx, ask, id)
}

func (s *Server) inviteAdministrators(ctx context.Context, ask commands.Ask, id string, _ Decision) (commands.Done, error) {
	return s.config.People.InviteAdministrators(ctx, ask, id)
}

func (s *Server) declineRequest(ctx context.Context, ask commands.Ask, id string, _ Decision) (commands.Done, error) {
	return s.config.People.DeclineRequest(ctx, ask, id)
}
