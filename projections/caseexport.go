package projections

import (
	"context"

	"casesync/projections/engine"
)

// chunkRowsMax is how many rows of an export are read at a time where each read sorts all that is
// left; where an index holds the order it is PageRowsMax.
const chunkRowsMax = 10 * PageRowsMax

// ExportCases yields all cases that scope sees and q asks for (its Limit and After aside), in
// chunks of at most 10 * PageRowsMax. Each chunk is read from a snapshot of its own, with the scope
// asked again, and no snapshot is held while yield runs: a suppression takes effect in the middle,
// and a case whose place in the order changes meanwhile may be met twice or not at all. An error
// of yield ends the export and is returned as it is.
func ExportCases(ctx context.Context, store engine.Store, scope Scope, q CaseQuery, yield func([]CaseRow) error) error {
	order, err := orderOf(&q)
	if err != nil {
		return err
	}
	q.Limit, q.After = chunkRowsMax, nil
	if isIndexed(order) {
		q.Limit = PageRowsMax
	}
	for {
		var page CasePage
		err := engine.Read(ctx, store, CasesName, func(view engine.View) (err error) {
			page, err = ListCases(ctx, view, scope, q)
			return err
		})
		if err != nil {
			return err
		}
		if len(page.Items) > 0 {
			if err := yield(page.Items); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = page.Next
	}
}
