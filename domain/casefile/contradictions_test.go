package casefile_test

import (
	"slices"
	"testing"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/domaintest"
	"casesync/domain/feed"
)

func closed(origin feed.Origin) *casefile.Closed {
	return &casefile.Closed{Origin: origin, Outcome: "change", ClosedAt: start.Add(48 * time.Hour)}
}

func reopened(origin feed.Origin) *casefile.Reopened {
	return &casefile.Reopened{Origin: origin, ReopenedAt: start.Add(72 * time.Hour)}
}

func requested(origin feed.Origin) *casefile.ActionRequested {
	return &casefile.ActionRequested{Origin: origin, ActionID: "a1", DueDate: "2025-02-01"}
}

func extended(origin feed.Origin) *casefile.ActionExtended {
	return &casefile.ActionExtended{Origin: origin, ActionID: "a1", DueDate: "2025-03-01"}
}

func completed(origin feed.Origin) *casefile.ActionClosed {
	return &casefile.ActionClosed{Origin: origin, ActionID: "a1", Result: "completed"}
}

func suppressed(origin feed.Origin) *casefile.Suppressed { return &casefile.Suppressed{Origin: origin} }

func unsuppressed(origin feed.Origin) *casefile.Unsuppressed {
	return &casefile.Unsuppressed{Origin: origin}
}

func transferred(origin feed.Origin, frn string) *casefile.Transferred {
	return &casefile.Transferred{Origin: origin, FRN: frn}
}

func convertedFor(origin feed.Origin, frn string) *casefile.Converted {
	fact := converted(origin)
	fact.FRN = frn
	return fact
}

func closedOn(origin feed.Origin, at time.Time) *casefile.Closed {
	fact := closed(origin)
	fact.ClosedAt = at
	return fact
}

func reopenedOn(origin feed.Origin, at time.Time) *casefile.Reopened {
	return &casefile.Reopened{Origin: origin, ReopenedAt: at}
}

func stageOf(origin feed.Origin, stage string) *casefile.StageChanged {
	return &casefile.StageChanged{Origin: origin, Stage: stage}
}

// snapshotOf returns a snapshot that change makes special.
func snapshotOf(origin feed.Origin, change func(*casefile.SnapshotTaken)) *casefile.SnapshotTaken {
	fact := snapshot(origin)
	change(fact)
	return fact
}

// TestContradictions says of each fact what it contradicts; every one of them is recorded.
func TestContradictions(t *testing.T) {
	t.Parallel()
	type test struct {
		name  string
		given []casefile.Event
		fact  func(feed.Origin) casefile.Event
		want  []string
	}
	isClosed := func(s *casefile.SnapshotTaken) { s.Outcome, s.ClosedAt = "no-change", start.Add(time.Hour) }
	tests := []test{
		{"a fact of a case that nobody converted", nil,
			func(o feed.Origin) casefile.Event { return stage(o) }, []string{casefile.NotConverted}},
		{"reopening a case that nobody converted", nil,
			func(o feed.Origin) casefile.Event { return reopened(o) }, []string{casefile.NotClosed, casefile.NotConverted}},
		{"a second conversion", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return converted(o) }, []string{casefile.AlreadyConverted}},
		{"a second conversion for another business", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return convertedFor(o, "654321") }, []string{casefile.AlreadyConverted, casefile.DifferentBusiness}},
		{"a conversion after a snapshot", events(snapshot(at(1))),
			func(o feed.Origin) casefile.Event { return converted(o) }, []string{casefile.AlreadyConverted}},
		{"a transfer", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return transferred(o, "654321") }, nil},
		{"a transfer to the business that it is with", events(converted(at(1)), transferred(at(2), "654321")),
			func(o feed.Origin) casefile.Event { return transferred(o, "654321") }, []string{casefile.SameBusiness}},
		{"a transfer back", events(converted(at(1)), transferred(at(2), "654321")),
			func(o feed.Origin) casefile.Event { return transferred(o, "123456") }, nil},
		{"an unknown stage", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return stageOf(o, "pre-registration") }, []string{casefile.UnknownStage}},
		{"a step backwards", events(converted(at(1)), stageOf(at(2), "final-decision")),
			func(o feed.Origin) casefile.Event { return stageOf(o, "file-requested") }, nil},
		{"a hold", events(converted(at(1)), stageOf(at(2), "investigation")),
			func(o feed.Origin) casefile.Event { return stageOf(o, "on-hold") }, nil},
		{"a step of a closed case", events(converted(at(1)), closed(at(2))),
			func(o feed.Origin) casefile.Event { return stage(o) }, []string{casefile.CaseClosed}},
		{"closing", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return closed(o) }, nil},
		{"closing again", events(converted(at(1)), closed(at(2))),
			func(o feed.Origin) casefile.Event { return closed(o) }, []string{casefile.AlreadyClosed}},
		{"closing before the conversion", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return closedOn(o, start.Add(-time.Hour)) }, []string{casefile.ClosedBeforeConversion}},
		{"reopening", events(converted(at(1)), closed(at(2))),
			func(o feed.Origin) casefile.Event { return reopened(o) }, nil},
		{"reopening an open case", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return reopened(o) }, []string{casefile.NotClosed}},
		{"reopening before the closure", events(converted(at(1)), closed(at(2))),
			func(o feed.Origin) casefile.Event { return reopenedOn(o, start) }, []string{casefile.ReopenedBeforeClosure}},
		{"closing what was reopened", events(converted(at(1)), closed(at(2)), reopened(at(3))),
			func(o feed.Origin) casefile.Event { return closedOn(o, start.Add(96*time.Hour)) }, nil},
		{"an action", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return requested(o) }, nil},
		{"an action of a closed case", events(converted(at(1)), closed(at(2))),
			func(o feed.Origin) casefile.Event { return requested(o) }, []string{casefile.CaseClosed}},
		{"an action requested twice", events(converted(at(1)), requested(at(2))),
			func(o feed.Origin) casefile.Event { return requested(o) }, []string{casefile.ActionAlreadyRequested}},
		{"an action requested after it was closed", events(converted(at(1)), requested(at(2)), completed(at(3))),
			func(o feed.Origin) casefile.Event { return requested(o) }, []string{casefile.ActionAlreadyClosed}},
		{"an extension", events(converted(at(1)), requested(at(2))),
			func(o feed.Origin) casefile.Event { return extended(o) }, nil},
		{"an extension of no action", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return extended(o) }, []string{casefile.UnknownAction}},
		{"an extension of a closed action", events(converted(at(1)), requested(at(2)), completed(at(3))),
			func(o feed.Origin) casefile.Event { return extended(o) }, []string{casefile.ActionAlreadyClosed}},
		{"an extension in a closed case", events(converted(at(1)), requested(at(2)), closed(at(3))),
			func(o feed.Origin) casefile.Event { return extended(o) }, []string{casefile.CaseClosed}},
		{"the end of an action", events(converted(at(1)), requested(at(2))),
			func(o feed.Origin) casefile.Event { return completed(o) }, nil},
		{"the end of no action", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return completed(o) }, []string{casefile.UnknownAction}},
		{"the end of a closed action", events(converted(at(1)), requested(at(2)), completed(at(3))),
			func(o feed.Origin) casefile.Event { return completed(o) }, []string{casefile.ActionAlreadyClosed}},
		{"suppression", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return suppressed(o) }, nil},
		{"suppression twice", events(converted(at(1)), suppressed(at(2))),
			func(o feed.Origin) casefile.Event { return suppressed(o) }, []string{casefile.AlreadySuppressed}},
		{"the end of a suppression", events(converted(at(1)), suppressed(at(2))),
			func(o feed.Origin) casefile.Event { return unsuppressed(o) }, nil},
		{"the end of no suppression", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return unsuppressed(o) }, []string{casefile.NotSuppressed}},
		{"a hand-over to itself", events(converted(at(1))),
			func(o feed.Origin) casefile.Event { return &casefile.HandedOver{Origin: o, ToSource: cms} }, []string{casefile.SameSource}},
		{"a snapshot", events(converted(at(1)), closed(at(2))),
			func(o feed.Origin) casefile.Event { return snapshot(o) }, nil},
		{"a snapshot with another business", events(converted(at(1)), transferred(at(2), "654321")),
			func(o feed.Origin) casefile.Event { return snapshot(o) }, []string{casefile.DifferentBusiness}},
		{"a snapshot at an unknown stage", nil,
			func(o feed.Origin) casefile.Event {
				return snapshotOf(o, func(s *casefile.SnapshotTaken) { s.Stage = "pre-registration" })
			}, []string{casefile.UnknownStage}},
		{"a snapshot closed before its conversion", nil,
			func(o feed.Origin) casefile.Event {
				return snapshotOf(o, func(s *casefile.SnapshotTaken) { isClosed(s); s.ConvertedAt = start.Add(2 * time.Hour) })
			}, []string{casefile.ClosedBeforeConversion}},
		{"closing after a closed snapshot", events(snapshotOf(at(1), isClosed)),
			func(o feed.Origin) casefile.Event { return closed(o) }, []string{casefile.AlreadyClosed}},
		{"closing after a snapshot of a reopened case", events(snapshotOf(at(1), func(s *casefile.SnapshotTaken) {
			isClosed(s)
			s.ReopenedAt = s.ClosedAt.Add(time.Hour)
		})),
			func(o feed.Origin) casefile.Event { return closed(o) }, nil},
		{"the end of an action that a snapshot leaves out", events(converted(at(1)), requested(at(2)), snapshot(at(3))),
			func(o feed.Origin) casefile.Event { return completed(o) }, []string{casefile.UnknownAction}},
		{"the end of an action that a snapshot has", events(snapshotOf(at(1), func(s *casefile.SnapshotTaken) {
			s.Actions = []casefile.SnapshotAction{{ActionID: "a1", DueDate: "2025-02-01"}}
		})),
			func(o feed.Origin) casefile.Event { return completed(o) }, nil},
		{"the end of an action that a snapshot has as closed", events(snapshotOf(at(1), func(s *casefile.SnapshotTaken) {
			s.Actions = []casefile.SnapshotAction{{ActionID: "a1", DueDate: "2025-02-01", Result: "withdrawn"}}
		})),
			func(o feed.Origin) casefile.Event { return completed(o) }, []string{casefile.ActionAlreadyClosed}},
		{"an unknown type before the conversion", nil,
			func(o feed.Origin) casefile.Event { return unrecognised(o) }, nil},
	}
	rows := make([]row, 0, len(tests))
	for _, test := range tests {
		next := int64(len(test.given) + 1)
		rows = append(rows, row{
			Name: test.name, Given: test.given,
			When: record(test.fact(at(next))),
			Then: events(test.fact(at(next, slices.Clone(test.want)...))),
		})
	}
	domaintest.Run(t, decider, rows)
}
