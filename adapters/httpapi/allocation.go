package httpapi

import (
	"context"

	"casesync/adapters/commands"
)

// Allocation gives a case to somebody (requirement 57).
type Allocation struct {
	_ struct{} `additionalProperties:"false"`

	Why
	To   string `json:"to" minLength:"1" maxLength:"36" doc:"me, none, or the user id of somebody who works on cases of the business" example:"me"`
	From string `json:"from,omitempty" minLength:"1" maxLength:"36" doc:"Who has the case as you saw it: me, none or a user id. Where somebody else was faster you get 409 allocated-otherwise. Without it that does not matter to who may allocate to others" example:"none"`
}

// allocate gives a case to the caller, somebody else or nobody.
func (s *Server) allocate(ctx context.Context, ask commands.Ask, in *command[Allocation]) (*acted[Outcome], error) {
	done, err := s.config.People.Allocate(ctx, ask, pathValue(in.http, "ref"), in.Body.To, in.Body.From)
	return told(done, outcomeOf(done)), err
}
