package projections

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

func inSequence(n int64) feed.Origin {
	return feed.Origin{Source: "/cms", ID: string(rune('a' + n)), Sequence: n, Time: at(int(n))}
}

func heldFact(n int64) *casefile.FactHeld {
	fact := &casefile.StageChanged{Origin: inSequence(n), Stage: "view-issued"}
	return &casefile.FactHeld{Origin: fact.Origin, Type: "casefile.stage-changed.v1", Fact: fact}
}

func factOf(n int64) *casefile.StageChanged {
	return &casefile.StageChanged{Origin: inSequence(n), Stage: "view-issued"}
}

func skipped(from, to int64) *casefile.SequenceSkipped {
	return &casefile.SequenceSkipped{Source: "/cms", From: from, To: to}
}

func TestFeedRow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given []casefile.Event
		want  feedRow
	}{
		"in order": {[]casefile.Event{factOf(1), factOf(2)}, feedRow{Next: 3}},
		"a gap": {[]casefile.Event{factOf(1), heldFact(4), heldFact(6)},
			feedRow{Next: 2, Held: 2, MissingFrom: 2, MissingTo: 3, HeldSince: micros(recordedAt(2))}},
		"a gap closed": {[]casefile.Event{heldFact(2), heldFact(4), factOf(1), factOf(2)},
			feedRow{Next: 3, Held: 1, MissingFrom: 3, MissingTo: 3, HeldSince: micros(recordedAt(2))}},
		"a snapshot makes earlier ones obsolete": {
			[]casefile.Event{heldFact(3), heldFact(7), &casefile.SnapshotTaken{Origin: inSequence(5)}},
			feedRow{Next: 6, Held: 1, MissingFrom: 6, MissingTo: 6, HeldSince: micros(recordedAt(2))}},
		"given up": {[]casefile.Event{heldFact(3), skipped(1, 2), factOf(3)}, feedRow{Next: 4}},
		"given up ahead": {[]casefile.Event{heldFact(6), skipped(4, 5)},
			feedRow{Next: 1, Held: 1, MissingFrom: 1, MissingTo: 3, Skipped: "4-5", HeldSince: micros(recordedAt(1))}},
		"given up ahead, then reached": {[]casefile.Event{heldFact(4), skipped(2, 3), factOf(1), factOf(4)}, feedRow{Next: 5}},
		"unrecognised":                 {[]casefile.Event{factOf(1), &casefile.FactUnrecognised{Origin: inSequence(2), Type: "cms.case.sung.v1"}}, feedRow{Next: 3, Unrecognised: 1}},
		"late":                         {[]casefile.Event{factOf(1), factOf(2), factOf(1)}, feedRow{Next: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			projection := Feeds()
			rows := engine.NewRows(projection.Tables...)
			for i, event := range c.given {
				if err := projection.Fold(rows, decoded("casefile-C1", 0, i+1, event)); err != nil {
					t.Fatal(err)
				}
			}
			c.want.Stream, c.want.Source = "casefile-C1", "/cms"
			if got := *feeds.Get(rows, "casefile-C1", "/cms"); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if held := heldFacts.All(rows, "casefile-C1"); int64(len(held)) != c.want.Held {
				t.Errorf("got %d held facts, want %d", len(held), c.want.Held)
			}
		})
	}
}

// TestFeedsAgreeWithTheDeciders: what the read model says of a feed in any order is what the
// decider that held and released its facts says.
func TestFeedsAgreeWithTheDeciders(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 5))
	for range 200 {
		projection, state := Feeds(), casefile.Initial()
		rows := engine.NewRows(projection.Tables...)
		position := 0
		for range 12 {
			var command casefile.Command = casefile.Record{Fact: factOf(1 + random.Int64N(9))}
			switch random.IntN(6) {
			case 0:
				n := 1 + random.Int64N(9)
				command = casefile.Skip{Source: "/cms", From: n, To: n + random.Int64N(2)}
			case 1:
				command = casefile.Record{Fact: &casefile.SnapshotTaken{Origin: inSequence(1 + random.Int64N(9))}}
			}
			events, _ := casefile.Decide(state, command) // a refusal leaves no events
			for _, event := range events {
				position++
				casefile.Evolve(state, event)
				if err := projection.Fold(rows, decoded("casefile-C1", 0, position, event)); err != nil {
					t.Fatal(err)
				}
			}
		}
		var want []feed.Waiting
		want = append(want, state.Waiting()...)
		var got []feed.Waiting
		row := feeds.Get(rows, "casefile-C1", "/cms")
		if row != nil && row.Held > 0 {
			waiting := feed.Waiting{Source: "/cms", Next: row.Next}
			for _, held := range heldFacts.All(rows, "casefile-C1") {
				waiting.Held = append(waiting.Held, held.Sequence)
			}
			got = append(got, waiting)
		}
		if !reflect.DeepEqual(got, want) || row != nil && row.Next != state.Next("/cms") {
			t.Fatalf("got %+v (row %+v), want %+v, next %d", got, row, want, state.Next("/cms"))
		}
	}
}

func TestHeldFactsAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Feeds())
	w.on("C1", heldFact(3), heldFact(5))
	w.on("C2", heldFact(2))
	contradicting := factOf(1)
	contradicting.Origin.Contradicts = []string{"case-closed", "not-converted"}
	w.on("C3", contradicting)
	w.settle()
	w.read(FeedsName, func(view engine.View) error {
		scope := OperatorScope("op")
		first, err := ListHeld(t.Context(), view, scope, FeedCursor{}, 1)
		if err != nil || len(first) != 1 || first[0].Stream != "casefile-C1" || first[0].Held != 2 || first[0].MissingTo != 2 {
			t.Errorf("got %+v, %v, want what C1 waits for", first, err)
		}
		next, err := ListHeld(t.Context(), view, scope, FeedCursor{first[0].Stream, first[0].Source}, 10)
		if err != nil || len(next) != 1 || next[0].Stream != "casefile-C2" {
			t.Errorf("got %+v, %v, want C2", next, err)
		}
		facts, err := ListHeldFacts(t.Context(), view, scope, "casefile-C1", "/cms", 3, 10)
		if err != nil || len(facts) != 1 || facts[0].Sequence != 5 || facts[0].Type != "casefile.stage-changed.v1" {
			t.Errorf("got %+v, %v, want the fact after 3", facts, err)
		}
		count, err := CountHeld(t.Context(), view, scope)
		if want := (HeldCount{Feeds: 2, Facts: 3, Oldest: recordedAt(1)}); err != nil || count != want {
			t.Errorf("got %+v, %v, want %+v", count, err, want)
		}
		against, err := ListContradictions(t.Context(), view, scope, ContradictionCursor{}, 10)
		if err != nil || len(against) != 1 || len(against[0].Contradicts) != 2 || against[0].Type != "casefile.stage-changed.v1" {
			t.Errorf("got %+v, %v, want what C3's fact contradicted", against, err)
		}
		return nil
	})
}

// TestInstantsComeBackWhole keeps instants whole through the database.
func TestInstantsComeBackWhole(t *testing.T) {
	t.Parallel()
	when := time.Date(1999, 7, 4, 3, 2, 1, 987654000, time.UTC)
	if got := instant(micros(when.In(london))); got != when || instant(0) != (time.Time{}) || micros(time.Time{}) != 0 {
		t.Errorf("got %v, want %v, and nothing for nothing", got, when)
	}
}
