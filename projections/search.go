package projections

import (
	"strings"

	"casesync/projections/engine"
)

// hitRow says that a case of a business is found by a hashed word, while N is over 0. One tree
// serves searches within a business and over all.
type hitRow struct {
	Word, FRN, Ref string
	N              int64
}

var searchWords = &engine.Table[hitRow]{
	Spec: engine.Spec{
		Name: "search_words", Key: 3, Kind: engine.Summed,
		Columns: join(texts("word", "frn", "ref"), numbers("n")),
	},
	Fields: func(r *hitRow) []any { return []any{&r.Word, &r.FRN, &r.Ref, &r.N} },
}

// words are the hashed words that a text is found by, joined by spaces.
func (f *caseFold) words(text string) string {
	if text == "" {
		return ""
	}
	return strings.Join(f.e.Words(text), " ")
}

// found lists what a case is found by; texts that share a word have it several times.
func found(rows *engine.Rows, ref string) (words [3]string) {
	if row := caseSealed.Get(rows, ref); row != nil {
		words = [3]string{row.ReferenceWords, row.ConsumerWords, row.RepresentativeWords}
	}
	return words
}

// countWords moves a case from the words and the business it was found by to those it now is.
func countWords(rows *engine.Rows, ref, frnBefore, frnAfter string, before, after [3]string) {
	for i := range before {
		if before[i] == after[i] && frnBefore == frnAfter {
			continue
		}
		addWords(rows, ref, frnBefore, before[i], -1)
		addWords(rows, ref, frnAfter, after[i], +1)
	}
}

func addWords(rows *engine.Rows, ref, frn, words string, n int64) {
	if frn == "" {
		return // not converted yet: in no business's lists
	}
	for word := range strings.FieldsSeq(words) {
		searchWords.Put(rows, hitRow{word, frn, ref, n})
	}
}
