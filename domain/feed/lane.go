package feed

import (
	"cmp"
	"hash/fnv"
	"io"
	"slices"
)

// lane is what was seen of one source of a subject.
//
// Each sequence from 1 on is in one of these states, and moves only downwards:
//
//	missing       nothing came; next is the first missing one that is waited for
//	held          it came before its turn; where that has come meanwhile, it waits to be released
//	skipped       an operator gave it up; a retry may still bring it
//	unrecognised  a message of an unknown type; a retry may still bring what it was
//	recorded      its digest is in passed
//	obsolete      a snapshot stands for it: everything up to floor
type lane[Fact any] struct {
	source       string
	next         int64 // every sequence below is passed, it is not; at least 1
	floor        int64 // the sequence of the last snapshot, 0 if there was none
	passed       []mark
	skipped      spans // passed or still ahead
	unrecognised spans // all passed
	held         []held[Fact]
}

// mark is the digest of what was recorded under a sequence. A sequence has two marks where a
// snapshot was taken at the sequence of the last fact before it.
type mark struct {
	sequence int64
	digest   uint64
}

type held[Fact any] struct {
	mark
	form Form
	fact Fact
}

// judge decides on an arrival that has a sequence.
func (l *lane[Fact]) judge(a Arrival) (Verdict, error) {
	if a.Form == Snapshot {
		return l.judgeSnapshot(a)
	}
	if a.Sequence < l.next {
		return l.judgePassed(a)
	}
	if i, here := l.find(a.Sequence); here {
		switch before := l.held[i]; {
		case before.digest != short(a.Digest):
			return Known, conflict(a)
		case before.form == Unrecognised && a.Form != Unrecognised && a.Retry:
			return Early, nil // now it is known what was held
		}
		return Known, nil
	}
	if _, skipped := l.skipped.end(a.Sequence); skipped && !a.Retry {
		return Known, gaveUp(a)
	}
	if a.Sequence > l.next {
		return Early, nil
	}
	return Due, nil
}

// judgePassed decides on a fact whose sequence was passed.
func (l *lane[Fact]) judgePassed(a Arrival) (Verdict, error) {
	same, seen := l.recorded(a)
	_, open := l.unrecognised.end(a.Sequence)
	_, skipped := l.skipped.end(a.Sequence)
	switch {
	case seen && !same:
		return Known, conflict(a)
	case (open || skipped) && a.Retry && a.Form != Unrecognised:
		return Late, nil
	case skipped:
		return Known, gaveUp(a)
	}
	return Known, nil
}

// judgeSnapshot decides on a snapshot. One that is older than what was recorded since is of no
// use any more; one taken just after the last fact may have that fact's sequence. A correction counts
// there whatever was said under it before: it was found that what is known is something else.
func (l *lane[Fact]) judgeSnapshot(a Arrival) (Verdict, error) {
	if a.Sequence < l.next-1 {
		return Known, nil
	}
	switch same, seen := l.recorded(a); {
	case a.Correction:
		return Due, nil
	case same:
		return Known, nil
	case seen && l.floor == a.Sequence:
		return Known, conflict(a)
	}
	return Due, nil
}

// recorded reports whether anything was recorded under the sequence of a, and whether it was a.
func (l *lane[Fact]) recorded(a Arrival) (same, seen bool) {
	i, seen := slices.BinarySearchFunc(l.passed, a.Sequence, mark.compare)
	for ; i < len(l.passed) && l.passed[i].sequence == a.Sequence; i++ {
		same = same || l.passed[i].digest == short(a.Digest)
	}
	return same, seen
}

// due returns the held facts that follow one another from next on, over what was skipped, at most
// most of them.
func (l *lane[Fact]) due(next int64, skipped spans, most int) (facts []Fact) {
	for len(facts) < most {
		if end, over := skipped.end(next); over {
			next = end + 1
			continue
		}
		i, here := l.find(next)
		if !here {
			return facts
		}
		facts = append(facts, l.held[i].fact)
		next++
	}
	return facts
}

// pass notes that a was recorded.
func (l *lane[Fact]) pass(a Arrival) {
	one := Span{a.Sequence, a.Sequence}
	if a.Form == Snapshot {
		one.From = 1
		l.floor = max(l.floor, a.Sequence)
	}
	l.skipped = l.skipped.without(one)
	l.unrecognised = l.unrecognised.without(one)
	if a.Form == Unrecognised {
		l.unrecognised = l.unrecognised.with(one)
	}
	if same, _ := l.recorded(a); !same {
		i, _ := slices.BinarySearchFunc(l.passed, a.Sequence, mark.compare)
		l.passed = slices.Insert(l.passed, i, mark{a.Sequence, short(a.Digest)})
	}
	l.next = max(l.next, a.Sequence+1)
	l.settle()
}

// hold notes that fact was held, in place of what was held or skipped under its sequence.
func (l *lane[Fact]) hold(a Arrival, fact Fact) {
	l.skipped = l.skipped.without(Span{a.Sequence, a.Sequence})
	h := held[Fact]{mark{a.Sequence, short(a.Digest)}, a.Form, fact}
	i, here := l.find(a.Sequence)
	if here {
		l.held[i] = h
		return
	}
	l.held = slices.Insert(l.held, i, h)
}

// settle moves next over what was skipped, and lets go of what was held before it.
func (l *lane[Fact]) settle() {
	for end, over := l.skipped.end(l.next); over; end, over = l.skipped.end(l.next) {
		l.next = end + 1
	}
	i, _ := l.find(l.next)
	clear(l.held[:i]) // the rest is not moved: thousands may be released, one by one
	l.held = l.held[i:]
}

// find returns where sequence is held, or would be.
func (l *lane[Fact]) find(sequence int64) (int, bool) {
	return slices.BinarySearchFunc(l.held, sequence, func(h held[Fact], n int64) int {
		return h.compare(n)
	})
}

// last returns the last sequence that is held, 0 if there is none.
func (l *lane[Fact]) last() int64 {
	if len(l.held) == 0 {
		return 0
	}
	return l.held[len(l.held)-1].sequence
}

// gaveUp reports whether the whole of span was skipped before.
func (l *lane[Fact]) gaveUp(span Span) bool {
	end, skipped := l.skipped.end(span.From)
	return skipped && end >= span.To
}

func (m mark) compare(sequence int64) int { return cmp.Compare(m.sequence, sequence) }

// short keeps eight bytes of a digest: enough to tell two messages of one sequence apart.
func short(digest string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, digest)
	return h.Sum64()
}

func conflict(a Arrival) error {
	return refusal(CodeSequenceConflict, "other content came under sequence %d before: send it under the next sequence, or a snapshot", a.Sequence)
}

func gaveUp(a Arrival) error {
	return refusal(CodeSequenceSkipped, "sequence %d was given up by an operator: retry its dead letter to record it after all", a.Sequence)
}
