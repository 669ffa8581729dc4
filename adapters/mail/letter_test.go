package mail_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"casesync/adapters/mail"
	"casesync/domain/calendar"
)

var update = flag.Bool("update", false, "write the letters in testdata anew")

// full are facts with everything in them.
var full = mail.Facts{
	Service: "the business portal", Helpdesk: "https://help.example.org/form", Name: "Ada Specimen", Link: "https://portal.example.org/x?token=t.1",
	Until: time.Date(2026, 7, 3, 13, 30, 0, 0, time.UTC), Day: calendar.Date(2026, 3, 2), Erases: calendar.Date(2026, 4, 1),
	FRN: "900001", FRNs: []string{"900001", "900002", "900003"}, Missing: []string{"email domains of 900001", "identity provider"},
	Question: "Which of the two domains\ndo your caseworkers use?", Left: 1,
}

// TestEveryLetter compares each kind with its file in testdata. Write them with -update, and read
// them before they are committed.
func TestEveryLetter(t *testing.T) {
	t.Parallel()
	variants := map[string]mail.Facts{}
	for _, kind := range mail.Kinds() {
		variants[string(kind)] = full
	}
	variants["invitation.federated"] = with(func(f *mail.Facts) { f.Federated = true })
	variants["reset-link.factor"] = with(func(f *mail.Facts) { f.Factor = true })
	variants["request-received.plain"] = with(func(f *mail.Facts) { f.Name, f.FRNs = "", []string{"900001"} })
	variants["request-data-asked.question"] = with(func(f *mail.Facts) { f.Missing = nil })
	variants["request-data-asked.missing"] = with(func(f *mail.Facts) { f.Question = "" })
	variants["ticket-answered.account"] = with(func(f *mail.Facts) { f.Account = true })
	variants["administrators-low-alert.none"] = with(func(f *mail.Facts) { f.Left = 0 })
	for name, facts := range variants {
		kind, _, _ := strings.Cut(name, ".")
		letter, err := mail.Write(mail.Kind(kind), facts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := "Subject: " + letter.Subject + "\n\n" + letter.Body
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatalf("write %s: %v", file, err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("read what is wanted: %v", err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(variants) {
		t.Errorf("got %d files of letters and %v, want %d: one is of no letter", len(files), err, len(variants))
	}
}

func with(change func(*mail.Facts)) mail.Facts {
	facts := full
	change(&facts)
	return facts
}

func TestGreetings(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Specimen":               "Hello Ada Specimen,",
		"  Ada \t Specimen ":         "Hello Ada Specimen,",
		"Dr. A. O'Sample-Ėxample":    "Hello Dr. A. O'Sample-Ėxample,",
		"山田 花子":                      "Hello 山田 花子,",
		"Zoë\u0301 Specimen":         "Hello Zoë\u0301 Specimen,",
		"":                           "Hello,",
		"Ada\r\nBcc: x@evil.example": "Hello,",
		"Win at evil.example":        "Hello,",
		"https://evil.example":       "Hello,",
		"Ada\u202eSpecimen":          "Hello AdaSpecimen,",
		"{{.Link}}":                  "Hello,",
		strings.Repeat("a", 80):      "Hello " + strings.Repeat("a", 80) + ",",
		strings.Repeat("ü", 81):      "Hello,",
		"Ada\xff":                    "Hello,",
	} {
		letter, err := mail.Write(mail.BusinessActive, with(func(f *mail.Facts) { f.Name = name }))
		if err != nil {
			t.Errorf("greet %q: %v", name, err)
			continue
		}
		if got, _, _ := strings.Cut(letter.Body, "\n"); got != want {
			t.Errorf("greet %q: got %q, want %q", name, got, want)
		}
	}
}

// FuzzLetters: whatever the facts hold, a letter has its own lines alone, and a subject on one line.
func FuzzLetters(f *testing.F) {
	f.Add("Ada Specimen", "https://portal.example.org/", "email domains", "Which one?", "900001", uint8(0))
	f.Add("Ada\r\nBcc: x@evil.example", "javascript:x\ny", "a\u2028b", "> no\r\n\r\nHello,\x00", "9\n1", uint8(7))
	f.Add("{{.Link}}", "{{template \"hello\" .}}", "\u202e", strings.Repeat("a\n", 300), "１２３", uint8(255))
	f.Fuzz(func(t *testing.T, name, link, missing, question, frn string, which uint8) {
		kinds := mail.Kinds()
		kind := kinds[int(which)%len(kinds)]
		facts := with(func(f *mail.Facts) {
			f.Name, f.Link, f.Question, f.FRN = name, link, question, frn
			f.FRNs, f.Missing = []string{frn}, []string{missing}
		})
		letter, err := mail.Write(kind, facts)
		if err != nil {
			t.Fatalf("write %s: %v", kind, err)
		}
		plain, err := mail.Write(kind, with(func(f *mail.Facts) { f.FRNs, f.Missing, f.Question = []string{"1"}, []string{"m"}, "" }))
		if err != nil {
			t.Fatalf("write %s: %v", kind, err)
		}
		facts.Question = ""
		unasked, err := mail.Write(kind, facts)
		if err != nil {
			t.Fatalf("write %s: %v", kind, err)
		}
		if got, want := strings.Count(unasked.Body, "\n"), strings.Count(plain.Body, "\n"); got != want {
			t.Errorf("%s has %d lines, want %d: %q", kind, got, want, unasked.Body)
		}
		if strings.ContainsAny(letter.Subject, "\r\n") || letter.Subject == "" {
			t.Errorf("%s has the subject %q", kind, letter.Subject)
		}
		if !utf8.ValidString(letter.Body) || strings.ContainsFunc(strings.ReplaceAll(letter.Body, "\n", ""), unicode.IsControl) {
			t.Errorf("%s holds what is no text: %q", kind, letter.Body)
		}
		if hello, _, _ := strings.Cut(letter.Body, "\n"); strings.Contains(hello, "://") || strings.Contains(hello, "@") {
			t.Errorf("%s greets with %q", kind, hello)
		}
	})
}
