package projections

import (
	"context"

	"casesync/projections/engine"
)

// Dashboard holds the key figures of the open cases (requirement 4). Total, New7Days, New28Days,
// ByStage, ByProduct, ByAge and UpholdRate count suppressed cases; the others, which lead to
// lists, do not (requirement 49).
type Dashboard struct {
	Total  int64
	Listed int64
	// Open cases converted today or on the 6 (27) days before.
	New7Days, New28Days int64
	Priority            int64
	ActionNeeded        int64
	// DueIn7Days counts cases whose earliest open action is due today or within 7 days, Overdue
	// those where it was due before today.
	DueIn7Days, Overdue int64
	Unallocated         int64
	AllocatedToMe       int64
	FailedUploads       int64 // cases with one
	ByStage             []StageCount
	ByProduct           []ProductCount
	ByAge               []AgeCount
	// UpholdRate is that of the last 12 whole calendar months.
	UpholdRate UpholdRow
	// UpholdFrom and UpholdTo are the first and last day of those months.
	UpholdFrom, UpholdTo Day
}

// StageCount counts open cases at a stage.
type StageCount struct {
	Stage string
	Count int64
}

// ProductCount counts open cases about a product.
type ProductCount struct {
	Sector, Group, Product string
	Count                  int64
}

// AgeCount counts open cases by days since conversion: From to To, both included; To is -1 in the
// last band, which has no end.
type AgeCount struct {
	From, To int64 // days
	Count    int64
}

// ReadDashboard returns the figures of scope's businesses as of today. Its cost does not depend
// on the number of cases. View is of CasesName.
func ReadDashboard(ctx context.Context, view engine.View, scope Scope, today Day) (Dashboard, error) {
	panic("not built yet")
}
