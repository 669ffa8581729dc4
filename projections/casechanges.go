package projections

import (
	"context"
	"errors"

	"casesync/projections/engine"
)

// CaseChanges returns, for each of the cases that marks names (at most PageRowsMax) and scope sees, how many
// entries its timeline shows scope with a number above its mark; a case without any is there with 0, one that
// scope does not see is absent. View is of CasesName.
func CaseChanges(ctx context.Context, view engine.View, scope Scope, marks map[string]int64) (map[string]int, error) {
	return nil, errors.ErrUnsupported
}
