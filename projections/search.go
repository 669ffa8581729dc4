package projections

import (
	"slices"
	"strings"

	"casesync/projections/engine"
)

// wordsRow keeps which hashed words a case is found by, so that they can be taken away again: the
// text that they were made of is sealed.
type wordsRow struct {
	Ref, Kind, Words string // words joined by spaces, sorted
}

// The kinds of words.
const (
	wordsConsumer       = "consumer"
	wordsRepresentative = "representative"
	wordsReference      = "reference"
)

var caseWords = &engine.Table[wordsRow]{
	Spec: engine.Spec{
		Name: "case_words", Key: 2,
		Columns: texts("ref", "kind", "words"),
	},
	Fields: func(r *wordsRow) []any { return []any{&r.Ref, &r.Kind, &r.Words} },
}

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

// setWords makes a case be found by the words of text, and no more by those of the kind's earlier text.
func setWords(rows *engine.Rows, e engine.Event, ref, kind, text string) {
	var words []string
	if text != "" {
		words = slices.Clone(e.Words(text))
		slices.Sort(words)
		words = slices.Compact(words)
	}
	if len(words) == 0 {
		caseWords.Delete(rows, ref, kind)
		return
	}
	caseWords.Put(rows, wordsRow{ref, kind, strings.Join(words, " ")})
}

// found lists what a case is found by; kinds that share a word have it several times.
func found(rows *engine.Rows, ref string) (words [3]string) {
	for i, kind := range [3]string{wordsConsumer, wordsRepresentative, wordsReference} {
		if row := caseWords.Get(rows, ref, kind); row != nil {
			words[i] = row.Words
		}
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
