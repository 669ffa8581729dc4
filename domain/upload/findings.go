package upload

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Verdict is what the scanner found.
type Verdict string

// The verdicts. FoundUnclear: whether the file is clean is not known.
const (
	FoundNothing Verdict = "nothing"
	FoundHarmful Verdict = "harmful"
	FoundUnclear Verdict = "unclear"
)

// Finding is a verdict with what belongs to it.
type Finding struct {
	Verdict Verdict
	// Name is what the scanner calls what it found, where that is harmful.
	Name string
	// Code says why that is not known, where the verdict is FoundUnclear.
	Code QuarantineCode
}

// QuarantineCode says why it is not known whether a file is clean; stored, so never changed.
type QuarantineCode string

// The reasons for quarantine.
const (
	// ScannerUnreachable: the scanner did not answer.
	ScannerUnreachable QuarantineCode = "scanner-unreachable"
	// ScannerUnclear: it answered anything but an exact OK, and found nothing.
	ScannerUnclear QuarantineCode = "scanner-unclear"
	// BeyondScanner: the file is larger than what the scanner looks at.
	BeyondScanner QuarantineCode = "beyond-scanner"
	// ArchiveBeyondLimits: the file is an archive of too many, too deep or too large parts to be looked into, or
	// one that can not be read, or is encrypted.
	ArchiveBeyondLimits QuarantineCode = "archive-beyond-limits"
)

func (c QuarantineCode) known() bool { _, known := quarantineReasons[c]; return known }

// Reason says in a sentence what the code means, and what to do.
func (c QuarantineCode) Reason() string { return quarantineReasons[c] }

var quarantineReasons = map[QuarantineCode]string{
	ScannerUnreachable:  "The file could not be checked for viruses, as the scanner did not answer. Try again later.",
	ScannerUnclear:      "The file could not be checked for viruses: the scanner gave no clear answer. Try again, or send it in another format.",
	BeyondScanner:       "The file is too large to be checked for viruses. Send it in parts.",
	ArchiveBeyondLimits: "The archive can not be checked: it is encrypted, damaged, or holds too much. Send the files one by one.",
}

// RefusalCode says why a file can not be taken, whatever is tried; stored, so never changed.
type RefusalCode string

// The reasons why a file is refused after it was received.
const (
	// SizeDiffers: other bytes came than were declared.
	SizeDiffers RefusalCode = "size-differs"
	// TypeNotAllowed: the bytes are of a type that is not taken, whatever the name says.
	TypeNotAllowed RefusalCode = "type-not-allowed"
	// Harmful: the scanner found something.
	Harmful RefusalCode = "harmful"
)

// Reason says in a sentence what the code means, and what to do.
func (c RefusalCode) Reason() string { return refusalReasons[c] }

var refusalReasons = map[RefusalCode]string{
	SizeDiffers:    "The file has another size than was announced: it changed while it was sent. Send it again.",
	TypeNotAllowed: "Files of this type are not taken, whatever their name. Send the document as a PDF, for example.",
	Harmful:        "The virus scanner found something in the file, which was deleted. Have your computer checked, and send another copy.",
}

// nameBytesMax is the most that a file name has on usual file systems.
const nameBytesMax = 255

// FileName returns the name of a file without the folders before it, and false for one that can not be shown
// safely: empty, too long, not UTF-8, or with characters that do not print, change the direction of what is
// shown around them, or end a line.
func FileName(name string) (string, bool) {
	name = strings.TrimSpace(name[strings.LastIndexAny(name, `/\`)+1:])
	if name == "" || name == "." || name == ".." || len(name) > nameBytesMax || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, unprintable) {
		return "", false
	}
	return name, true
}

// unprintable does not hold of any space, which some systems put into names of their own making (U+202F). It
// holds of format characters too (category Cf), among which are those that reverse text: with one
// of them "exe.pdf" can be shown for a name that ends in "fdp.exe".
func unprintable(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }

// scannerRunesMax bounds what is kept of a scanner's words.
const scannerRunesMax = 200

// printable returns what can be kept of a scanner's words.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unprintable(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > scannerRunesMax {
		return string(runes[:scannerRunesMax])
	}
	return text
}

// validSHA256 reports whether text is a SHA-256 as 64 lower-case hexadecimal digits.
func validSHA256(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}
