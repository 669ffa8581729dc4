package projections

import (
	"errors"
	"time"
)

// DefinitionFOS2023 is the definition of the uphold rate: change / (change + no change), over the
// cases closed in the period, with their present outcome, business and product.
const DefinitionFOS2023 = "fos-2023"

// The values of UpholdQuery.GroupBy.
const (
	GroupBusiness = "business"
	GroupSector   = "sector"
	GroupGroup    = "group"
	GroupProduct  = "product"
	GroupMonth    = "month"     // "2025-03"
	GroupQuarter  = "quarter"   // "2025-Q1"
	GroupHalfYear = "half-year" // "2025-H1"
	GroupYear     = "year"      // "2025"
)

// The values of UpholdQuery.Basis: what counts as known at an instant.
const (
	BasisRecorded = "recorded" // what the log had recorded by then
	BasisSource   = "source"   // what had happened at the source by then
)

// The publication thresholds (requirement 59).
const (
	// NewCasesPublishedMin is the lowest count of new cases that is published, 0 aside.
	NewCasesPublishedMin = 10
	// ResolvedPublishedMin is how many resolved cases a published rate needs.
	ResolvedPublishedMin = 30
)

// Errors of uphold queries that were asked wrongly.
var (
	ErrUnknownDefinition = errors.New("unknown uphold definition")
	ErrUnknownGroup      = errors.New("unknown uphold group")
	ErrBadPeriod         = errors.New("period ends before it begins")
	ErrUnknownBasis      = errors.New("unknown basis")
)

// UpholdQuery asks for uphold rates.
type UpholdQuery struct {
	// GroupBy is any combination of the Group… values; none gives one row.
	GroupBy []string
	// From and To are the first and last day, both included: of closing for outcomes, of
	// conversion for new cases.
	From, To Day
	// AsAt asks for what was known at an instant, nil for what is known now.
	AsAt *time.Time
	// Basis is BasisRecorded ("" too) or BasisSource; it matters with AsAt alone.
	Basis string
	// Definition is DefinitionFOS2023; "" too.
	Definition string
	// Published applies the publication thresholds.
	Published bool
}

// UpholdCounts are numbers of cases: new ones, and those resolved by how they were.
type UpholdCounts struct {
	NewCases                     int64
	Change, NoChange             int64
	ProactivelySettled           int64
	Dismissed, OutOfJurisdiction int64
	Withdrawn, Abandoned         int64
}

// UpholdRow is one group's figures.
type UpholdRow struct {
	// Keys are the group's values, by the names in GroupBy.
	Keys map[string]string
	UpholdCounts
	// Resolved is the sum of all counts but that of new cases.
	Resolved int64
	// NewCasesUnder is NewCasesPublishedMin where the thresholds hide a lower count: NewCases is
	// then 0. It is 0 else.
	NewCasesUnder int64
	// Rate is Change / (Change + NoChange), nil where there is none or the thresholds hide it.
	Rate *float64
}
