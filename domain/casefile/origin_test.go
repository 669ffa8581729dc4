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
		_, skipped := event.(*casefile.SequenceSkipped)
		if _, from := casefile.OriginOf(event); from == skipped {
			t.Errorf("origin of %s: got one %v, want %v", name, from, !skipped)
		}
	}
}
