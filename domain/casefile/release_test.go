package casefile_test

import (
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"casesync/domain"
	"casesync/domain/casefile"
	"casesync/domain/domaintest"
	"casesync/domain/feed"
)

// stages returns the facts of sequences from to to, in order.
func stages(from, to int64) (facts []casefile.Event) {
	for sequence := from; sequence <= to; sequence++ {
		facts = append(facts, stage(at(sequence)))
	}
	return facts
}

// heldStages returns stages from to to as they are held.
func heldStages(t *testing.T, from, to int64) (facts []casefile.Event) {
	t.Helper()
	for sequence := from; sequence <= to; sequence++ {
		facts = append(facts, held(t, stage(at(sequence)), at(sequence)))
	}
	return facts
}

func given(parts ...[]casefile.Event) (all []casefile.Event) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func TestReleases(t *testing.T) {
	t.Parallel()
	const last = feed.ReleaseMax + 4 // of the held facts from 3 on, one more than are released at once
	many := given(events(converted(at(1))), heldStages(t, 3, last-1))
	few := given(events(converted(at(1))), heldStages(t, 3, 5))
	left := given(few, events(stage(at(2))))
	domaintest.Run(t, decider, []row{
		{
			Name:  "a closed gap releases only so many facts",
			Given: many,
			When:  record(stage(at(2))),
			Then:  stages(2, last-2),
		}, {
			Name:  "a gap given up releases only so many facts",
			Given: many,
			When:  skip(2, 2),
			Then:  given(events(skipped(2, 2)), stages(3, last-2)),
		}, {
			Name:  "what is left is released after",
			Given: given(many, stages(2, last-2)),
			When:  casefile.Release{},
			Then:  stages(last-1, last-1),
		}, {
			Name:  "a fact alone releases none",
			Given: few,
			When:  casefile.Record{Fact: stage(at(2)), Alone: true},
			Then:  stages(2, 2),
		}, {
			Name:  "a gap given up alone releases none",
			Given: few,
			When:  casefile.Skip{Source: cms, To: 2, Alone: true},
			Then:  events(skipped(2, 2)),
		}, {
			Name:  "fewer are released where more do not fit",
			Given: left,
			When:  casefile.Release{FactsMax: 2},
			Then:  stages(3, 4),
		}, {
			Name:  "facts whose turn has not come are not released",
			Given: few,
			When:  casefile.Release{},
		}, {
			Name:  "nor is what follows a gap behind those whose turn has come",
			Given: given(left, heldStages(t, 7, 7)),
			When:  casefile.Release{},
			Then:  stages(3, 5),
		}, {
			Name:  "what was given up among them is passed",
			Given: given(left, heldStages(t, 7, 7), events(skipped(6, 6))),
			When:  casefile.Release{},
			Then:  given(stages(3, 5), stages(7, 7)),
		}, {
			Name:  "what comes behind facts to be released is held",
			Given: left,
			When:  record(stage(at(6))),
			Then:  heldStages(t, 6, 6),
		}, {
			Name:  "a fact to be released comes again: nothing happens",
			Given: left,
			When:  record(stage(at(3))),
		}, {
			Name:  "other content under the sequence of a fact to be released is refused",
			Given: left,
			When:  record(stage(with(at(3), "m99", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "what is to be released cannot be given up",
			Given: left,
			When:  skip(3, 3), Refused: "sequence-held",
		}, {
			Name:  "a snapshot makes facts to be released obsolete",
			Given: left,
			When:  record(snapshot(with(at(4), "s4", "snapshot at 4"))),
			Then:  events(snapshot(with(at(4), "s4", "snapshot at 4")), stage(at(5))),
		}, {
			Name:  "facts of several sources are released, each in its order",
			Given: given(left, events(held(t, stage(from(other, 2)), from(other, 2)), stage(from(other, 1, casefile.CodeForeignSource)))),
			When:  casefile.Release{FactsMax: 4},
			Then:  given(stages(3, 5), events(stage(from(other, 2, casefile.CodeForeignSource)))),
		},
	})
}

// TestSmallReleases: whatever is asked, with releases of any size after each command the same
// events come of it, in the same order, as with one release of any number.
func TestSmallReleases(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole, inParts := casefile.Initial(), casefile.Initial()
		most := rapid.IntRange(1, 3).Draw(t, "most")
		for i := range rapid.IntRange(1, 60).Draw(t, "commands") {
			command := drawCommand(t, i)
			want := decide(t, whole, command)
			got := decide(t, inParts, alone(command))
			for inParts.Due() {
				got = append(got, decide(t, inParts, casefile.Release{FactsMax: most})...)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("events:\ngot  %s\nwant %s", domaintest.Describe(got), domaintest.Describe(want))
			}
			if !reflect.DeepEqual(inParts, whole) {
				t.Fatalf("state: got %+v, want %+v", inParts, whole)
			}
		}
	})
}

// TestLateReleases: where what is due is left behind, and messages come in between, facts still
// take effect in their order, all of them.
func TestLateReleases(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := drawHistory(t, cms, 1, "history")
		_, want := deliver(t, history)
		state := casefile.Initial()
		var got []casefile.Event
		note := func(command casefile.Command) {
			for _, event := range decide(t, state, command) {
				if _, held := event.(*casefile.FactHeld); !held {
					got = append(got, event)
				}
			}
		}
		for _, fact := range drawDeliveries(t, history, underOtherID) {
			note(casefile.Record{Fact: fact, Alone: rapid.Bool().Draw(t, "alone")})
			if rapid.IntRange(0, 4).Draw(t, "release") == 0 {
				note(casefile.Release{FactsMax: rapid.IntRange(1, 3).Draw(t, "most")})
			}
		}
		for state.Due() {
			note(casefile.Release{FactsMax: 2})
		}
		if !reflect.DeepEqual(describe(got), describe(want)) {
			t.Fatalf("effective facts:\ngot  %v\nwant %v", describe(got), describe(want))
		}
		if waiting := state.Waiting(); waiting != nil {
			t.Fatalf("still held: %v", waiting)
		}
	})
}

// decide takes what comes of command into state, and returns it; nothing comes of what is refused.
func decide(t *rapid.T, state *casefile.State, command casefile.Command) []casefile.Event {
	t.Helper()
	decided, err := casefile.Decide(state, command)
	var refusal *domain.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	for _, event := range decided {
		casefile.Evolve(state, apart(event))
	}
	return decided
}

// alone returns command, that it may release nothing.
func alone(command casefile.Command) casefile.Command {
	switch command := command.(type) {
	case casefile.Record:
		command.Alone = true
		return command
	case casefile.Skip:
		command.Alone = true
		return command
	}
	return command
}
