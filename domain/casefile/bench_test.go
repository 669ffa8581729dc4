package casefile_test

import (
	"testing"

	"casesync/domain/casefile"
)

// BenchmarkCase decides and folds a case of 47 facts, the 90th percentile of real case logs.
func BenchmarkCase(b *testing.B) {
	history := []casefile.Event{converted(at(1)), requested(at(2)), extended(at(3)), completed(at(4))}
	for sequence := int64(5); sequence <= 47; sequence++ {
		history = append(history, stage(at(sequence)))
	}
	b.ReportAllocs()
	for b.Loop() {
		state := casefile.Initial()
		for _, fact := range history {
			events, err := casefile.Decide(state, record(fact))
			if err != nil {
				b.Fatal(err)
			}
			for _, event := range events {
				state = casefile.Evolve(state, event)
			}
		}
	}
}
