package projections

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// sequenced are facts of one case as its source counts them, of every kind but snapshots, which
// make what comes after them out of turn obsolete instead of holding it.
func sequenced(random *rand.Rand) (facts []casefile.Event) {
	pick := func(list ...casefile.Event) casefile.Event { return list[random.IntN(len(list))] }
	number := func(event casefile.Event, n int) casefile.Event {
		origin := feed.Origin{Source: "/cms", ID: strconv.Itoa(n), Sequence: int64(n), Time: at(n), Digest: strconv.Itoa(n)}
		switch e := event.(type) {
		case *casefile.Converted:
			e.Origin = origin
		case *casefile.StageChanged:
			e.Origin = origin
		case *casefile.PriorityChanged:
			e.Origin = origin
		case *casefile.ActionRequested:
			e.Origin = origin
		case *casefile.ActionClosed:
			e.Origin = origin
		case *casefile.Transferred:
			e.Origin = origin
		case *casefile.DocumentPublished:
			e.Origin = origin
		case *casefile.Closed:
			e.Origin = origin
		case *casefile.Reopened:
			e.Origin = origin
		case *casefile.Suppressed:
			e.Origin = origin
		case *casefile.Unsuppressed:
			e.Origin = origin
		}
		return event
	}
	facts = append(facts, number(convertedTo(ours, hirePurchase, at(0)), 1))
	for n := 2; n <= 15; n++ {
		when := at(n)
		facts = append(facts, number(pick(
			stage("view-issued", when), stage("unheard-of", when), priorityIs(n%2 == 0, when), requested("a", "2025-03-01", when),
			actionClosed("a", when), transferredTo(theirs, when), published("d", n%3 == 0, when), closedAs("change", when),
			reopenedAt(when), suppressedAt(when), unsuppressedAt(when)), n))
	}
	return facts
}

// deliver lets the decider take facts of case ref, and records what comes of it.
func deliver(t *testing.T, w *world, ref string, facts []casefile.Event) {
	t.Helper()
	state := casefile.Initial()
	for _, fact := range facts {
		events, err := casefile.Decide(state, casefile.Record{Fact: fact})
		if err != nil {
			t.Fatalf("decide %T: %v", fact, err)
		}
		for _, event := range events {
			state = casefile.Evolve(state, event)
			w.log.record(eventstore.StreamName(caseStreams+ref), event)
		}
	}
}

// dump returns all rows of all tables, but for the columns that are set aside.
func dump(w *world) (lines []string) {
	for _, projection := range All() {
		w.read(projection.Name, func(view engine.View) error {
			for _, table := range projection.Tables {
				spec := table.Describe()
				columns := slices.DeleteFunc(slices.Clone(spec.Columns), func(c engine.Column) bool { return slices.Contains(spec.Aside, c.Name) })
				found, err := collect(w.t.Context(), view, "dump "+spec.Name, "SELECT "+list(columns, "")+" FROM {"+spec.Name+"}", &statement{},
					func(scan func(...any) error) (string, error) {
						values, into := make([]any, len(columns)), make([]any, len(columns))
						for i := range into {
							into[i] = &values[i]
						}
						err := scan(into...)
						return fmt.Sprint(spec.Name, values), err
					})
				if err != nil {
					return err
				}
				lines = append(lines, found...)
			}
			return nil
		})
	}
	slices.Sort(lines)
	return lines
}

// TestOrderOfArrivalMakesNoDifference: a feed that comes with repetitions and out of order gives,
// row by row, the read models of the feed in order.
func TestOrderOfArrivalMakesNoDifference(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(17, 4))
	ordered, shuffled := newWorld(t, sqldbtest.SQLite(t)), newWorld(t, sqldbtest.SQLite(t))
	for i := range 40 {
		ref, facts := fmt.Sprintf("C%02d", i), sequenced(random)
		deliver(t, ordered, ref, facts)
		again := append(slices.Clone(facts), facts[random.IntN(len(facts))], facts[random.IntN(len(facts))])
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		deliver(t, shuffled, ref, again)
	}
	ordered.settle()
	shuffled.settle()
	got, want := dump(shuffled), dump(ordered)
	if len(want) < 1000 || !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, "contradictions") }) {
		t.Errorf("got %d rows, want many, and contradictions among them", len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("got  %s\nwant %s", got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d rows, want %d", len(got), len(want))
	}
	if held := len(shuffled.log.events) - len(ordered.log.events); held == 0 {
		t.Error("got no fact held, want the shuffled feed to hold some")
	}
}
