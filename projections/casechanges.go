package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"casesync/projections/engine"
)

// CaseChanges returns, for each of the cases that marks names (at most PageRowsMax) and scope sees, how many
// entries its timeline shows scope with a number above its mark; a case without any is there with 0, one that
// scope does not see is absent. View is of CasesName.
func CaseChanges(ctx context.Context, view engine.View, scope Scope, marks map[string]int64) (map[string]int, error) {
	changes := make(map[string]int, len(marks))
	if len(marks) == 0 {
		return changes, nil
	}
	if len(marks) > PageRowsMax {
		return nil, fmt.Errorf("look up changes since %d marks: at most %d at a time", len(marks), PageRowsMax)
	}
	query, s := caseChanges(scope, marks)
	_, err := collect(ctx, view, "look up changes since marks", query, s, func(scan func(...any) error) (struct{}, error) {
		var ref string
		var n int64
		err := scan(&ref, &n)
		changes[ref] = int(n)
		return struct{}{}, err
	})
	return changes, err
}

func caseChanges(scope Scope, marks map[string]int64) (string, *statement) {
	s := &statement{}
	var values []string
	for _, ref := range slices.Sorted(maps.Keys(marks)) {
		values = append(values, "(CAST("+s.arg(ref)+" AS TEXT), CAST("+s.arg(marks[ref])+" AS BIGINT))")
	}
	return "WITH m (ref, n) AS (VALUES " + strings.Join(values, ", ") + ") SELECT v.ref, (SELECT COUNT(*) FROM {case_timeline} t" +
		" WHERE t.ref = v.ref AND t.n > v.n AND " + s.shown(scope) + ") FROM (SELECT m.ref, m.n FROM m CROSS JOIN {cases} c" +
		" WHERE c.ref = m.ref AND " + s.visible(scope) + ") v ORDER BY v.ref", s
}
