package projections

import (
	"context"
	"time"

	"casesync/projections/engine"
)

// SuppressionRequests returns at most limit (up to PageRowsMax) requests for suppression that no operator has
// answered, after after, oldest first (requirement 48). A scope that does not see suppressions sees none.
// View is of CasesName.
func SuppressionRequests(ctx context.Context, view engine.View, scope Scope, after NotificationCursor, limit int) ([]Notification, error) {
	query, s := suppressionRequests(scope, after, limit)
	return notificationRows(ctx, view, scope, query, s)
}

func suppressionRequests(scope Scope, after NotificationCursor, limit int) (string, *statement) {
	s := &statement{}
	return "SELECT " + list(notifications.Columns, "t.") + " FROM {case_notifications} t WHERE " + suppressions(scope) +
		" AND t.asks = TRUE AND (t.sent_at, t.id) > (" + s.arg(micros(after.SentAt)) + ", " + s.arg(after.ID) + ")" +
		" ORDER BY t.sent_at, t.id" + s.limit(limit), s
}

// suppressions is true where the scope sees requests for suppression and which cases are suppressed.
func suppressions(scope Scope) string {
	if scope.suppressions {
		return "1 = 1"
	}
	return "1 = 0"
}

// SuppressedCase is a case that is hidden from all business users.
type SuppressedCase struct {
	Ref, FRN string
	// BySource and ByOperator say who hides it; one is enough.
	BySource, ByOperator bool
	// Since is when it was hidden.
	Since time.Time
}

// SuppressedCases returns at most limit (up to PageRowsMax) cases that are suppressed, after the reference
// after, by reference. A scope that does not see suppressions sees none. View is of CasesName.
func SuppressedCases(ctx context.Context, view engine.View, scope Scope, after string, limit int) ([]SuppressedCase, error) {
	query, s := suppressedCases(scope, after, limit)
	return collect(ctx, view, "find suppressed cases", query, s, func(scan func(...any) error) (c SuppressedCase, err error) {
		var since int64
		err = scan(&c.Ref, &c.FRN, &c.BySource, &c.ByOperator, &since)
		c.Since = instant(since)
		return c, err
	})
}

func suppressedCases(scope Scope, after string, limit int) (string, *statement) {
	s := &statement{}
	return "SELECT c.ref, c.frn, c.suppressed_by_source, c.suppressed_by_operator, c.suppressed_at FROM {cases} c WHERE " +
		suppressions(scope) + " AND c.suppressed = TRUE AND c.converted = TRUE AND c.ref > " + s.arg(after) +
		" ORDER BY c.ref" + s.limit(limit), s
}
