package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/projections"
	"casesync/projections/engine"
)

// SuppressionPage is a page of requests for suppression, or of cases that are hidden.
type SuppressionPage struct {
	AsOf     AsOf             `json:"asOf"`
	Requests []Notification   `json:"requests,omitempty" nullable:"false" doc:"For kind=requests: those that wait for an answer, the oldest first, with what was written"`
	Cases    []SuppressedCase `json:"cases,omitempty" nullable:"false" doc:"For kind=cases: those that are hidden, by reference"`
	Next     *string          `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// SuppressedCase is a case that is hidden from all business users.
type SuppressedCase struct {
	Case       string    `json:"case" doc:"Its reference"`
	Business   string    `json:"business" doc:"FRN"`
	BySource   bool      `json:"bySource" doc:"The case management system hides it"`
	ByOperator bool      `json:"byOperator" doc:"An operator hides it"`
	Since      time.Time `json:"since"`
}

// The kinds of lists of suppressions.
const (
	suppressionRequests = "requests"
	suppressedCases     = "cases"
)

// suppressionQuery is what the parameters of the list say.
type suppressionQuery struct {
	pageQuery
	kind string
}

var suppressionParameters = []parameter[suppressionQuery]{
	{name: "kind", doc: "requests (the default) that wait for an answer, or cases that are hidden", schema: oneOf(suppressionRequests, suppressedCases),
		set: choose(func(q *suppressionQuery) *string { return &q.kind }, suppressionRequests, suppressedCases)},
	{name: "limit", doc: "Things per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *suppressionQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *suppressionQuery) *string { return &q.cursor })},
}

func (s *Server) listSuppressions(ctx context.Context, in *request) (*output[SuppressionPage], error) {
	query := suppressionQuery{pageQuery{limit: pageItemsMax}, suppressionRequests}
	if refusal := parseParameters(in.http.URL.RawQuery, suppressionParameters, &query); refusal != nil {
		return nil, refusal
	}
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if query.kind == suppressedCases {
		return s.listSuppressedCases(ctx, in, query.pageQuery, list)
	}
	return s.listSuppressionRequests(ctx, in, query.pageQuery, list)
}

func (s *Server) listSuppressionRequests(_ context.Context, in *request, page pageQuery, list [32]byte) (*output[SuppressionPage], error) {
	var after projections.NotificationCursor
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[SuppressionPage]{
		projection: projections.CasesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (SuppressionPage, error), error) {
			rows, err := projections.SuppressionRequests(ctx, view, scopeOf(ctx), after, page.limit+1)
			if err != nil {
				return nil, err
			}
			body := SuppressionPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, page, list, placeOfNotification)
			return func(ctx context.Context) (SuppressionPage, error) {
				if err == nil {
					body.Requests, err = s.openNotifications(ctx, rows)
				}
				return body, err
			}, nil
		},
	})
}

func (s *Server) listSuppressedCases(_ context.Context, in *request, page pageQuery, list [32]byte) (*output[SuppressionPage], error) {
	var after string
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[SuppressionPage]{
		projection: projections.CasesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (SuppressionPage, error), error) {
			rows, err := projections.SuppressedCases(ctx, view, scopeOf(ctx), after, page.limit+1)
			if err != nil {
				return nil, err
			}
			body := SuppressionPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, page, list, func(last projections.SuppressedCase) any { return last.Ref })
			body.Cases = make([]SuppressedCase, len(rows))
			for i, row := range rows {
				body.Cases[i] = SuppressedCase{row.Ref, row.FRN, row.BySource, row.ByOperator, row.Since}
			}
			return func(context.Context) (SuppressionPage, error) { return body, err }, nil
		},
	})
}

// Suppression hides a case (requirement 48).
type Suppression struct {
	_ struct{} `additionalProperties:"false"`

	Why
	Case    string `json:"case" minLength:"1" maxLength:"64" doc:"Reference"`
	Request string `json:"request,omitempty" format:"uuid" doc:"The notification that asks for it; absent where it was asked for by e-mail"`
}

func (s *Server) suppress(ctx context.Context, ask commands.Ask, in *command[Suppression]) (*acted[Outcome], error) {
	if plainID.MatchString(in.Body.Case) {
		visitOf(ctx).about = casePrefix + in.Body.Case
	}
	done, err := s.config.Casework.Suppress(ctx, ask, in.Body.Case, in.Body.Request)
	return told(done, outcomeOf(done)), err
}

// Decided is an operator's decision with its reason.
type Decided struct {
	_ struct{} `additionalProperties:"false"`

	Why
}

func (s *Server) liftSuppression(ctx context.Context, ask commands.Ask, in *command[Decided]) (*acted[Outcome], error) {
	done, err := s.config.Casework.Unsuppress(ctx, ask, pathValue(in.http, "ref"))
	return told(done, outcomeOf(done)), err
}

func (s *Server) declineSuppression(ctx context.Context, ask commands.Ask, in *command[Decided]) (*acted[Outcome], error) {
	id, err := uuid.Parse(pathValue(in.http, "id"))
	if err != nil {
		return nil, commands.ErrUnknown
	}
	done, err := s.config.Casework.DeclineSuppression(ctx, ask, id.String())
	return told(done, outcomeOf(done)), err
}
