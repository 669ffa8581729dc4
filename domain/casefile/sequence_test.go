package casefile_test

import (
	"fmt"
	"testing"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/domaintest"
	"casesync/domain/feed"
)

var decider = domaintest.Decider[*casefile.State, casefile.Command, casefile.Event]{
	Initial: casefile.Initial, Decide: casefile.Decide, Evolve: casefile.Evolve,
}

type row = domaintest.Case[casefile.Command, casefile.Event]

const (
	cms   = "https://cms.example"
	other = "https://other.example"
)

var start = time.Date(2025, time.January, 6, 9, 30, 0, 0, time.UTC)

// from returns the origin of a message of a source; its content is told apart by the digest.
func from(source string, sequence int64, contradicts ...string) feed.Origin {
	return feed.Origin{
		Source: source, ID: fmt.Sprint("m", sequence), Sequence: sequence,
		Time:   start.Add(time.Duration(sequence) * time.Hour),
		Digest: fmt.Sprint("digest of ", sequence), Contradicts: contradicts,
	}
}

// at returns the origin of a message of the case's own source.
func at(sequence int64, contradicts ...string) feed.Origin {
	return from(cms, sequence, contradicts...)
}

// with returns origin with another id, and another content.
func with(origin feed.Origin, id, digest string) feed.Origin {
	origin.ID, origin.Digest = id, digest
	return origin
}

func converted(origin feed.Origin) *casefile.Converted {
	return &casefile.Converted{Origin: origin, FRN: "123456", ConvertedAt: start}
}

func stage(origin feed.Origin) *casefile.StageChanged {
	return &casefile.StageChanged{Origin: origin, Stage: "investigation"}
}

func unrecognised(origin feed.Origin) *casefile.FactUnrecognised {
	return &casefile.FactUnrecognised{Origin: origin, Type: "cms.case.mediated.v1"}
}

func snapshot(origin feed.Origin) *casefile.SnapshotTaken {
	return &casefile.SnapshotTaken{Origin: origin, FRN: "123456", Stage: "investigation", ConvertedAt: start}
}

func held(t *testing.T, fact casefile.Event, origin feed.Origin) *casefile.FactHeld {
	t.Helper()
	name, known := casefile.Name(fact)
	if !known {
		t.Fatalf("no stored name for %T", fact)
	}
	return &casefile.FactHeld{Origin: origin, Type: name, Fact: fact}
}

func skipped(from, to int64) *casefile.SequenceSkipped {
	return &casefile.SequenceSkipped{Source: cms, From: from, To: to}
}

func record(fact casefile.Event) casefile.Command { return casefile.Record{Fact: fact} }

func retry(fact casefile.Event) casefile.Command { return casefile.Record{Fact: fact, Retry: true} }

func events(events ...casefile.Event) []casefile.Event { return events }

func TestOrderOfFacts(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name: "the first fact is recorded",
			When: record(converted(at(1))),
			Then: events(converted(at(1))),
		}, {
			Name:  "the next fact is recorded",
			Given: events(converted(at(1))),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2))),
		}, {
			Name:  "a fact without a sequence is recorded as it comes",
			Given: events(converted(at(1))),
			When:  record(stage(at(0))),
			Then:  events(stage(at(0))),
		}, {
			Name:  "a fact without a sequence passes no one in the sequence",
			Given: events(converted(at(1)), stage(at(0))),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2))),
		}, {
			Name:  "the same message again: nothing happens",
			Given: events(converted(at(1)), stage(at(2))),
			When:  record(converted(at(1))),
		}, {
			Name:  "the same content under another id: nothing happens",
			Given: events(converted(at(1)), stage(at(2))),
			When:  record(stage(with(at(2), "m99", "digest of 2"))),
		}, {
			Name:  "other content under a sequence already passed is refused",
			Given: events(converted(at(1)), stage(at(2))),
			When:  record(stage(with(at(2), "m99", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "a sequence that starts again from 1 is refused",
			Given: events(converted(at(1)), stage(at(2))),
			When:  record(converted(with(at(1), "again-1", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "a sequence beyond all reason is refused",
			Given: events(converted(at(1))),
			When:  record(stage(at(feed.SequenceMax + 1))), Refused: "sequence-out-of-range",
		},
	})
}

func TestHeldFacts(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name:  "a fact after a gap is held",
			Given: events(converted(at(1))),
			When:  record(stage(at(3))),
			Then:  events(held(t, stage(at(3)), at(3))),
		}, {
			Name: "a fact before the first is held",
			When: record(stage(at(2))),
			Then: events(held(t, stage(at(2)), at(2))),
		}, {
			Name:  "a held fact again: nothing happens",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  record(stage(at(3))),
		}, {
			Name:  "a held fact again under another id: nothing happens",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  record(stage(with(at(3), "m99", "digest of 3"))),
		}, {
			Name:  "other content under the sequence of a held fact is refused",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  record(stage(with(at(3), "m99", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "the closed gap releases what was held, in order",
			Given: events(converted(at(1)), held(t, stage(at(4)), at(4)), held(t, stage(at(3)), at(3)), held(t, stage(at(6)), at(6))),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2)), stage(at(3)), stage(at(4))),
		}, {
			Name: "what was released is passed",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3)),
				stage(at(2)), stage(at(3))),
			When: record(stage(at(4))),
			Then: events(stage(at(4))),
		}, {
			Name:  "half a closed gap releases nothing",
			Given: events(converted(at(1)), held(t, stage(at(4)), at(4))),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2))),
		}, {
			Name:  "released facts contradict what is known by their turn",
			Given: events(held(t, stage(at(2)), at(2)), held(t, converted(at(3)), at(3))),
			When:  record(converted(at(1))),
			Then:  events(converted(at(1)), stage(at(2)), converted(at(3, casefile.AlreadyConverted))),
		},
	})
}

func TestUnrecognisedFacts(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name:  "a message of an unknown type takes its place",
			Given: events(converted(at(1))),
			When:  record(unrecognised(at(2))),
			Then:  events(unrecognised(at(2))),
		}, {
			Name:  "what follows a message of an unknown type is recorded",
			Given: events(converted(at(1)), unrecognised(at(2))),
			When:  record(stage(at(3))),
			Then:  events(stage(at(3))),
		}, {
			Name:  "delivered again, it changes nothing even where its type is known now",
			Given: events(converted(at(1)), unrecognised(at(2))),
			When:  record(stage(at(2))),
		}, {
			Name:  "on retry it is recorded late",
			Given: events(converted(at(1)), unrecognised(at(2)), stage(at(3))),
			When:  retry(stage(at(2))),
			Then:  events(stage(at(2, casefile.RecordedLate))),
		}, {
			Name:  "on a second retry nothing happens",
			Given: events(converted(at(1)), unrecognised(at(2)), stage(at(3)), stage(at(2, casefile.RecordedLate))),
			When:  retry(stage(at(2))),
		}, {
			Name:  "retried while its type is still unknown: nothing happens",
			Given: events(converted(at(1)), unrecognised(at(2))),
			When:  retry(unrecognised(at(2))),
		}, {
			Name:  "a retry with other content than that of the unknown type is refused",
			Given: events(converted(at(1)), unrecognised(at(2))),
			When:  retry(stage(with(at(2), "m2", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "one that is early is held",
			Given: events(converted(at(1))),
			When:  record(unrecognised(at(3))),
			Then:  events(held(t, unrecognised(at(3)), at(3))),
		}, {
			Name:  "delivered again while it is held, it changes nothing",
			Given: events(converted(at(1)), held(t, unrecognised(at(3)), at(3))),
			When:  record(stage(at(3))),
		}, {
			Name:  "retried while it is held, it is held as what it is",
			Given: events(converted(at(1)), held(t, unrecognised(at(3)), at(3))),
			When:  retry(stage(at(3))),
			Then:  events(held(t, stage(at(3)), at(3))),
		}, {
			Name:  "it is released as what it was held as last",
			Given: events(converted(at(1)), held(t, unrecognised(at(3)), at(3)), held(t, stage(at(3)), at(3))),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2)), stage(at(3))),
		},
	})
}

func TestRetryInTurn(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name:  "a retry whose turn it is is recorded, and releases what waited",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  retry(stage(at(2))),
			Then:  events(stage(at(2)), stage(at(3))),
		}, {
			Name:  "a retry after a gap is held",
			Given: events(converted(at(1))),
			When:  retry(stage(at(3))),
			Then:  events(held(t, stage(at(3)), at(3))),
		}, {
			Name:  "a retry of what was recorded: nothing happens",
			Given: events(converted(at(1)), stage(at(2))),
			When:  retry(stage(at(2))),
		},
	})
}

// TestDecidedEventsAreCopies: private values are sealed in the events decided, and that must
// touch neither the command, which may be decided again, nor the state.
func TestDecidedEventsAreCopies(t *testing.T) {
	t.Parallel()
	early, next := stage(at(3)), stage(at(2))
	decided, err := casefile.Decide(decider.State(converted(at(1))), record(early))
	if err != nil || len(decided) != 1 {
		t.Fatalf("decide: got %v, %v, want the fact held", decided, err)
	}
	holding := decided[0].(*casefile.FactHeld)
	if holding.Fact == casefile.Event(early) {
		t.Error("held: got the command's own fact, want a copy")
	}
	decided, err = casefile.Decide(decider.State(converted(at(1)), holding), record(next))
	if err != nil || len(decided) != 2 {
		t.Fatalf("decide: got %v, %v, want two facts", decided, err)
	}
	if decided[0] == casefile.Event(next) || decided[1] == holding.Fact {
		t.Error("recorded: got the facts of the command or the state, want copies")
	}
}
