package projections

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"casesync/projections/engine"
)

// upholdGroups are the groups that stand in columns of the cells and of the ledger.
var upholdGroups = map[string]string{
	GroupBusiness: "frn", GroupSector: "sector", GroupGroup: "product_group", GroupProduct: "product",
}

// periods name the part of a year that a month (counted from year 0) is in.
var periods = map[string]func(month int64) string{
	GroupMonth:    func(m int64) string { return fmt.Sprintf("%04d-%02d", m/12, m%12+1) },
	GroupQuarter:  func(m int64) string { return fmt.Sprintf("%04d-Q%d", m/12, m%12/3+1) },
	GroupHalfYear: func(m int64) string { return fmt.Sprintf("%04d-H%d", m/12, m%12/6+1) },
	GroupYear:     func(m int64) string { return fmt.Sprintf("%04d", m/12) },
}

// ReadUpholdRates returns the uphold rates of scope's businesses, ordered by the groups in q's
// order; without groups it returns one row. Suppressed cases count (requirement 49). Live figures
// cost the same however many cases there are; as at an instant, as much as cases closed or
// converted in the period. View is of CasesName.
func ReadUpholdRates(ctx context.Context, view engine.View, scope Scope, q UpholdQuery) ([]UpholdRow, error) {
	if err := q.check(); err != nil {
		return nil, fmt.Errorf("read uphold rates: %w", err)
	}
	groups := map[string]*UpholdRow{}
	if len(q.GroupBy) == 0 {
		groups[""] = &UpholdRow{Keys: map[string]string{}}
	}
	for _, part := range q.parts() {
		cells, err := readUphold(ctx, view, scope, &q, part)
		if err != nil {
			return nil, fmt.Errorf("read uphold rates: %w", err)
		}
		for _, cell := range cells {
			if cell.counts != (UpholdCounts{}) || len(q.GroupBy) == 0 {
				q.group(groups, cell).add(&cell.counts)
			}
		}
	}
	return q.rows(groups), nil
}

func (q *UpholdQuery) check() error {
	if q.Definition != "" && q.Definition != DefinitionFOS2023 {
		return fmt.Errorf("definition %q: %w", q.Definition, ErrUnknownDefinition)
	}
	if q.Basis != "" && q.Basis != BasisRecorded && q.Basis != BasisSource {
		return fmt.Errorf("basis %q: %w", q.Basis, ErrUnknownBasis)
	}
	for _, group := range q.GroupBy {
		if upholdGroups[group] == "" && periods[group] == nil {
			return fmt.Errorf("group by %q: %w", group, ErrUnknownGroup)
		}
	}
	if q.To < q.From {
		return fmt.Errorf("from %s to %s: %w", q.From, q.To, ErrBadPeriod)
	}
	return nil
}

// part is a piece of the period asked for: whole months of cells, or days of cells or the ledger.
type part struct {
	table, start string // where, and the column that says when
	condition    string
	from, to     int64
	monthly      bool
}

// parts cut the period into whole months and the ragged edges beside them. As at an instant the
// ledger has it all by day.
func (q *UpholdQuery) parts() []part {
	if q.AsAt != nil {
		return []part{{table: "{uphold_ledger}", start: "day", from: int64(q.From), to: int64(q.To)}}
	}
	first, last := q.From.month(), q.To.month()
	if q.From != firstOf(first) {
		first++
	}
	if q.To+1 != firstOf(last+1) {
		last--
	}
	if first > last {
		return []part{dayCells(q.From, q.To)}
	}
	var parts []part
	for _, p := range []part{
		dayCells(q.From, firstOf(first)-1),
		{table: "{uphold_cells}", start: "start", condition: "period = 'month'", from: first, to: last, monthly: true},
		dayCells(firstOf(last+1), q.To),
	} {
		if p.from <= p.to {
			parts = append(parts, p)
		}
	}
	return parts
}

func dayCells(from, to Day) part {
	return part{table: "{uphold_cells}", start: "start", condition: "period = 'day'", from: int64(from), to: int64(to)}
}

// upholdCell is a sum of cells or of the ledger; keys are the values of its groups' columns, month
// its month.
type upholdCell struct {
	month  int64
	keys   []string
	counts UpholdCounts
}

func readUphold(ctx context.Context, view engine.View, scope Scope, q *UpholdQuery, p part) ([]upholdCell, error) {
	s := &statement{}
	groups := []string{}
	for _, group := range q.GroupBy {
		if column := upholdGroups[group]; column != "" {
			groups = append(groups, column)
		}
	}
	fixed := len(groups)
	if q.byPeriod() {
		groups = append(groups, p.start)
	}
	query := "SELECT " + strings.Join(append(sums(q.AsAt != nil), groups...), ", ") + " FROM " + p.table + " WHERE " +
		strings.Join(s.uphold(scope, q, p), " AND ")
	if len(groups) > 0 {
		query += " GROUP BY " + strings.Join(groups, ", ")
	}
	return collect(ctx, view, "sum "+p.start, query, s, func(scan func(...any) error) (upholdCell, error) {
		cell, start := upholdCell{keys: make([]string, fixed)}, p.from
		into := cell.counts.fields()
		for i := range cell.keys {
			into = append(into, &cell.keys[i])
		}
		if q.byPeriod() {
			into = append(into, &start)
		}
		err := scan(into...)
		if cell.month = start; !p.monthly {
			cell.month = Day(start).month()
		}
		return cell, err
	})
}

// sums are the counts of cells, or of the rows of the ledger, in the order of kinds.
func sums(ofLedger bool) []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		count := k.column
		if ofLedger {
			count = "CASE WHEN kind = '" + k.kind + "' THEN delta ELSE 0 END"
		}
		list[i] = "CAST(COALESCE(SUM(" + count + "), 0) AS BIGINT)"
	}
	return list
}

// uphold are the conditions for a part's cells, or rows of the ledger.
func (s *statement) uphold(scope Scope, q *UpholdQuery, p part) []string {
	var conditions []string
	switch {
	case q.AsAt != nil:
		known := "known_at"
		if q.Basis == BasisSource {
			known = "source_at"
		}
		conditions = append(conditions, s.businesses(scope, "frn"), known+" <= "+s.arg(micros(*q.AsAt)))
	case scope.every && slices.Contains(q.GroupBy, GroupBusiness):
		conditions = append(conditions, "frn <> "+s.arg(everyBusiness))
	default:
		conditions = append(conditions, s.cells(scope))
	}
	if p.condition != "" {
		conditions = append(conditions, p.condition)
	}
	return append(conditions, p.start+" >= "+s.arg(p.from), p.start+" <= "+s.arg(p.to))
}

func (q *UpholdQuery) byPeriod() bool {
	return slices.ContainsFunc(q.GroupBy, func(group string) bool { return periods[group] != nil })
}

// group returns the row that cell counts in.
func (q *UpholdQuery) group(groups map[string]*UpholdRow, cell upholdCell) *UpholdRow {
	keys, values := make(map[string]string, len(q.GroupBy)), make([]string, len(q.GroupBy))
	columns := cell.keys
	for i, group := range q.GroupBy {
		if period := periods[group]; period != nil {
			values[i] = period(cell.month)
		} else {
			values[i], columns = columns[0], columns[1:]
		}
		keys[group] = values[i]
	}
	name := strings.Join(values, "\x00")
	if groups[name] == nil {
		groups[name] = &UpholdRow{Keys: keys}
	}
	return groups[name]
}

// rows finishes the groups' figures, and orders them.
func (q *UpholdQuery) rows(groups map[string]*UpholdRow) []UpholdRow {
	rows := []UpholdRow{}
	for row := range maps.Values(groups) {
		row.finish(q.Published)
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b UpholdRow) int {
		for _, group := range q.GroupBy {
			if c := cmp.Compare(a.Keys[group], b.Keys[group]); c != 0 {
				return c
			}
		}
		return 0
	})
	return rows
}

// finish computes what follows from the counts, by the definition fos-2023.
func (r *UpholdRow) finish(published bool) {
	r.Resolved = r.Change + r.NoChange + r.ProactivelySettled + r.Dismissed + r.OutOfJurisdiction + r.Withdrawn + r.Abandoned
	if decided := r.Change + r.NoChange; decided > 0 && (!published || r.Resolved >= ResolvedPublishedMin) {
		rate := float64(r.Change) / float64(decided)
		r.Rate = &rate
	}
	if published && r.NewCases > 0 && r.NewCases < NewCasesPublishedMin {
		r.NewCases, r.NewCasesUnder = 0, NewCasesPublishedMin
	}
}
