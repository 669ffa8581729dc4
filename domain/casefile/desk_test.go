package casefile_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/domaintest"
)

func allocated(to, from string) *casefile.Allocated {
	return &casefile.Allocated{To: to, From: from}
}

func returned(from string, cause casefile.ReturnCause) *casefile.AllocationReturned {
	return &casefile.AllocationReturned{From: from, Cause: cause}
}

func erased(day calendar.Day) *casefile.DataErased { return &casefile.DataErased{Day: day} }

func TestAllocate(t *testing.T) {
	t.Parallel()
	open := events(converted(at(1)))
	adas := given(open, events(allocated("ada", "")))
	domaintest.Run(t, decider, []row{
		{Name: "to a person", Given: open, When: casefile.Allocate{To: "ada"}, Then: events(allocated("ada", ""))},
		{Name: "to who has it", Given: adas, When: casefile.Allocate{To: "ada", From: new("")}},
		{Name: "from another", Given: adas, When: casefile.Allocate{To: "bob"}, Then: events(allocated("bob", "ada"))},
		{Name: "from who has it", Given: adas, When: casefile.Allocate{To: "bob", From: new("ada")}, Then: events(allocated("bob", "ada"))},
		{Name: "from nobody, too late", Given: adas, When: casefile.Allocate{To: "bob", From: new("")}, Refused: casefile.CodeAllocatedOtherwise},
		{Name: "from another than who has it", Given: adas, When: casefile.Allocate{From: new("cas")}, Refused: casefile.CodeAllocatedOtherwise},
		{Name: "given back", Given: adas, When: casefile.Allocate{From: new("ada")}, Then: events(allocated("", "ada"))},
		{Name: "given back by nobody", Given: open, When: casefile.Allocate{}},
		{Name: "for its business", Given: open, When: casefile.Allocate{To: "ada", FRN: "123456"}, Then: events(allocated("ada", ""))},
		{Name: "for another business", Given: open, When: casefile.Allocate{To: "ada", FRN: "7654321"}, Refused: casefile.CodeUnknownCase},
		{Name: "not converted", Given: events(stage(at(1))), When: casefile.Allocate{To: "ada"}, Refused: casefile.CodeUnknownCase},
		{Name: "nothing known", When: casefile.Allocate{To: "ada"}, Refused: casefile.CodeUnknownCase},
		{Name: "suppressed", Given: given(adas, events(suppressed(at(2)))), When: casefile.Allocate{To: "bob"}, Refused: casefile.CodeUnknownCase},
		{Name: "suppressed and closed", Given: given(adas, events(closed(at(2)), suppressed(at(3)))), When: casefile.Allocate{To: "bob"}, Refused: casefile.CodeUnknownCase},
		{Name: "closed", Given: given(adas, events(closed(at(2)))), When: casefile.Allocate{To: "bob"}, Refused: casefile.CaseClosed},
		{Name: "reopened", Given: given(adas, events(closed(at(2)), reopened(at(3)))), When: casefile.Allocate{To: "bob"}, Then: events(allocated("bob", "ada"))},
		{
			Name: "after a transfer nobody has it", Given: given(adas, events(transferred(at(2), "7654321"))),
			When: casefile.Allocate{To: "eve", From: new("")}, Then: events(allocated("eve", "")),
		}, {
			Name: "after a transfer to the same business somebody has it", Given: given(adas, events(transferred(at(2), "123456"))),
			When: casefile.Allocate{To: "eve", From: new("")}, Refused: casefile.CodeAllocatedOtherwise,
		}, {
			Name:  "after a snapshot of another business nobody has it",
			Given: given(adas, events(snapshotOf(at(2), func(s *casefile.SnapshotTaken) { s.FRN = "7654321" }))),
			When:  casefile.Allocate{To: "eve", From: new("")}, Then: events(allocated("eve", "")),
		},
		{Name: "after a conversion for another business", Given: given(adas, events(convertedFor(at(2), "7654321"))), When: casefile.Allocate{}},
	})
}

func TestReturnAllocation(t *testing.T) {
	t.Parallel()
	adas := events(converted(at(1)), allocated("ada", ""))
	disabled := casefile.ReturnAllocation{Person: "ada", Cause: casefile.HolderDisabled}
	domaintest.Run(t, decider, []row{
		{Name: "hers", Given: adas, When: disabled, Then: events(returned("ada", casefile.HolderDisabled))},
		{Name: "another's", Given: given(adas, events(allocated("bob", "ada"))), When: disabled},
		{Name: "twice", Given: given(adas, events(returned("ada", casefile.HolderErased))), When: disabled},
		{Name: "nobody's", When: disabled},
		{Name: "suppressed", Given: given(adas, events(suppressed(at(2)))), When: disabled, Then: events(returned("ada", casefile.HolderDisabled))},
		{
			Name: "closed", Given: given(adas, events(closed(at(2)))),
			When: casefile.ReturnAllocation{Person: "ada", Cause: casefile.HolderRemoved}, Then: events(returned("ada", casefile.HolderRemoved)),
		},
	})
	for _, command := range []casefile.Command{
		casefile.ReturnAllocation{Person: "ada", Cause: "tired"}, casefile.ReturnAllocation{Cause: casefile.HolderErased},
	} {
		if events, err := casefile.Decide(decider.State(adas...), command); err == nil {
			t.Errorf("%v: got %s, want an error", command, domaintest.Describe(events))
		}
	}
}

func TestDataErasedInTime(t *testing.T) {
	t.Parallel()
	closing := time.Date(2025, time.March, 3, 23, 30, 0, 0, time.UTC)
	closedOut := func(outcome string) *casefile.Closed {
		return &casefile.Closed{Origin: at(2), Outcome: outcome, ClosedAt: closing}
	}
	done := events(converted(at(1)), closedOut("no-change"))
	due := calendar.Date(2031, time.March, 3)
	tick := func(today calendar.Day) casefile.Command { return casefile.Tick{Today: today} }
	hold, lift := &casefile.LegalHoldPlaced{}, &casefile.LegalHoldLifted{}
	domaintest.Run(t, decider, []row{
		{Name: "a day early", Given: done, When: tick(due - 1)},
		{Name: "on the day", Given: done, When: tick(due), Then: events(erased(due))},
		{Name: "late", Given: done, When: tick(due + 400), Then: events(erased(due + 400))},
		{Name: "twice", Given: given(done, events(erased(due))), When: tick(due + 1)},
		{
			Name: "without investigation", Given: events(converted(at(1)), closedOut("withdrawn")),
			When: tick(calendar.Date(2028, time.March, 3)), Then: events(erased(calendar.Date(2028, time.March, 3))),
		},
		{Name: "open", Given: events(converted(at(1))), When: tick(due + 4000)},
		{Name: "reopened", Given: given(done, events(reopened(at(3)))), When: tick(due + 4000)},
		{Name: "held", Given: given(done, events(hold)), When: tick(due)},
		{Name: "held no more", Given: given(done, events(hold, lift)), When: tick(due), Then: events(erased(due))},
		{Name: "suppressed", Given: given(done, events(suppressed(at(3)))), When: tick(due), Then: events(erased(due))},
		{
			Name: "the source spoke after it", Given: given(done, events(erased(due), stage(at(3)))),
			When: tick(due + 1), Then: events(erased(due + 1)),
		}, {
			Name: "the source spoke too early after it", Given: given(done, events(erased(due), held(t, stage(at(4)), at(4)))),
			When: tick(due + 1), Then: events(erased(due + 1)),
		}, {
			Name: "reopened after it", Given: given(done, events(erased(due), reopened(at(3)))), When: tick(due + 1),
		}, {
			Name: "the source is heard after it", Given: given(done, events(erased(due))), When: record(stage(at(3))),
			Then: events(stage(at(3, casefile.CaseClosed))),
		},
		{Name: "hold", Given: done, When: casefile.PlaceHold{}, Then: events(hold)},
		{Name: "hold twice", Given: given(done, events(hold)), When: casefile.PlaceHold{}},
		{Name: "hold nothing known", When: casefile.PlaceHold{}, Refused: casefile.CodeUnknownCase},
		{Name: "hold what is gone", Given: given(done, events(erased(due))), When: casefile.PlaceHold{}, Refused: casefile.CodeErased},
		{Name: "hold what came again", Given: given(done, events(erased(due), reopened(at(3)))), When: casefile.PlaceHold{}, Then: events(hold)},
		{Name: "lift", Given: given(done, events(hold)), When: casefile.LiftHold{}, Then: events(lift)},
		{Name: "lift none", Given: done, When: casefile.LiftHold{}},
	})
}

func TestEraseParty(t *testing.T) {
	t.Parallel()
	open := events(converted(at(1)))
	gone := &casefile.PartyErased{Party: casefile.Consumer}
	erase := casefile.EraseParty{Party: casefile.Consumer}
	domaintest.Run(t, decider, []row{
		{Name: "of a case", Given: open, When: erase, Then: events(gone)},
		{Name: "twice", Given: given(open, events(gone)), When: erase},
		{
			Name: "the other one", Given: given(open, events(gone)), When: casefile.EraseParty{Party: casefile.Representative},
			Then: events(&casefile.PartyErased{Party: casefile.Representative}),
		},
		{Name: "the source spoke after it", Given: given(open, events(gone, stage(at(2)))), When: erase, Then: events(gone)},
		{Name: "suppressed", Given: given(open, events(suppressed(at(2)))), When: erase, Then: events(gone)},
		{Name: "with all data erased", Given: given(open, events(closed(at(2)), erased(30_000))), When: erase},
		{Name: "held", Given: given(open, events(&casefile.LegalHoldPlaced{})), When: erase, Refused: casefile.CodeHeld},
		{Name: "not converted", Given: events(stage(at(1))), When: erase, Refused: casefile.CodeUnknownCase},
	})
	if events, err := casefile.Decide(decider.State(open...), casefile.EraseParty{Party: "witness"}); err == nil {
		t.Errorf("no party: got %s, want an error", domaintest.Describe(events))
	}
}

// TestWhateverBecomesOfACase: whatever a source, people and the clock do, in whatever order, a command
// asked again does nothing, nobody has a case of another business, and no data is erased while a case
// is open, held, or not three years closed.
func TestWhateverBecomesOfACase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := casefile.Initial(), casefile.Initial()
		do := func(command casefile.Command) []casefile.Event {
			decided, err := decider.Check(state, same, command)
			if err != nil {
				return nil
			}
			for _, event := range decided {
				state, same = casefile.Evolve(state, event), casefile.Evolve(same, apart(event))
			}
			return decided
		}
		sequence := int64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "a fact") {
				sequence++
				frn := state.FRN()
				do(record(facts[rapid.IntRange(0, len(facts)-1).Draw(t, "kind")](at(sequence))))
				if frn != state.FRN() && state.Allocated() != "" {
					t.Fatalf("from %q to %q: still allocated to %s", frn, state.FRN(), state.Allocated())
				}
				continue
			}
			command := drawDesk(t)
			clock, open := state.Clock(), state.Open()
			decided := do(command)
			for _, event := range decided {
				if e, is := event.(*casefile.DataErased); is && (open || clock.Held || e.Day < clock.ClosedOn.Years(3) || state.Allocated() != "") {
					t.Fatalf("erased on %v: open %v, %+v", e.Day, open, clock)
				}
			}
			if again := do(command); len(again) > 0 {
				t.Fatalf("%#v again: got %s, want nothing", command, domaintest.Describe(again))
			}
		}
	})
}

func drawDesk(t *rapid.T) casefile.Command {
	people := rapid.SampledFrom([]string{"", "ada", "bob"})
	return rapid.SampledFrom([]casefile.Command{
		casefile.Allocate{To: people.Draw(t, "to")},
		casefile.Allocate{To: people.Draw(t, "to"), From: new(people.Draw(t, "from")), FRN: "123456"},
		casefile.ReturnAllocation{Person: "ada", Cause: casefile.HolderDisabled},
		casefile.PlaceHold{}, casefile.LiftHold{}, casefile.ExecuteSuppression{Request: "n1"}, casefile.ReverseSuppression{},
		casefile.Tick{Today: calendar.DayOf(start) + calendar.Day(rapid.IntRange(0, 3000).Draw(t, "days"))},
		casefile.EraseParty{Party: casefile.Consumer},
	}).Draw(t, "command")
}
