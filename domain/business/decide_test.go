package business_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/business"
	"casesync/domain/domaintest"
	"casesync/domain/feed"
)

var decider = domaintest.Decider[*business.State, business.Command, business.Event]{
	Initial: business.Initial, Decide: business.Decide, Evolve: business.Evolve,
}

const (
	cms   = "https://cms.example"
	other = "https://other.example"
)

func from(source string, sequence int64) feed.Origin {
	return feed.Origin{
		Source: source, ID: fmt.Sprint("m", sequence), Sequence: sequence,
		Time:   time.Date(2025, time.January, 6, int(sequence), 0, 0, 0, time.UTC),
		Digest: fmt.Sprint("digest of ", sequence),
	}
}

func updated(origin feed.Origin) *business.Updated {
	return &business.Updated{Origin: origin, FRN: "123456", Name: fmt.Sprint("Example ", origin.Sequence, " Limited")}
}

func unrecognised(origin feed.Origin) *business.FactUnrecognised {
	return &business.FactUnrecognised{Origin: origin, Type: "cms.business.merged.v1"}
}

func held(fact business.Event, origin feed.Origin) *business.FactHeld {
	name, _ := business.Name(fact)
	return &business.FactHeld{Origin: origin, Type: name, Fact: fact}
}

func record(fact business.Event) business.Command { return business.Record{Fact: fact} }

func retry(fact business.Event) business.Command { return business.Record{Fact: fact, Retry: true} }

func events(events ...business.Event) []business.Event { return events }

// TestDecide holds the business to the rules of order; how the tracker keeps them in full is
// shown with the case file, which shares it.
func TestDecide(t *testing.T) {
	t.Parallel()
	another := updated(from(cms, 1))
	another.Origin.Digest = "another"
	domaintest.Run(t, decider, []domaintest.Case[business.Command, business.Event]{
		{
			Name: "the first fact is recorded",
			When: record(updated(from(cms, 1))),
			Then: events(updated(from(cms, 1))),
		}, {
			Name:  "the same again: nothing happens",
			Given: events(updated(from(cms, 1))),
			When:  record(updated(from(cms, 1))),
		}, {
			Name:  "other content under its sequence is refused",
			Given: events(updated(from(cms, 1))),
			When:  record(another), Refused: "sequence-conflict",
		}, {
			Name:  "every source is heard, each in its own sequence",
			Given: events(updated(from(cms, 1)), updated(from(cms, 2))),
			When:  record(updated(from(other, 1))),
			Then:  events(updated(from(other, 1))),
		}, {
			Name:  "a fact after a gap is held",
			Given: events(updated(from(cms, 1))),
			When:  record(updated(from(cms, 3))),
			Then:  events(held(updated(from(cms, 3)), from(cms, 3))),
		}, {
			Name:  "the closed gap releases what was held",
			Given: events(updated(from(cms, 1)), held(updated(from(cms, 3)), from(cms, 3))),
			When:  record(updated(from(cms, 2))),
			Then:  events(updated(from(cms, 2)), updated(from(cms, 3))),
		}, {
			Name:  "a gap given up releases what was held",
			Given: events(updated(from(cms, 1)), held(updated(from(cms, 3)), from(cms, 3))),
			When:  business.Skip{Source: cms, To: 2},
			Then:  events(&business.SequenceSkipped{Source: cms, From: 2, To: 2}, updated(from(cms, 3))),
		}, {
			Name:  "a fact alone releases nothing",
			Given: events(updated(from(cms, 1)), held(updated(from(cms, 3)), from(cms, 3))),
			When:  business.Record{Fact: updated(from(cms, 2)), Alone: true},
			Then:  events(updated(from(cms, 2))),
		}, {
			Name: "what was left is released, as many as are asked for",
			Given: events(held(updated(from(cms, 2)), from(cms, 2)), held(updated(from(cms, 3)), from(cms, 3)),
				updated(from(cms, 1))),
			When: business.Release{FactsMax: 1},
			Then: events(updated(from(cms, 2))),
		}, {
			Name:  "behind a gap nothing is released",
			Given: events(updated(from(cms, 1)), held(updated(from(cms, 3)), from(cms, 3))),
			When:  business.Release{},
		}, {
			Name:  "what was passed cannot be given up",
			Given: events(updated(from(cms, 1))),
			When:  business.Skip{Source: cms, To: 1}, Refused: "sequence-passed",
		}, {
			Name:  "what was given up is recorded on retry",
			Given: events(&business.SequenceSkipped{Source: cms, From: 1, To: 1}),
			When:  retry(updated(from(cms, 1))),
			Then:  events(updated(from(cms, 1))),
		}, {
			Name:  "what was not recognised takes its place, and is recorded on retry",
			Given: events(unrecognised(from(cms, 1)), updated(from(cms, 2))),
			When:  retry(updated(from(cms, 1))),
			Then:  events(updated(from(cms, 1))),
		},
	})
}

func TestWhatIsNoFact(t *testing.T) {
	t.Parallel()
	for _, command := range []business.Command{
		nil, record(nil), record(&business.SequenceSkipped{}), record(held(updated(from(cms, 1)), from(cms, 1))),
	} {
		got, err := business.Decide(business.Initial(), command)
		if err == nil || got != nil {
			t.Errorf("decide %v: got %v, %v, want an error", command, got, err)
		}
	}
}

// TestAnyOrderOfDelivery: however often and in whatever order facts come, they take effect in
// their order.
func TestAnyOrderOfDelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.Int64Range(1, 30).Draw(t, "last sequence")
		var history, deliveries []business.Event
		for sequence := int64(1); sequence <= last; sequence++ {
			history = append(history, updated(from(cms, sequence)))
		}
		again := rapid.SliceOf(rapid.SampledFrom(history)).Draw(t, "delivered again")
		deliveries = rapid.Permutation(append(again, history...)).Draw(t, "deliveries")

		state, same := business.Initial(), business.Initial()
		var effective []business.Event
		for _, fact := range deliveries {
			decided, err := decider.Check(state, same, record(fact))
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range decided {
				state, same = business.Evolve(state, event), business.Evolve(same, event)
				if _, held := event.(*business.FactHeld); !held {
					effective = append(effective, event)
				}
			}
		}
		if !reflect.DeepEqual(effective, history) {
			t.Fatalf("effective facts: got %s, want %s", domaintest.Describe(effective), domaintest.Describe(history))
		}
		if state.Waiting() != nil || state.Next(cms) != last+1 {
			t.Fatalf("got %v held and %d next, want none and %d", state.Waiting(), state.Next(cms), last+1)
		}
	})
}

func TestHeldFactIsReadByItsType(t *testing.T) {
	t.Parallel()
	want := held(updated(from(cms, 3)), from(cms, 3))
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(business.FactHeld)
	if err := json.Unmarshal(data, got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read: got %+v, %v, want %+v", got, err, want)
	}
	data = []byte(`{"type":"business.sequence-skipped.v1","fact":{}}`)
	if err := json.Unmarshal(data, got); err == nil {
		t.Errorf("read %s: got %+v, want an error: it is no fact", data, got)
	}
}
