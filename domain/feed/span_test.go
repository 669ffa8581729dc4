package feed

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSpansAreASet compares spans with a plain set of numbers.
func TestSpansAreASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var set spans
		model := make(map[int64]bool)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			span := Span{From: rapid.Int64Range(1, 30).Draw(t, "from")}
			span.To = span.From + rapid.Int64Range(0, 6).Draw(t, "length")
			before, kept := set, slices.Clone(set)
			add := rapid.Bool().Draw(t, "add")
			if add {
				set = set.with(span)
			} else {
				set = set.without(span)
			}
			for n := span.From; n <= span.To; n++ {
				model[n] = add
			}
			if !slices.Equal(before, kept) {
				t.Fatalf("the set before was changed: got %v, want %v", before, kept)
			}
			compareWithModel(t, set, model)
		}
	})
}

func compareWithModel(t *rapid.T, set spans, model map[int64]bool) {
	for i, span := range set {
		if span.To < span.From || i > 0 && span.From <= set[i-1].To+1 {
			t.Fatalf("not in order and apart: %v", set)
		}
	}
	for n := range int64(41) {
		end, in := set.end(n)
		if in != model[n] {
			t.Fatalf("%d in %v: got %v, want %v", n, set, in, model[n])
		}
		if in && (!model[end] || model[end+1]) {
			t.Fatalf("end of the run of %d in %v: got %d", n, set, end)
		}
	}
}

func TestSpanOf(t *testing.T) {
	t.Parallel()
	if got, want := SpanOf(0, 5), (Span{5, 5}); got != want {
		t.Errorf("from 0: got %v, want %v", got, want)
	}
	if got, want := SpanOf(3, 5), (Span{3, 5}); got != want {
		t.Errorf("from 3: got %v, want %v", got, want)
	}
}
