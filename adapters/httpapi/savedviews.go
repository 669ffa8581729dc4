package httpapi

import (
	"context"

	"github.com/google/uuid"

	"casesync/adapters/commands"
)

// SavedView is a filter of case lists under a name (requirement 66).
type SavedView struct {
	ID    string `json:"id" format:"uuid"`
	Name  string `json:"name" example:"Overdue, not allocated"`
	Query string `json:"query" doc:"The parameters of GET /api/v1/cases, encoded as in an address, sorted by name" example:"allocatedTo=none&overdue=true"`
}

// SavedViews are all of one person.
type SavedViews struct {
	Items []SavedView `json:"items" nullable:"false" doc:"In the order in which they were saved first"`
}

// ViewToSave is a view as it shall be from now on.
type ViewToSave struct {
	_ struct{} `additionalProperties:"false"`

	Name  string `json:"name" minLength:"1" maxLength:"80" doc:"On one line"`
	Query string `json:"query" maxLength:"4000" doc:"Parameters of GET /api/v1/cases but cursor, limit and facets, encoded as in an address"`
}

// ViewSaved is the answer to a view that was saved.
type ViewSaved struct {
	Outcome
	ID string `json:"id" format:"uuid"`
}

func (s *Server) listViews(ctx context.Context, in *request) (*present[SavedViews], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	views, err := s.config.Casework.Views(ctx, callerOf(ctx).principal.Person())
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	body := SavedViews{Items: make([]SavedView, len(views))}
	for i, view := range views {
		body.Items[i] = SavedView(view)
	}
	return &present[SavedViews]{CacheControl: noStore, Body: body}, nil
}

func (s *Server) addView(ctx context.Context, ask commands.Ask, in *command[ViewToSave]) (*acted[ViewSaved], error) {
	return s.saveView(ctx, ask, commands.SavedView{Name: in.Body.Name, Query: in.Body.Query})
}

func (s *Server) changeView(ctx context.Context, ask commands.Ask, in *command[ViewToSave]) (*acted[ViewSaved], error) {
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, commands.ErrUnknown
	}
	return s.saveView(ctx, ask, commands.SavedView{ID: id.String(), Name: in.Body.Name, Query: in.Body.Query})
}

func (s *Server) saveView(ctx context.Context, ask commands.Ask, view commands.SavedView) (*acted[ViewSaved], error) {
	if ask.Expected != nil {
		return nil, problem(CodeBadRequest, "%s is not taken here: nobody else changes your views. Leave it out.", headerIfMatch)
	}
	id, done, err := s.config.Casework.SaveView(ctx, ask, view)
	return told(done, ViewSaved{outcomeOf(done), id}), err
}

// removeView takes no body: the address says which.
func (s *Server) removeView(ctx context.Context, in *request) (*acted[Outcome], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, notFound()
	}
	done, err := s.config.Casework.RemoveView(ctx, commands.Ask{By: callerOf(ctx).principal}, id.String())
	if err != nil {
		return nil, s.peopleProblem(ctx, in.http, err)
	}
	return told(done, outcomeOf(done)), nil
}
