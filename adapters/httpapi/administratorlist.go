package httpapi

import (
	"context"
	"time"

	"casesync/projections"
	"casesync/projections/engine"
)

// AdministratorRequest is a business's request for another administrator.
type AdministratorRequest struct {
	Business    string     `json:"business" doc:"FRN" example:"123456"`
	RequestedBy string     `json:"requestedBy" format:"uuid" doc:"The user id of who asks"`
	User        string     `json:"user,omitempty" format:"uuid" doc:"Who is to be an administrator; absent: somebody to be named"`
	RequestedAt *time.Time `json:"requestedAt"`
}

// AdministratorRequestPage is a page of such requests.
type AdministratorRequestPage struct {
	AsOf  AsOf                   `json:"asOf"`
	Items []AdministratorRequest `json:"items" nullable:"false" doc:"By FRN; those that were not answered"`
	Next  *string                `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

func (s *Server) listAdministratorRequests(_ context.Context, in *request) (*output[AdministratorRequestPage], error) {
	query := userQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, userParameters, &query); refusal != nil {
		return nil, refusal
	}
	var after projections.AdministratorRequestCursor
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[AdministratorRequestPage]{
		projection: projections.PeopleName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (AdministratorRequestPage, error), error) {
			rows, err := projections.ListAdministratorRequests(ctx, view, scopeOf(ctx), query.business, after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := AdministratorRequestPage{AsOf: asOf(view), Items: []AdministratorRequest{}}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, func(last projections.AdministratorRequestRow) any {
				return projections.AdministratorRequestCursor{FRN: last.FRN, RequestedBy: last.RequestedBy, Person: last.Person}
			})
			for _, row := range rows {
				body.Items = append(body.Items, AdministratorRequest{
					Business: row.FRN, RequestedBy: row.RequestedBy, User: row.Person, RequestedAt: instant(row.RequestedAt),
				})
			}
			return func(context.Context) (AdministratorRequestPage, error) { return body, err }, nil
		},
	})
}
