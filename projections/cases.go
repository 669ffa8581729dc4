package projections

import "casesync/projections/engine"

// Cases is the read model of cases: the rows of lists and details, and all statistics, which are
// sums of differences of case rows.
func Cases() engine.Projection { return engine.Projection{Name: CasesName, Version: 1} }
