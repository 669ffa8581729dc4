package httpapi

import (
	"context"

	"casesync/adapters/commands"
)

// placeHold keeps a case's data beyond its time, until the hold is lifted (requirement 64).
func (s *Server) placeHold(ctx context.Context, ask commands.Ask, in *command[Decision]) (*acted[Outcome], error) {
	done, err := s.config.People.PlaceHold(ctx, ask, pathValue(in.http, "ref"))
	return told(done, outcomeOf(done)), err
}

func (s *Server) liftHold(ctx context.Context, ask commands.Ask, in *command[Decision]) (*acted[Outcome], error) {
	done, err := s.config.People.LiftHold(ctx, ask, pathValue(in.http, "ref"))
	return told(done, outcomeOf(done)), err
}
