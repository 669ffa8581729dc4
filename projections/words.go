package projections

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words turns text into keyed hashes of its words, so that names can be searched for in a database
// that holds none: without the key a hash says nothing of the word. Case, accents and what stands
// between words make no difference.
type Words struct{ key []byte }

// NewWords returns the words under the search key, which must never change: rows keep its hashes.
func NewWords(key []byte) Words { return Words{key: slices.Clone(key)} }

// The beginnings of a word that it is found by, in letters, beside the whole word.
const (
	prefixRunesMin = 2
	prefixRunesMax = 12
	// hashBytes is how much of a hash is kept: among a million words two share one with a chance of
	// one in 10¹².
	hashBytes = 10
)

// Index returns the hashes that a text is found by: of each word and of its beginnings.
func (w Words) Index(text string) []string {
	var hashes []string
	for _, word := range split(text) {
		runes := []rune(word)
		for n := prefixRunesMin; n <= min(prefixRunesMax, len(runes)-1); n++ {
			hashes = append(hashes, w.hash(string(runes[:n])))
		}
		hashes = append(hashes, w.hash(word))
	}
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// Query returns a hash for each word of what is searched for, the beginning of a word as a rule.
func (w Words) Query(text string) []string {
	var hashes []string
	for _, word := range split(text) {
		hashes = append(hashes, w.hash(word))
	}
	return hashes
}

var hashText = base32.StdEncoding.WithPadding(base32.NoPadding)

func (w Words) hash(word string) string {
	mac := hmac.New(sha256.New, w.key)
	mac.Write([]byte(word))
	return strings.ToLower(hashText.EncodeToString(mac.Sum(nil)[:hashBytes]))
}

// split returns the words of a text: decomposed, without marks, in lower case, taken apart at
// whatever is neither letter nor digit.
func split(text string) []string {
	var plain strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if r != utf8.RuneError && !unicode.Is(unicode.M, r) {
			plain.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.FieldsFunc(plain.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
