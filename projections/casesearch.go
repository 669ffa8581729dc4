package projections

import (
	"context"
	"slices"
	"strings"

	"casesync/projections/engine"
)

// searchHitsMax is how many hits of a search are read before the filters; where there are more,
// the list is walked and each case looked up in the words, which then soon fills a page.
const searchHitsMax = 10_000

// search is the table, and the conditions, that take the cases found by f's reference or words.
func (s *statement) search(ctx context.Context, view engine.View, scope Scope, f *CaseFilter) (source, error) {
	if f.Reference == "" && len(f.Words) == 0 {
		return source{table: "{cases} c"}, nil
	}
	words, err := rarestFirst(ctx, view, scope, f.Words)
	if err != nil {
		return source{}, err
	}
	attempt := &statement{}
	hits, err := number(ctx, view, "count hits", "SELECT COUNT(*) FROM ("+attempt.hits(scope, f.Reference, words)+
		" LIMIT "+attempt.arg(int64(searchHitsMax+1))+") AS h", attempt)
	if err != nil {
		return source{}, err
	}
	if hits > searchHitsMax {
		return source{table: "{cases} c", conditions: []string{s.hit(f.Reference, words)}}, nil
	}
	// CROSS JOIN is SQLite's way to say which of the two is read first.
	return source{
		table:      "(" + s.hits(scope, f.Reference, words) + ") AS h CROSS JOIN {cases} c",
		conditions: []string{"c.ref = h.ref"}, few: true,
	}, nil
}

// rarestFirst puts the word that finds the fewest cases first.
func rarestFirst(ctx context.Context, view engine.View, scope Scope, words []string) ([]string, error) {
	if len(words) < 2 {
		return words, nil
	}
	counts := map[string]int64{}
	for _, word := range words {
		s := &statement{}
		n, err := number(ctx, view, "count hits", "SELECT COUNT(*) FROM ("+s.hits(scope, "", []string{word})+
			" LIMIT "+s.arg(int64(searchHitsMax+1))+") AS h", s)
		if err != nil {
			return nil, err
		}
		counts[word] = n
	}
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b string) int { return int(counts[a] - counts[b]) })
	return words, nil
}

// hits is the text of a query for the references of the cases found; it may find more than scope
// sees, never fewer.
func (s *statement) hits(scope Scope, reference string, words []string) string {
	var parts []string
	if len(words) > 0 {
		all := []string{"w.word = " + s.arg(words[0]), s.businesses(scope, "w.frn"), "w.n > 0"}
		for _, word := range words[1:] {
			all = append(all, s.hasWord(word, "w"))
		}
		parts = append(parts, "SELECT w.ref FROM {search_words} w WHERE "+strings.Join(all, " AND "))
	}
	if reference != "" {
		parts = append(parts, "SELECT c.ref FROM {cases} c WHERE "+s.hasReference(reference))
	}
	return strings.Join(parts, " UNION ")
}

// hit is true for a case found.
func (s *statement) hit(reference string, words []string) string {
	var ways, all []string
	for _, word := range words {
		all = append(all, s.hasWord(word, "c"))
	}
	if len(all) > 0 {
		ways = append(ways, strings.Join(all, " AND "))
	}
	if reference != "" {
		ways = append(ways, s.hasReference(reference))
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}

func (s *statement) hasWord(word, of string) string {
	return "EXISTS (SELECT 1 FROM {search_words} v WHERE v.word = " + s.arg(word) +
		" AND v.frn = " + of + ".frn AND v.ref = " + of + ".ref AND v.n > 0)"
}

// hasReference is true for references that begin so: DEL sorts behind all that they are made of.
func (s *statement) hasReference(prefix string) string {
	return "c.ref >= " + s.arg(prefix) + " AND c.ref < " + s.arg(prefix+"\x7f")
}
