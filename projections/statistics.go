package projections

import (
	"slices"

	"casesync/projections/engine"
)

// everyBusiness stands, in place of an FRN, for the sum over all businesses, so that those who see
// every business read no more cells than others.
const everyBusiness = ""

// cellRow is a number on the dashboard: how many cases of a business fall in a measure's bucket,
// or day.
type cellRow struct {
	FRN, Measure, Bucket string
	Day, N               int64
}

var dashboardCells = &engine.Table[cellRow]{
	Spec: engine.Spec{
		Name: "dashboard_cells", Key: 4, Kind: engine.Summed,
		Columns: join(texts("frn", "measure", "bucket"), numbers("day", "n")),
	},
	Fields: func(r *cellRow) []any { return []any{&r.FRN, &r.Measure, &r.Bucket, &r.Day, &r.N} },
}

// The measures of dashboard cells, as stored.
const (
	measureChanges      = "changes" // facts folded: the only measure that is no count of cases
	measureOpen         = "open"
	measureClosed       = "closed"
	measureListed       = "listed"
	measureClosedListed = "closed-listed"
	measurePriority     = "priority"
	measureActionNeeded = "action-needed"
	measureDue          = "due"       // by due day
	measureDueMonth     = "due-month" // by the first day of that month
	measureAllocated    = "allocated" // by user, "" for nobody
	measureFailedUpload = "failed-upload"
	measureStage        = "stage"   // by stage
	measureProduct      = "product" // by sector, group and product
	measureAge          = "age"     // by conversion day
	measureAgeMonth     = "age-month"
)

// place is where in a measure a case counts.
type place struct {
	bucket string
	day    int64
	counts bool
}

// measures are the statistics of the dashboard: each a pure function from a case to where it
// counts. Those that lead to lists leave suppressed cases out, the others count them, so that
// figures do not single one out (requirement 49).
var measures = []struct {
	name string
	of   func(*caseRow) place
}{
	{measureOpen, func(r *caseRow) place { return place{counts: r.isOpen()} }},
	{measureClosed, func(r *caseRow) place { return place{counts: r.isClosed()} }},
	{measureListed, func(r *caseRow) place { return place{counts: r.isListed()} }},
	{measureClosedListed, func(r *caseRow) place { return place{counts: r.isClosed() && !r.Suppressed} }},
	{measurePriority, func(r *caseRow) place { return place{counts: r.isListed() && r.Priority} }},
	{measureActionNeeded, func(r *caseRow) place { return place{counts: r.isListed() && r.ActionsOpen > 0} }},
	{measureDue, func(r *caseRow) place { return place{day: r.DueDay, counts: r.isListed() && r.ActionsOpen > 0} }},
	{measureDueMonth, func(r *caseRow) place {
		return monthly(place{day: r.DueDay, counts: r.isListed() && r.ActionsOpen > 0})
	}},
	{measureAllocated, func(r *caseRow) place { return place{bucket: r.AllocatedTo, counts: r.isListed()} }},
	{measureFailedUpload, func(r *caseRow) place { return place{counts: r.isListed() && r.FailedUploads > 0} }},
	{measureStage, func(r *caseRow) place { return place{bucket: r.Stage, counts: r.isOpen()} }},
	{measureProduct, func(r *caseRow) place { return place{bucket: r.productBucket(), counts: r.isOpen()} }},
	{measureAge, func(r *caseRow) place { return place{day: r.ConvertedDay, counts: r.isOpen()} }},
	{measureAgeMonth, func(r *caseRow) place { return monthly(place{day: r.ConvertedDay, counts: r.isOpen()}) }},
}

// monthly is the place at the first day of its month: what is long past is read by the month, so that
// a dashboard takes about as many cells whether its cases go back one year or six.
func monthly(at place) place {
	if at.counts {
		at.day = int64(firstOf(Day(at.day).month()))
	}
	return at
}

func (r *caseRow) isOpen() bool   { return r.Converted && r.Open }
func (r *caseRow) isClosed() bool { return r.Converted && !r.Open }
func (r *caseRow) isListed() bool { return r.isOpen() && !r.Suppressed }

// productBucket joins the taxonomy's levels by tabs.
func (r *caseRow) productBucket() string {
	return r.Sector + "\t" + r.Group + "\t" + r.Product
}

// upholdRow counts cases: new ones by conversion day, the outcomes by closing day. Whole months are
// kept beside days, and all counts in one row, so that a long period takes few cells, and with few
// cases already about as many as with very many.
type upholdRow struct {
	FRN, Period            string
	Start                  int64 // months since year 0, or days since 1970
	Sector, Group, Product string
	UpholdCounts
}

// kinds are the counts by the kinds that contributions have, and the columns of cells.
var kinds = [...]struct {
	kind, column string
	of           func(*UpholdCounts) *int64
}{
	{kindNew, "new_cases", func(c *UpholdCounts) *int64 { return &c.NewCases }},
	{"change", "change", func(c *UpholdCounts) *int64 { return &c.Change }},
	{"no-change", "no_change", func(c *UpholdCounts) *int64 { return &c.NoChange }},
	{"proactively-settled", "proactively_settled", func(c *UpholdCounts) *int64 { return &c.ProactivelySettled }},
	{"dismissed", "dismissed", func(c *UpholdCounts) *int64 { return &c.Dismissed }},
	{"out-of-jurisdiction", "out_of_jurisdiction", func(c *UpholdCounts) *int64 { return &c.OutOfJurisdiction }},
	{"withdrawn", "withdrawn", func(c *UpholdCounts) *int64 { return &c.Withdrawn }},
	{"abandoned", "abandoned", func(c *UpholdCounts) *int64 { return &c.Abandoned }},
}

// counted is n in the count of kind, and nothing where no figure counts that kind.
func counted(kind string, n int64) (counts UpholdCounts) {
	for _, k := range kinds {
		if k.kind == kind {
			*k.of(&counts) = n
		}
	}
	return counts
}

// fields are the counts in the order of kinds.
func (c *UpholdCounts) fields() []any {
	fields := make([]any, len(kinds))
	for i, k := range kinds {
		fields[i] = k.of(c)
	}
	return fields
}

func (c *UpholdCounts) add(other *UpholdCounts) {
	for _, k := range kinds {
		*k.of(c) += *k.of(other)
	}
}

func kindColumns() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.column
	}
	return names
}

const (
	periodMonth = "month"
	periodDay   = "day"
	kindNew     = "new"
)

var upholdCells = &engine.Table[upholdRow]{
	Spec: engine.Spec{
		Name: "uphold_cells", Key: 6, Kind: engine.Summed,
		Columns: join(texts("frn", "period"), numbers("start"),
			texts("sector", "product_group", "product"), numbers(kindColumns()...)),
	},
	Fields: func(r *upholdRow) []any {
		return append([]any{&r.FRN, &r.Period, &r.Start, &r.Sector, &r.Group, &r.Product}, r.fields()...)
	},
}

// ledgerRow is one change of what a case contributes to the uphold rates, with the instants from
// which it was known: a rate as at an instant is the sum of the rows known by then.
type ledgerRow struct {
	Ref                          string
	N                            int64
	FRN                          string
	Day                          int64
	Kind, Sector, Group, Product string
	Delta                        int64 // +1 or -1
	// SourceAt is the latest time of the case's facts so far: along N it never goes back, so that
	// no sum over a part of a case's rows is negative.
	SourceAt int64
	KnownAt  int64
}

var upholdLedger = &engine.Table[ledgerRow]{
	Spec: engine.Spec{
		Name: "uphold_ledger", Key: 2, AppendOnly: true,
		Columns: join(texts("ref"), numbers("n"), texts("frn"), numbers("day"),
			texts("kind", "sector", "product_group", "product"), numbers("delta", "source_at", "known_at")),
		Indexes: []string{"frn, day"},
		Aside:   []string{"known_at"},
	},
	Fields: func(r *ledgerRow) []any {
		return []any{&r.Ref, &r.N, &r.FRN, &r.Day, &r.Kind, &r.Sector, &r.Group, &r.Product,
			&r.Delta, &r.SourceAt, &r.KnownAt}
	},
}

// contribution is what a case adds to the uphold rates; the zero value is nothing.
type contribution struct {
	frn                          string
	day                          int64
	kind, sector, group, product string
}

// contributions returns what a case adds: a new case by its conversion day, and its outcome, if it
// is closed, by its closing day; both with its present business and product.
func contributions(r *caseRow) (both [2]contribution) {
	if r.Converted {
		both[0] = contribution{r.FRN, r.ConvertedDay, kindNew, r.Sector, r.Group, r.Product}
	}
	if r.isClosed() {
		both[1] = contribution{r.FRN, r.ClosedDay, r.Outcome, r.Sector, r.Group, r.Product}
	}
	return both
}

// count adds to all statistics the difference between a case before and after a fact.
func count(rows *engine.Rows, before caseRow, after *caseRow) {
	same := before
	same.UpdatedAt, same.TimelineLen, same.RecordedAt, same.Revision = after.UpdatedAt, after.TimelineLen, after.RecordedAt, after.Revision
	if same == *after {
		return // most facts change nothing that is counted
	}
	for _, measure := range measures {
		was, is := measure.of(&before), measure.of(after)
		if was == is && before.FRN == after.FRN {
			continue
		}
		if was.counts {
			addCell(rows, before.FRN, measure.name, was, -1)
		}
		if is.counts {
			addCell(rows, after.FRN, measure.name, is, +1)
		}
	}
	had, has := contributions(&before), contributions(after)
	for i := range had {
		if had[i] != has[i] {
			contribute(rows, after, had[i], -1)
			contribute(rows, after, has[i], +1)
		}
	}
}

func addCell(rows *engine.Rows, frn, measure string, at place, n int64) {
	for _, frn := range [2]string{frn, everyBusiness} {
		dashboardCells.Put(rows, cellRow{frn, measure, at.bucket, at.day, n})
	}
}

// contribute adds c, n times, to the cells, and writes it to the case's ledger.
func contribute(rows *engine.Rows, r *caseRow, c contribution, n int64) {
	if c == (contribution{}) {
		return
	}
	counts := counted(c.kind, n)
	for _, frn := range [2]string{c.frn, everyBusiness} {
		upholdCells.Put(rows, upholdRow{frn, periodMonth, Day(c.day).month(), c.sector, c.group, c.product, counts})
		upholdCells.Put(rows, upholdRow{frn, periodDay, c.day, c.sector, c.group, c.product, counts})
	}
	r.LedgerLen++
	upholdLedger.Put(rows, ledgerRow{
		Ref: r.Ref, N: r.LedgerLen, FRN: c.frn, Day: c.day,
		Kind: c.kind, Sector: c.sector, Group: c.group, Product: c.product,
		Delta: n, SourceAt: r.UpdatedAt, KnownAt: r.RecordedAt,
	})
}

// countChange makes the marks of the businesses that show the case, or did, grow.
func countChange(rows *engine.Rows, before, after string) {
	change := cellRow{Measure: measureChanges, N: 1}
	dashboardCells.Put(rows, change)
	for _, change.FRN = range slices.Compact([]string{before, after}) {
		if change.FRN != "" {
			dashboardCells.Put(rows, change)
		}
	}
}
