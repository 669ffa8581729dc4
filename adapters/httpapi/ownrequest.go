package httpapi

import (
	"context"
	"net/http"

	"casesync/adapters/commands"
)

// RequestSubmitted is the answer to an access request.
type RequestSubmitted struct {
	Outcome
	ID    string `json:"id" doc:"The reference of the request"`
	Token string `json:"token" doc:"With it, in the header Casesync-Link-Token, the request can be seen, changed and withdrawn. It is shown this once"`
	Mail  string `json:"mail" enum:"sent" doc:"A link with the same token is mailed to the contact"`
}

// submitRequest takes an access request from anybody: operators find out whether it is true.
func (s *Server) submitRequest(ctx context.Context, ask commands.Ask, in *command[RequestForm]) (*acted[RequestSubmitted], error) {
	if refusal := s.config.Allowances.stranger(in.http); refusal != nil {
		return nil, refusal
	}
	id, token, done, err := s.config.People.SubmitRequest(ctx, ask, in.Body.form())
	return told(done, RequestSubmitted{Outcome: outcomeOf(done), ID: id, Token: token, Mail: "sent"}), err
}

// linkOf returns the token of the mailed link that a request carries.
func linkOf(r *http.Request) (string, *Problem) {
	token := r.Header.Get(headerLink)
	if token == "" {
		return "", problem(CodeTokenMissing, "Send the token of the link that was mailed to you in the header %s.", headerLink)
	}
	return token, nil
}

func (s *Server) showOwnRequest(ctx context.Context, in *request) (*present[AccessRequest], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	token, refusal := linkOf(in.http)
	if refusal != nil {
		return nil, refusal
	}
	view, err := s.config.People.ShowOwnRequest(ctx, token)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	return &present[AccessRequest]{CacheControl: noStore, Body: accessRequestOf(view)}, nil
}

func (s *Server) amendOwnRequest(ctx context.Context, _ commands.Ask, in *command[RequestForm]) (*acted[Outcome], error) {
	token, refusal := linkOf(in.http)
	if refusal != nil {
		return nil, refusal
	}
	done, err := s.config.People.AmendOwnRequest(ctx, token, in.Body.form())
	return told(done, outcomeOf(done)), err
}

// withdrawOwnRequest takes no body: the token says which request.
func (s *Server) withdrawOwnRequest(ctx context.Context, in *request) (*acted[Outcome], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	token, refusal := linkOf(in.http)
	if refusal != nil {
		return nil, refusal
	}
	done, err := s.config.People.WithdrawOwnRequest(ctx, token)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	return told(done, outcomeOf(done)), nil
}
