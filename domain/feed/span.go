package feed

import (
	"cmp"
	"slices"
)

// Span is a run of sequences, both ends included.
type Span struct{ From, To int64 }

// SpanOf returns the span from one sequence to another; from 0 stands for to alone.
func SpanOf(from, to int64) Span {
	if from == 0 {
		from = to
	}
	return Span{from, to}
}

// spans is a set of sequences as runs, in order, apart from one another.
type spans []Span

// end returns the end of the run that holds sequence, and false where none does.
func (s spans) end(sequence int64) (int64, bool) {
	i, _ := slices.BinarySearchFunc(s, sequence, func(span Span, n int64) int {
		return cmp.Compare(span.To, n)
	})
	if i < len(s) && s[i].From <= sequence {
		return s[i].To, true
	}
	return 0, false
}

// with returns the set with span added. It never changes s.
func (s spans) with(span Span) spans {
	joined := make(spans, 0, len(s)+1)
	at := 0
	for _, other := range s {
		switch {
		case other.To+1 < span.From:
			joined = append(joined, other)
			at = len(joined)
		case span.To+1 < other.From:
			joined = append(joined, other)
		default:
			span = Span{min(span.From, other.From), max(span.To, other.To)}
		}
	}
	return slices.Insert(joined, at, span)
}

// without returns the set with the sequences of span taken out. It never changes s.
func (s spans) without(span Span) spans {
	var left spans
	for _, other := range s {
		if other.To < span.From || span.To < other.From {
			left = append(left, other)
			continue
		}
		if other.From < span.From {
			left = append(left, Span{other.From, span.From - 1})
		}
		if span.To < other.To {
			left = append(left, Span{span.To + 1, other.To})
		}
	}
	return left
}
