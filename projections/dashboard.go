package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

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

// ageBands are the ends, in days, of the bands of ByAge but for the last.
var ageBands = [4]int64{30, 90, 180, 365}

// ReadDashboard returns the figures of scope's businesses as of today. Its cost does not depend
// on the number of cases: what the clock changes is counted from cells by day. View is of CasesName.
func ReadDashboard(ctx context.Context, view engine.View, scope Scope, today Day) (Dashboard, error) {
	d := Dashboard{}
	for _, part := range []func(context.Context, engine.View, Scope, Day, *Dashboard) error{
		readCounts, readAges, readDue, readLastYear,
	} {
		if err := part(ctx, view, scope, today, &d); err != nil {
			return Dashboard{}, fmt.Errorf("read dashboard: %w", err)
		}
	}
	return d, nil
}

// bucketCount is the sum of a measure's cells in a bucket.
type bucketCount struct {
	measure, bucket string
	n               int64
}

// readCounts reads what no clock changes.
func readCounts(ctx context.Context, view engine.View, scope Scope, _ Day, d *Dashboard) error {
	s := &statement{}
	query := "SELECT measure, bucket, CAST(SUM(n) AS BIGINT) FROM {dashboard_cells} WHERE " + s.cells(scope) + " AND " +
		s.in("measure", []string{measureOpen, measureListed, measurePriority, measureActionNeeded,
			measureAllocated, measureFailedUpload, measureStage, measureProduct}) +
		" GROUP BY measure, bucket HAVING SUM(n) <> 0 ORDER BY measure, bucket"
	counts, err := collect(ctx, view, "read counts", query, s, func(scan func(...any) error) (c bucketCount, err error) {
		err = scan(&c.measure, &c.bucket, &c.n)
		return c, err
	})
	for _, c := range counts {
		d.take(c, scope.user)
	}
	slices.SortStableFunc(d.ByStage, func(a, b StageCount) int { return cmp.Compare(b.Count, a.Count) })
	slices.SortStableFunc(d.ByProduct, func(a, b ProductCount) int { return cmp.Compare(b.Count, a.Count) })
	return err
}

func (d *Dashboard) take(c bucketCount, user string) {
	switch c.measure {
	case measureOpen:
		d.Total = c.n
	case measureListed:
		d.Listed = c.n
	case measurePriority:
		d.Priority = c.n
	case measureActionNeeded:
		d.ActionNeeded = c.n
	case measureFailedUpload:
		d.FailedUploads = c.n
	case measureAllocated:
		switch c.bucket {
		case "":
			d.Unallocated = c.n
		case user:
			d.AllocatedToMe = c.n
		}
	case measureStage:
		d.ByStage = append(d.ByStage, StageCount{c.bucket, c.n})
	case measureProduct:
		level := strings.SplitN(c.bucket, "\t", 3)
		d.ByProduct = append(d.ByProduct, ProductCount{level[0], level[1], level[2], c.n})
	}
}

// sumDays sums up a measure's cells from a day to a day, both included.
func sumDays(s *statement, from, to Day) string {
	return "CAST(COALESCE(SUM(CASE WHEN day >= " + s.arg(int64(from)) + " AND day <= " + s.arg(int64(to)) +
		" THEN n ELSE 0 END), 0) AS BIGINT)"
}

// readAges counts open cases by the day of their conversion. A case converted in the future counts
// as converted today.
func readAges(ctx context.Context, view engine.View, scope Scope, today Day, d *Dashboard) error {
	s := &statement{}
	sums := []string{sumDays(s, today-6, NoDay), sumDays(s, today-27, NoDay)}
	first := int64(0)
	newest := NoDay
	for _, last := range ageBands {
		d.ByAge = append(d.ByAge, AgeCount{From: first, To: last})
		sums = append(sums, sumDays(s, today-Day(last), newest))
		first, newest = last+1, today-Day(last)-1
	}
	d.ByAge = append(d.ByAge, AgeCount{From: first, To: -1})
	sums = append(sums, sumDays(s, -NoDay, newest))
	fields := []any{&d.New7Days, &d.New28Days}
	for i := range d.ByAge {
		fields = append(fields, &d.ByAge[i].Count)
	}
	since := firstOf(today.month() - 13) // more days ago than the last band but one ends at
	from := recent(s, scope, measureAge, measureAgeMonth, since, NoDay)
	return readSums(ctx, view, measureAge, sums, from, s, fields)
}

// readDue counts listed cases by the day that their earliest open action is due.
func readDue(ctx context.Context, view engine.View, scope Scope, today Day, d *Dashboard) error {
	s := &statement{}
	sums := []string{sumDays(s, -NoDay, today-1), sumDays(s, today, today+7)}
	from := recent(s, scope, measureDue, measureDueMonth, firstOf(today.month()-1), today+7)
	return readSums(ctx, view, measureDue, sums, from, s, []any{&d.Overdue, &d.DueIn7Days})
}

// recent takes a measure's cells by day from since, the first of a month, to until, and those before
// since by month.
func recent(s *statement, scope Scope, byDay, byMonth string, since, until Day) string {
	return "(SELECT day, n FROM {dashboard_cells} WHERE " + s.cells(scope) + " AND measure = " + s.arg(byDay) +
		" AND bucket = '' AND day >= " + s.arg(int64(since)) + " AND day <= " + s.arg(int64(until)) +
		" UNION ALL SELECT day, n FROM {dashboard_cells} WHERE " + s.cells(scope) + " AND measure = " + s.arg(byMonth) +
		" AND bucket = '' AND day < " + s.arg(int64(since)) + ") recent"
}

func readSums(ctx context.Context, view engine.View, measure string, sums []string, from string, s *statement, into []any) error {
	query := "SELECT " + strings.Join(sums, ", ") + " FROM " + from
	_, err := collect(ctx, view, "read "+measure, query, s, func(scan func(...any) error) (struct{}, error) {
		return struct{}{}, scan(into...)
	})
	return err
}

// readLastYear reads the uphold rate of the 12 calendar months before today's.
func readLastYear(ctx context.Context, view engine.View, scope Scope, today Day, d *Dashboard) error {
	d.UpholdFrom, d.UpholdTo = firstOf(today.month()-12), firstOf(today.month())-1
	rows, err := ReadUpholdRates(ctx, view, scope, UpholdQuery{From: d.UpholdFrom, To: d.UpholdTo})
	if err == nil {
		d.UpholdRate = rows[0]
	}
	return err
}
