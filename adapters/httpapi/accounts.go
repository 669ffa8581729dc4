package httpapi

import (
	"context"

	"github.com/google/uuid"

	"casesync/adapters/commands"
)

// personIn returns the user id that an address names. What is none, is nobody's.
func personIn(in *request) (string, error) {
	id := pathValue(in.http, "id")
	if !isPerson(id) {
		return "", commands.ErrUnknown
	}
	return id, nil
}

// isPerson reports whether text has the one form of a user id.
func isPerson(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// onAccount gives an operator's command on a whole account.
func (s *Server) onAccount(give func(context.Context, commands.Ask, string) (commands.Done, error)) func(context.Context, commands.Ask, *command[Decision]) (*acted[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[Decision]) (*acted[Outcome], error) {
		person, err := personIn(&in.request)
		if err != nil {
			return nil, err
		}
		done, err := give(ctx, ask, person)
		return told(done, outcomeOf(done)), err
	}
}
