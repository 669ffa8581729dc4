package httpapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"casesync/projections"
	"casesync/projections/engine"
)

// UpholdRates are the uphold rates of a period.
type UpholdRates struct {
	AsOf       AsOf        `json:"asOf"`
	Definition string      `json:"definition" example:"fos-2023"`
	From       string      `json:"from" format:"date"`
	To         string      `json:"to" format:"date"`
	AsAt       *time.Time  `json:"asAt,omitempty" doc:"What was known at this instant"`
	Basis      string      `json:"basis,omitempty" enum:"recorded,source"`
	Thresholds string      `json:"thresholds,omitempty" enum:"none,published"`
	Rows       []UpholdRow `json:"rows" nullable:"false"`
}

// UpholdRow is one group's figures, with the group's keys.
type UpholdRow struct {
	Business *string `json:"business,omitempty" doc:"FRN"`
	Sector   *string `json:"sector,omitempty"`
	Group    *string `json:"group,omitempty"`
	Product  *string `json:"product,omitempty"`
	Month    *string `json:"month,omitempty" example:"2025-03"`
	Quarter  *string `json:"quarter,omitempty" example:"2025-Q1"`
	HalfYear *string `json:"halfYear,omitempty" example:"2025-H1"`
	Year     *string `json:"year,omitempty" example:"2025"`
	Figures
}

// groups are the names that groupBy takes.
var groups = []string{
	projections.GroupBusiness, projections.GroupSector, projections.GroupGroup, projections.GroupProduct,
	projections.GroupMonth, projections.GroupQuarter, projections.GroupHalfYear, projections.GroupYear,
}

// upholdQuery is what the parameters of uphold rates say.
type upholdQuery struct {
	projections.UpholdQuery
	frns       []string
	from, to   *projections.Day
	thresholds string
}

var upholdParameters = []parameter[upholdQuery]{
	{name: "business", doc: "FRNs of the businesses to count; all you may see without it", repeated: true,
		schema: &huma.Schema{Type: huma.TypeString, Pattern: frnPattern.String()},
		set:    setFRNs(func(q *upholdQuery) *[]string { return &q.frns })},
	{name: "groupBy", doc: "A row for each combination of any of " + strings.Join(groups, ", ") + ", separated by commas or repeated", repeated: true,
		set: setGroups},
	{name: "from", doc: "First day in London. Default: the first of the last twelve whole calendar months", schema: &huma.Schema{Type: huma.TypeString, Format: "date"},
		set: setDay(func(q *upholdQuery) **projections.Day { return &q.from })},
	{name: "to", doc: "Last day in London. Default: the last of those months", schema: &huma.Schema{Type: huma.TypeString, Format: "date"},
		set: setDay(func(q *upholdQuery) **projections.Day { return &q.to })},
	{name: "asAt", doc: "An instant (RFC 3339), or a day for its end in London: figures as they were known then", set: setAsAt},
	{name: "basis", doc: "With asAt: what was recorded by then, or what had happened at the source by then, for history that was loaded later",
		schema: oneOf(projections.BasisRecorded, projections.BasisSource),
		set:    choose(func(q *upholdQuery) *string { return &q.Basis }, projections.BasisRecorded, projections.BasisSource)},
	{name: "definition", doc: "Which definition of the uphold rate", schema: oneOf(projections.DefinitionFOS2023),
		set: choose(func(q *upholdQuery) *string { return &q.Definition }, projections.DefinitionFOS2023)},
	{name: "thresholds", doc: "published hides what is too small to be published: fewer than 10 new cases, rates of fewer than 30 resolved ones",
		schema: oneOf("none", "published"),
		set:    choose(func(q *upholdQuery) *string { return &q.thresholds }, "none", "published")},
}

func setGroups(q *upholdQuery, values []string) error {
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if !slices.Contains(groups, name) {
			return faultf("there is no group %q; there are: %s", clip(name), strings.Join(groups, ", "))
		}
		if !slices.Contains(q.GroupBy, name) {
			q.GroupBy = append(q.GroupBy, name)
		}
	}
	return nil
}

func setAsAt(q *upholdQuery, values []string) error {
	if day, err := parseDay(values[0]); err == nil {
		end := endOf(day)
		q.AsAt = &end
		return nil
	}
	at, err := time.Parse(time.RFC3339, values[0])
	if err != nil || at.Year() < 1900 || at.Year() > 2200 {
		return faultf("%q is neither an instant such as 2025-03-31T23:59:59Z nor a day such as 2025-03-31", clip(values[0]))
	}
	q.AsAt = &at
	return nil
}

// parseUphold reads the query; a period that is left open is that of the dashboard.
func parseUphold(rawQuery string, today projections.Day) (upholdQuery, *Problem) {
	query := upholdQuery{thresholds: "none"}
	query.Basis, query.Definition = projections.BasisRecorded, projections.DefinitionFOS2023
	if refusal := parseParameters(rawQuery, upholdParameters, &query); refusal != nil {
		return upholdQuery{}, refusal
	}
	query.Published = query.thresholds == "published"
	query.From, query.To = lastTwelveMonths(today)
	if query.from != nil {
		query.From = *query.from
	}
	if query.to != nil {
		query.To = *query.to
	}
	if query.From > query.To {
		return upholdQuery{}, invalidParameter("to", faultf("%s is before the first day, %s", query.To, query.From))
	}
	return query, nil
}

func (s *Server) showUpholdRates(ctx context.Context, in *request) (*output[UpholdRates], error) {
	query, refusal := parseUphold(in.http.URL.RawQuery, s.today())
	if refusal != nil {
		return nil, refusal
	}
	scope := scopeOf(ctx).Within(query.frns...)
	return answer(s, in, question[UpholdRates]{
		projection: projections.CasesName,
		tag:        markOf(scope),
		load: func(ctx context.Context, view engine.View) (func(context.Context) (UpholdRates, error), error) {
			rows, err := projections.ReadUpholdRates(ctx, view, scope, query.UpholdQuery)
			if err != nil {
				return nil, err
			}
			body := UpholdRates{
				AsOf: asOf(view), Definition: query.Definition, From: query.From.String(), To: query.To.String(),
				AsAt: query.AsAt, Basis: query.Basis, Thresholds: query.thresholds, Rows: make([]UpholdRow, len(rows)),
			}
			for i, row := range rows {
				body.Rows[i] = upholdRowOf(row)
			}
			return func(context.Context) (UpholdRates, error) { return body, nil }, nil
		},
	})
}

func upholdRowOf(row projections.UpholdRow) UpholdRow {
	key := func(name string) *string {
		if value, grouped := row.Keys[name]; grouped {
			return &value
		}
		return nil
	}
	return UpholdRow{
		Business: key(projections.GroupBusiness), Sector: key(projections.GroupSector),
		Group: key(projections.GroupGroup), Product: key(projections.GroupProduct),
		Month: key(projections.GroupMonth), Quarter: key(projections.GroupQuarter),
		HalfYear: key(projections.GroupHalfYear), Year: key(projections.GroupYear),
		Figures: figuresOf(row),
	}
}

// lastTwelveMonths returns the first and last day of the twelve whole calendar months before today.
func lastTwelveMonths(today projections.Day) (from, to projections.Day) {
	now, err := time.Parse(time.DateOnly, today.String())
	if err != nil {
		panic(err) // cannot be: today is a day
	}
	first := time.Date(now.Year(), now.Month(), 1, 12, 0, 0, 0, time.UTC)
	return projections.DayOf(first.AddDate(-1, 0, 0)), projections.DayOf(first.AddDate(0, 0, -1))
}

// endOf returns the last microsecond of a day in London.
func endOf(day projections.Day) time.Time {
	end, err := time.ParseInLocation(time.DateOnly, (day + 1).String(), london)
	if err != nil {
		panic(err) // cannot be: it is a day
	}
	return end.Add(-time.Microsecond).UTC()
}

var london = func() *time.Location {
	location, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err) // cannot be: projections link the zones in
	}
	return location
}()
