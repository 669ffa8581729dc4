package projections

import (
	"fmt"
	"strconv"
	"testing"

	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// interleaved records cases of 11 facts each, all under way at once, as a real feed has them.
func interleaved(w *world, first, n int) {
	stages := []string{"file-requested", "file-received", "investigation", "view-issued", "ombudsman-referral"}
	for step := range 11 {
		for i := first; i < first+n; i++ {
			ref, when := fmt.Sprintf("C%07d", i), at(i%50_000+step*7)
			switch step {
			case 0:
				w.on(ref, convertedTo(ours, hirePurchase, when))
			case 2:
				w.on(ref, requested("a", "2025-03-01", when))
			case 4:
				w.on(ref, actionClosed("a", when))
			case 6:
				w.on(ref, published("d", false, when))
			case 10:
				w.on(ref, closedAs("change", when))
			default:
				w.on(ref, stage(stages[step%len(stages)], when))
			}
		}
	}
}

// BenchmarkFold folds facts into the case read model in SQLite, 11 to a case; a case is one b.N.
func BenchmarkFold(b *testing.B) {
	w := newWorld(b, sqldbtest.SQLite(b), Cases())
	w.settle()
	b.ResetTimer()
	for done := 0; done < b.N; done += 10_000 {
		b.StopTimer()
		interleaved(w, done, min(10_000, b.N-done))
		b.StartTimer()
		w.settle()
	}
	b.ReportMetric(float64(w.log.end().Major)/b.Elapsed().Seconds(), "facts/s")
}

// BenchmarkPage reads the first page of a list, and the thousandth.
func BenchmarkPage(b *testing.B) {
	const rows, limit = 200_000, 10
	w := newWorld(b, sqldbtest.SQLite(b), Cases())
	bulk(b, w, rows)
	scope := BusinessScope("u", "100003")
	q := CaseQuery{CaseFilter: CaseFilter{Status: StatusOpen}, Sort: []SortKey{{By: SortConvertedAt}}, Limit: limit}
	for name, page := range map[string]int{"first": 1, "thousandth": 1000} {
		b.Run(name, func(b *testing.B) {
			q := q
			if page > 1 {
				// Every tenth case is the business's, and three of four are open.
				behind := int64(page * limit * 40 / 3)
				q.After = &Cursor{Values: []string{strconv.FormatInt(behind, 10)}, Ref: fmt.Sprintf("C%06d", behind)}
			}
			for b.Loop() {
				w.read(CasesName, func(view engine.View) error {
					got, err := ListCases(b.Context(), view, scope, q)
					if len(got.Items) != limit {
						b.Fatalf("got %d rows, want %d", len(got.Items), limit)
					}
					return err
				})
			}
		})
	}
}
