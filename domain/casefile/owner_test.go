package casefile_test

import (
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/domaintest"
	"casesync/domain/feed"
)

func handedOver(origin feed.Origin, to string) *casefile.HandedOver {
	return &casefile.HandedOver{Origin: origin, ToSource: to}
}

func TestWhoSpeaksForACase(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name:  "another source is refused once a case is converted",
			Given: events(converted(at(1))),
			When:  record(stage(from(other, 1))), Refused: "foreign-source",
		}, {
			Name:  "also where what it says would be held",
			Given: events(converted(at(1))),
			When:  record(stage(from(other, 5))), Refused: "foreign-source",
		}, {
			Name:  "also without a sequence",
			Given: events(converted(at(1))),
			When:  record(stage(from(other, 0))), Refused: "foreign-source",
		}, {
			Name:  "also once a snapshot was taken, and with a snapshot",
			Given: events(snapshot(at(3))),
			When:  record(snapshot(from(other, 9))), Refused: "foreign-source",
		}, {
			Name:  "before the conversion every source is heard",
			Given: events(stage(at(1, casefile.NotConverted))),
			When:  record(stage(from(other, 1))),
			Then:  events(stage(from(other, 1, casefile.NotConverted))),
		}, {
			Name:  "whoever converts the case owns it",
			Given: events(stage(at(1, casefile.NotConverted)), converted(from(other, 1))),
			When:  record(stage(at(2))), Refused: "foreign-source",
		}, {
			Name:  "each source has its own sequence",
			Given: events(converted(at(1)), stage(at(2)), handedOver(at(3), other)),
			When:  record(stage(from(other, 1))),
			Then:  events(stage(from(other, 1))),
		}, {
			Name:  "a source that takes a case over waits for its own first fact",
			Given: events(converted(at(1)), stage(at(2)), handedOver(at(3), other)),
			When:  record(stage(from(other, 4))),
			Then:  events(held(t, stage(from(other, 4)), from(other, 4))),
		}, {
			Name:  "or begins with a snapshot, wherever it stands",
			Given: events(converted(at(1)), handedOver(at(2), other)),
			When:  record(snapshot(from(other, 40))),
			Then:  events(snapshot(from(other, 40))),
		}, {
			Name:  "a source that handed the case over is refused",
			Given: events(converted(at(1)), handedOver(at(2), other)),
			When:  record(stage(at(3))), Refused: "foreign-source",
		}, {
			Name:  "what it had said before is known: nothing happens",
			Given: events(converted(at(1)), handedOver(at(2), other)),
			When:  record(converted(with(at(1), "m99", "digest of 1"))),
		}, {
			Name:  "the case can be handed back",
			Given: events(converted(at(1)), handedOver(at(2), other), handedOver(from(other, 1), cms)),
			When:  record(stage(at(3))),
			Then:  events(stage(at(3))),
		}, {
			Name:  "what was held before the hand-over is recorded, and the contradiction kept",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  record(handedOver(at(2), other)),
			Then:  events(handedOver(at(2), other), stage(at(3, casefile.CodeForeignSource))),
		}, {
			Name: "a conversion that a former owner left behind makes it no owner again",
			Given: events(converted(at(1)), held(t, converted(at(3)), at(3)), handedOver(at(2), other),
				converted(at(3, casefile.AlreadyConverted, casefile.CodeForeignSource))),
			When: record(stage(at(4))), Refused: "foreign-source",
		}, {
			Name: "an operator can release what a former owner left behind",
			Given: events(converted(at(1)), held(t, stage(at(4)), at(4)),
				handedOver(at(2), other)),
			When: skip(3, 3),
			Then: events(skipped(3, 3), stage(at(4, casefile.CodeForeignSource))),
		},
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	nothing := casefile.Initial()
	if nothing.Converted() || nothing.Open() || nothing.Suppressed() || nothing.FRN() != "" || nothing.Owner() != "" {
		t.Errorf("state of nothing: got %+v, want nothing known", nothing)
	}
	state := decider.State(converted(at(1)), transferred(at(2), "654321"), suppressed(at(3)), held(t, stage(at(6)), at(6)))
	if got, want := state.FRN(), "654321"; got != want {
		t.Errorf("FRN: got %s, want %s", got, want)
	}
	if got, want := state.Owner(), cms; got != want {
		t.Errorf("owner: got %s, want %s", got, want)
	}
	if !state.Converted() || !state.Open() || !state.Suppressed() {
		t.Errorf("converted, open, suppressed: got %v %v %v, want all true", state.Converted(), state.Open(), state.Suppressed())
	}
	waiting := state.Waiting()
	if len(waiting) != 1 || waiting[0].Source != cms || waiting[0].Next != 4 || len(waiting[0].Held) != 1 || waiting[0].Held[0] != 6 {
		t.Errorf("waiting: got %v, want %s at 4 with 6 held", waiting, cms)
	}
	if got, want := state.Next(other), int64(1); got != want {
		t.Errorf("next of a source not heard: got %d, want %d", got, want)
	}
	if state = casefile.Evolve(state, closed(at(4))); state.Open() {
		t.Error("open: got true after closing")
	}
}

// TestWhatIsNoFact: a caller's mistake is an error, and no refusal that would blame the source.
func TestWhatIsNoFact(t *testing.T) {
	t.Parallel()
	for _, command := range []casefile.Command{
		nil, record(nil), record(skipped(1, 1)), record(held(t, stage(at(1)), at(1))),
	} {
		got, err := casefile.Decide(casefile.Initial(), command)
		if err == nil || got != nil {
			t.Errorf("decide %v: got %v, %v, want an error", command, got, err)
		}
	}
}
