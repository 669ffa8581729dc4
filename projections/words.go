package projections

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words turns text into keyed hashes of its words, so that names can be searched for in a database
// that holds none: without the key a hash says nothing of the word. Case, accents and what stands
// between words make no difference.
type Words struct {
	macs *sync.Pool // of hash.Hash: to make one costs several times as much as to use it
}

// NewWords returns the words under the search key, which must never change: rows keep its hashes.
func NewWords(key []byte) Words {
	key = slices.Clone(key)
	return Words{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// The beginnings of a word that it is found by, in letters, beside the whole word. Each is a row in a
// large index, so there are as few as searching people can do with.
const (
	prefixRunesMin = 3
	prefixRunesMax = 8
	// hashBytes is how much of a hash is kept: among a million words two share one with a chance of
	// one in 10⁷.
	hashBytes = 8
)

// Index returns the hashes that a text is found by, in order: of each word and of its beginnings of 3
// to 8 letters.
func (w Words) Index(text string) []string {
	mac := w.macs.Get().(hash.Hash)
	defer w.macs.Put(mac)
	var hashes []string
	for _, word := range split(text) {
		runes := 0
		for end := range word {
			if runes >= prefixRunesMin && runes <= prefixRunesMax {
				hashes = append(hashes, hashOf(mac, word[:end]))
			}
			runes++
		}
		hashes = append(hashes, hashOf(mac, word))
	}
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// Query returns a hash for each word of what is searched for. One of 3 to 8 letters finds the words that
// begin so, a shorter or longer one that very word.
func (w Words) Query(text string) []string {
	mac := w.macs.Get().(hash.Hash)
	defer w.macs.Put(mac)
	var hashes []string
	for _, word := range split(text) {
		hashes = append(hashes, hashOf(mac, word))
	}
	return hashes
}

func hashOf(mac hash.Hash, word string) string {
	mac.Reset()
	_, _ = io.WriteString(mac, word) // a hash takes all it is given
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(mac.Sum(sum[:0])[:hashBytes])
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
