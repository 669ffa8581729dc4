package httpapi

import (
	"context"
	"errors"

	"casesync/projections"
	"casesync/projections/engine"
)

// CasePage is a page of a case list.
type CasePage struct {
	AsOf  AsOf   `json:"asOf"`
	Items []Case `json:"items" nullable:"false"`
	Total int64  `json:"total" doc:"How many cases the filters take; a lower bound where totalIsExact is false"`
	// Beyond 10,000 cases only what statistics answer is counted out.
	TotalIsExact   bool               `json:"totalIsExact"`
	Facets         map[string][]Facet `json:"facets,omitempty" doc:"For each facet asked for, the most frequent values; suppressed cases are never counted"`
	FacetsAreExact *bool              `json:"facetsAreExact,omitempty" doc:"False where there was too much to count: then the counts are lower bounds"`
	Next           *string            `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// Facet is how many cases have a value.
type Facet struct {
	Value string `json:"value" doc:"Empty where a case has none"`
	Count int64  `json:"count"`
}

// pageParameters do not decide which rows a list has, nor their order.
var pageParameters = []string{"cursor", "limit", "facets", "format"}

func (s *Server) listCases(ctx context.Context, in *request) (*output[CasePage], error) {
	scope, today := scopeOf(ctx), s.today()
	query, refusal := parseCases(in.http.URL.RawQuery, listParameters, today, s.config.SearchWords)
	if refusal != nil {
		return nil, refusal
	}
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if query.cursor != "" {
		query.After = new(projections.Cursor)
		if refusal := s.cursors.open(query.cursor, list, query.After); refusal != nil {
			return nil, refusal
		}
	}
	return answer(s, in, question[CasePage]{
		projection: projections.CasesName,
		tag:        s.markOfList(scope),
		load: func(ctx context.Context, view engine.View) (func(context.Context) (CasePage, error), error) {
			page, err := projections.ListCases(ctx, view, scope, query.CaseQuery)
			if errors.Is(err, projections.ErrBadCursor) {
				return nil, problem(CodeCursorInvalid, "The cursor does not fit this list. Begin at the first page.")
			}
			if err != nil {
				return nil, err
			}
			body := CasePage{AsOf: asOf(view)}
			if err := countCases(ctx, view, scope, query, &body); err != nil {
				return nil, err
			}
			since, err := s.changedSince(ctx, view, refsOf(page.Items)...)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) (CasePage, error) {
				body, err := s.finishPage(ctx, body, page, list, today)
				for i, item := range body.Items {
					if news, looked := since[item.Reference]; looked {
						body.Items[i].Changed = &news.Count
					}
				}
				return body, err
			}, nil
		},
	})
}

// markOf tags answers with what changes whenever the figures or cases of the scope do.
func markOf(scope projections.Scope) func(context.Context, engine.View) ([]any, error) {
	return func(ctx context.Context, view engine.View) ([]any, error) {
		mark, err := projections.Mark(ctx, view, scope)
		return []any{mark}, err
	}
}

// markOfList is markOf, and changes whenever the caller looks at a case, too.
func (s *Server) markOfList(scope projections.Scope) func(context.Context, engine.View) ([]any, error) {
	return func(ctx context.Context, view engine.View) ([]any, error) {
		parts, err := markOf(scope)(ctx, view)
		if err != nil {
			return nil, err
		}
		looked, err := s.lookedTag(ctx)
		return append(parts, looked), err
	}
}

func refsOf(rows []projections.CaseRow) []string {
	refs := make([]string, len(rows))
	for i, row := range rows {
		refs[i] = row.Ref
	}
	return refs
}

// countCases fills in the total and the facets.
func countCases(ctx context.Context, view engine.View, scope projections.Scope, query caseQuery, body *CasePage) (err error) {
	if body.Total, body.TotalIsExact, err = projections.CountCases(ctx, view, scope, query.CaseFilter); err != nil {
		return err
	}
	if len(query.facets) == 0 {
		return nil
	}
	counted, complete, err := projections.CaseFacets(ctx, view, scope, query.CaseFilter, query.facets)
	if err != nil {
		return err
	}
	body.Facets, body.FacetsAreExact = map[string][]Facet{}, &complete
	for _, field := range query.facets {
		values := []Facet{}
		for _, value := range counted[field] {
			values = append(values, Facet(value))
		}
		body.Facets[string(field)] = values
	}
	return nil
}

func (s *Server) finishPage(ctx context.Context, body CasePage, page projections.CasePage, list [32]byte, today projections.Day) (CasePage, error) {
	var err error
	if body.Items, err = s.openCases(ctx, page.Items, today); err != nil {
		return CasePage{}, err
	}
	if page.Next != nil {
		next, err := s.cursors.seal(list, page.Next)
		if err != nil {
			return CasePage{}, err
		}
		body.Next = &next
	}
	return body, nil
}

// CaseDetails is a case as its own page shows it.
type CaseDetails struct {
	AsOf AsOf `json:"asOf"`
	Case
	Actions           []Action      `json:"actions" nullable:"false" doc:"Open ones first, by due date"`
	EarlierBusinesses []Earlier     `json:"earlierBusinesses,omitempty" doc:"Where the case was before it was transferred"`
	ChangedSince      *ChangedSince `json:"changedSince,omitempty" doc:"What is new since you last looked; absent where you never did"`
}

// findCase reads the case that the path names, and answers as for one that does not exist where
// the scope does not see it.
func findCase(ctx context.Context, view engine.View, in *request) (projections.CaseRow, error) {
	ref := pathValue(in.http, "ref")
	if !referencePattern.MatchString(ref) {
		return projections.CaseRow{}, notFound()
	}
	row, found, err := projections.FindCase(ctx, view, scopeOf(ctx), ref)
	if err == nil && !found {
		err = notFound()
	}
	if err == nil {
		visitOf(ctx).concerns(row.FRN)
	}
	return row, err
}

// tagOf tags answers about one case with the revision of its stream, and with what else changes when
// something is sent about it.
func tagOf(in *request) func(context.Context, engine.View) ([]any, error) {
	return func(ctx context.Context, view engine.View) ([]any, error) {
		row, err := findCase(ctx, view, in)
		return []any{revised(row.Revision), row.Ref, row.FRN, row.LastEntry, row.RecordedAt, row.Uploads, row.FailedUploads, row.Notifications}, err
	}
}

// tagOfDetails is tagOf, and changes whenever the caller looks at the case, too.
func (s *Server) tagOfDetails(in *request) func(context.Context, engine.View) ([]any, error) {
	return func(ctx context.Context, view engine.View) ([]any, error) {
		parts, err := tagOf(in)(ctx, view)
		if err != nil || s.config.Looks == nil {
			return parts, err
		}
		ref := pathValue(in.http, "ref")
		looks, err := s.config.Looks.Marks(ctx, lookerOf(ctx), ref)
		return append(parts, looks[ref]), err
	}
}

func (s *Server) showCase(ctx context.Context, in *request) (*output[CaseDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[CaseDetails]{
		projection: projections.CasesName,
		tag:        s.tagOfDetails(in),
		load: func(ctx context.Context, view engine.View) (func(context.Context) (CaseDetails, error), error) {
			row, err := findCase(ctx, view, in)
			if err != nil {
				return nil, err
			}
			actions, err := projections.Actions(ctx, view, scopeOf(ctx), row.Ref)
			if err != nil {
				return nil, err
			}
			body, err := s.detailsOf(ctx, view, row)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) (CaseDetails, error) {
				err := s.openDetails(ctx, &body, row, actions)
				return body, err
			}, nil
		},
	})
}

// detailsOf shows what is in clear of a case.
func (s *Server) detailsOf(ctx context.Context, view engine.View, row projections.CaseRow) (CaseDetails, error) {
	body := CaseDetails{AsOf: asOf(view), Case: caseOf(row, s.today())}
	earlier, err := projections.EarlierBusinesses(ctx, view, scopeOf(ctx), row.Ref)
	if err != nil {
		return body, err
	}
	for _, business := range earlier {
		body.EarlierBusinesses = append(body.EarlierBusinesses, Earlier{business.FRN, business.Until})
	}
	since, err := s.changedSince(ctx, view, row.Ref)
	if news, looked := since[row.Ref]; looked {
		body.ChangedSince, body.Changed = &news, &news.Count
	}
	return body, err
}

// openDetails shows the rest: what is sealed of the case, and its actions.
func (s *Server) openDetails(ctx context.Context, body *CaseDetails, row projections.CaseRow, actions []projections.ActionRow) error {
	var o opening
	addCase(&o, &body.Case, row)
	body.Actions = make([]Action, len(actions))
	for i, action := range actions {
		body.Actions[i] = actionOf(action, s.today())
		addAction(&o, &body.Actions[i], action)
	}
	return o.open(ctx, s)
}

// nothing is the query of a route without parameters.
type nothing struct{}

func noParameters(in *request) *Problem {
	return parseParameters[nothing](in.http.URL.RawQuery, nil, new(nothing))
}
