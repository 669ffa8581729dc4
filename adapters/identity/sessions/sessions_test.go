package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// process is one of several that serve the same sessions over HTTPS.
type process struct {
	*sessions.Sessions
	db     *sqldb.DB
	server *httptest.Server
}

type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) Now() time.Time      { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) add(d time.Duration) { c.micros.Add(d.Microseconds()) }

func start(t *testing.T, address string, clock *clock) *process {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := sessions.Open(t.Context(), sessions.Config{DB: db, Now: clock.Now, CheckEvery: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Sessions: s, db: db}
	p.server = httptest.NewTLSServer(s.Middleware(p.routes(t)))
	t.Cleanup(p.server.Close)
	return p
}

func (p *process) routes(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		ticket, err := p.Ticket(r.Context(), r.FormValue("user"))
		if err == nil && r.FormValue("disable") != "" {
			err = p.EndAll(r.Context(), r.FormValue("user")) // by an administrator, in between
		}
		if err == nil {
			err = p.SignIn(r.Context(), ticket, "local")
		}
		if err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		if err := p.SignOut(r.Context()); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, p.User(r.Context())) })
	mux.HandleFunc("POST /put", func(w http.ResponseWriter, r *http.Request) { p.Put(r.Context(), "k", r.FormValue("v")) })
	mux.HandleFunc("POST /take", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, p.Take(r.Context(), "k")) })
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		until, done := p.Until(r.Context())
		defer done()
		io.WriteString(w, "open\n")
		http.NewResponseController(w).Flush()
		<-until.Done()
		fmt.Fprintln(w, context.Cause(until))
	})
	mux.HandleFunc("POST /slow", func(w http.ResponseWriter, r *http.Request) {
		// The session is ended while this request, which changes it, is under way.
		if err := p.EndAll(r.Context(), p.User(r.Context())); err != nil {
			t.Error(err)
		}
		p.Put(r.Context(), "k", "too late")
	})
	mux.HandleFunc("POST /slow-one", func(w http.ResponseWriter, r *http.Request) {
		list, err := p.List(r.Context(), p.User(r.Context()))
		if err != nil || len(list) != 1 || !list[0].Current {
			t.Errorf("got %v, %v, want the current session", list, err)
			return
		}
		if err := p.End(r.Context(), p.User(r.Context()), list[0].ID); err != nil {
			t.Error(err)
		}
		p.Put(r.Context(), "k", "too late")
	})
	return mux
}

// browser keeps its cookies, and shows them to any process: they share a host.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T, p *process) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *p.server.Client()
	client.Jar = jar
	return &browser{&client, t}
}

func (b *browser) post(p *process, path string, form url.Values) string {
	b.t.Helper()
	answer, err := b.PostForm(p.server.URL+path, form)
	return b.read(answer, err)
}

func (b *browser) get(p *process, path string) string {
	b.t.Helper()
	answer, err := b.Get(p.server.URL + path)
	return b.read(answer, err)
}

func (b *browser) read(answer *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.t.Fatalf("got %s, %v", answer.Status, err)
	}
	return string(body)
}

func (b *browser) token(p *process) string {
	u, _ := url.Parse(p.server.URL)
	for _, cookie := range b.Jar.Cookies(u) {
		if cookie.Name == sessions.CookieName {
			return cookie.Value
		}
	}
	return ""
}

func user(name string) url.Values { return url.Values{"user": {name}} }

func TestSignInGivesANewToken(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		p := start(t, address, newClock())
		b := newBrowser(t, p)
		if got := b.get(p, "/who"); got != "" || b.token(p) != "" {
			t.Errorf("at first: got %q with token %q, want nobody and none", got, b.token(p))
		}
		b.post(p, "/put", url.Values{"v": {"before"}})
		before := b.token(p)
		b.post(p, "/sign-in", user("u1"))
		after := b.token(p)
		if before == "" || after == "" || before == after {
			t.Errorf("tokens before and after: got %q, %q, want two", before, after)
		}
		if got := b.get(p, "/who"); got != "u1" {
			t.Errorf("signed in: got %q, want u1", got)
		}
		if got := b.post(p, "/take", nil); got != "" {
			t.Errorf("what was there before signing in: got %q, want nothing", got)
		}
		fixed := newBrowser(t, p)
		at, _ := url.Parse(p.server.URL)
		fixed.Jar.SetCookies(at, []*http.Cookie{{Name: sessions.CookieName, Value: before, Path: "/", Secure: true}})
		if got := fixed.get(p, "/who"); got != "" {
			t.Errorf("the old token: got %q, want nobody", got)
		}
		var stolen int
		if err := p.db.QueryRow(`SELECT count(*) FROM sessions WHERE token_sha256 = $1 OR data LIKE $2`, after, "%"+after+"%").Scan(&stolen); err != nil || stolen != 0 {
			t.Errorf("rows with the token in clear: got %d, %v, want none", stolen, err)
		}
		b.post(p, "/sign-out", nil)
		if got := b.get(p, "/who"); got != "" || b.token(p) != "" {
			t.Errorf("signed out: got %q with token %q, want nobody and none", got, b.token(p))
		}
	})
}

func TestCookieFlags(t *testing.T) {
	t.Parallel()
	p := start(t, sqldbtest.SQLite(t), newClock())
	answer, err := newBrowser(t, p).PostForm(p.server.URL+"/sign-in", user("u1"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	cookies := answer.Header.Values("Set-Cookie")
	if len(cookies) != 1 {
		t.Fatalf("got cookies %q, want one", cookies)
	}
	for _, flag := range []string{"__Host-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(cookies[0], flag) {
			t.Errorf("got %q, want %q in it", cookies[0], flag)
		}
	}
	for _, flag := range []string{"Domain", "Expires", "Max-Age"} {
		if strings.Contains(cookies[0], flag) {
			t.Errorf("got %q, want no %q in it", cookies[0], flag)
		}
	}
}

func TestLimitsOfTime(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		clock := newClock()
		p := start(t, address, clock)
		idle, busy := newBrowser(t, p), newBrowser(t, p)
		idle.post(p, "/sign-in", user("u1"))
		busy.post(p, "/sign-in", user("u1"))
		for range 2 {
			clock.add(10*time.Minute - time.Second)
			busy.get(p, "/who")
		}
		if got := idle.get(p, "/who"); got != "u1" {
			t.Errorf("idle for just under the limit: got %q, want u1", got)
		}
		clock.add(20 * time.Minute)
		if got := idle.get(p, "/who"); got != "" {
			t.Errorf("idle for the limit: got %q, want nobody", got)
		}
		busy.post(p, "/sign-in", user("u1"))
		for range 59 {
			clock.add(10 * time.Minute)
			if got := busy.get(p, "/who"); got != "u1" {
				t.Fatalf("busy: got %q, want u1", got)
			}
		}
		clock.add(10 * time.Minute)
		if got := busy.get(p, "/who"); got != "" {
			t.Errorf("ten hours after signing in: got %q, want nobody", got)
		}
		if err := p.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		var rows int
		if err := p.db.QueryRow(`SELECT count(*) FROM sessions`).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("after a purge: got %d rows, %v, want none", rows, err)
		}
	})
}

func TestListAndEndOne(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		clock := newClock()
		p := start(t, address, clock)
		first, second, other := newBrowser(t, p), newBrowser(t, p), newBrowser(t, p)
		first.post(p, "/sign-in", user("u1"))
		clock.add(5 * time.Minute)
		second.post(p, "/sign-in", user("u1"))
		other.post(p, "/sign-in", user("u2"))
		list, err := p.List(t.Context(), "u1")
		if err != nil || len(list) != 2 {
			t.Fatalf("got %v, %v, want two sessions", list, err)
		}
		want := clock.Now().Add(-5 * time.Minute)
		if got := list[1]; !got.StartedAt.Equal(want) || !got.SeenAt.Equal(want) || got.Method != "local" || got.Current {
			t.Errorf("the older one: got %+v, want local, started and seen at %v", got, want)
		}
		if err := p.End(t.Context(), "u2", list[1].ID); !errors.Is(err, sessions.ErrNotFound) {
			t.Errorf("another's session: got %v, want %v", err, sessions.ErrNotFound)
		}
		if err := p.End(t.Context(), "u1", list[1].ID); err != nil {
			t.Fatal(err)
		}
		if a, b, c := first.get(p, "/who"), second.get(p, "/who"), other.get(p, "/who"); a != "" || b != "u1" || c != "u2" {
			t.Errorf("after ending the older one: got %q, %q, %q, want nobody, u1, u2", a, b, c)
		}
		if list, err := p.List(t.Context(), ""); err != nil || len(list) != 0 {
			t.Errorf("sessions of nobody: got %v, %v, want none", list, err)
		}
	})
}

// All of a user's sessions end in every process with the next request.
func TestEndAllEverywhere(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		clock := newClock()
		here, there := start(t, address, clock), start(t, address, clock)
		a, b, other := newBrowser(t, here), newBrowser(t, there), newBrowser(t, there)
		a.post(here, "/sign-in", user("u1"))
		b.post(there, "/sign-in", user("u1"))
		other.post(there, "/sign-in", user("u2"))
		if err := here.EndAll(t.Context(), "u1"); err != nil {
			t.Fatal(err)
		}
		if x, y, z := a.get(here, "/who"), b.get(there, "/who"), other.get(there, "/who"); x != "" || y != "" || z != "u2" {
			t.Errorf("got %q, %q, %q, want nobody, nobody, u2", x, y, z)
		}
		b.post(there, "/sign-in", user("u1"))
		if got := b.get(here, "/who"); got != "u1" {
			t.Errorf("signed in again: got %q, want u1", got)
		}
		if err := here.EndAll(t.Context(), ""); err == nil {
			t.Error("ending all of nobody: got no error")
		}
	})
}

// A request under way, or a sign-in, brings no ended session back.
func TestEndedStaysEnded(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		p := start(t, address, newClock())
		for _, path := range []string{"/slow", "/slow-one"} {
			b := newBrowser(t, p)
			b.post(p, "/sign-in", user("u1"))
			b.post(p, path, nil)
			if got := b.get(p, "/who"); got != "" {
				t.Errorf("%s: got %q, want nobody", path, got)
			}
		}
		b := newBrowser(t, p)
		b.post(p, "/sign-in", url.Values{"user": {"u1"}, "disable": {"yes"}})
		if got := b.get(p, "/who"); got != "" {
			t.Errorf("disabled while signing in: got %q, want nobody", got)
		}
	})
}

// An event stream ends within a second, also when another process ended the session.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		clock := newClock()
		here, there := start(t, address, clock), start(t, address, clock)
		b, other := newBrowser(t, here), newBrowser(t, here)
		b.post(here, "/sign-in", user("u1"))
		other.post(here, "/sign-in", user("u2"))
		open := func(b *browser) *http.Response {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			t.Cleanup(cancel)
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, here.server.URL+"/stream", nil)
			answer, err := b.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		mine, others := open(b), open(other)
		ended := time.Now()
		if err := there.EndAll(t.Context(), "u1"); err != nil {
			t.Fatal(err)
		}
		if got, want := b.read(mine, nil), "open\n"+sessions.ErrEnded.Error()+"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if took := time.Since(ended); took > time.Second {
			t.Errorf("ended after %s, want within a second", took)
		}
		list, err := there.List(t.Context(), "u2")
		if err != nil || len(list) != 1 {
			t.Fatalf("got %v, %v, want the other's session", list, err)
		}
		if err := there.End(t.Context(), "u2", list[0].ID); err != nil {
			t.Fatal(err)
		}
		other.read(others, nil)
		if got, want := newBrowser(t, here).get(here, "/stream"), "open\n"+sessions.ErrEnded.Error()+"\n"; got != want {
			t.Errorf("without a session: got %q, want %q", got, want)
		}
	})
}

func TestUnreadableSessionsRefuse(t *testing.T) {
	t.Parallel()
	p := start(t, sqldbtest.SQLite(t), newClock())
	b := newBrowser(t, p)
	b.post(p, "/sign-in", user("u1"))
	p.db.Close()
	answer, err := b.Get(p.server.URL + "/who")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %s, want 503", answer.Status)
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	var refused *signin.Refusal
	handler := sessions.SameOrigin(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		func(w http.ResponseWriter, _ *http.Request, refusal *signin.Refusal) {
			refused = refusal
			w.WriteHeader(http.StatusForbidden)
		}, "POST /sign-in/saml")
	for _, c := range []struct {
		method, path, site string
		want               int
	}{
		{"POST", "/cases", "same-origin", 204},
		{"POST", "/cases", "", 204}, // no browser
		{"GET", "/cases", "cross-site", 204},
		{"POST", "/cases", "cross-site", 403},
		{"DELETE", "/cases", "same-site", 403},
		{"POST", "/sign-in/saml", "cross-site", 204},
		{"POST", "/sign-in/saml/more", "cross-site", 403},
		{"PUT", "/sign-in/saml", "cross-site", 403},
	} {
		r := httptest.NewRequest(c.method, "https://casesync.example"+c.path, nil)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		refused = nil
		handler.ServeHTTP(w, r)
		if w.Code != c.want || (w.Code == 403) != (signin.CodeOf(refusalOf(refused)) == signin.CrossOrigin) {
			t.Errorf("%s %s from %q: got %d, %v, want %d", c.method, c.path, c.site, w.Code, refused, c.want)
		}
	}
}

func refusalOf(r *signin.Refusal) error {
	if r == nil {
		return nil
	}
	return r
}
