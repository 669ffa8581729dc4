package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/projections"
	"casesync/projections/engine"
)

// Business is a respondent business.
type Business struct {
	FRN       string     `json:"frn"`
	Name      string     `json:"name,omitempty" doc:"Absent until its source has named it"`
	Group     string     `json:"group,omitempty"`
	UpdatedAt *time.Time `json:"updatedAt,omitempty"`
}

func businessOf(row projections.BusinessRow) Business {
	return Business{FRN: row.FRN, Name: row.Name, Group: row.Group, UpdatedAt: instant(row.UpdatedAt)}
}

// BusinessPage is a page of businesses.
type BusinessPage struct {
	AsOf  AsOf       `json:"asOf"`
	Items []Business `json:"items" nullable:"false" doc:"By FRN"`
	Next  *string    `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// BusinessDetails is one business.
type BusinessDetails struct {
	AsOf AsOf `json:"asOf"`
	Business
}

func (s *Server) listBusinesses(ctx context.Context, in *request) (*output[BusinessPage], error) {
	page, refusal := parsePage(in)
	if refusal != nil {
		return nil, refusal
	}
	var after string
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[BusinessPage]{
		projection: projections.BusinessesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (BusinessPage, error), error) {
			rows, err := projections.ListBusinesses(ctx, view, scopeOf(ctx), after, page.limit+1)
			if err != nil {
				return nil, err
			}
			body := BusinessPage{AsOf: asOf(view), Items: []Business{}}
			rows, body.Next, err = cut(s, rows, page, list, func(last projections.BusinessRow) any { return last.FRN })
			for _, row := range rows {
				body.Items = append(body.Items, businessOf(row))
			}
			return func(context.Context) (BusinessPage, error) { return body, err }, nil
		},
	})
}

func (s *Server) showBusiness(ctx context.Context, in *request) (*output[BusinessDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[BusinessDetails]{
		projection: projections.BusinessesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (BusinessDetails, error), error) {
			frn := pathValue(in.http, "frn")
			if !frnPattern.MatchString(frn) {
				return nil, notFound()
			}
			row, found, err := projections.FindBusiness(ctx, view, scopeOf(ctx), frn)
			if err != nil {
				return nil, err
			}
			if !found {
				return nil, notFound()
			}
			body := BusinessDetails{AsOf: asOf(view), Business: businessOf(row)}
			return func(context.Context) (BusinessDetails, error) { return body, nil }, nil
		},
	})
}

// pageQuery is what the parameters of a simple list say.
type pageQuery struct {
	limit  int
	cursor string
}

var simplePageParameters = []parameter[pageQuery]{
	{
		name: "limit", doc: "Things per page", schema: &huma.Schema{Type: huma.TypeInteger, Minimum: float(1), Maximum: float(simplePageItemsMax), Default: pageItemsMax},
		set: setNumber(func(q *pageQuery) *int { return &q.limit }, 1, simplePageItemsMax),
	},
	{
		name: "cursor", doc: "The next of the page before",
		set: func(q *pageQuery, values []string) error { q.cursor = values[0]; return nil },
	},
}

const simplePageItemsMax = 500

func parsePage(in *request) (pageQuery, *Problem) {
	page := pageQuery{limit: pageItemsMax}
	refusal := parseParameters(in.http.URL.RawQuery, simplePageParameters, &page)
	return page, refusal
}

// resume reads the place where a page begins; at the first page it leaves it as it is.
func (s *Server) resume(page pageQuery, list [32]byte, place any) *Problem {
	if page.cursor == "" {
		return nil
	}
	return s.cursors.open(page.cursor, list, place)
}

// cut takes the row too many off a page that was read with one more than its limit, and returns
// the cursor of the next page if there is one.
func cut[R any](s *Server, rows []R, page pageQuery, list [32]byte, place func(last R) any) ([]R, *string, error) {
	if len(rows) <= page.limit {
		return rows, nil, nil
	}
	rows = rows[:page.limit]
	next, err := s.cursors.seal(list, place(rows[page.limit-1]))
	if err != nil {
		return nil, nil, err
	}
	return rows, &next, nil
}
