package httpapi

import (
	"context"

	"casesync/adapters/commands"
)

// The words for people in an allocation.
const (
	toMe   = "me"
	toNone = "none"
)

// Allocation gives a case to somebody (requirement 57).
type Allocation struct {
	_ struct{} `additionalProperties:"false"`

	Why
	To   string  `json:"to" minLength:"1" maxLength:"64" doc:"me, none, or the user id of somebody who works at the case's business" example:"me"`
	From *string `json:"from,omitempty" minLength:"1" maxLength:"64" doc:"Who you saw it allocated to: me, none or a user id. If somebody else was faster you get 409. Without it, whoever has the case loses it" example:"none"`
}

// allocate gives a case to the caller, somebody else or nobody.
func (s *Server) allocate(ctx context.Context, ask commands.Ask, in *command[Allocation]) (*output[Outcome], error) {
	_, _ = ask, in
	return nil, nil
}
