package upload_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain"
	"casesync/domain/upload"
)

func code(err error) string {
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		return refusal.Code
	}
	return ""
}

func TestLimits(t *testing.T) {
	t.Parallel()
	if err := upload.Standard().Validate(); err != nil {
		t.Errorf("standard limits: %v", err)
	}
	for name, change := range map[string]func(*upload.Limits){
		"FileBytesMax":        func(l *upload.Limits) { l.FileBytesMax = 0 },
		"CaseFilesMax":        func(l *upload.Limits) { l.CaseFilesMax = 0 },
		"CaseBytesMax":        func(l *upload.Limits) { l.CaseBytesMax = l.FileBytesMax - 1 },
		"BusinessDayBytesMax": func(l *upload.Limits) { l.BusinessDayBytesMax = l.FileBytesMax - 1 },
		"IdleAfter":           func(l *upload.Limits) { l.IdleAfter = time.Second },
		"MediaTypes":          func(l *upload.Limits) { l.MediaTypes = []string{""} },
	} {
		l := upload.Standard()
		change(&l)
		if err := l.Validate(); err == nil || !strings.HasPrefix(err.Error(), name+" ") {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"the last file of a case", limits.Case(2, 0, 1024), ""},
		{"one file too many", limits.Case(3, 0, 1), "case-files-limit"},
		{"the last byte of a case", limits.Case(1, 1024, 1024), ""},
		{"one byte too many", limits.Case(1, 1025, 1024), "case-size-limit"},
		{"a case that is over its limit already", limits.Case(1, 5000, 1), "case-size-limit"},
		{"the last byte of a day", limits.BusinessDay(4000, 96), ""},
		{"one byte too many in a day", limits.BusinessDay(4000, 97), "business-size-limit"},
	} {
		if got := code(test.err); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if err := upload.Standard().File(5 << 30); code(err) != "file-too-large" || !strings.Contains(err.Error(), "2 GiB") {
		t.Errorf("5 GiB: got %v, want a refusal that says how much may be", err)
	}
	if err := limits.File(1025); err == nil || !strings.Contains(err.Error(), "1 KiB") {
		t.Errorf("1025 bytes: got %v, want a refusal that says 1 KiB", err)
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"letter.pdf": "letter.pdf", " letter.pdf ": "letter.pdf", "Brief für Zoë (2).pdf": "Brief für Zoë (2).pdf", "信.pdf": "信.pdf", "10.15\u202fAM.png": "10.15\u202fAM.png",
		"../../etc/passwd": "passwd", `C:\Users\x\letter.pdf`: "letter.pdf", `a/b\c.pdf`: "c.pdf", "a:b.pdf": "a:b.pdf", "<b>.pdf": "<b>.pdf",
		strings.Repeat("x", 255): strings.Repeat("x", 255),
		"":                       "", " ": "", ".": "", "..": "", "a/": "", "a/..": "", "a\x00.pdf": "", "a\nb.pdf": "", "a\x1b[2J.pdf": "", "a\xff.pdf": "",
		"a\u202efdp.exe": "", "a\u200b.pdf": "", "a\u2028b.pdf": "", strings.Repeat("x", 256): "", strings.Repeat("é", 128): "",
	} {
		got, ok := upload.FileName(name)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", name, got, ok, want)
		}
	}
}

// TestReasons: whoever is told a code is told what it means.
func TestReasons(t *testing.T) {
	t.Parallel()
	var reasons []string
	for _, c := range []upload.QuarantineCode{upload.ScannerUnreachable, upload.ScannerUnclear, upload.BeyondScanner, upload.ArchiveBeyondLimits} {
		reasons = append(reasons, c.Reason())
	}
	for _, c := range []upload.RefusalCode{upload.SizeDiffers, upload.TypeNotAllowed, upload.Harmful} {
		reasons = append(reasons, c.Reason())
	}
	if slices.Contains(reasons, "") || len(slices.Compact(slices.Sorted(slices.Values(reasons)))) != len(reasons) {
		t.Errorf("got %q, want a sentence of its own for each", reasons)
	}
}
