package projections

import (
	"fmt"
	"testing"

	"casesync/eventstore/sqldb/sqldbtest"
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
