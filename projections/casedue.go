package projections

import (
	"context"

	"casesync/projections/engine"
)

// DueCases returns at most limit (up to PageRowsMax) references after a reference, in order, of the
// cases whose data is due for erasure today by the rules of package retention, suppressed ones only
// where scope sees them. It may name a case too many or, until the read model has caught up, too few:
// the case's decider decides. View is of CasesName.
func DueCases(ctx context.Context, view engine.View, scope Scope, today Day, after string, limit int) ([]string, error) {
	text, s := dueCases(scope, today, after, limit)
	return references(ctx, view, "list cases due for erasure", text, s)
}

func dueCases(scope Scope, today Day, after string, limit int) (string, *statement) {
	s := &statement{}
	return "SELECT c.ref FROM {cases} c WHERE c.erases_day <= " + s.arg(int64(today)) + " AND c.erases_day < " + neverText +
		s.reachable(scope) + " AND c.ref > " + s.arg(after) + " ORDER BY c.ref" + s.limit(limit), s
}

// CasesAllocatedTo returns at most limit (up to PageRowsMax) references after a reference, in order, of
// the cases that are allocated to a person, by user id; open and closed ones, suppressed ones only
// where scope sees them. View is of CasesName.
func CasesAllocatedTo(ctx context.Context, view engine.View, scope Scope, person, after string, limit int) ([]string, error) {
	text, s := casesAllocatedTo(scope, person, after, limit)
	return references(ctx, view, "list cases of a person", text, s)
}

func casesAllocatedTo(scope Scope, person, after string, limit int) (string, *statement) {
	s := &statement{}
	return "SELECT c.ref FROM {cases} c WHERE c.allocated_to = " + s.arg(person) + " AND c.allocated_to <> ''" +
		s.reachable(scope) + " AND c.ref > " + s.arg(after) + " ORDER BY c.ref" + s.limit(limit), s
}

// reachable is true for a case, named c in the text, of scope's, also one that was never converted: for
// the keeping of cases, not for showing them.
func (s *statement) reachable(scope Scope) string {
	text := " AND " + s.businesses(scope, "c.frn")
	if !scope.suppressed {
		text += " AND c.suppressed = FALSE"
	}
	return text
}

func references(ctx context.Context, view engine.View, what, query string, s *statement) ([]string, error) {
	return collect(ctx, view, what, query, s, func(scan func(...any) error) (ref string, err error) {
		err = scan(&ref)
		return ref, err
	})
}
