package feed

import (
	"fmt"
	"slices"

	"casesync/domain"
)

// SequenceMax is the highest sequence that is taken; above it a message is refused.
const SequenceMax = 1<<53 - 1

// ReleaseMax is how many held facts one decision releases at most. Any number may be held behind
// a gap, but a log takes only so many events in one append (eventstore.Limits), and every other
// command of the case waits for it. What is left is released by further decisions.
const ReleaseMax = 500

// The codes of refusals.
const (
	// CodeSequenceConflict: other content came under the same sequence before.
	CodeSequenceConflict = "sequence-conflict"
	// CodeSequenceSkipped: an operator gave this sequence up; only a retry records it.
	CodeSequenceSkipped = "sequence-skipped"
	// CodeSequenceOutOfRange: the sequence is above SequenceMax, or a range has no sequence in it.
	CodeSequenceOutOfRange = "sequence-out-of-range"
	// CodeSequencePassed: there is nothing to give up, what came under the sequence was recorded.
	CodeSequencePassed = "sequence-passed"
	// CodeSequenceHeld: there is nothing to give up, the sequence has come and waits for its turn.
	CodeSequenceHeld = "sequence-held"
	// CodeNothingHeld: a range may be given up only where a held fact waits behind it.
	CodeNothingHeld = "nothing-held"
)

// Form is how a fact counts in its source's sequence.
type Form int

// The forms of facts.
const (
	// Ordinary facts are recorded one after the other.
	Ordinary Form = iota
	// Snapshot stands for everything up to its sequence, whatever is missing before it.
	Snapshot
	// Unrecognised is a message of an unknown type: it takes its place, and may come again, as
	// what it is, by a retry.
	Unrecognised
)

// Arrival is what the tracker sees of a fact.
type Arrival struct {
	Origin
	Form Form
	// Retry is true where an operator tries a dead letter again.
	Retry bool
	// Correction is true where a snapshot is to mend what was found to differ from its source.
	Correction bool
}

// Verdict is what is to be done with a fact.
type Verdict int

// The verdicts.
const (
	// Known: there is nothing new in it. It came before, or a later snapshot stands for it.
	Known Verdict = iota
	// Due: record it, and after it the held facts whose turn comes with it.
	Due
	// Early: hold it until the gap before it closes.
	Early
	// Late: record it out of its order, its place was passed without it.
	Late
)

// Tracker keeps what was seen of one subject's sources. The zero Tracker has seen nothing. Fact
// is the type of the facts that it holds.
//
// For each source it knows the sequence that it waits for; a digest of each sequence that was
// passed, eight bytes of it, so that a repetition is told from a conflict; the sequences that
// were given up or not understood, so that these may come late; and the facts held.
type Tracker[Fact any] struct {
	lanes []lane[Fact] // few: nearly always one source speaks of a subject
}

// Taken is what the tracker says of a fact: Facts are those to record (Due, Late), in order, the
// fact itself first, and those released after it.
type Taken[Fact any] struct {
	Verdict Verdict
	Facts   []Fact
}

// Take decides what is to be done with fact, and changes nothing. It releases at most releaseMax
// held facts with it. Errors are *domain.Refusal.
func (t *Tracker[Fact]) Take(a Arrival, fact Fact, releaseMax int) (Taken[Fact], error) {
	if a.Sequence <= 0 {
		return Taken[Fact]{Due, []Fact{fact}}, nil
	}
	if a.Sequence > SequenceMax {
		return Taken[Fact]{}, refusal(CodeSequenceOutOfRange, "sequence %d is above %d", a.Sequence, int64(SequenceMax))
	}
	l := t.look(a.Source)
	verdict, err := l.judge(a)
	if err != nil {
		return Taken[Fact]{}, err
	}
	switch verdict {
	case Due:
		return Taken[Fact]{Due, append([]Fact{fact}, l.due(a.Sequence+1, l.skipped, releaseMax)...)}, nil
	case Late:
		return Taken[Fact]{Late, []Fact{fact}}, nil
	default:
		return Taken[Fact]{Verdict: verdict}, nil
	}
}

// Skip decides what it means to give up waiting for the sequences of span, and changes nothing.
// It returns the runs of them that are missing, held ones and those given up before left out, and
// the held facts whose turn comes with it, at most releaseMax. Errors are *domain.Refusal.
func (t *Tracker[Fact]) Skip(source string, span Span, releaseMax int) (missing []Span, released []Fact, err error) {
	l := t.look(source)
	switch _, held := l.find(span.From); {
	case span.From < 1 || span.To < span.From || span.To > SequenceMax:
		return nil, nil, refusal(CodeSequenceOutOfRange, "%d to %d is no range of sequences from 1 to %d", span.From, span.To, int64(SequenceMax))
	case l.gaveUp(span):
		return nil, nil, nil
	case span.To < l.next:
		return nil, nil, refusal(CodeSequencePassed, "sequence %d was passed: nothing waits for it", span.To)
	case span.From != span.To && span.To > l.last():
		return nil, nil, refusal(CodeNothingHeld, "nothing is held after sequence %d: give up a range only before a held fact, or one sequence", span.To)
	case span.From == span.To && held:
		return nil, nil, refusal(CodeSequenceHeld, "sequence %d has come and waits for an earlier one: give up those", span.From)
	}
	wanted := spans{{max(span.From, l.next), span.To}}
	for _, held := range l.held {
		wanted = wanted.without(Span{held.sequence, held.sequence})
	}
	for _, skipped := range l.skipped {
		wanted = wanted.without(skipped)
	}
	skipped := l.skipped
	for _, run := range wanted {
		skipped = skipped.with(run)
	}
	return wanted, l.due(l.next, skipped, releaseMax), nil
}

// Release returns the held facts whose turn has come, of each source in order, at most releaseMax.
func (t *Tracker[Fact]) Release(releaseMax int) (released []Fact) {
	for i := range t.lanes {
		l := &t.lanes[i]
		released = append(released, l.due(l.next, l.skipped, releaseMax-len(released))...)
	}
	return released
}

// Due reports whether there are held facts whose turn has come: an earlier decision left them.
func (t *Tracker[Fact]) Due() bool { return len(t.Release(1)) > 0 }

// Pass notes that a fact was recorded.
func (t *Tracker[Fact]) Pass(a Arrival) {
	if a.Sequence > 0 {
		t.lane(a.Source).pass(a)
	}
}

// Hold notes that fact was held.
func (t *Tracker[Fact]) Hold(a Arrival, fact Fact) {
	if a.Sequence > 0 {
		t.lane(a.Source).hold(a, fact)
	}
}

// GiveUp notes that span was given up.
func (t *Tracker[Fact]) GiveUp(source string, span Span) {
	l := t.lane(source)
	l.skipped = l.skipped.with(span)
	l.settle()
}

// Waiting says what a source is waited for.
type Waiting struct {
	Source string
	// Next is the sequence that is waited for, or the first to be released.
	Next int64
	// Held are the sequences that came before their turn.
	Held []int64
}

// Waiting returns the sources of which something is held.
func (t *Tracker[Fact]) Waiting() []Waiting {
	var waiting []Waiting
	for i := range t.lanes {
		l := &t.lanes[i]
		if len(l.held) == 0 {
			continue
		}
		w := Waiting{Source: l.source, Next: l.next}
		for _, held := range l.held {
			w.Held = append(w.Held, held.sequence)
		}
		waiting = append(waiting, w)
	}
	return waiting
}

// Next returns the sequence of source that is waited for.
func (t *Tracker[Fact]) Next(source string) int64 {
	l := t.look(source)
	return l.next
}

// look returns what is known of source, for reading only.
func (t *Tracker[Fact]) look(source string) lane[Fact] {
	i := slices.IndexFunc(t.lanes, func(l lane[Fact]) bool { return l.source == source })
	if i < 0 {
		return lane[Fact]{source: source, next: 1}
	}
	return t.lanes[i]
}

// lane returns the lane of source, for writing.
func (t *Tracker[Fact]) lane(source string) *lane[Fact] {
	for i := range t.lanes {
		if t.lanes[i].source == source {
			return &t.lanes[i]
		}
	}
	t.lanes = append(t.lanes, lane[Fact]{source: source, next: 1})
	return &t.lanes[len(t.lanes)-1]
}

func refusal(code, format string, args ...any) error {
	return &domain.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}
