package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// midnights are ends of days in Europe/London, in winter time, in summer time, and on the days on which the
// clocks change: the instant at which a case that was due on the day becomes overdue.
var midnights = map[string]time.Time{
	"2025-01-10": time.Date(2025, 1, 11, 0, 0, 0, 0, time.UTC),
	"2025-07-10": time.Date(2025, 7, 10, 23, 0, 0, 0, time.UTC),
	"2025-03-30": time.Date(2025, 3, 30, 23, 0, 0, 0, time.UTC), // 23 hours long
	"2025-10-25": time.Date(2025, 10, 25, 23, 0, 0, 0, time.UTC),
	"2025-10-26": time.Date(2025, 10, 27, 0, 0, 0, 0, time.UTC), // 25 hours long
}

// overdueOn is what lists, filters, counts, facets and the dashboard say of a case that is due on a day.
func overdueOn(t *testing.T, view engine.View, now time.Time) string {
	t.Helper()
	scope, today := BusinessScope("u", ours), DayOf(now)
	filter := CaseFilter{Status: StatusOpen, Overdue: new(true), Today: today}
	var told []string
	tell := func(what string, n int64, err error) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		told = append(told, fmt.Sprint(what, " ", n))
	}
	page, err := ListCases(t.Context(), view, scope, CaseQuery{CaseFilter: filter, Limit: 10})
	tell("listed", int64(len(page.Items)), err)
	total, _, err := CountCases(t.Context(), view, scope, filter)
	tell("counted", total, err)
	facets, _, err := CaseFacets(t.Context(), view, scope, filter, []Field{FieldStage})
	tell("facet", facetOf(facets[FieldStage], "converted"), err)
	filter.Overdue = new(false)
	rest, err := ListCases(t.Context(), view, scope, CaseQuery{CaseFilter: filter, Limit: 10})
	tell("others", int64(len(rest.Items)), err)
	d, err := ReadDashboard(t.Context(), view, scope, today)
	tell("overdue", d.Overdue, err)
	tell("due soon", d.DueIn7Days, err)
	return strings.Join(told, ", ")
}

func facetOf(counts []FacetCount, value string) int64 {
	at := slices.IndexFunc(counts, func(c FacetCount) bool { return c.Value == value })
	if at < 0 {
		return 0
	}
	return counts[at].Count
}

// TestOverdueAtMidnight: without any event a case becomes overdue at the end of its day in London, in lists,
// filters, counts, facets and on the dashboard at once, and not a second before (requirement 62).
func TestOverdueAtMidnight(t *testing.T) {
	t.Parallel()
	for day, midnight := range midnights {
		t.Run(day, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, address string) {
				w := newWorld(t, address, Cases())
				w.on("C1", convertedTo(ours, hirePurchase, at(0)), requested("a", day, at(1)))
				w.on("C2", convertedTo(ours, hirePurchase, at(0)), requested("a", "2026-06-01", at(1)))
				w.on("C3", convertedTo(ours, hirePurchase, at(0)))
				w.on("C4", convertedTo(ours, hirePurchase, at(0)), requested("a", day, at(1)), closedAs("change", at(2)))
				w.on("C5", convertedTo(ours, hirePurchase, at(0)), requested("a", day, at(1)), suppressedAt(at(2)))
				w.settle()
				w.read(CasesName, func(view engine.View) error {
					for now, want := range map[time.Time]string{
						midnight.Add(-24 * time.Hour): "listed 0, counted 0, facet 0, others 3, overdue 0, due soon 1",
						midnight.Add(-time.Second):    "listed 0, counted 0, facet 0, others 3, overdue 0, due soon 1",
						midnight:                      "listed 1, counted 1, facet 1, others 2, overdue 1, due soon 0",
						midnight.AddDate(0, 2, 0):     "listed 1, counted 1, facet 1, others 2, overdue 1, due soon 0",
					} {
						if got := overdueOn(t, view, now); got != want {
							t.Errorf("at %v: got %s, want %s", now.In(london), got, want)
						}
					}
					return nil
				})
			})
		})
	}
}
