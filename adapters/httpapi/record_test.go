package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/ratelimit"
	"casesync/domain/access"
)

// activities returns what was recorded, the newest first, once there are count entries: plain reads are
// written a moment after the answer.
func (h *house) activities(filter httpapi.ActivityFilter, count int) (list []httpapi.ActivityEntry) {
	h.t.Helper()
	h.waitFor(func() bool {
		var err error
		list, err = h.failing.ListActivities(h.t.Context(), filter, 0, 1000)
		h.must(err)
		return len(list) >= count
	})
	return list
}

// summary is an entry in a line.
func summary(e httpapi.ActivityEntry) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %v %s", e.Kind, e.Operation, e.Subject, strings.Join(e.FRNs, "+"), e.Failed, e.Code))
}

func TestActivityIsRecorded(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		feed(h.fixture)
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		p := h.join(frnA, admin.token, "Sample Person", "p@"+domainA, access.Caseworker)
		who := visitor{session: h.signIn(p.id)}
		export := "/api/v1/cases/export?q=secret&status=open&format=csv"
		for _, ask := range []struct {
			path, want string
			times      int
		}{
			{"/api/v1/cases?q=Specimen&stage=investigation", "data-read GET /api/v1/cases  " + frnA + " false", 1},
			{"/api/v1/cases/C1", "data-read GET /api/v1/cases/{ref} casefile-C1 " + frnA + " false", 1},
			{"/api/v1/cases/C5", "data-read GET /api/v1/cases/{ref} casefile-C5 " + frnA + " true not-found", 1},
			{"/api/v1/cases/some@body.example", "data-read GET /api/v1/cases/{ref}  " + frnA + " true not-found", 1},
			{"/api/v1/activity", "access-refused GET /api/v1/activity   true forbidden", 1},
			{export, "data-exported GET /api/v1/cases/export  " + frnA + " false", 2},
		} {
			before := len(h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id}, 0))
			h.send(who, http.MethodGet, ask.path, "", "Casesync-Min-Position", h.position)
			got := h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id}, before+ask.times)
			if len(got) != before+ask.times || summary(got[0]) != ask.want {
				t.Errorf("%s: got %d entries, the last %q; want %d, %q", ask.path, len(got)-before, summary(got[0]), ask.times, ask.want)
			}
			if address := got[0].Address; address != "127.0.0.1" {
				t.Errorf("%s: got address %q, want 127.0.0.1", ask.path, address)
			}
		}
		exported := h.activities(httpapi.ActivityFilter{Kind: commands.DataExported}, 2)[0]
		if exported.Detail["rows"] != "0" || exported.Detail["parameters"] != "format q status" || exported.Detail["status"] != "200" {
			t.Errorf("export: got %v", exported.Detail)
		}
		h.send(visitor{}, http.MethodGet, "/api/v1/cases", "")
		if got := h.activities(httpapi.ActivityFilter{Kind: commands.AccessRefused}, 2)[0]; got.Actor != "" || got.Code != "token-missing" {
			t.Errorf("without a token: got %q by %q", summary(got), got.Actor)
		}
		given := h.activities(httpapi.ActivityFilter{Actor: "user:" + admin.id, Kind: commands.CommandGiven}, 2)
		if want := "command-given POST /api/v1/invitations  " + frnA + " false"; summary(given[0]) != want {
			t.Errorf("command: got %q, want %q", summary(given[0]), want)
		}
		for _, entry := range h.activities(httpapi.ActivityFilter{}, 0) {
			if text := fmt.Sprint(entry); strings.Contains(text, "secret") || strings.Contains(text, "Sample") || strings.Contains(text, "@") {
				t.Errorf("the entry %s holds what somebody typed", text)
			}
		}
	})
}

// TestActivityIsRead: Security Operations reads the log page by page, and is recorded doing so.
func TestActivityIsRead(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		for range 5 {
			h.send(visitor{}, http.MethodGet, "/api/v1/cases", "")
		}
		security := visitor{token: h.as(access.Security)}
		page := h.send(security, http.MethodGet, "/api/v1/activity?kind=access-refused&limit=3", "").want(http.StatusOK)
		numbers := page.text("items", 0, "number") + page.text("items", 2, "number")
		next := h.send(security, http.MethodGet, "/api/v1/activity?kind=access-refused&limit=3&cursor="+page.text("next"), "").want(http.StatusOK)
		if items, _ := next.at("items").([]any); len(items) != 2 || next.at("next") != nil || next.text("items", 0, "code") != "token-missing" {
			t.Errorf("after %s: got %s, want the other two", numbers, next.body)
		}
		read := h.activities(httpapi.ActivityFilter{Kind: commands.ActivityRead}, 2)
		if len(read) != 2 || read[0].Actor == "" || read[0].Detail["parameters"] != "cursor kind limit" {
			t.Errorf("reading: got %+v, want two entries", read)
		}
		for query, status := range map[string]int{
			"since=2026-06-10T00:00:00Z&until=2026-06-11T00:00:00Z&failed=true&actor=a&subject=b": http.StatusOK,
			"since=yesterday": http.StatusBadRequest, "kind=other": http.StatusBadRequest, "limit=0": http.StatusBadRequest,
		} {
			h.send(security, http.MethodGet, "/api/v1/activity?"+query, "").want(status)
		}
		later := h.send(security, http.MethodGet, "/api/v1/activity?since=2026-06-10T12:00:01Z", "").want(http.StatusOK)
		if items, _ := later.at("items").([]any); len(items) != 0 {
			t.Errorf("since later: got %s, want nothing", later.body)
		}
	})
}

// TestActivityLogFails: while nothing can be recorded plain reads and commands are answered, and
// counted; exports and the reading of the log are refused.
func TestActivityLogFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqliteAddress(t), nil)
	feed(h.fixture)
	auditor, security := visitor{token: h.as(access.Auditor)}, visitor{token: h.as(access.Security)}
	h.get(access.Auditor, "/api/v1/cases").want(http.StatusOK)
	h.failing.set(true)
	h.send(auditor, http.MethodGet, "/api/v1/cases", "").want(http.StatusOK)
	h.send(visitor{}, http.MethodGet, "/api/v1/cases", "").want(http.StatusUnauthorized)
	if status, _ := h.opened(auditor, http.MethodGet, "/api/v1/events", ""); status != http.StatusOK {
		t.Errorf("stream: got %d, want 200", status)
	}
	for path, who := range map[string]visitor{"/api/v1/cases/export": auditor, "/api/v1/activity": security, "/api/v1/accounts/" + nobody + "/export": {token: h.operator()}} {
		got := h.send(who, http.MethodGet, path, "").want(http.StatusServiceUnavailable)
		if got.text("code") != "unavailable" || got.header.Get("Retry-After") == "" || strings.Contains(string(got.body), "C1") {
			t.Errorf("%s: got %s", path, got.body)
		}
	}
	if got := h.api.Unrecorded(); got < 4 {
		t.Errorf("got %d unrecorded, want them counted", got)
	}
	h.failing.set(false)
	h.send(auditor, http.MethodGet, "/api/v1/cases/export", "").want(http.StatusOK)
}

// limiterOf is a bucket that is never filled again.
func limiterOf(t *testing.T, burst int) *ratelimit.Limiter {
	t.Helper()
	made, err := ratelimit.New(ratelimit.Config{
		Limit: ratelimit.Limit{PerSecond: 1, Burst: burst}, Refuse: httpapi.RefuseLimited, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// statuses are those of n answers to one who asks again and again.
func (h *house) statuses(n int, who visitor, method, path, body string) (list []int) {
	h.t.Helper()
	for range n {
		list = append(list, h.send(who, method, path, body).status)
	}
	return list
}

// TestRateLimits: a principal is bounded as who he is, and who nobody knows by his address; of many
// refusals one a minute is recorded.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.LimitAddresses = limiterOf(t, 2).ByAddress
		config.LimitPrincipals = limiterOf(t, 3).By(func(r *http.Request) string { return httpapi.PrincipalOf(r.Context()).ID })
	})
	auditor, security := visitor{token: h.as(access.Auditor)}, visitor{token: h.as(access.Security)}
	got := h.statuses(5, auditor, http.MethodGet, "/api/v1/me", "")
	got = append(got, h.statuses(1, security, http.MethodGet, "/api/v1/me", "")...)
	for range 3 {
		last := h.send(visitor{}, http.MethodGet, "/api/v1/me", "")
		got = append(got, last.status)
		if last.status == http.StatusTooManyRequests && (last.header.Get("Retry-After") != "1" || last.text("code") != "too-many-requests" ||
			last.header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("refused: got %v %s", last.header, last.body)
		}
	}
	if want := fmt.Sprint([]int{200, 200, 200, 429, 429, 200, 401, 401, 429}); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	recorded := h.activities(httpapi.ActivityFilter{Kind: commands.TooManyRequests}, 2)
	if len(recorded) != 2 || recorded[0].Actor != "" || !strings.HasPrefix(recorded[1].Actor, "token:") || !recorded[0].Failed {
		t.Errorf("recorded: got %+v, want one of the principal and one of the address", recorded)
	}
}

// TestStrangersAreLimited: an address that has used its requests up, by guessing tokens or by asking
// what anybody may, gets nothing more as a stranger, and everything as who it proves to be.
func TestStrangersAreLimited(t *testing.T) {
	t.Parallel()
	const burst = 5
	h := newHouse(t, sqliteAddress(t), func(config *httpapi.Config) { config.LimitAddresses = limiterOf(t, burst).ByAddress })
	guess := visitor{token: "casesync_test_AAAAAAAAAAAAAAAA_" + strings.Repeat("A", 43)}
	want := func(what string, got []int, want ...int) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	feed, auditor := visitor{token: h.as(access.CMS)}, visitor{token: h.as(access.Auditor)}
	want("events before", h.statuses(2*burst, feed, http.MethodPost, "/cms/v1/events", "nothing")[burst:], slices.Repeat([]int{415}, burst)...)
	want("guesses", h.statuses(burst, guess, http.MethodPost, "/cms/v1/events", "nothing"), slices.Repeat([]int{401}, burst)...)
	want("more guesses", h.statuses(2, guess, http.MethodPost, "/cms/v1/events", "nothing"), 429, 429)
	want("nobody", h.statuses(1, visitor{}, http.MethodGet, "/api/v1/me", ""), 429)
	want("open routes", h.statuses(1, visitor{}, http.MethodGet, "/openapi.yaml", ""), 429)
	want("probes", append(h.statuses(3, visitor{}, http.MethodGet, "/livez", ""), h.statuses(1, visitor{}, http.MethodGet, "/readyz", "")...), 200, 200, 200, 200)
	want("events after", h.statuses(burst, feed, http.MethodPost, "/cms/v1/events", "nothing"), slices.Repeat([]int{415}, burst)...)
	want("reads of who is known", h.statuses(burst, auditor, http.MethodGet, "/api/v1/me", ""), slices.Repeat([]int{200}, burst)...)
	if got := h.activities(httpapi.ActivityFilter{Kind: commands.TooManyRequests}, 1); len(got) != 1 {
		t.Errorf("recorded: got %d, want one a minute", len(got))
	}
}

// TestStrictTransport: browsers are told to come over TLS where the configuration says so.
func TestStrictTransport(t *testing.T) {
	t.Parallel()
	for hsts, want := range map[bool]string{true: "max-age=63072000", false: ""} {
		f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) { config.HSTS = hsts })
		if got := f.do(http.MethodGet, "/livez", "", "").header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("HSTS %v: got %q, want %q", hsts, got, want)
		}
	}
}
