package httpapi

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"casesync/adapters/commands"
)

// personIn returns the user id that an address names. What is none, is nobody's.
func personIn(in *request) (string, error) {
	id := pathValue(in.http, "id")
	if !isPerson(id) {
		return "", commands.ErrNoPerson
	}
	return id, nil
}

// isPerson reports whether text has the one form of a user id.
func isPerson(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// onAccount gives an operator's command on a whole account.
func (s *Server) onAccount(give func(context.Context, commands.Ask, string) (commands.Done, error)) func(context.Context, commands.Ask, *command[Decision]) (*output[Outcome], error) {
	return func(ctx context.Context, ask commands.Ask, in *command[Decision]) (*output[Outcome], error) {
		person, err := personIn(&in.request)
		if err != nil {
			return nil, err
		}
		done, err := give(ctx, ask, person)
		return told(done, outcomeOf(done)), err
	}
}

// file is an answer that is a file.
type file struct {
	ContentType  string `header:"Content-Type"`
	Disposition  string `header:"Content-Disposition"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// exportPerson gives all that is kept about a person out. It is made whole before a byte is sent: an
// export that breaks off must not look like one that is complete.
func (s *Server) exportPerson(ctx context.Context, in *request) (*file, error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	person, err := personIn(in)
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	var export bytes.Buffer
	if err := s.config.ExportPerson(ctx, &export, person); err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	return &file{
		ContentType: "application/json", Disposition: `attachment; filename="person-` + person + `.json"`,
		CacheControl: noStore, Body: export.Bytes(),
	}, nil
}
