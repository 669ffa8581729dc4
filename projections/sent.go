package projections

import (
	"slices"
	"strings"
	"time"

	"casesync/domain/outgoing"
	"casesync/projections/engine"
)

// sent is true for a row named t in the text, of what a business sent about a case or of a timeline, that
// scope sees: its case is visible, and is with the business that sent it ("" stands for any). A transferred
// case takes nothing of the first business's along, and that one sees nothing of it any more. Auditors see
// what all businesses sent of those they look at. This is the one place that says so.
func (s *statement) sent(scope Scope) string {
	all := s.visible(scope)
	switch {
	case !scope.suppressed:
		all += " AND (t.frn = '' OR t.frn = c.frn)"
	case !scope.every:
		all += " AND (t.frn = '' OR " + s.in("t.frn", scope.frns) + ")"
	}
	return "EXISTS (SELECT 1 FROM {cases} c WHERE c.ref = t.ref AND " + all + ")"
}

// shownCode is why something that was sent went no further, as scope may know it: that a case was suppressed
// is not told when it is visible again.
func shownCode(scope Scope, code string) string {
	if code == string(outgoing.CaseSuppressed) && !scope.suppressed {
		return ""
	}
	return code
}

// sentList lists what businesses sent, newest first.
type sentList struct {
	table   string // with the braces
	columns []engine.Column
	at      string // the column that it is listed by, before the id
	// few: the conditions take so little that it is not split up. Ref is the only case taken, "" for all.
	few bool
	ref string
	// choice is a column of which only some values are taken, if any are named.
	choice string
	values []string
	// The conditions that hold whatever the business and the choice, and the end of the page before.
	conditions []string
	after      time.Time
	afterID    string
	limit      int
}

// sentPage is the text of a query for a page: the first rows of each business and choice, merged.
func (s *statement) sentPage(scope Scope, q sentList) string {
	visible := s.sent(scope)
	conditions := append([]string{visible}, q.conditions...)
	if q.afterID != "" {
		conditions = append(conditions, "(t."+q.at+", t.id) < ("+s.arg(micros(q.after))+", "+s.arg(q.afterID)+")")
	}
	limit, table := s.limit(q.limit), q.table
	if q.ref != "" {
		table = s.ofCase(q.table, q.columns, q.ref)
	}
	var parts []string
	for _, branch := range s.sentBranches(scope, q) {
		parts = append(parts, "SELECT "+list(q.columns, "b.")+" FROM (SELECT "+list(q.columns, "t.")+" FROM "+table+" t WHERE "+
			strings.Join(append(branch, conditions...), " AND ")+" ORDER BY t."+q.at+" DESC, t.id DESC"+limit+") AS b")
	}
	return "SELECT " + list(q.columns, "p.") + " FROM (" + strings.Join(parts, " UNION ALL ") + ") AS p" +
		" ORDER BY p." + q.at + " DESC, p.id DESC" + limit
}

// ofCase is a table's rows of one case, of which there are few. The limit, which none reaches, makes the
// database read them by the case, and by nothing else that it takes for quicker while it knows no better.
func (s *statement) ofCase(table string, columns []engine.Column, ref string) string {
	return "(SELECT " + list(columns, "") + " FROM " + table + " WHERE ref = " + s.arg(ref) + " LIMIT 9223372036854775807)"
}

// sentBranches split a list by business and choice, each part of which an index holds in order; where there
// are too many of them, or few rows anyway, they are taken together.
func (s *statement) sentBranches(scope Scope, q sentList) [][]string {
	if parts := max(1, len(scope.frns)) * max(1, len(q.values)); q.few || q.ref != "" || parts > branchesMax {
		if len(q.values) == 0 {
			return [][]string{nil}
		}
		return [][]string{{s.in(q.choice, q.values)}}
	}
	businesses, choices := [][]string{nil}, [][]string{nil}
	if !scope.every {
		businesses = each(s, "t.frn", scope.frns)
	}
	if len(q.values) > 0 {
		choices = each(s, q.choice, q.values)
	}
	branches := [][]string{}
	for _, business := range businesses {
		for _, choice := range choices {
			branches = append(branches, slices.Concat(business, choice))
		}
	}
	return branches
}

// each is a condition for each of values; one that nothing meets for none.
func each(s *statement, column string, values []string) [][]string {
	if len(values) == 0 {
		return [][]string{{"1 = 0"}}
	}
	conditions := make([][]string, len(values))
	for i, value := range values {
		conditions[i] = []string{s.in(column, []string{value})}
	}
	return conditions
}

// condition asks for a value of a column; "" asks for nothing.
type condition struct{ column, value string }

// only are the conditions that ask for something.
func (s *statement) only(wanted ...condition) (conditions []string) {
	for _, one := range wanted {
		if one.value != "" {
			conditions = append(conditions, one.column+" = "+s.arg(one.value))
		}
	}
	return conditions
}

// stringsOf are typed words as they are stored.
func stringsOf[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}
