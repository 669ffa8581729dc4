package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/projections"
)

// TestProblems: each code has a status, a title and a type of its own, and no two share a title with
// another status.
func TestProblems(t *testing.T) {
	t.Parallel()
	for code, kind := range problems {
		p := problem(code, "%d things", 3)
		if p.Status != kind.status || p.Status < 400 || p.Status > 599 || p.Title == "" || strings.HasSuffix(p.Title, ".") {
			t.Errorf("%s: got status %d, title %q", code, p.Status, p.Title)
		}
		if p.Type != "urn:casesync:problem:"+string(code) || p.Detail != "3 things" || p.Error() != string(code)+": 3 things" {
			t.Errorf("%s: got %+v", code, p)
		}
	}
}

// TestProblemOf: what may work later says so; what is known keeps its own words; nothing else is told.
func TestProblemOf(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithTimeout(t.Context(), 0)
	defer cancelLate()
	for name, c := range map[string]struct {
		ctx   context.Context
		err   error
		code  Code
		retry bool
	}{
		"a problem":        {t.Context(), fmt.Errorf("read: %w", notFound()), CodeNotFound, false},
		"too slow":         {late, fmt.Errorf("read: %w", context.DeadlineExceeded), CodeUnavailable, true},
		"given up":         {ended, fmt.Errorf("read: %w", context.Canceled), CodeUnavailable, false},
		"no database":      {t.Context(), fmt.Errorf("read: %w", io.ErrUnexpectedEOF), CodeUnavailable, true},
		"a fault":          {t.Context(), errors.New("secret=1"), CodeInternal, false},
		"another time-out": {t.Context(), context.DeadlineExceeded, CodeInternal, false},
	} {
		got := s.problemOf(c.ctx, c.err)
		if got.Code != c.code || (got.header.Get("Retry-After") != "") != c.retry || strings.Contains(got.Detail, "secret") {
			t.Errorf("%s: got %v %v, want %s", name, got, got.header, c.code)
		}
	}
}

func TestCommandProblem(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	for _, c := range []struct {
		err   error
		code  Code
		fault string
	}{
		{commands.ErrNoDeadLetter, CodeNotFound, ""},
		{commands.ErrNoStream, CodeNotFound, ""},
		{commands.ErrDeadLetterResolved, CodeConflict, ""},
		{commands.ErrDeadLetterErased, CodeConflict, ""},
		{commands.ErrNoReason, CodeInvalidBody, ""},
		{commands.ErrForbidden, CodeForbidden, ""},
		{&domain.Refusal{Code: "sequence-passed", Reason: "it has come."}, CodeConflict, "sequence-passed"},
		{errors.New("else"), CodeInternal, ""},
	} {
		got := s.commandProblem(t.Context(), fmt.Errorf("skip: %w", c.err))
		if got.Code != c.code || (len(got.Errors) == 1) != (c.fault != "") || c.fault != "" && got.Errors[0].Message != c.fault {
			t.Errorf("%v: got %+v, want %s", c.err, got, c.code)
		}
	}
}

func TestCodeOfStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Code{
		400: CodeBadRequest, 404: CodeNotFound, 406: CodeNotAcceptable, 408: CodeUnavailable, 413: CodeBodyTooLarge, 415: CodeMediaType,
		418: CodeBadRequest, 422: CodeInvalidBody, 500: CodeInternal, 501: CodeInternal,
	} {
		if got := codeOfStatus(status); got != want {
			t.Errorf("%d: got %s, want %s", status, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "The request cannot be understood.", "no body": "No body.", "It is so.": "It is so."} {
		if got := sentence(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"short": "short", strings.Repeat("ä", 60): strings.Repeat("ä", 60), strings.Repeat("ä", 61): strings.Repeat("ä", 60) + "…", "a\xffb": "a�b",
	} {
		if got := clip(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]string{0: "1", time.Millisecond: "1", 1500 * time.Millisecond: "2", time.Minute: "60"} {
		if got := notFound().retryAfter(after).header.Get("Retry-After"); got != want {
			t.Errorf("%v: got %s, want %s", after, got, want)
		}
	}
}

// TestNoneMatch is the weak comparison of RFC 9110, 8.8.3.2.
func TestNoneMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header []string
		want   bool
	}{
		{nil, false}, {[]string{""}, false}, {[]string{`W/"a"`}, true}, {[]string{`"a"`}, true}, {[]string{`W/"b"`}, false},
		{[]string{`"b", W/"a"`}, true}, {[]string{`"b",W/"a"`}, true}, {[]string{`"b"`, `"a"`}, true}, {[]string{"*"}, true}, {[]string{`W/"aa"`}, false}, {[]string{"a"}, false},
	} {
		if got := noneMatch(http.Header{"If-None-Match": c.header}, `W/"a"`); got != c.want {
			t.Errorf("%q: got %v, want %v", c.header, got, c.want)
		}
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	g := newTurnstile(2, 3)
	enter := func(who string, want bool) (leave func()) {
		t.Helper()
		leave, ok := g.enter(who)
		if ok != want {
			t.Fatalf("%s: got %v, want %v", who, ok, want)
		}
		return leave
	}
	first := enter("a", true)
	enter("a", true)
	enter("a", false) // his own bound
	other := enter("b", true)
	enter("c", false) // everybody's
	first()
	first() // leaving twice is leaving once
	enter("c", true)
	enter("a", false)
	other()
	enter("a", true)
	if len(g.inside) != 2 || g.all != 3 {
		t.Errorf("inside: got %v, all %d", g.inside, g.all)
	}
}

// TestHeadersOfEveryAnswer: also of errors, and of what no route takes.
func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	for path, status := range map[string]int{
		"/livez": 200, "/docs": 200, "/openapi.yaml": 200, "/api/v1/cases": 401, "/nowhere": 404, "/livez?" + strings.Repeat("x", 17<<10): 414,
	} {
		for _, overTLS := range []bool{false, true} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if overTLS {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != status {
				t.Errorf("%.20s: got %d, want %d", path, w.Code, status)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%.20s: %s: got %q, want %q", path, name, got, want)
				}
			}
			if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%.20s: Content-Security-Policy: got %q", path, csp)
			}
			if got := w.Header().Get("Strict-Transport-Security") != ""; got != overTLS {
				t.Errorf("%.20s: Strict-Transport-Security: got %v over TLS %v", path, got, overTLS)
			}
			if w.Header().Get("Cache-Control") == "" {
				t.Errorf("%.20s: no Cache-Control", path)
			}
		}
	}
}

// TestParameters: each way in which a parameter can be wrong says which it is and what would do.
func TestParameters(t *testing.T) {
	t.Parallel()
	type query struct {
		word string
		flag *bool
		day  *projections.Day
		n    int
		many []string
	}
	table := []parameter[query]{
		{name: "word", set: choose(func(q *query) *string { return &q.word }, "a", "b")},
		{name: "flag", set: setFlag(func(q *query) **bool { return &q.flag })},
		{name: "day", set: setDay(func(q *query) **projections.Day { return &q.day })},
		{name: "n", set: setNumber(func(q *query) *int { return &q.n }, 1, 10)},
		{name: "many", repeated: true, set: func(q *query, values []string) error { q.many = values; return nil }},
	}
	for rawQuery, want := range map[string]string{
		"": "",
		"word=a&flag=true&day=2026-02-28&n=3&many=x&many=y": "",
		"word=c":                           `"c" is not one of a, b`,
		"word=a&word=b":                    "given 2 times; give it once",
		"flag=1":                           `"1" is neither true nor false`,
		"day=2026-02-30":                   `"2026-02-30" is not a calendar day`,
		"day=1899-12-31":                   "not between 1900-01-01 and 2200-12-31",
		"day=2201-01-01":                   "not between 1900-01-01 and 2200-12-31",
		"n=0":                              "not a whole number from 1 to 10",
		"n=11":                             "not a whole number from 1 to 10",
		"n=x":                              "not a whole number from 1 to 10",
		"many=%00":                         "NUL character",
		"many=%FF":                         "not UTF-8 text",
		"many=" + strings.Repeat("x", 201): "longer than 200 characters",
		strings.Repeat("many=x&", 101):     "has 101 values; give at most 100",
		"Word=a":                           "There are: day, flag, many, n, word.",
		"%zz=1":                            "not well-formed",
	} {
		var q query
		refusal := parseParameters(rawQuery, table, &q)
		if want == "" && refusal != nil || want != "" && (refusal == nil || !strings.Contains(refusal.Detail, want) || refusal.Status != http.StatusBadRequest) {
			t.Errorf("%.40s: got %v, want %q", rawQuery, refusal, want)
		}
	}
	var q query
	if refusal := parseParameters("word=b&flag=false&day=1970-01-03&n=10&many=x&many=y", table, &q); refusal != nil || q.word != "b" || *q.flag || *q.day != 2 || q.n != 10 || len(q.many) != 2 {
		t.Errorf("got %+v, %v", q, refusal)
	}
}

// TestScopeKey: two callers are asked for together only if they see the same.
func TestScopeKey(t *testing.T) {
	t.Parallel()
	a, b := projections.BusinessScope("user:1", "123456"), projections.BusinessScope("user:2", "123456")
	if scopeKey(a) != scopeKey(b) {
		t.Error("two users of one business: got two keys, want one")
	}
	seen := map[string]int{}
	for i, scope := range []projections.Scope{
		a, projections.BusinessScope("user:1", "123456", "654321"), projections.BusinessScope("user:1", "654321"),
		projections.AuditorScope("user:1"), projections.OperatorScope("user:1"),
	} {
		if other, there := seen[scopeKey(scope)]; there {
			t.Errorf("scopes %d and %d: got one key, want two", other, i)
		}
		seen[scopeKey(scope)] = i
	}
}
