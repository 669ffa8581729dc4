package casefile_test

import (
	"testing"

	"casesync/domain/casefile"
)

func TestOriginOf(t *testing.T) {
	t.Parallel()
	if got, from := casefile.OriginOf(stage(at(3))); !from || got.Sequence != 3 {
		t.Errorf("origin: got %v, %v, want sequence 3", got, from)
	}
	for _, name := range casefile.Events() {
		event, _ := casefile.New(name)
		want := true
		switch event.(type) {
		case *casefile.SequenceSkipped, *casefile.Allocated, *casefile.AllocationReturned, *casefile.LegalHoldPlaced,
			*casefile.SuppressionExecuted, *casefile.SuppressionReversed, *casefile.LegalHoldLifted, *casefile.DataErased, *casefile.PartyErased:
			want = false
		}
		if _, from := casefile.OriginOf(event); from != want {
			t.Errorf("origin of %s: got one %v, want %v", name, from, want)
		}
	}
}
