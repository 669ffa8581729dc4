package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/activity"
	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/identity"
	"casesync/adapters/identity/gate"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/domain/access"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// house is an installation with everything: people, the gate, and the activity log. All its routes are
// registered.
type house struct {
	*world
	sessions *sessions.Sessions
	activity *activity.Log
	failing  *failingLog
}

// failingLog is an activity log that can be told to fail.
type failingLog struct {
	*activity.Log
	mu   sync.Mutex
	fail bool
}

func (l *failingLog) set(fail bool) { l.mu.Lock(); defer l.mu.Unlock(); l.fail = fail }

func (l *failingLog) Record(ctx context.Context, a commands.Activity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail {
		return errors.New("the disk is full")
	}
	return l.Log.Record(ctx, a)
}

// ListActivities reads the log as the service wires it.
func (l *failingLog) ListActivities(ctx context.Context, filter httpapi.ActivityFilter, before int64, limit int) ([]httpapi.ActivityEntry, error) {
	found, err := l.List(ctx, activity.Filter(filter), before, limit)
	list := make([]httpapi.ActivityEntry, len(found))
	for i, entry := range found {
		list[i] = httpapi.ActivityEntry{Number: entry.Seq, Activity: entry.Activity}
	}
	return list, err
}

// inHouses runs a test on SQLite and on PostgreSQL.
func inHouses(t *testing.T, test func(t *testing.T, h *house)) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newHouse(t, address, nil)) })
}

// newHouse starts an installation with everything; change may alter its configuration first.
func newHouse(t *testing.T, address string, change func(*httpapi.Config)) *house {
	t.Helper()
	h := &house{}
	var api *httpapi.Server
	h.world = newWorld(t, address, func(config *httpapi.Config) {
		db, err := sqldb.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		h.openActivity(t, db, config)
		h.openGate(t, db, config, func(ctx context.Context, err error) error { return api.Fault(ctx, err) })
		config.Pages = openPages(t, config)
		openOutbox(t, address, config, &sink{})
		config.Questions = func(context.Context, string) ([]string, error) { return nil, nil }
		config.ExportPerson = func(_ context.Context, w io.Writer, person string) error {
			_, err := io.WriteString(w, `{"person":"`+person+`"}`)
			return err
		}
		if change != nil {
			change(config)
		}
	})
	api = h.api
	return h
}

func (h *house) openActivity(t *testing.T, db *sqldb.DB, config *httpapi.Config) {
	t.Helper()
	var err error
	if h.activity, err = activity.Open(t.Context(), activity.Config{DB: db, Now: config.Now, Logger: config.Logger}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.activity.Close)
	h.failing = &failingLog{Log: h.activity}
	config.Activity, config.Activities = h.failing, h.failing
}

func (h *house) openGate(t *testing.T, db *sqldb.DB, config *httpapi.Config, fault func(context.Context, error) error) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	attempts, err := signin.Open(t.Context(), db, config.Now)
	must(err)
	h.sessions, err = sessions.Open(t.Context(), sessions.Config{DB: db, Now: config.Now, CheckEvery: 100 * time.Millisecond, Logger: config.Logger})
	must(err)
	credentials, err := local.Open(t.Context(), local.Config{
		DB: db, Sealer: config.Codec, SubjectOf: func(user string) string { return "account-" + user },
		Hashing: local.Hashing{MemoryKiB: 32, Passes: 1}, Now: config.Now,
	})
	must(err)
	made, err := gate.New(gate.Config{
		People: config.People, Local: credentials, Attempts: attempts, Sessions: h.sessions, Activity: config.Activity,
		PublicURL: "https://casesync.test", AddressDigest: func(string) string { return "digest" },
		Refused: func(code, detail string, after time.Duration) error { return httpapi.Refused(code, detail, after) },
		Fault:   fault, AnswerTimeMin: time.Millisecond, Now: config.Now, Logger: config.Logger,
	})
	must(err)
	config.Gate = made
}

// signIn begins a session of a person, as the gate does at the end of every way in, and returns its
// cookie.
func (h *house) signIn(person string) string {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.sessions.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ticket, err := h.sessions.Ticket(r.Context(), person)
		h.must(err)
		h.must(h.sessions.SignIn(r.Context(), ticket, "local"))
	})).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	for _, cookie := range w.Result().Cookies() {
		if cookie.Name == sessions.CookieName {
			return cookie.Name + "=" + cookie.Value
		}
	}
	h.t.Fatal("no session began")
	return ""
}

// A visitor is somebody who asks: with a token, a session, or neither.
type visitor struct {
	name           string
	token, session string
	// person is his user id, "" for machines and nobody.
	person string
	// roles are those of the other side, or those at frn.
	roles []access.Role
	frn   string
	// refused is the code that the authoriser refuses everything with, "" for none; pending is whether
	// the terms wait to be accepted.
	refused httpapi.Code
	pending bool
}

// send asks as a visitor, with JSON or nothing as the body.
func (h *house) send(v visitor, method, path, body string, header ...string) answer {
	h.t.Helper()
	if v.session != "" {
		header = append(header, "Cookie", v.session)
	}
	if body != "" {
		header = append(header, "Content-Type", "application/json")
	}
	return h.do(method, path, v.token, body, header...)
}

// opened returns the status and the problem's code, without waiting for a stream to end.
func (h *house) opened(v visitor, method, path, body string) (status int, code httpapi.Code) {
	h.t.Helper()
	if path == "/api/v1/events" {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, method, h.URL+path, nil)
		h.must(err)
		request.Header.Set("Cookie", v.session)
		if v.token != "" {
			request.Header.Set("Authorization", "Bearer "+v.token)
		}
		response, err := h.Client().Do(request)
		h.must(err)
		defer response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return response.StatusCode, ""
		}
		content, err := io.ReadAll(response.Body)
		h.must(err)
		return response.StatusCode, codeOf(answer{h.t, response.StatusCode, response.Header, content})
	}
	got := h.send(v, method, path, body)
	return got.status, codeOf(got)
}

// codeOf is the code of a problem, "" for what is none and for answers to HEAD, which have no body.
func codeOf(a answer) httpapi.Code {
	if len(a.body) == 0 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		return ""
	}
	return httpapi.Code(a.text("code"))
}

// The domains of the businesses of tests.
const domainA, domainB = "business-a.example", "business-b.example"

// populate lets people of each role join both businesses. The terms of a later version wait to be
// accepted by those of "pending"; those of "disabled" were disabled by an operator.
func (h *house) populate() []visitor {
	h.t.Helper()
	feed(h.fixture)
	var visitors []visitor
	for frn, domain := range map[string]string{frnA: domainA, frnB: domainB} {
		h.found(frn, domain)
		first := h.administrator(frn, domain, "first@"+domain)
		for _, role := range []access.Role{access.Caseworker, access.Supervisor} {
			p := h.join(frn, first.token, "Sample "+string(role), string(role)+"@"+domain, role)
			visitors = append(visitors, visitor{name: string(role) + " at " + frn, person: p.id, roles: []access.Role{role}, frn: frn})
		}
		visitors = append(visitors, visitor{name: "administrator at " + frn, person: first.id, roles: []access.Role{access.Administrator}, frn: frn})
		if frn == frnA {
			gone := h.join(frn, first.token, "Sample Gone", "gone@"+domain, access.Caseworker, access.Supervisor)
			visitors = append(visitors,
				visitor{name: "disabled, by session", person: gone.id, session: h.signIn(gone.id), refused: httpapi.CodeSessionEnded},
				visitor{name: "disabled, by token", person: gone.id, token: gone.token, refused: httpapi.CodeTokenRefused})
			for _, role := range []access.Role{access.Caseworker, access.Supervisor} {
				p := h.join(frn, first.token, "Sample Slow "+string(role), "slow."+string(role)+"@"+domain, role)
				visitors = append(visitors, visitor{name: "pending " + string(role), person: p.id, roles: []access.Role{role}, frn: frn, pending: true})
			}
		}
	}
	h.told(http.MethodPost, "/api/v1/terms", h.operator(), data{"kind": "terms-of-use", "version": "2026-02", "text": "# New", "reason": "the second"})
	for i, v := range visitors {
		switch {
		case v.refused != "":
			h.asked(http.MethodPost, "/api/v1/accounts/"+v.person+"/disable", h.operator(), data{"reason": "a test"})
			continue
		case !v.pending:
			token := h.issue(identity.Spec{Businesses: map[string][]access.Role{v.frn: v.roles}, User: v.person})
			h.told(http.MethodPost, "/api/v1/terms/acceptances", token, data{"business": v.frn, "version": "2026-02"})
		}
		visitors[i].session = h.signIn(v.person)
	}
	for _, role := range access.Roles() {
		if !role.OfBusiness() {
			visitors = append(visitors, visitor{name: string(role), token: h.as(role), roles: []access.Role{role}})
		}
	}
	return append(visitors, visitor{name: "nobody", refused: httpapi.CodeTokenMissing})
}
