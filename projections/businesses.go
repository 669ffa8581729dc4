package projections

import (
	"context"
	"time"

	"casesync/projections/engine"
)

// Businesses is the read model of respondent businesses, by FRN.
func Businesses() engine.Projection { return engine.Projection{Name: BusinessesName, Version: 1} }

// BusinessRow is a respondent business as its source names it. One that cases name but no source
// ever described is in no answer here: show its FRN.
type BusinessRow struct {
	FRN, Name, Group string
	UpdatedAt        time.Time // when it was last changed, at the source
}

// ListBusinesses returns at most limit (up to PageRowsMax) of the businesses that scope sees,
// after FRN after, by FRN. View is of BusinessesName.
func ListBusinesses(ctx context.Context, view engine.View, scope Scope, after string, limit int) ([]BusinessRow, error) {
	panic("not built yet")
}

// FindBusiness returns the business frn; false if there is none that scope sees.
func FindBusiness(ctx context.Context, view engine.View, scope Scope, frn string) (BusinessRow, bool, error) {
	panic("not built yet")
}
