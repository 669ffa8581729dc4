package projections

import (
	"context"
	"fmt"
	"strings"

	"casesync/projections/engine"
)

// branchesMax is how many parts a list is put together from: one for each business and status,
// each read in order from an index. Beyond it the cases of all businesses are sorted together.
const branchesMax = 64

// ListCases returns a page of the cases that scope sees and q asks for. View is of CasesName. A
// page costs the same wherever it is in the list, where the list is sorted by one of reference,
// dueDate, convertedAt, closedAt or updatedAt; for a scope of every business, dueDate of open or
// closedAt of closed cases.
func ListCases(ctx context.Context, view engine.View, scope Scope, q CaseQuery) (CasePage, error) {
	text, s, order, err := listQuery(ctx, view, scope, &q)
	if err != nil {
		return CasePage{}, fmt.Errorf("list cases: %w", err)
	}
	rows, err := fullRows(ctx, view, text, s)
	if err != nil {
		return CasePage{}, fmt.Errorf("list cases: %w", err)
	}
	page := CasePage{}
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		page.Next = cursorOf(order, &rows[len(rows)-1].caseRow)
	}
	for i := range rows {
		page.Items = append(page.Items, rows[i].public())
	}
	return page, nil
}

// listQuery puts together the query for a page, and for one row more, to see whether there is a
// next one.
func listQuery(ctx context.Context, view engine.View, scope Scope, q *CaseQuery) (string, *statement, []orderKey, error) {
	if err := q.check(); err != nil {
		return "", nil, nil, err
	}
	if q.Limit < 1 || q.Limit > chunkRowsMax {
		return "", nil, nil, fmt.Errorf("limit %d is not 1 to %d: %w", q.Limit, PageRowsMax, ErrUnknownFilter)
	}
	order, err := orderOf(q)
	if err != nil {
		return "", nil, nil, err
	}
	scope = q.within(scope)
	s := &statement{}
	from, err := s.source(ctx, view, scope, &q.CaseFilter)
	if err != nil {
		return "", nil, nil, err
	}
	if q.After != nil {
		after, err := s.after(order, q.After)
		if err != nil {
			return "", nil, nil, err
		}
		from.conditions = append(from.conditions, after)
	}
	return s.page(from, s.branches(scope, q.Status, from.few), order, q.Limit+1), s, order, nil
}

// page is the text of a list query: the first rows of each branch, merged, with their sealed fields.
func (s *statement) page(from source, branches [][]string, order []orderKey, rows int) string {
	limit := " LIMIT " + s.arg(int64(rows))
	parts := make([]string, len(branches))
	for i, branch := range branches {
		parts[i] = "SELECT " + list(cases.Columns, "b.") + " FROM (SELECT " + list(cases.Columns, "c.") +
			from.where(branch...) + " " + orderBy(order, "c.") + limit + ") AS b"
	}
	return "SELECT " + list(cases.Columns, "p.") + ", " + sealedColumns +
		" FROM (" + strings.Join(parts, " UNION ALL ") + ") AS p" +
		" LEFT JOIN {case_sealed} s ON s.ref = p.ref " + orderBy(order, "p.") + limit
}

// source is where the cases of a filter are read from: a table in which the case is named c, and
// the conditions that hold whatever the business and status.
type source struct {
	table      string
	conditions []string
	// few is true where a search found so few cases that reading them all is the quickest way.
	few bool
}

// where is the FROM and WHERE of a query under further conditions.
func (s source) where(conditions ...string) string {
	all := append(append([]string{}, conditions...), s.conditions...)
	return " FROM " + s.table + " WHERE " + strings.Join(all, " AND ")
}

// source is what filter leaves of the cases that scope, already narrowed, sees.
func (s *statement) source(ctx context.Context, view engine.View, scope Scope, f *CaseFilter) (source, error) {
	searched, err := s.search(ctx, view, scope, f)
	if err != nil {
		return source{}, err
	}
	searched.conditions = append(searched.conditions, s.conditions(scope, f)...)
	return searched, nil
}

// branches split what scope sees by status and, unless they are taken together, by business.
func (s *statement) branches(scope Scope, status string, together bool) [][]string {
	if together {
		return [][]string{{s.visible(scope), state(status)}}
	}
	states := []string{state(status)}
	if status == "" {
		states = []string{state(StatusOpen), state(StatusClosed)}
	}
	scopes := []Scope{scope}
	if n := len(scope.frns); !scope.every && n > 0 && n*len(states) <= branchesMax {
		scopes = nil
		for _, frn := range scope.frns {
			scopes = append(scopes, scope.Within(frn))
		}
	}
	var branches [][]string
	for _, one := range scopes {
		visible := s.visible(one)
		for _, state := range states {
			branches = append(branches, []string{visible, state})
		}
	}
	return branches
}

func state(status string) string {
	switch status {
	case StatusOpen:
		return "c.open = TRUE"
	case StatusClosed:
		return "c.open = FALSE"
	}
	return "1 = 1"
}

// sealedColumns are the sealed fields beside a list's rows.
const sealedColumns = "COALESCE(s.business_reference, ''), COALESCE(s.handler, ''), " +
	"COALESCE(s.consumer, ''), COALESCE(s.representative, '')"

// fullRow is a case with what is sealed of it.
type fullRow struct {
	caseRow
	sealedRow
}

func fullRows(ctx context.Context, view engine.View, query string, s *statement) ([]fullRow, error) {
	return collect(ctx, view, "read cases", query, s, func(scan func(...any) error) (row fullRow, err error) {
		err = scan(append(cases.Fields(&row.caseRow), &row.BusinessReference, &row.Handler, &row.Consumer, &row.Representative)...)
		return row, err
	})
}

// public is the row as it leaves the package.
func (r *fullRow) public() CaseRow {
	tellBy, makeBy := r.offerClocks()
	return CaseRow{
		Ref: r.caseRow.Ref, FRN: r.FRN, Open: r.Open, Suppressed: r.Suppressed,
		Sector: r.Sector, Group: r.Group, Product: r.Product, Issue: r.Issue,
		Stage: r.Stage, StageAtClosure: r.StageAtClosure,
		Priority: r.Priority, PriorityReason: r.PriorityReason,
		SmallBusiness: r.SmallBusiness, HasRepresentative: r.HasRepresentative,
		ConvertedAt: instant(r.ConvertedAt), ClosedAt: instant(r.ClosedAt), ReopenedAt: instant(r.ReopenedAt),
		Outcome: r.Outcome, DecisionReference: r.DecisionReference,
		ActionsOpen: r.ActionsOpen, DueDay: Day(r.DueDay),
		AllocatedTo: r.AllocatedTo, AllocationReturned: r.AllocationReturned, DataErased: r.DataErased,
		FailedUploads: r.FailedUploads, Uploads: r.Uploads, Notifications: r.Notifications,
		TellBy: tellBy, MakeBy: makeBy, LastEntry: r.TimelineLen,
		UpdatedAt: instant(r.UpdatedAt), RecordedAt: instant(r.RecordedAt), Revision: r.Revision,
		SealedBusinessReference: r.BusinessReference, SealedHandler: r.Handler,
		SealedConsumer: r.Consumer, SealedRepresentative: r.Representative,
	}
}
