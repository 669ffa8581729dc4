package projections

import (
	"slices"
	"testing"
)

func TestWordsAreFoundByTheirBeginnings(t *testing.T) {
	t.Parallel()
	words := NewWords([]byte("a key of the test"))
	cases := []struct {
		text, query string
		found       bool
	}{
		{"Zoë O'Brien-Ślązak", "zoe", true},
		{"Zoë O'Brien-Ślązak", "ZOË", true},
		{"Zoë O'Brien-Ślązak", "brien o", true},
		{"Zoë O'Brien-Ślązak", "zo", false}, // two letters are a beginning of too much
		{"Xu Li", "li", true},               // but may be a whole word
		{"Zoë O'Brien-Ślązak", "slazak", true},
		{"Łukasz", "lukasz", false}, // ł has no decomposition: it is a letter of its own
		{"Zoë O'Brien-Ślązak", "slą", true},
		{"Ｆｕｌｌｗｉｄｔｈ", "full", true},
		{"Zoë O'Brien", "zoey", false},
		{"Zoë O'Brien", "zoe smith", false},
		{"Wolfeschlegelsteinhausen", "wolfesch", true},
		{"Wolfeschlegelsteinhausen", "wolfeschl", false}, // beyond the longest beginning only the whole word
		{"Wolfeschlegelsteinhausen", "wolfeschlegelsteinhausen", true},
		{"AB/0012345", "0012", true},
	}
	for _, c := range cases {
		index := words.Index(c.text)
		found := true
		for _, hash := range words.Query(c.query) {
			found = found && slices.Contains(index, hash)
		}
		if found != c.found {
			t.Errorf("%q in %q: got found %v, want %v", c.query, c.text, found, c.found)
		}
	}
}

func TestWordsOfAnotherKeyAreOthers(t *testing.T) {
	t.Parallel()
	one, other := NewWords([]byte("one")).Query("zoe"), NewWords([]byte("other")).Query("zoe")
	if slices.Equal(one, other) || len(one) != 1 || len(one[0]) != 11 {
		t.Errorf("got %v and %v, want two hashes of 11 characters that differ", one, other)
	}
}

func TestNothingHasNoWords(t *testing.T) {
	t.Parallel()
	words := NewWords([]byte("key"))
	if got := append(words.Index(" – '' "), words.Query("")...); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}
