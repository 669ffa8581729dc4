package business_test

import (
	"testing"

	"casesync/domain/business"
)

func TestOriginOf(t *testing.T) {
	t.Parallel()
	if got, is := business.OriginOf(updated(from(cms, 3))); !is || got.Sequence != 3 {
		t.Errorf("origin: got %v, %v, want sequence 3", got, is)
	}
	for _, name := range business.Events() {
		event, _ := business.New(name)
		_, skipped := event.(*business.SequenceSkipped)
		if _, from := business.OriginOf(event); from == skipped {
			t.Errorf("origin of %s: got one %v, want %v", name, from, !skipped)
		}
	}
}
