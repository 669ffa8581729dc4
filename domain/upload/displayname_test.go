package upload_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"casesync/domain/upload"
)

func TestDisplayName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"complaint file.pdf":              "complaint file.pdf",
		"Vollmacht – Müller.docx":         "Vollmacht – Müller.docx",
		"../../etc/passwd":                "passwd",
		`C:\Users\a\letter.doc`:           "letter.doc",
		"a\x00b\nc\x7f.pdf":               "a_b_c_.pdf",
		"invoice\u202efdp.exe":            "invoice_fdp.exe",
		"zero\u200bwidth\ufeff.pdf":       "zero_width_.pdf",
		"con":                             "_con",
		"COM1.txt":                        "_COM1.txt",
		"com10.txt":                       "com10.txt",
		"lpt¹ .txt":                       "_lpt¹ .txt",
		"nul.tar.gz":                      "_nul.tar.gz",
		".htaccess":                       "htaccess",
		"trailing. . ":                    "trailing",
		"":                                "file",
		"..":                              "file",
		"/":                               "file",
		`a<b>c:d"e|f?g*h`:                 "a_b_c_d_e_f_g_h",
		"bad\xff\xfeutf8.txt":             "bad_utf8.txt",
		"no\u00a0break.txt":               "no break.txt",
		strings.Repeat("é", 200) + ".pdf": strings.Repeat("é", 125) + ".pdf",
	} {
		if got := upload.DisplayName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// FuzzDisplayName shows anything: it is short, prints, and is no path.
func FuzzDisplayName(f *testing.F) {
	f.Add("../a\u202eb.pdf")
	f.Add(strings.Repeat("x", 300) + ".docx")
	f.Fuzz(func(t *testing.T, name string) {
		got := upload.DisplayName(name)
		if got == "" || len(got) > 255 || !utf8.ValidString(got) || strings.ContainsAny(got, `/\:<>"|?*`) || strings.HasPrefix(got, ".") || strings.HasSuffix(got, ".") {
			t.Errorf("%q: got %q", name, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: got %q, which does not print", name, got)
		}
		if again := upload.DisplayName(got); again != got {
			t.Errorf("%q: got %q, then %q", name, got, again)
		}
	})
}
