package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"casesync/projections"
	"casesync/projections/engine"
)

// Dashboard holds the key figures of the open cases.
type Dashboard struct {
	AsOf       AsOf           `json:"asOf"`
	Open       OpenCases      `json:"open"`
	ByStage    []StageCount   `json:"byStage" nullable:"false"`
	ByProduct  []ProductCount `json:"byProduct" nullable:"false"`
	ByAge      []AgeCount     `json:"byAge" nullable:"false"`
	UpholdRate PeriodFigures  `json:"upholdRate" doc:"Of the last twelve whole calendar months"`
}

// OpenCases counts open cases. total, new7Days and new28Days count suppressed cases; the figures
// that lead to lists do not (requirement 49).
type OpenCases struct {
	Total         int64 `json:"total"`
	Listed        int64 `json:"listed"`
	New7Days      int64 `json:"new7Days"`
	New28Days     int64 `json:"new28Days"`
	Priority      int64 `json:"priority"`
	ActionNeeded  int64 `json:"actionNeeded"`
	DueIn7Days    int64 `json:"dueIn7Days"`
	Overdue       int64 `json:"overdue"`
	Unallocated   int64 `json:"unallocated"`
	AllocatedToMe int64 `json:"allocatedToMe"`
	FailedUploads int64 `json:"failedUploads"`
}

// StageCount counts open cases at a stage.
type StageCount struct {
	Stage string `json:"stage"`
	Count int64  `json:"count"`
}

// ProductCount counts open cases about a product.
type ProductCount struct {
	Product
	Count int64 `json:"count"`
}

// AgeCount counts open cases by the days since their conversion.
type AgeCount struct {
	From  int64  `json:"from" doc:"Days, included"`
	To    *int64 `json:"to" nullable:"true" doc:"Days, included; null in the last band"`
	Count int64  `json:"count"`
}

// PeriodFigures are the figures of a period.
type PeriodFigures struct {
	From string `json:"from" format:"date"`
	To   string `json:"to" format:"date"`
	Figures
}

// businesses is a query that names businesses.
type businesses struct{ frns []string }

var dashboardParameters = []parameter[businesses]{{
	name: "business", doc: "FRNs of the businesses to count; all you may see without it", repeated: true,
	schema: &huma.Schema{Type: huma.TypeString, Pattern: frnPattern.String()},
	set:    setFRNs(func(q *businesses) *[]string { return &q.frns }),
}}

func setFRNs[T any](field func(*T) *[]string) func(*T, []string) error {
	return func(into *T, values []string) error {
		for _, value := range values {
			if err := checkFRN(value); err != nil {
				return err
			}
		}
		*field(into) = values
		return nil
	}
}

func (s *Server) showDashboard(ctx context.Context, in *request) (*output[Dashboard], error) {
	var query businesses
	if refusal := parseParameters(in.http.URL.RawQuery, dashboardParameters, &query); refusal != nil {
		return nil, refusal
	}
	scope := scopeOf(ctx).Within(query.frns...)
	return answer(s, in, question[Dashboard]{
		projection: projections.CasesName,
		tag:        markOf(scope),
		load: func(ctx context.Context, view engine.View) (func(context.Context) (Dashboard, error), error) {
			figures, err := projections.ReadDashboard(ctx, view, scope, s.today())
			if err != nil {
				return nil, err
			}
			body := dashboardOf(figures)
			body.AsOf = asOf(view)
			return func(context.Context) (Dashboard, error) { return body, nil }, nil
		},
	})
}

func dashboardOf(d projections.Dashboard) Dashboard {
	body := Dashboard{
		Open: OpenCases{
			Total: d.Total, Listed: d.Listed, New7Days: d.New7Days, New28Days: d.New28Days,
			Priority: d.Priority, ActionNeeded: d.ActionNeeded, DueIn7Days: d.DueIn7Days, Overdue: d.Overdue,
			Unallocated: d.Unallocated, AllocatedToMe: d.AllocatedToMe, FailedUploads: d.FailedUploads,
		},
		ByStage: []StageCount{}, ByProduct: []ProductCount{}, ByAge: []AgeCount{},
		UpholdRate: PeriodFigures{From: d.UpholdFrom.String(), To: d.UpholdTo.String(), Figures: figuresOf(d.UpholdRate)},
	}
	for _, row := range d.ByStage {
		body.ByStage = append(body.ByStage, StageCount(row))
	}
	for _, row := range d.ByProduct {
		body.ByProduct = append(body.ByProduct, ProductCount{Product{row.Sector, row.Group, row.Product}, row.Count})
	}
	for _, row := range d.ByAge {
		age := AgeCount{From: row.From, To: &row.To, Count: row.Count}
		if row.To < 0 {
			age.To = nil
		}
		body.ByAge = append(body.ByAge, age)
	}
	return body
}

// Figures are what became of a group's closed cases, and how many new ones there were.
type Figures struct {
	Change             int64    `json:"change"`
	NoChange           int64    `json:"noChange"`
	ProactivelySettled int64    `json:"proactivelySettled"`
	Dismissed          int64    `json:"dismissed"`
	OutOfJurisdiction  int64    `json:"outOfJurisdiction"`
	Withdrawn          int64    `json:"withdrawn"`
	Abandoned          int64    `json:"abandoned"`
	Resolved           int64    `json:"resolved" doc:"The sum of all of the above"`
	NewCases           *int64   `json:"newCases" nullable:"true" doc:"Converted in the period; null where newCasesUnder is given"`
	NewCasesUnder      int64    `json:"newCasesUnder,omitempty" doc:"With published thresholds: there were some, but fewer than this"`
	Rate               *float64 `json:"rate" nullable:"true" minimum:"0" maximum:"1" doc:"change / (change + noChange); null where there is none or the threshold hides it"`
}

func figuresOf(row projections.UpholdRow) Figures {
	figures := Figures{
		Change: row.Change, NoChange: row.NoChange, ProactivelySettled: row.ProactivelySettled,
		Dismissed: row.Dismissed, OutOfJurisdiction: row.OutOfJurisdiction, Withdrawn: row.Withdrawn, Abandoned: row.Abandoned,
		Resolved: row.Resolved, NewCases: &row.NewCases, NewCasesUnder: row.NewCasesUnder, Rate: row.Rate,
	}
	if row.NewCasesUnder > 0 {
		figures.NewCases = nil
	}
	return figures
}
