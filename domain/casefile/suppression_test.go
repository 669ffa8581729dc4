package casefile_test

import (
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/domaintest"
)

var (
	executed = &casefile.SuppressionExecuted{Request: "n1"}
	reversed = &casefile.SuppressionReversed{}
)

// snapshotAs is a snapshot whose source says whether the case is suppressed.
func snapshotAs(sequence int64, suppressed bool) *casefile.SnapshotTaken {
	return snapshotOf(at(sequence), func(s *casefile.SnapshotTaken) { s.Suppressed = suppressed })
}

func TestSuppression(t *testing.T) {
	t.Parallel()
	open := events(converted(at(1)))
	hidden := given(open, events(executed))
	execute, reverse := casefile.ExecuteSuppression{Request: "n1"}, casefile.ReverseSuppression{}
	domaintest.Run(t, decider, []row{
		{Name: "on request", Given: open, When: execute, Then: events(executed)},
		{Name: "asked for otherwise", Given: open, When: casefile.ExecuteSuppression{}, Then: events(&casefile.SuppressionExecuted{})},
		{Name: "twice", Given: hidden, When: execute},
		{Name: "twice, for another request", Given: hidden, When: casefile.ExecuteSuppression{Request: "n2"}},
		{Name: "of what the source suppresses", Given: given(open, events(suppressed(at(2)))), When: execute, Then: events(executed)},
		{Name: "of a closed case", Given: given(open, events(closed(at(2)))), When: execute, Then: events(executed)},
		{Name: "of a case without data", Given: given(open, events(closed(at(2)), erased(30_000))), When: execute, Then: events(executed)},
		{Name: "after the source lifted it", Given: given(hidden, events(unsuppressed(at(2)))), When: execute, Then: events(executed)},
		{Name: "of no case", When: execute, Refused: casefile.CodeUnknownCase},
		{Name: "of what nobody converted", Given: events(stage(at(1))), When: execute, Refused: casefile.CodeUnknownCase},

		{Name: "reversed", Given: hidden, When: reverse, Then: events(reversed)},
		{Name: "reversed twice", Given: given(hidden, events(reversed)), When: reverse},
		{Name: "reversed, of none", Given: open, When: reverse},
		{Name: "reversed, of the source's", Given: given(open, events(suppressed(at(2)))), When: reverse, Then: events(reversed)},
		{Name: "reversed, of no case", When: reverse, Refused: casefile.CodeUnknownCase},

		{Name: "an allocation of a case that an operator hides", Given: hidden, When: casefile.Allocate{To: "ada"}, Refused: casefile.CodeUnknownCase},
		{Name: "the source suppresses it too", Given: hidden, When: record(suppressed(at(2))), Then: events(suppressed(at(2)))},
		{Name: "the source lifts what an operator executed", Given: hidden, When: record(unsuppressed(at(2))), Then: events(unsuppressed(at(2)))},
		{
			Name: "the source lifts what an operator reversed", Given: given(hidden, events(reversed)), When: record(unsuppressed(at(2))),
			Then: events(unsuppressed(at(2, casefile.NotSuppressed))),
		},
		{
			Name: "the source suppresses anew what an operator reversed", Given: given(open, events(suppressed(at(2)), reversed)),
			When: record(suppressed(at(3))), Then: events(suppressed(at(3))),
		},
	})
}

// TestWhoHidesACase: either hides it; who decides about it lifts both; a snapshot is the source's word alone.
func TestWhoHidesACase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		history []casefile.Event
		want    bool
	}{
		"an operator":                         {events(executed), true},
		"an operator, and not":                {events(executed, reversed), false},
		"the source":                          {events(suppressed(at(2))), true},
		"the source, and an operator not":     {events(suppressed(at(2)), reversed), false},
		"both, and the source not":            {events(suppressed(at(2)), executed, unsuppressed(at(3))), false},
		"both, and the operator not":          {events(suppressed(at(2)), executed, reversed), false},
		"an operator, and a snapshot not":     {events(executed, snapshotAs(2, false)), true},
		"both, and a snapshot not":            {events(executed, suppressed(at(2)), snapshotAs(3, false)), true},
		"the source, and a snapshot not":      {events(suppressed(at(2)), snapshotAs(3, false)), false},
		"a snapshot":                          {events(snapshotAs(2, true)), true},
		"a snapshot, and an operator not":     {events(snapshotAs(2, true), reversed), false},
		"an operator not, and a snapshot":     {events(executed, reversed, snapshotAs(2, true)), true},
		"an operator, and a snapshot as well": {events(executed, snapshotAs(2, true), snapshotAs(3, false)), true},
		"an operator, whatever else happens":  {events(executed, transferred(at(2), "7654321"), closed(at(3)), erased(30_000)), true},
	} {
		if got := decider.State(given(events(converted(at(1))), test.history)...).Suppressed(); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}
