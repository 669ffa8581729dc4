package projections

import (
	"context"
	"errors"
	"time"

	"casesync/projections/engine"
)

// SuppressionRequests returns at most limit (up to PageRowsMax) requests for suppression that no operator has
// answered, after after, oldest first (requirement 48). A scope that does not see suppressions sees none.
// View is of CasesName.
func SuppressionRequests(ctx context.Context, view engine.View, scope Scope, after NotificationCursor, limit int) ([]Notification, error) {
	return nil, errors.ErrUnsupported
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
	return nil, errors.ErrUnsupported
}
