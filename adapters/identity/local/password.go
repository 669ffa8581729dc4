package local

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The rules of passwords, after NIST SP 800-63B (3.1.1) and the NCSC: length instead of kinds of
// characters, nothing that is on everybody's list, nothing that belongs to this account, and no
// change without cause.
const (
	passwordRunesMin = 12
	passwordRunesMax = 128
	passwordBytesMax = 1024
	// contextRunesMin is the shortest word of an account that is looked for.
	contextRunesMin = 4
	// remainderRunesMin is what must be left of a password beside such a word.
	remainderRunesMin = 8
)

// PasswordCode says which rule a chosen password breaks.
type PasswordCode string

// The rules.
const (
	TooShort    PasswordCode = "password-too-short"
	TooLong     PasswordCode = "password-too-long"
	TooCommon   PasswordCode = "password-too-common"
	TooRegular  PasswordCode = "password-too-regular"
	TooPersonal PasswordCode = "password-too-personal"
)

var passwordTexts = map[PasswordCode]string{
	TooShort:    fmt.Sprintf("Choose a password of at least %d characters. Three random words are a good one.", passwordRunesMin),
	TooLong:     fmt.Sprintf("Choose a password of at most %d characters.", passwordRunesMax),
	TooCommon:   "This password is one of those that attackers try first. Choose another. Three random words are a good one.",
	TooRegular:  "This password is a pattern, such as a row of keys. Choose another. Three random words are a good one.",
	TooPersonal: "This password is mostly your name, your organisation or this service. Choose another. Three random words are a good one.",
}

// PasswordError is a chosen password that breaks a rule. Its text is for who chose it.
type PasswordError struct{ Code PasswordCode }

// Error implements error with what to do.
func (e *PasswordError) Error() string { return passwordTexts[e.Code] }

//go:embed common.txt
var commonText string

// common is passwords and words from published breaches, in lower case: the frequency list of
// zxcvbn (Dropbox, MIT licence), of it the 10,000 most frequent and the long ones.
var common = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for word := range strings.Lines(commonText) {
		all[strings.TrimSpace(word)] = true
	}
	return all
})

// CheckPassword returns a *PasswordError if a password must not be chosen, and nil if it may.
// Context is words of the account: the person's name, the e-mail address, the business's name.
func CheckPassword(password string, context ...string) error {
	if len(password) > passwordBytesMax {
		return &PasswordError{TooLong}
	}
	text := strings.ToLower(norm.NFKC.String(password))
	switch length := utf8.RuneCountInString(norm.NFKC.String(password)); {
	case !utf8.ValidString(password) || length < passwordRunesMin:
		return &PasswordError{TooShort}
	case length > passwordRunesMax:
		return &PasswordError{TooLong}
	case isCommon(text):
		return &PasswordError{TooCommon}
	case isRegular(text):
		return &PasswordError{TooRegular}
	case isPersonal(text, append(context, "ombudsman", "casesync", "financial")):
		return &PasswordError{TooPersonal}
	}
	return nil
}

// plain undoes the usual replacements of letters.
var plain = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// isCommon: a listed word stays one with figures and signs around it or in place of letters.
func isCommon(text string) bool {
	bare := func(s string) string { return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) }
	for _, form := range []string{text, bare(text), bare(plain.Replace(text)), bare(plain.Replace(bare(text)))} {
		if common()[form] {
			return true
		}
	}
	return false
}

// isRegular: most characters repeat, or follow, the one before, or the whole repeats a short part.
func isRegular(text string) bool {
	runes := []rune(text)
	steps := 0
	for i := 1; i < len(runes); i++ {
		if d := runes[i] - runes[i-1]; d >= -1 && d <= 1 {
			steps++
		}
	}
	if steps*10 >= (len(runes)-1)*7 {
		return true
	}
	for part := 1; part <= 6; part++ {
		repeats := true
		for i := part; i < len(runes) && repeats; i++ {
			repeats = runes[i] == runes[i-part]
		}
		if repeats {
			return true
		}
	}
	return false
}

// isPersonal: little is left beside the words of the account.
func isPersonal(text string, context []string) bool {
	rest, found := text, false
	for _, words := range context {
		for _, word := range strings.FieldsFunc(strings.ToLower(norm.NFKC.String(words)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(word) >= contextRunesMin && strings.Contains(rest, word) {
				rest, found = strings.ReplaceAll(rest, word, ""), true
			}
		}
	}
	return found && utf8.RuneCountInString(rest) < remainderRunesMin
}
