package projections

import (
	"context"

	"casesync/domain/calendar"
	"casesync/projections/engine"
)

// DueCases returns at most limit (up to PageRowsMax) cases whose data is due for erasure today by the
// rules of package retention, after after, those longest due first. Whether it is erased is the decider's
// to say: the case may have moved on. Of a case that is erased, and of which facts are held since, it
// knows when those are recorded; until then they are reported as held. A scope that is no operator's or auditor's sees none. View is of
// CasesName.
func DueCases(ctx context.Context, view engine.View, scope Scope, today calendar.Day, after Due, limit int) ([]Due, error) {
	query, s := dueCases(scope, today, after, limit)
	return collect(ctx, view, "find cases due for erasure", query, s, func(scan func(...any) error) (due Due, err error) {
		var day int64
		err = scan(&day, &due.ID)
		due.Day = calendar.Day(day)
		return due, err
	})
}

func dueCases(scope Scope, today calendar.Day, after Due, limit int) (string, *statement) {
	s := &statement{}
	return "SELECT erases_day, ref FROM {cases} WHERE " + watched(scope) + " AND erases_day <= " + s.arg(int64(today)) +
		" AND erases_day < " + neverText + " AND (erases_day, ref) > (" + s.arg(int64(after.Day)) + ", " + s.arg(after.ID) + ")" +
		" ORDER BY erases_day, ref" + s.limit(limit), s
}

// CasesAllocatedTo returns at most limit (up to PageRowsMax) references after a reference, in order, of
// the cases that are allocated to a person, by user id: those of the business frn, or of all where that
// is ""; open, closed and suppressed ones. A scope that is no operator's or auditor's sees none. View is
// of CasesName.
func CasesAllocatedTo(ctx context.Context, view engine.View, scope Scope, person, frn, after string, limit int) ([]string, error) {
	query, s := casesAllocatedTo(scope, person, frn, after, limit)
	return collect(ctx, view, "find cases of a person", query, s, func(scan func(...any) error) (ref string, err error) {
		err = scan(&ref)
		return ref, err
	})
}

func casesAllocatedTo(scope Scope, person, frn, after string, limit int) (string, *statement) {
	s := &statement{}
	query := "SELECT ref FROM {cases} WHERE " + watched(scope) + " AND allocated_to = " + s.arg(person) + " AND allocated_to <> ''"
	if frn != "" {
		query += " AND frn = " + s.arg(frn)
	}
	return query + " AND ref > " + s.arg(after) + " ORDER BY ref" + s.limit(limit), s
}

// Allocatee is a person to whom cases of a business are allocated.
type Allocatee struct{ FRN, Person string }

// Allocatees returns to whom cases are allocated, by person and business; there are no more of them than
// people with access. A scope that is no operator's or auditor's sees none. View is of CasesName.
func Allocatees(ctx context.Context, view engine.View, scope Scope) ([]Allocatee, error) {
	query := "SELECT DISTINCT allocated_to, frn FROM {cases} WHERE " + watched(scope) + " AND allocated_to <> '' ORDER BY allocated_to, frn"
	return collect(ctx, view, "find who has cases", query, &statement{}, func(scan func(...any) error) (a Allocatee, err error) {
		err = scan(&a.Person, &a.FRN)
		return a, err
	})
}
