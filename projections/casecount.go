package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"casesync/projections/engine"
)

// CountCases counts the cases that scope sees and filter takes. Where no statistic answers it
// and there are more than TotalExactMax, the total is that, a lower bound, and not exact. View is
// of CasesName.
func CountCases(ctx context.Context, view engine.View, scope Scope, filter CaseFilter) (total int64, exact bool, err error) {
	if err := filter.check(); err != nil {
		return 0, false, fmt.Errorf("count cases: %w", err)
	}
	scope = filter.within(scope)
	if measures := filter.measures(scope); len(measures) > 0 {
		s := &statement{}
		total, err = number(ctx, view, "count cases", "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM {dashboard_cells} WHERE "+
			s.cells(scope)+" AND "+s.in("measure", measures), s)
		return total, err == nil, err
	}
	s := &statement{}
	from, err := s.source(ctx, view, scope, &filter)
	if err != nil {
		return 0, false, fmt.Errorf("count cases: %w", err)
	}
	total, err = number(ctx, view, "count cases", "SELECT COUNT(*) FROM (SELECT 1"+
		from.where(s.visible(scope), state(filter.Status))+" LIMIT "+s.arg(int64(TotalExactMax+1))+") AS t", s)
	return min(total, TotalExactMax), total <= TotalExactMax, err
}

// measures are the dashboard's measures that together count what the filter takes of scope,
// already narrowed; none if the cases must be counted.
func (f *CaseFilter) measures(scope Scope) []string {
	if !f.onlyBusinesses(scope) {
		return nil
	}
	switch {
	case f.Priority == nil && f.ActionNeeded == nil:
		return listMeasures(f.Status, scope.suppressed)
	case scope.suppressed || f.Status != StatusOpen:
		return nil
	case isTrue(f.Priority) && f.ActionNeeded == nil:
		return []string{measurePriority}
	case isTrue(f.ActionNeeded) && f.Priority == nil:
		return []string{measureActionNeeded}
	}
	return nil
}

func isTrue(flag *bool) bool { return flag != nil && *flag }

// onlyBusinesses reports whether, the status and two flags aside, nothing is filtered but the
// businesses that scope was narrowed to.
func (f *CaseFilter) onlyBusinesses(scope Scope) bool {
	for _, field := range slices.Concat(slices.Collect(maps.Keys(f.In)), slices.Collect(maps.Keys(f.Not))) {
		if field != FieldBusiness && len(f.In[field])+len(f.Not[field]) > 0 {
			return false
		}
	}
	if scope.every && len(f.Not[FieldBusiness]) > 0 {
		return false
	}
	for _, day := range []*Day{f.ConvertedFrom, f.ConvertedTo, f.ClosedFrom, f.ClosedTo, f.DueFrom, f.DueTo} {
		if day != nil {
			return false
		}
	}
	return f.Overdue == nil && f.FailedUpload == nil && f.Returned == nil && f.Reference == "" && len(f.Words) == 0
}

// listMeasures count the cases of a list, with the suppressed ones or without.
func listMeasures(status string, suppressed bool) []string {
	open, closed := measureListed, measureClosedListed
	if suppressed {
		open, closed = measureOpen, measureClosed
	}
	switch status {
	case StatusOpen:
		return []string{open}
	case StatusClosed:
		return []string{closed}
	}
	return []string{open, closed}
}

// CaseFacets counts the cases that scope sees by the values of each of fields, under filter but
// for the field's own. Suppressed cases are never counted, whoever asks. Complete is false where
// more than FacetRowsMax cases or FacetValuesMax values were there: then the counts are lower
// bounds. View is of CasesName.
func CaseFacets(ctx context.Context, view engine.View, scope Scope, filter CaseFilter, fields []Field) (facets map[Field][]FacetCount, complete bool, err error) {
	if err := filter.check(); err != nil {
		return nil, false, fmt.Errorf("count facets: %w", err)
	}
	scope.suppressed = false
	facets, complete = make(map[Field][]FacetCount, len(fields)), true
	for _, field := range fields {
		if fieldColumns[field] == "" {
			return nil, false, fmt.Errorf("count facets by %q: %w", field, ErrUnknownFilter)
		}
		counts, whole, err := facet(ctx, view, scope, filter.without(field), field)
		if err != nil {
			return nil, false, fmt.Errorf("count facets by %s: %w", field, err)
		}
		facets[field], complete = counts, complete && whole
	}
	return facets, complete, nil
}

// without is the filter but for one field's part.
func (f *CaseFilter) without(field Field) *CaseFilter {
	rest := *f
	rest.In, rest.Not = maps.Clone(f.In), maps.Clone(f.Not)
	delete(rest.In, field)
	delete(rest.Not, field)
	return &rest
}

func facet(ctx context.Context, view engine.View, scope Scope, f *CaseFilter, field Field) (counts []FacetCount, complete bool, err error) {
	scope = f.within(scope)
	s := &statement{}
	from, err := s.source(ctx, view, scope, f)
	if err != nil {
		return nil, false, err
	}
	query := "SELECT value, COUNT(*) AS count FROM (SELECT " + fieldColumns[field] + " AS value" +
		from.where(s.visible(scope), state(f.Status)) + " LIMIT " + s.arg(int64(FacetRowsMax+1)) +
		") AS t GROUP BY value ORDER BY count DESC, value LIMIT " + s.arg(int64(FacetValuesMax+1))
	counts, err = collect(ctx, view, "count values", query, s, func(scan func(...any) error) (c FacetCount, err error) {
		err = scan(&c.Value, &c.Count)
		if field == FieldAllocatedTo && c.Value == "" {
			c.Value = AllocatedToNone
		}
		return c, err
	})
	total := int64(0)
	for _, c := range counts {
		total += c.Count
	}
	return counts[:min(len(counts), FacetValuesMax)], len(counts) <= FacetValuesMax && total <= FacetRowsMax, err
}
