package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

func TestDeadLetters(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		if status := f.send("C1", "case.action-requested", 7, data{"actionId": "A9", "kind": "x", "description": "y", "dueDate": "2026-02-30"}); status != "rejected" {
			t.Fatalf("an impossible date: got %s, want rejected", status)
		}
		if status := f.send("C1", "case.stage-changed", 8, data{"stage": "on-hold"}); status != "held" {
			t.Fatalf("what follows it: got %s, want held", status)
		}
		list := f.get(access.Operator, "/api/v1/dead-letters?status=open&subject=C1").want(http.StatusOK)
		id := list.text("items", 0, "id")
		if id == "" || list.text("items", 0, "sequence") != "7" || list.at("items", 0, "original") != nil {
			t.Fatalf("list: got %s, want the letter without its original", list.body)
		}
		whole := f.get(access.Operator, "/api/v1/dead-letters/"+id).want(http.StatusOK)
		if !strings.Contains(whole.text("original"), `"2026-02-30"`) || whole.text("originalEncoding") != "utf-8" {
			t.Errorf("original: got %s", whole.body)
		}
		held := f.get(access.Operator, "/api/v1/held").want(http.StatusOK)
		if held.text("items", 0, "stream") != "casefile-C1" || held.text("items", 0, "missingFrom") != "7" || held.text("items", 0, "held") != "1" {
			t.Errorf("held: got %s", held.body)
		}
		if got := f.post(access.Operator, "/api/v1/dead-letters/"+id+"/retry", data{"reason": "try again"}).want(http.StatusOK); got.text("status") != "rejected" {
			t.Errorf("retry of what is still wrong: got %s", got.body)
		}
		f.post(access.Operator, "/api/v1/dead-letters/"+id+"/discard", data{"reason": ""}).want(http.StatusUnprocessableEntity)
		f.post(access.Operator, "/api/v1/dead-letters/"+id+"/discard", data{"why": "x"}).want(http.StatusUnprocessableEntity)
		f.post(access.Operator, "/api/v1/dead-letters/"+id+"/discard", data{"reason": "the source cannot mend it"}).want(http.StatusOK)
		if got := f.post(access.Operator, "/api/v1/dead-letters/"+id+"/discard", data{"reason": "again"}).want(http.StatusConflict); got.text("code") != "conflict" {
			t.Errorf("discard again: got %s", got.body)
		}
		f.waitFor(func() bool { return f.get(access.Caseworker, "/api/v1/cases/C1").text("stage") == "on-hold" })
		if got := f.get(access.Operator, "/api/v1/dead-letters/"+id); got.text("status") != "discarded" || !strings.HasPrefix(got.text("resolvedBy"), "token:") {
			t.Errorf("after: got %s", got.body)
		}
		for _, id := range []string{"00000000-0000-0000-0000-000000000000", "nonsense"} {
			f.get(access.Operator, "/api/v1/dead-letters/"+id).want(http.StatusNotFound)
			f.post(access.Operator, "/api/v1/dead-letters/"+id+"/retry", data{"reason": "x"}).want(http.StatusNotFound)
		}
	})
}

// waitFor waits for something that no position can be waited for.
func (f *fixture) waitFor(done func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			f.t.Fatal("it did not come to be within 20 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestHeldSkip(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		if status := f.send("C2", "case.stage-changed", 5, data{"stage": "on-hold"}); status != "held" {
			t.Fatalf("after a gap: got %s, want held", status)
		}
		f.get(access.Caseworker, "/api/v1/held").want(http.StatusForbidden)
		skip := data{"source": "https://cms.example/one", "from": 4, "to": 3, "reason": "lost"}
		f.post(access.Operator, "/api/v1/held/casefile-C2/skip", skip).want(http.StatusUnprocessableEntity)
		skip["from"], skip["to"] = 3, 4
		f.post(access.Operator, "/api/v1/held/casefile-C999/skip", skip).want(http.StatusNotFound)
		f.post(access.Operator, "/api/v1/held/nonsense/skip", skip).want(http.StatusNotFound)
		got := f.post(access.Operator, "/api/v1/held/casefile-C2/skip", skip).want(http.StatusOK)
		if got.text("status") != "accepted" || got.header.Get("Casesync-Position") != got.text("position") {
			t.Errorf("skip: got %s", got.body)
		}
		f.position = got.text("position")
		if stage := f.get(access.Caseworker, "/api/v1/cases/C2").text("stage"); stage != "on-hold" {
			t.Errorf("after the skip: got stage %s, want on-hold", stage)
		}
	})
}

func TestProjectionRoutes(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		f.get(access.Caseworker, "/api/v1/cases").want(http.StatusOK)
		list := f.get(access.Operator, "/api/v1/projections").want(http.StatusOK)
		if list.text("items", 0, "name") != "cases" || list.text("items", 0, "position") != f.position || list.text("items", 0, "lagEvents") != "0" {
			t.Errorf("status: got %s", list.body)
		}
		generation := list.text("items", 0, "generation")
		f.post(access.Operator, "/api/v1/projections/nothing/rebuild", data{"reason": "x"}).want(http.StatusNotFound)
		f.post(access.Operator, "/api/v1/projections/cases/rebuild", data{"reason": "a test"}).want(http.StatusAccepted)
		f.waitFor(func() bool {
			return f.get(access.Operator, "/api/v1/projections").at("items", 0, "lastRebuild") != nil
		})
		after := f.get(access.Operator, "/api/v1/projections")
		if after.text("items", 0, "lastRebuild", "error") != "" || after.text("items", 0, "lastRebuild", "differences") != "0" || after.text("items", 0, "generation") == generation {
			t.Errorf("after the rebuild: got %s", after.body)
		}
		if got := f.get(access.Caseworker, "/api/v1/cases?sort=reference").refs(); got != "C1 C2 C3 C4" {
			t.Errorf("cases after the rebuild: got %q", got)
		}
		f.post(access.Operator, "/api/v1/projections/nothing/rollback", data{"reason": "x"}).want(http.StatusNotFound)
		f.post(access.Supervisor, "/api/v1/projections/cases/rollback", data{"reason": "x"}).want(http.StatusForbidden)
		f.post(access.Operator, "/api/v1/projections/cases/rollback", data{"reason": "the other way"}).want(http.StatusAccepted)
		f.waitFor(func() bool {
			return f.get(access.Operator, "/api/v1/projections").text("items", 0, "lastRebuild", "action") == "rollback"
		})
		back := f.get(access.Operator, "/api/v1/projections")
		if back.text("items", 0, "lastRebuild", "error") != "" || back.text("items", 0, "generation") != generation {
			t.Errorf("after the roll-back: got %s, want generation %s", back.body, generation)
		}
		if got := f.get(access.Caseworker, "/api/v1/cases?sort=reference").refs(); got != "C1 C2 C3 C4" {
			t.Errorf("cases after the roll-back: got %q", got)
		}
		if got := f.get(access.Auditor, "/api/v1/projections/cases/parked").want(http.StatusOK); got.at("items", 0) != nil {
			t.Errorf("parked: got %s, want none", got.body)
		}
		f.post(access.Operator, "/api/v1/projections/cases/parked/C1/retry", data{"reason": "x"}).want(http.StatusNotFound)
		f.post(access.Operator, "/api/v1/projections/cases/parked/C1/skip", data{"reason": "x", "position": "1"}).want(http.StatusNotFound)
		f.post(access.Operator, "/api/v1/projections/cases/parked/C1/skip", data{"reason": "x", "position": "one"}).want(http.StatusBadRequest)
	})
}

func TestMinPosition(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) { config.Limits.PositionWaitMax = 50 * time.Millisecond })
	feed(f)
	for _, path := range []string{"/api/v1/cases", "/api/v1/businesses"} { // both read models, in their own time
		f.waitFor(func() bool { return f.get(access.Caseworker, path).status == http.StatusOK })
	}
	for _, path := range []string{"/api/v1/cases", "/api/v1/cases/C1", "/api/v1/dashboard", "/api/v1/businesses", "/api/v1/cases/export", "/api/v1/uphold-rates"} {
		behind := f.do(http.MethodGet, path, f.as(access.Caseworker), "", "Casesync-Min-Position", "999999").want(http.StatusServiceUnavailable)
		if behind.text("code") != "read-model-behind" || behind.header.Get("Retry-After") == "" || behind.text("lag", "asked") != "999999" || behind.text("lag", "reached") != f.position {
			t.Errorf("%s: got %s %v", path, behind.body, behind.header)
		}
		for _, bad := range []string{"-1", "x", "1.", "01", "99999999999999999999"} {
			if got := f.do(http.MethodGet, path, f.as(access.Caseworker), "", "Casesync-Min-Position", bad).want(http.StatusBadRequest); got.text("code") != "position-invalid" {
				t.Errorf("%s, %s: got %s", path, bad, got.body)
			}
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	var findings []httpapi.Finding
	var fault error
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.Health = func(context.Context) ([]httpapi.Finding, error) { return findings, fault }
	})
	findings = []httpapi.Finding{{Name: "lag", Ready: true, Value: 3}}
	if got := f.do(http.MethodGet, "/readyz", "", "").want(http.StatusOK); got.text("checks", 0, "value") != "3" || got.text("ready") != "true" {
		t.Errorf("ready: got %s", got.body)
	}
	findings[0].Ready = false
	f.do(http.MethodGet, "/readyz", "", "").want(http.StatusServiceUnavailable)
	findings, fault = nil, errors.New("dial tcp: password=secret")
	if got := f.do(http.MethodGet, "/readyz", "", "").want(http.StatusServiceUnavailable); strings.Contains(string(got.body), "secret") {
		t.Errorf("a fault is told to the public: %s", got.body)
	}
	f.do(http.MethodGet, "/livez", "", "").want(http.StatusOK)
	f.do(http.MethodHead, "/livez", "", "").want(http.StatusOK)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	guarded := newFixture(t, sqliteAddress(t), nil)
	guarded.do(http.MethodGet, "/metrics", "", "").want(http.StatusUnauthorized)
	guarded.get(access.Operator, "/metrics").want(http.StatusOK)
	public := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) { config.MetricsPublic = true })
	public.do(http.MethodGet, "/metrics", "", "").want(http.StatusOK)
}

// TestBodies: what is no command is refused before anything is done.
func TestBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), nil)
	path := "/api/v1/dead-letters/00000000-0000-0000-0000-000000000000/discard"
	for name, test := range map[string]struct {
		media, body string
		status      int
		code        string
	}{
		"no JSON":         {"application/json", "{", http.StatusBadRequest, "bad-request"},
		"no body":         {"application/json", "", http.StatusBadRequest, "bad-request"},
		"a list":          {"application/json", "[]", http.StatusUnprocessableEntity, "invalid-body"},
		"a number":        {"application/json", `{"reason":1}`, http.StatusUnprocessableEntity, "invalid-body"},
		"nothing in it":   {"application/json", `{}`, http.StatusUnprocessableEntity, "invalid-body"},
		"something else":  {"application/json", `{"reason":"x","force":true}`, http.StatusUnprocessableEntity, "invalid-body"},
		"too long":        {"application/json", `{"reason":"` + strings.Repeat("x", 501) + `"}`, http.StatusUnprocessableEntity, "invalid-body"},
		"spaces":          {"application/json", `{"reason":"  "}`, http.StatusUnprocessableEntity, "invalid-body"},
		"much too long":   {"application/json", `{"reason":"` + strings.Repeat("x", 70<<10) + `"}`, http.StatusRequestEntityTooLarge, "body-too-large"},
		"another type":    {"text/plain", `{"reason":"x"}`, http.StatusUnsupportedMediaType, "media-type-unsupported"},
		"and a parameter": {"application/json", `{"reason":"x"}`, http.StatusNotFound, "not-found"},
	} {
		got := f.do(http.MethodPost, path, f.as(access.Operator), test.body, "Content-Type", test.media)
		if got.status != test.status || got.text("code") != test.code || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.body, test.status, test.code)
		}
	}
	f.do(http.MethodHead, "/api/v1/events", f.as(access.Caseworker), "").want(http.StatusMethodNotAllowed)
	f.do(http.MethodHead, "/api/v1/cases/export", f.as(access.Caseworker), "").want(http.StatusMethodNotAllowed)
	f.waitFor(func() bool { return f.get(access.Caseworker, "/api/v1/cases").status == http.StatusOK }) // the read model is made at the start
	if got := f.do(http.MethodHead, "/api/v1/cases", f.as(access.Caseworker), "").want(http.StatusOK); len(got.body) != 0 {
		t.Errorf("HEAD: got a body, %s", got.body)
	}
}
