package cms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"casesync/adapters/commands"
)

// fromFile sends as the command line does.
var fromFile = ImportOptions{Sender: Sender{By: anySystem.By, Via: "file"}}

func (f *fixture) load(tb testing.TB, r io.Reader) Summary {
	tb.Helper()
	summary, err := Import(context.Background(), f.Ingester, r, fromFile)
	if err != nil {
		tb.Fatalf("import: %v", err)
	}
	return summary
}

// lines writes messages as JSON lines.
func lines(tb testing.TB, messages ...message) string {
	tb.Helper()
	var file strings.Builder
	for _, m := range messages {
		file.Write(m.text(tb))
		file.WriteByte('\n')
	}
	return file.String()
}

func counts(s Summary) string {
	return fmt.Sprint("lines ", s.Lines, " accepted ", s.Accepted, " duplicate ", s.Duplicate, " held ", s.Held, " rejected ", s.Rejected)
}

func TestImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	feed := history(40, 25)
	random := rand.New(rand.NewPCG(3, 4))
	random.Shuffle(len(feed), func(i, j int) { feed[i], feed[j] = feed[j], feed[i] })
	file := lines(t, feed...)
	summary := f.load(t, strings.NewReader(file))
	if summary.Accepted+summary.Held != 1000 || summary.Rejected != 0 || summary.Lines != 1000 || summary.Bytes != int64(len(file)) || summary.Truncated {
		t.Errorf("got %+v", summary)
	}
	for c := range 40 {
		if got := len(f.effective(t, fmt.Sprintf("C-%d", c))); got != 25 {
			t.Errorf("case %d: got %d facts in effect, want 25", c, got)
		}
	}
	head, err := f.log.Head(context.Background())
	if err != nil || summary.Position != head.Position {
		t.Errorf("got position %v, want the log's end %v, %v", summary.Position, head.Position, err)
	}
	// The same file again changes nothing.
	equal(t, "again", counts(f.load(t, strings.NewReader(file))), "lines 1000 accepted 0 duplicate 1000 held 0 rejected 0")
	again, err := f.log.Head(context.Background())
	if err != nil || again != head {
		t.Errorf("got the log's end %v, %v, want it as it was, %v", again, err, head)
	}
}

func TestImportKeepsOrderWithinACase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// Without sequences only the order of the file says what comes first.
	var feed []message
	for n := range 300 {
		for c := range 3 {
			m := stage(fmt.Sprintf("%d-%d", c, n), 0, fmt.Sprintf("s%d", n))
			m.subject = fmt.Sprintf("C-%d", c)
			feed = append(feed, m)
		}
	}
	f.load(t, strings.NewReader(lines(t, feed...)))
	for c := range 3 {
		var want []string
		for n := range 300 {
			want = append(want, fmt.Sprintf("0 s%d", n))
		}
		equal(t, "order", f.effective(t, fmt.Sprintf("C-%d", c)), want)
	}
}

func TestImportBadLines(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.limits.BodyBytesMax, f.limits.EventBytesMax = 4000, 2000
	good := func(sequence int) string {
		return strings.TrimSpace(lines(t, stage(strconv.Itoa(sequence), sequence, "on-hold")))
	}
	file := "\xef\xbb\xbf" + strings.Join([]string{
		good(1), "", "not JSON", "  \t", good(2) + "\r", string(stage("big", 9, strings.Repeat("x", 3000)).text(t)),
		strings.Repeat("y", 100_000), good(3), `{"specversion":"1.0","id":"half`,
	}, "\n")
	summary := f.load(t, strings.NewReader(file))
	equal(t, "counts", counts(summary), "lines 7 accepted 3 duplicate 0 held 0 rejected 4")
	if !summary.Truncated || summary.Bytes >= int64(len(file)) {
		t.Errorf("got %+v, want it truncated", summary)
	}
	want := []struct {
		line int64
		text string
	}{
		{3, "invalid-json: The event is not valid JSON: a JSON value is expected here (at byte 0)."},
		{6, "event-too-large: The event has 3"},
		{7, "event-too-large: The line has 100001 bytes, at most 4000 are read; only the first 4002 are kept."},
		{9, "truncated-line: The last line ends in the middle: the file was cut off. Get it whole and import it again"},
	}
	if len(summary.Rejections) != len(want) {
		t.Fatalf("got rejections %+v, want %d", summary.Rejections, len(want))
	}
	for i, rejection := range summary.Rejections {
		if got := rejection.Code + ": " + rejection.Reason; rejection.Line != want[i].line || !strings.HasPrefix(got, want[i].text) {
			t.Errorf("got line %d %s, want line %d %s", rejection.Line, got, want[i].line, want[i].text)
		}
	}
	// Half an event is not kept: the whole one is still where the file came from.
	equal(t, "dead letters", len(f.open(t)), 3)
}

// A last line without a line break after it is a line like any other, if it is whole.
func TestImportLastLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	summary := f.load(t, strings.NewReader(strings.TrimSpace(lines(t, stage("1", 1, "on-hold"), stage("2", 2, "on-hold")))))
	equal(t, "counts", counts(summary), "lines 2 accepted 2 duplicate 0 held 0 rejected 0")
	summary = f.load(t, strings.NewReader(""))
	equal(t, "an empty file", counts(summary), "lines 0 accepted 0 duplicate 0 held 0 rejected 0")
}

func TestImportRefusesWhatIsNoLines(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for start, want := range map[string]string{
		"\x1f\x8b\x08\x00": "zcat FILE | casesync import -",
		"PK\x03\x04":       "unpack it first",
		"\xff\xfe{\x00":    "convert it to UTF-8",
		"[\n{":             "write one event per line",
	} {
		_, err := Import(context.Background(), f.Ingester, strings.NewReader(start+strings.Repeat("\n", 10)), fromFile)
		if !errors.Is(err, ErrNotLines) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %v with %q", start, err, ErrNotLines, want)
		}
	}
	_, err := Import(context.Background(), f.Ingester, strings.NewReader(""), ImportOptions{Sender: Sender{By: operator}})
	if !errors.Is(err, commands.ErrForbidden) {
		t.Errorf("by an operator: got %v, want %v", err, commands.ErrForbidden)
	}
}

// calling is an empty reader that calls something when it is reached.
type calling struct{ call func() }

func (c calling) Read([]byte) (int, error) {
	c.call()
	return 0, io.EOF
}

// An import that fails says at which line, ends all it started, and goes on when it is repeated.
func TestImportFails(t *testing.T) {
	f := newFixture(t)
	file := lines(t, history(20, 20)...)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	broken := io.MultiReader(strings.NewReader(file[:len(file)/2]), iotest.ErrReader(errPulled))
	if _, err := Import(context.Background(), f.Ingester, broken, fromFile); !errors.Is(err, errPulled) {
		t.Errorf("got %v, want %v", err, errPulled)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := io.MultiReader(strings.NewReader(file[:len(file)/2]), calling{cancel}, strings.NewReader(file[len(file)/2:]))
	if _, err := Import(ctx, f.Ingester, stopped, fromFile); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	summary := f.load(t, strings.NewReader(file))
	if summary.Accepted+summary.Duplicate+summary.Held != 400 || len(f.effective(t, "C-19")) != 20 {
		t.Errorf("got %+v, want the whole file taken", summary)
	}
	if err := f.log.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if _, err := Import(context.Background(), f.Ingester, strings.NewReader(lines(t, stage("n", 0, "x"))), fromFile); err == nil || !strings.Contains(err.Error(), "import line 1: ") {
		t.Errorf("got %v, want an error that names the line", err)
	}
}

func TestImportProgress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	file := lines(t, history(30, 30)...)
	var gotLines, gotBytes int64
	options := fromFile
	options.Progress = func(lines, bytes int64) {
		if lines <= gotLines || bytes <= gotBytes {
			t.Errorf("got progress from %d lines to %d", gotLines, lines)
		}
		gotLines, gotBytes = lines, bytes
	}
	if _, err := Import(context.Background(), f.Ingester, strings.NewReader(file), options); err != nil {
		t.Fatalf("import: %v", err)
	}
	if gotLines != 900 || gotBytes != int64(len(file)) {
		t.Errorf("got %d lines, %d bytes at the end, want 900, %d", gotLines, gotBytes, len(file))
	}
}

// What is read ahead is bounded, whatever waits behind it.
func TestImportBoundsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var feed []message
	for n := range 200 {
		feed = append(feed, message{id: strconv.Itoa(n), sequence: n + 1, eventType: "cms.case.suppressed.v1", data: map[string]any{"reason": strings.Repeat("r", 1000)}})
	}
	options := fromFile
	options.BytesInFlightMax = 3000 // less than one chunk of lines
	summary, err := Import(context.Background(), f.Ingester, bytes.NewReader([]byte(lines(t, feed...))), options)
	if err != nil || summary.Accepted != 200 {
		t.Errorf("got %+v, %v, want 200 accepted", summary, err)
	}
}

// BenchmarkImport is the whole way of a file into a log, sealed, with all syncs.
func BenchmarkImport(b *testing.B) {
	const cases, length = 2000, 11
	texts := make([]string, 0, cases*length)
	for n := range length {
		for c := range cases {
			m := message{id: fmt.Sprintf("%d-%d", c, n), subject: fmt.Sprintf("C-%d", c), sequence: n + 1}
			switch {
			case n == 0:
				m.eventType, m.data = "cms.case.converted.v1", map[string]any{
					"frn": "123456", "issue": "Problem with a purchase", "convertedAt": "2026-03-02T10:15:00Z",
					"product":  map[string]any{"sector": "Banking and credit", "group": "Cards", "product": "Credit card"},
					"consumer": map[string]any{"name": "Alex Specimen", "email": "alex@consumer.example"}, "handler": "Sam Example",
				}
			case n%3 == 0:
				m.eventType, m.data = "cms.case.action-requested.v1", map[string]any{
					"actionId": fmt.Sprint("A-", n), "kind": "file-request", "description": "Send us your complaint file.", "dueDate": "2026-03-16",
				}
			}
			texts = append(texts, string(m.text(b)))
		}
	}
	file := strings.Join(texts, "\n") + "\n"
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		b.StopTimer()
		f := newFixture(b)
		b.StartTimer()
		if summary := f.load(b, strings.NewReader(file)); summary.Accepted != cases*length {
			b.Fatalf("got %+v", summary)
		}
	}
	b.ReportMetric(float64(cases*length)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
