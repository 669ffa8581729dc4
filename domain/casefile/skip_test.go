package casefile_test

import (
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/domaintest"
	"casesync/domain/feed"
)

func skip(from, to int64) casefile.Command {
	return casefile.Skip{Source: cms, From: from, To: to}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name:  "what is waited for is given up, and what waited is released",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3)), held(t, stage(at(4)), at(4))),
			When:  skip(2, 2),
			Then:  events(skipped(2, 2), stage(at(3)), stage(at(4))),
		}, {
			Name:  "without a first sequence the last one alone is given up",
			Given: events(converted(at(1)), held(t, stage(at(5)), at(5))),
			When:  skip(0, 4),
			Then:  events(skipped(4, 4)),
		}, {
			Name:  "one sequence is given up where nothing is held",
			Given: events(converted(at(1))),
			When:  skip(2, 2),
			Then:  events(skipped(2, 2)),
		}, {
			Name: "the first message of a case is given up",
			When: skip(1, 1),
			Then: events(skipped(1, 1)),
		}, {
			Name:  "a range is given up but for what is held in it",
			Given: events(converted(at(1)), held(t, stage(at(4)), at(4)), held(t, stage(at(6)), at(6))),
			When:  skip(2, 5),
			Then:  events(skipped(2, 3), skipped(5, 5), stage(at(4)), stage(at(6))),
		}, {
			Name:  "a range that has begun to pass is given up from where it is waited for",
			Given: events(converted(at(1)), stage(at(2)), held(t, stage(at(5)), at(5))),
			When:  skip(1, 4),
			Then:  events(skipped(3, 4), stage(at(5))),
		}, {
			Name:  "given up ahead of its turn, a sequence waits for those before it",
			Given: events(converted(at(1)), held(t, stage(at(4)), at(4))),
			When:  skip(3, 3),
			Then:  events(skipped(3, 3)),
		}, {
			Name:  "and is passed when its turn comes",
			Given: events(converted(at(1)), held(t, stage(at(4)), at(4)), skipped(3, 3)),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2)), stage(at(4))),
		}, {
			Name:  "after what was given up the next fact is recorded",
			Given: events(converted(at(1)), skipped(3, 3), stage(at(2))),
			When:  record(stage(at(4))),
			Then:  events(stage(at(4))),
		}, {
			Name:  "given up again: nothing happens",
			Given: events(converted(at(1)), skipped(2, 2)),
			When:  skip(2, 2),
		}, {
			Name:  "given up again while ahead: nothing happens",
			Given: events(converted(at(1)), skipped(3, 3)),
			When:  skip(3, 3),
		}, {
			Name:  "another source's sequence is its own",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  casefile.Skip{Source: other, To: 1},
			Then:  events(&casefile.SequenceSkipped{Source: other, From: 1, To: 1}),
		}, {
			Name:  "what was recorded cannot be given up",
			Given: events(converted(at(1)), stage(at(2))),
			When:  skip(1, 2), Refused: "sequence-passed",
		}, {
			Name:  "what is held cannot be given up",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  skip(3, 3), Refused: "sequence-held",
		}, {
			Name:  "a range behind which nothing is held cannot be given up",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3))),
			When:  skip(2, 4), Refused: "nothing-held",
		}, {
			Name:  "a range that ends before it begins is none",
			Given: events(converted(at(1)), held(t, stage(at(6)), at(6))),
			When:  skip(5, 4), Refused: "sequence-out-of-range",
		}, {
			Name: "sequence 0 cannot be given up",
			When: skip(0, 0), Refused: "sequence-out-of-range",
		}, {
			Name: "a sequence beyond all reason cannot be given up",
			When: skip(0, feed.SequenceMax+1), Refused: "sequence-out-of-range",
		},
	})
}

func TestFactsGivenUp(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name:  "what comes after it was given up is refused, so that an operator sees it",
			Given: events(converted(at(1)), skipped(2, 2), stage(at(3))),
			When:  record(stage(at(2))), Refused: "sequence-skipped",
		}, {
			Name:  "and is recorded late on retry",
			Given: events(converted(at(1)), skipped(2, 2), stage(at(3))),
			When:  retry(stage(at(2))),
			Then:  events(stage(at(2, casefile.RecordedLate))),
		}, {
			Name:  "but not while its type is unknown",
			Given: events(converted(at(1)), skipped(2, 2), stage(at(3))),
			When:  retry(unrecognised(at(2))), Refused: "sequence-skipped",
		}, {
			Name:  "and is known from then on",
			Given: events(converted(at(1)), skipped(2, 2), stage(at(3)), stage(at(2, casefile.RecordedLate))),
			When:  record(stage(at(2))),
		}, {
			Name:  "what was given up ahead of its turn is refused as well",
			Given: events(converted(at(1)), skipped(3, 3)),
			When:  record(stage(at(3))), Refused: "sequence-skipped",
		}, {
			Name:  "and is held on retry, for its turn is still to come",
			Given: events(converted(at(1)), skipped(3, 3)),
			When:  retry(stage(at(3))),
			Then:  events(held(t, stage(at(3)), at(3))),
		}, {
			Name:  "and is released in its turn",
			Given: events(converted(at(1)), skipped(3, 3), held(t, stage(at(3)), at(3))),
			When:  record(stage(at(2))),
			Then:  events(stage(at(2)), stage(at(3))),
		},
	})
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	domaintest.Run(t, decider, []row{
		{
			Name: "a snapshot is recorded in spite of gaps",
			When: record(snapshot(at(7))),
			Then: events(snapshot(at(7))),
		}, {
			Name:  "it drops what is held before it and releases what follows",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3)), held(t, stage(at(6)), at(6)), held(t, stage(at(8)), at(8))),
			When:  record(snapshot(at(5))),
			Then:  events(snapshot(at(5)), stage(at(6))),
		}, {
			Name:  "what it dropped is released no more",
			Given: events(converted(at(1)), held(t, stage(at(3)), at(3)), snapshot(at(5))),
			When:  record(stage(at(6))),
			Then:  events(stage(at(6))),
		}, {
			Name:  "facts before it are obsolete: nothing happens",
			Given: events(snapshot(at(5))),
			When:  record(stage(at(3))),
		}, {
			Name:  "so is the retry of one before it",
			Given: events(converted(at(1)), unrecognised(at(2)), snapshot(at(5))),
			When:  retry(stage(at(2))),
		}, {
			Name:  "a snapshot has its own place in the sequence: other content there is refused",
			Given: events(snapshot(at(5))),
			When:  record(stage(with(at(5), "m99", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "other content under a sequence recorded before it is refused still",
			Given: events(converted(at(1)), snapshot(at(5))),
			When:  record(converted(with(at(1), "m99", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "the same snapshot again: nothing happens",
			Given: events(snapshot(at(5)), stage(at(6))),
			When:  record(snapshot(at(5))),
		}, {
			Name:  "one at the sequence of the last fact is recorded",
			Given: events(converted(at(1)), stage(at(2))),
			When:  record(snapshot(with(at(2), "s2", "snapshot at 2"))),
			Then:  events(snapshot(with(at(2), "s2", "snapshot at 2"))),
		}, {
			Name:  "the last fact and the snapshot at its sequence are both known then",
			Given: events(converted(at(1)), stage(at(2)), snapshot(with(at(2), "s2", "snapshot at 2"))),
			When:  record(stage(with(at(2), "m99", "digest of 2"))),
		}, {
			Name:  "a second, different snapshot at one sequence is refused",
			Given: events(snapshot(at(5))),
			When:  record(snapshot(with(at(5), "s5", "another"))), Refused: "sequence-conflict",
		}, {
			Name:  "an older snapshot is obsolete: nothing happens",
			Given: events(snapshot(at(5)), stage(at(6))),
			When:  record(snapshot(at(3))),
		}, {
			Name:  "a snapshot without a sequence is recorded as it comes, and passes nothing",
			Given: events(converted(at(1))),
			When:  record(snapshot(at(0))),
			Then:  events(snapshot(at(0))),
		}, {
			Name:  "a snapshot passes over what was given up ahead of it",
			Given: events(converted(at(1)), held(t, stage(at(7)), at(7)), skipped(6, 6)),
			When:  record(snapshot(at(5))),
			Then:  events(snapshot(at(5)), stage(at(7))),
		},
	})
}
