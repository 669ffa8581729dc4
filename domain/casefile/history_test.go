package casefile_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"casesync/domain"
	"casesync/domain/casefile"
	"casesync/domain/feed"
)

// facts are the kinds of facts that a history is made of.
var facts = []func(feed.Origin) casefile.Event{
	func(o feed.Origin) casefile.Event { return converted(o) },
	func(o feed.Origin) casefile.Event { return convertedFor(o, "654321") },
	func(o feed.Origin) casefile.Event { return stage(o) },
	func(o feed.Origin) casefile.Event { return stageOf(o, "pre-registration") },
	func(o feed.Origin) casefile.Event { return requested(o) },
	func(o feed.Origin) casefile.Event { return extended(o) },
	func(o feed.Origin) casefile.Event { return completed(o) },
	func(o feed.Origin) casefile.Event { return transferred(o, "654321") },
	func(o feed.Origin) casefile.Event { return transferred(o, "123456") },
	func(o feed.Origin) casefile.Event { return closed(o) },
	func(o feed.Origin) casefile.Event { return reopened(o) },
	func(o feed.Origin) casefile.Event { return suppressed(o) },
	func(o feed.Origin) casefile.Event { return unsuppressed(o) },
	func(o feed.Origin) casefile.Event { return unrecognised(o) },
}

// drawHistory draws what a source says of one case, in its order; sequences count from first.
func drawHistory(t *rapid.T, source string, first int64, label string) []casefile.Event {
	kinds := rapid.SliceOfN(rapid.IntRange(0, len(facts)-1), 1, 30).Draw(t, label)
	history := make([]casefile.Event, len(kinds))
	for i, kind := range kinds {
		history[i] = facts[kind](from(source, first+int64(i)))
	}
	return history
}

// drawDeliveries draws an order in which the messages arrive, some of them more than once, some
// of those under another id.
func drawDeliveries(t *rapid.T, history []casefile.Event, sameUnderOtherID func(casefile.Event) casefile.Event) []casefile.Event {
	deliveries := slices.Clone(history)
	again := rapid.SliceOfN(rapid.IntRange(0, len(history)-1), 0, len(history)).Draw(t, "delivered again")
	for i, of := range again {
		fact := history[of]
		if i%2 == 1 {
			fact = sameUnderOtherID(fact)
		}
		deliveries = append(deliveries, fact)
	}
	return rapid.Permutation(deliveries).Draw(t, "deliveries")
}

// underOtherID returns the same fact as another message.
func underOtherID(fact casefile.Event) casefile.Event {
	clone := feed.Clone(fact)
	origin := originOf(clone)
	origin.ID += " again"
	return clone
}

// originOf returns the origin of a fact, by its field.
func originOf(fact casefile.Event) *feed.Origin {
	return reflect.ValueOf(fact).Elem().FieldByName("Origin").Addr().Interface().(*feed.Origin)
}

// deliver gives facts to the decider, and returns the state and the events that are in effect:
// all but those of held facts.
func deliver(t *rapid.T, deliveries []casefile.Event) (*casefile.State, []casefile.Event) {
	t.Helper()
	// Copies of the events fold into a second state, so that a change made by Decide shows.
	state, same := casefile.Initial(), casefile.Initial()
	var effective []casefile.Event
	for _, fact := range deliveries {
		before := feed.Clone(fact)
		decided, err := decider.Check(state, same, record(fact))
		if err != nil {
			t.Fatalf("deliver %v: %v", fact, err)
		}
		if !reflect.DeepEqual(fact, before) {
			t.Fatalf("deliver: the command was changed from %v to %v", before, fact)
		}
		for _, event := range decided {
			state, same = casefile.Evolve(state, event), casefile.Evolve(same, apart(event))
			if _, held := event.(*casefile.FactHeld); !held {
				effective = append(effective, event)
			}
		}
	}
	return state, effective
}

// apart returns a copy of event that shares no fact with it.
func apart(event casefile.Event) casefile.Event {
	clone := feed.Clone(event)
	if held, is := clone.(*casefile.FactHeld); is {
		held.Fact = feed.Clone(held.Fact)
	}
	return clone
}

// describe names facts by sequence, kind and contradictions; whichever of two messages with the
// same content came first is all the same.
func describe(events []casefile.Event) (lines []string) {
	for _, event := range events {
		name, _ := casefile.Name(event)
		origin := originOf(event)
		lines = append(lines, fmt.Sprint(origin.Source, " ", origin.Sequence, " ", name, " ", origin.Contradicts))
	}
	return lines
}

// TestAnyOrderOfDelivery: however a history is delivered, its facts take effect in its order.
func TestAnyOrderOfDelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := drawHistory(t, cms, 1, "history")
		wantState, want := deliver(t, history)
		state, got := deliver(t, drawDeliveries(t, history, underOtherID))
		if !reflect.DeepEqual(describe(got), describe(want)) {
			t.Fatalf("effective facts:\ngot  %v\nwant %v", describe(got), describe(want))
		}
		if len(got) != len(history) {
			t.Fatalf("effective facts: got %d, want all %d", len(got), len(history))
		}
		if waiting := state.Waiting(); waiting != nil {
			t.Fatalf("still held: %v", waiting)
		}
		if state.FRN() != wantState.FRN() || state.Open() != wantState.Open() ||
			state.Suppressed() != wantState.Suppressed() || state.Next(cms) != int64(len(history)+1) {
			t.Fatalf("state: got %+v, want %+v", state, wantState)
		}
	})
}

// TestAnyOrderWithSnapshot: what follows a snapshot takes effect in order, whatever came before.
func TestAnyOrderWithSnapshot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := drawHistory(t, cms, 1, "before")
		taken := int64(len(history) + 1)
		history = append(history, snapshot(at(taken)))
		history = append(history, drawHistory(t, cms, taken+1, "after")...)
		_, inOrder := deliver(t, history)
		state, got := deliver(t, drawDeliveries(t, history, underOtherID))

		after := got[:0:0]
		for _, event := range got {
			if originOf(event).Sequence > taken {
				after = append(after, event)
			}
		}
		if want := inOrder[taken:]; !reflect.DeepEqual(describe(after), describe(want)) {
			t.Fatalf("facts after the snapshot:\ngot  %v\nwant %v", describe(after), describe(want))
		}
		if waiting := state.Waiting(); waiting != nil || state.Next(cms) != int64(len(history)+1) {
			t.Fatalf("got %v held and %d next, want none and %d", waiting, state.Next(cms), len(history)+1)
		}
	})
}

// TestAnyOrderOfTwoSources: each source's facts take effect in its own order, and what is refused
// before the hand-over is taken after it.
func TestAnyOrderOfTwoSources(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := append([]casefile.Event{converted(at(1))}, drawHistory(t, cms, 2, "first owner")...)
		history = append(history, handedOver(at(int64(len(history)+1)), other))
		second := drawHistory(t, other, 1, "second owner")
		_, want := deliver(t, slices.Concat(history, second))

		owned := history[1:]
		deliveries := slices.Concat(history[:1], drawDeliveries(t, owned, underOtherID),
			drawDeliveries(t, second, underOtherID))
		state, got := deliver(t, deliveries)
		if !reflect.DeepEqual(describe(got), describe(want)) {
			t.Fatalf("effective facts:\ngot  %v\nwant %v", describe(got), describe(want))
		}
		if state.Owner() != other || state.Waiting() != nil {
			t.Fatalf("got owner %s and %v held, want %s and none", state.Owner(), state.Waiting(), other)
		}
	})
}

// TestAnyCommands: whatever is asked in whatever order, the decider keeps its promises, no fact
// is recorded twice, and in-turn facts of one source are recorded in the order of their sequences.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := casefile.Initial(), casefile.Initial()
		recorded := make(map[string]bool)
		last := make(map[string]int64)
		for i := range rapid.IntRange(1, 60).Draw(t, "commands") {
			events, err := decider.Check(state, same, drawCommand(t, i))
			var refusal *domain.Refusal
			if err != nil && !errors.As(err, &refusal) {
				t.Fatal(err)
			}
			for _, event := range events {
				noteRecorded(t, event, recorded, last)
				state, same = casefile.Evolve(state, event), casefile.Evolve(same, apart(event))
			}
			checkWaiting(t, state)
		}
	})
}

// drawCommand draws a command of a few sequences, contents and sources, so that they meet.
func drawCommand(t *rapid.T, i int) casefile.Command {
	source := rapid.SampledFrom([]string{cms, cms, cms, other}).Draw(t, "source")
	sequence := rapid.Int64Range(0, 8).Draw(t, "sequence")
	if rapid.IntRange(0, 9).Draw(t, "skip") == 0 {
		return casefile.Skip{Source: source, From: rapid.Int64Range(0, 8).Draw(t, "from"), To: sequence}
	}
	content := rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "content")
	origin := with(from(source, sequence), fmt.Sprint("m", i), fmt.Sprint(content, sequence))
	kinds := append([]func(feed.Origin) casefile.Event{
		func(o feed.Origin) casefile.Event { return snapshot(o) },
		func(o feed.Origin) casefile.Event { return handedOver(o, other) },
		func(o feed.Origin) casefile.Event { return unrecognised(o) },
	}, facts...)
	return casefile.Record{
		Fact:  kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")](origin),
		Retry: rapid.Bool().Draw(t, "retry"),
	}
}

// noteRecorded fails where a message's content is recorded twice under its sequence, or in turn
// after a later one.
func noteRecorded(t *rapid.T, event casefile.Event, recorded map[string]bool, last map[string]int64) {
	switch event.(type) {
	case *casefile.FactHeld, *casefile.SequenceSkipped:
		return
	}
	origin := originOf(event)
	if origin.Sequence == 0 {
		return
	}
	_, unknown := event.(*casefile.FactUnrecognised)
	if key := fmt.Sprint(origin.Source, origin.Sequence, origin.Digest, unknown); recorded[key] {
		t.Fatalf("recorded twice: %v", describe([]casefile.Event{event}))
	} else {
		recorded[key] = true
	}
	if slices.Contains(origin.Contradicts, casefile.RecordedLate) {
		return
	}
	if origin.Sequence < last[origin.Source] {
		t.Fatalf("recorded after %d: %v", last[origin.Source], describe([]casefile.Event{event}))
	}
	last[origin.Source] = origin.Sequence
}

// checkWaiting fails where something is held that nothing has to wait for.
func checkWaiting(t *rapid.T, state *casefile.State) {
	for _, waiting := range state.Waiting() {
		for i, held := range waiting.Held {
			if held <= waiting.Next || i > 0 && held <= waiting.Held[i-1] {
				t.Fatalf("held without need, or out of order: %+v", waiting)
			}
		}
	}
}
