package address

import (
	"slices"
	"strings"
	"unicode"
)

// neutral are letters and marks that belong to no script of their own.
var neutral = []*unicode.RangeTable{unicode.Common, unicode.Inherited}

// together are the scripts that one language writes side by side; all others stand alone. Latin is
// in none of them, though UTS 39 would allow it: no name needs it.
var together = [][]string{{"Han", "Hiragana", "Katakana"}, {"Han", "Bopomofo"}, {"Han", "Hangul"}}

// imitations are letters of other scripts that are drawn like Latin ones in common typefaces. A
// label of them alone is one script, and still reads as another word.
const imitations = "аеорсухіјѕԁԛԝһӏ" + "αονριυ" + "օոսցհզյ"

// lookAlike reports whether a label of a domain, in the form that is shown, could be taken for
// another one: it mixes scripts, or is made only of letters that imitate Latin ones.
func lookAlike(label string) bool {
	scripts := scriptsOf(label)
	switch len(scripts) {
	case 0:
		return false
	case 1:
		return scripts[0] != "Latin" && strings.IndexFunc(label, func(r rune) bool {
			return unicode.IsLetter(r) && !strings.ContainsRune(imitations, r)
		}) < 0
	}
	return !slices.ContainsFunc(together, func(allowed []string) bool {
		return !slices.ContainsFunc(scripts, func(script string) bool { return !slices.Contains(allowed, script) })
	})
}

// scriptsOf returns the scripts of a label's letters, sorted.
func scriptsOf(label string) []string {
	var found []string
	for _, r := range label {
		if r < unicode.MaxASCII {
			if unicode.IsLetter(r) {
				found = append(found, "Latin")
			}
			continue
		}
		if unicode.In(r, neutral...) {
			continue
		}
		found = append(found, scriptOf(r))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// scriptOf returns the script of a rune, "unknown" where there is none: such a rune goes with nothing.
func scriptOf(r rune) string {
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "unknown"
}
