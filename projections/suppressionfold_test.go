package projections

import (
	"testing"

	"casesync/domain/casefile"
)

// TestWhoHidesACase: the source's flag and the operators' stand apart; a snapshot sets the source's alone, and
// whoever shows the case again decides about both.
func TestWhoHidesACase(t *testing.T) {
	t.Parallel()
	snapshot := func(hidden bool, hour int) casefile.Event {
		return &casefile.SnapshotTaken{Origin: from(at(hour)), FRN: ours, Product: hirePurchase, Stage: "converted", ConvertedAt: at(0), Suppressed: hidden}
	}
	executed, reversed := &casefile.SuppressionExecuted{Request: "n"}, &casefile.SuppressionReversed{}
	for name, c := range map[string]struct {
		given              []casefile.Event
		source, byOperator bool
	}{
		"an operator":                            {[]casefile.Event{executed}, false, true},
		"an operator, who changes his mind":      {[]casefile.Event{executed, reversed}, false, false},
		"an operator, and a routine snapshot":    {[]casefile.Event{executed, snapshot(false, 3)}, false, true},
		"both, by a snapshot":                    {[]casefile.Event{executed, snapshot(true, 3)}, true, true},
		"both, until the next snapshot":          {[]casefile.Event{suppressedAt(at(1)), executed, snapshot(false, 3)}, false, true},
		"the source shows it":                    {[]casefile.Event{suppressedAt(at(1)), executed, unsuppressedAt(at(4))}, false, false},
		"an operator shows it":                   {[]casefile.Event{suppressedAt(at(1)), executed, reversed}, false, false},
		"the source again after an operator did": {[]casefile.Event{suppressedAt(at(1)), reversed, suppressedAt(at(5))}, true, false},
	} {
		given := append([]casefile.Event{convertedTo(ours, hirePurchase, at(0))}, c.given...)
		row, state := cases.Get(foldAll(t, "C1", given...), "C1"), casefile.Initial()
		for _, event := range given {
			state = casefile.Evolve(state, event)
		}
		if row.SuppressedBySource != c.source || row.SuppressedByOperator != c.byOperator || row.Suppressed != (c.source || c.byOperator) ||
			row.Suppressed != state.Suppressed() {
			t.Errorf("%s: got %+v, want hidden by the source %v, by an operator %v; its decider says %v", name, row, c.source, c.byOperator, state.Suppressed())
		}
	}
}
