package projections

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
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
		"turn come, not released": {[]casefile.Event{heldFact(2), heldFact(3), heldFact(6), factOf(1)},
			feedRow{Next: 2, Held: 3, MissingFrom: 4, MissingTo: 5, HeldSince: micros(recordedAt(1))}},
		"turn of all come": {[]casefile.Event{heldFact(2), heldFact(3), factOf(1)},
			feedRow{Next: 2, Held: 2, HeldSince: micros(recordedAt(1))}},
		"given up, then come": {[]casefile.Event{skipped(2, 4), heldFact(3), factOf(1)},
			feedRow{Next: 3, Held: 1, Skipped: "4-4", HeldSince: micros(recordedAt(2))}},
		"late": {[]casefile.Event{factOf(1), factOf(2), factOf(1)}, feedRow{Next: 3}},
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
// decider that held and released its facts says, also between two releases.
func TestFeedsAgreeWithTheDeciders(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 5))
	for range 2000 {
		projection, state := Feeds(), casefile.Initial()
		rows := engine.NewRows(projection.Tables...)
		position, gaveUp := 0, map[int64]bool{}
		for range 16 {
			events, _ := casefile.Decide(state, anyCommand(random)) // a refusal leaves no events
			for _, event := range events {
				position++
				casefile.Evolve(state, event)
				noteGivenUp(gaveUp, event)
				if err := projection.Fold(rows, decoded("casefile-C1", 0, position, event)); err != nil {
					t.Fatal(err)
				}
			}
			agree(t, rows, state, gaveUp)
		}
	}
}

func anyCommand(random *rand.Rand) casefile.Command {
	n, few := 1+random.Int64N(9), random.IntN(2) == 0
	switch random.IntN(8) {
	case 0:
		return casefile.Skip{Source: "/cms", From: n, To: n + random.Int64N(2), Alone: few}
	case 1:
		return casefile.Record{Fact: &casefile.SnapshotTaken{Origin: inSequence(n)}, Alone: few}
	case 2:
		return casefile.Release{FactsMax: 1 + random.IntN(2)}
	}
	return casefile.Record{Fact: factOf(n), Alone: few, Retry: random.IntN(3) == 0}
}

// noteGivenUp keeps which sequences were given up and have not come since.
func noteGivenUp(gaveUp map[int64]bool, event casefile.Event) {
	switch event := event.(type) {
	case *casefile.SequenceSkipped:
		for n := event.From; n <= event.To; n++ {
			gaveUp[n] = true
		}
	case *casefile.FactHeld:
		delete(gaveUp, event.Origin.Sequence)
	}
}

// agree compares the row of a feed with the state of its case.
func agree(t *testing.T, rows *engine.Rows, state *casefile.State, gaveUp map[int64]bool) {
	t.Helper()
	row := feeds.Get(rows, "casefile-C1", "/cms")
	if row == nil {
		row = &feedRow{Next: 1}
	}
	var got []feed.Waiting
	if row.Held > 0 {
		waiting := feed.Waiting{Source: "/cms", Next: row.Next}
		for _, held := range heldFacts.All(rows, "casefile-C1") {
			waiting.Held = append(waiting.Held, held.Sequence)
		}
		got = append(got, waiting)
	}
	want := state.Waiting()
	if !reflect.DeepEqual(got, want) || row.Next != state.Next("/cms") || len(want) > 0 && row.Held != int64(len(want[0].Held)) {
		t.Fatalf("got %+v (row %+v), want %+v, next %d", got, row, want, state.Next("/cms"))
	}
	from, to := firstGap(want, gaveUp)
	if row.MissingFrom != from || row.MissingTo != to {
		t.Fatalf("missing of %+v, given up %v: got %d to %d, want %d to %d", want, gaveUp, row.MissingFrom, row.MissingTo, from, to)
	}
}

// firstGap is the plain way to find what is missing before the first fact that waits for it.
func firstGap(waiting []feed.Waiting, gaveUp map[int64]bool) (from, to int64) {
	if waiting == nil {
		return 0, 0
	}
	next := waiting[0].Next
	for _, held := range waiting[0].Held {
		for n := next; n < held; n++ {
			if !gaveUp[n] {
				from, to = cmp.Or(from, n), n
			}
		}
		if from > 0 {
			return from, to
		}
		next = held + 1
	}
	return 0, 0
}

// TestManyHeldFactsAreFoldedOneByOne: a gap with many facts behind it opens and closes in time.
func TestManyHeldFactsAreFoldedOneByOne(t *testing.T) {
	t.Parallel()
	const last = 20_000
	projection := Feeds()
	rows := engine.NewRows(projection.Tables...)
	position := 0
	fold := func(event casefile.Event) feedRow {
		position++
		if err := projection.Fold(rows, decoded("casefile-C1", 0, position, event)); err != nil {
			t.Fatal(err)
		}
		return *feeds.Get(rows, "casefile-C1", "/cms")
	}
	for n := int64(2); n < last; n++ {
		fold(heldFact(n))
	}
	fold(heldFact(last + 1))
	since := micros(recordedAt(1))
	for _, step := range []struct {
		from, to int64
		want     feedRow
	}{
		{1, 1, feedRow{Next: 2, Held: last - 1, MissingFrom: last, MissingTo: last, HeldSince: since}},
		{2, last - 2, feedRow{Next: last - 1, Held: 2, MissingFrom: last, MissingTo: last, HeldSince: since}},
		{last - 1, last - 1, feedRow{Next: last, Held: 1, MissingFrom: last, MissingTo: last, HeldSince: micros(recordedAt(last - 1))}},
		{last, last, feedRow{Next: last + 1, Held: 1, HeldSince: micros(recordedAt(last - 1))}},
		{last + 1, last + 1, feedRow{Next: last + 2}},
	} {
		var got feedRow
		for n := step.from; n <= step.to; n++ {
			contradicting := factOf(n)
			contradicting.Origin.Contradicts = []string{"not-converted"}
			got = fold(contradicting)
		}
		step.want.Stream, step.want.Source = "casefile-C1", "/cms"
		if got != step.want {
			t.Errorf("after %d: got %+v, want %+v", step.to, got, step.want)
		}
	}
	if left := len(contradictions.All(rows, "casefile-C1")); left != last+1 {
		t.Errorf("got %d contradictions, want %d", left, last+1)
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
		count, err := CountHeld(t.Context(), view, scope, HeldLimits{}, recordedAt(4))
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

func TestHeldOverLimits(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, Feeds())
		w.on("C1", heldFact(3), heldFact(5)) // at 1 and 2 seconds
		w.on("C2", heldFact(2))              // at 3 seconds
		w.on("C3", heldFact(2), factOf(1), factOf(2))
		w.settle()
		w.read(FeedsName, func(view engine.View) error {
			for _, test := range []struct {
				limits HeldLimits
				want   []string
			}{
				{HeldLimits{}, nil},
				{HeldLimits{EventsMax: 2}, nil},
				{HeldLimits{EventsMax: 1}, []string{"casefile-C1"}},
				{HeldLimits{AgeMax: 3 * time.Second}, nil},
				{HeldLimits{AgeMax: 3*time.Second - time.Microsecond}, []string{"casefile-C1"}},
				{HeldLimits{EventsMax: 1, AgeMax: time.Second / 2}, []string{"casefile-C1", "casefile-C2"}},
			} {
				heldOver(t, view, test.limits, test.want)
			}
			return nil
		})
	})
}

// heldOver compares which streams are over limits at 4 seconds, as told in each way that there is.
func heldOver(t *testing.T, view engine.View, limits HeldLimits, want []string) {
	t.Helper()
	now, scope := recordedAt(4), OperatorScope("op")
	listed, err1 := ListHeldOver(t.Context(), view, scope, limits, now, 10)
	all, err2 := ListHeld(t.Context(), view, scope, FeedCursor{}, 10)
	count, err3 := CountHeld(t.Context(), view, scope, limits, now)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	var got, marked []string
	for _, f := range listed {
		got = append(got, f.Stream)
	}
	for _, f := range all {
		if limits.Over(f, now) {
			marked = append(marked, f.Stream)
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(marked, want) || count.StreamsOver != int64(len(want)) {
		t.Errorf("%+v: got %v listed, %v marked, %d counted, want %v", limits, got, marked, count.StreamsOver, want)
	}
}

// TestInstantsComeBackWhole keeps instants whole through the database.
func TestInstantsComeBackWhole(t *testing.T) {
	t.Parallel()
	when := time.Date(1999, 7, 4, 3, 2, 1, 987654000, time.UTC)
	if got := instant(micros(when.In(london))); got != when || instant(0) != (time.Time{}) || micros(time.Time{}) != 0 {
		t.Errorf("got %v, want %v, and nothing for nothing", got, when)
	}
}
