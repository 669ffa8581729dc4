package projections

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"casesync/domain/feed"
	"casesync/projections/engine"
)

// A feedRow follows its source's sequence by the rules of feed.Tracker. Thousands of facts may be
// held behind one gap, so the usual steps, holding one more and releasing the next, look at no
// other held fact.

// hold notes that a fact is held.
func (r *feedRow) hold(rows *engine.Rows, held heldRow) {
	known := heldFacts.Get(rows, r.Stream, r.Source, held.Sequence) != nil
	heldFacts.Put(rows, held)
	r.unskip(held.Sequence)
	if !known && r.MissingFrom > 0 && held.Sequence > r.MissingTo {
		r.Held++ // the first gap is before it, and what was held before was recorded before
		return
	}
	r.settle(rows)
}

// pass notes that a fact was recorded. While facts are released, HeldSince stays that of the
// oldest before.
func (r *feedRow) pass(rows *engine.Rows, sequence int64) {
	inTurn := sequence == r.Next
	r.Next = max(r.Next, sequence+1)
	r.settleSkipped()
	if inTurn && heldFacts.Get(rows, r.Stream, r.Source, sequence) != nil && heldFacts.Get(rows, r.Stream, r.Source, r.Next) != nil {
		heldFacts.Delete(rows, r.Stream, r.Source, sequence)
		r.Held-- // the first gap, if any, is behind the next to be released
		return
	}
	r.settle(rows)
}

// skip notes that span was given up.
func (r *feedRow) skip(rows *engine.Rows, span feed.Span) {
	r.setSkipped(append(r.skipped(), span))
	r.settle(rows)
}

// settle moves on over what was given up, lets go of what is held no more, and counts the rest.
func (r *feedRow) settle(rows *engine.Rows) {
	skipped := r.settleSkipped()
	r.Held, r.MissingFrom, r.MissingTo, r.HeldSince = 0, 0, 0, 0
	next := r.Next
	for _, held := range heldFacts.All(rows, r.Stream) {
		switch {
		case held.Source != r.Source:
			continue
		case held.Sequence < r.Next:
			heldFacts.Delete(rows, r.Stream, held.Source, held.Sequence)
			continue
		}
		if r.Held++; r.Held == 1 {
			r.HeldSince = held.RecordedAt
		}
		r.HeldSince = min(r.HeldSince, held.RecordedAt)
		if r.MissingFrom > 0 {
			continue
		}
		next = over(skipped, next)
		if held.Sequence > next {
			r.MissingFrom, r.MissingTo = next, before(skipped, held.Sequence)
		}
		next = held.Sequence + 1
	}
}

// over returns the first sequence from next on that was not given up.
func over(skipped []feed.Span, next int64) int64 {
	for _, span := range skipped {
		if span.From <= next {
			next = max(next, span.To+1)
		}
	}
	return next
}

// before returns the last sequence before sequence that was not given up.
func before(skipped []feed.Span, sequence int64) int64 {
	last := sequence - 1
	for _, span := range slices.Backward(skipped) {
		if span.From <= last && last <= span.To {
			last = span.From - 1
		}
	}
	return last
}

// settleSkipped moves on over what was given up, and returns what of it lies ahead, in order.
func (r *feedRow) settleSkipped() []feed.Span {
	if r.Skipped == "" {
		return nil
	}
	var ahead []feed.Span
	for _, span := range r.skipped() {
		if span.From <= r.Next {
			r.Next = max(r.Next, span.To+1)
			continue
		}
		ahead = append(ahead, span)
	}
	r.setSkipped(ahead)
	return ahead
}

// unskip takes a sequence out of what was given up: it came after all.
func (r *feedRow) unskip(sequence int64) {
	if r.Skipped == "" {
		return
	}
	var rest []feed.Span
	for _, span := range r.skipped() {
		if sequence < span.From || span.To < sequence {
			rest = append(rest, span)
			continue
		}
		if span.From < sequence {
			rest = append(rest, feed.Span{From: span.From, To: sequence - 1})
		}
		if sequence < span.To {
			rest = append(rest, feed.Span{From: sequence + 1, To: span.To})
		}
	}
	r.setSkipped(rest)
}

// skipped returns what was given up and is not reached, in order.
func (r *feedRow) skipped() (spans []feed.Span) {
	for text := range strings.FieldsSeq(r.Skipped) {
		from, to, _ := strings.Cut(text, "-")
		var span feed.Span
		span.From, _ = strconv.ParseInt(from, 10, 64) // setSkipped wrote them
		span.To, _ = strconv.ParseInt(to, 10, 64)
		spans = append(spans, span)
	}
	return spans
}

func (r *feedRow) setSkipped(spans []feed.Span) {
	slices.SortFunc(spans, func(a, b feed.Span) int { return cmp.Compare(a.From, b.From) })
	texts := make([]string, len(spans))
	for i, span := range spans {
		texts[i] = strconv.FormatInt(span.From, 10) + "-" + strconv.FormatInt(span.To, 10)
	}
	r.Skipped = strings.Join(texts, " ")
}
