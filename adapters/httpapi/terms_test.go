package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

// TestTerms publishes documents, and has them accepted for one of two businesses (requirements 25–27).
func TestTerms(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		worker := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		w.do(http.MethodGet, "/api/v1/cases", worker.token, "").want(http.StatusOK)
		shown := w.do(http.MethodGet, "/api/v1/terms", worker.token, "").want(http.StatusOK)
		for got, want := range map[string]string{
			shown.text("termsOfUse", "version"): "2026-01", shown.text("termsOfUse", "text"): "# terms-of-use",
			shown.text("privacyNotice", "text"): "# privacy-notice", shown.text("toAccept"): "[]",
		} {
			if got != want {
				t.Errorf("terms: got %s, want %s in %s", got, want, shown.body)
			}
		}
		w.told(http.MethodPost, "/api/v1/terms", w.operator(), data{"kind": "terms-of-use", "version": "2026-02", "text": "# new", "reason": "the law changed"})
		if got := w.do(http.MethodGet, "/api/v1/cases", worker.token, "").want(http.StatusForbidden); got.text("code") != "terms-not-accepted" {
			t.Errorf("before the new version is accepted: got %s", got.body)
		}
		for _, path := range []string{"/api/v1/me", "/api/v1/terms"} {
			field := map[string]string{"/api/v1/me": "termsToAccept", "/api/v1/terms": "toAccept"}[path]
			got := w.do(http.MethodGet, path, worker.token, "").want(http.StatusOK)
			if got.text(field, 0, "business") != frnA || got.text(field, 0, "version") != "2026-02" {
				t.Errorf("%s: got %s", path, got.body)
			}
		}
		if got := w.do(http.MethodGet, "/api/v1/terms/terms-of-use/2026-01", worker.token, "").want(http.StatusOK); got.text("text") != "# terms-of-use" {
			t.Errorf("the version before: got %s", got.body)
		}
		accept := func(token, frn, version string) answer {
			return w.asked(http.MethodPost, "/api/v1/terms/acceptances", token, data{"business": frn, "version": version})
		}
		if got := accept(worker.token, frnA, "2026-01").want(http.StatusConflict); got.text("code") != "terms-not-in-force" {
			t.Errorf("accept the version before: got %s", got.body)
		}
		accept(worker.token, frnB, "2026-02").want(http.StatusNotFound)
		accept(w.operator(), frnA, "2026-02").want(http.StatusForbidden)
		accept(worker.token, frnA, "2026-02").want(http.StatusOK)
		w.do(http.MethodGet, "/api/v1/cases", worker.token, "").want(http.StatusOK)
		for _, path := range []string{"terms-of-use/2020-01", "nonsense/2026-01", "terms-of-use/%00"} {
			w.do(http.MethodGet, "/api/v1/terms/"+path, worker.token, "").want(http.StatusNotFound)
		}
	})
}

func TestTermsRefusals(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		document := func(kind, version, text string) data {
			return data{"kind": kind, "version": version, "text": text, "reason": "why"}
		}
		for _, check := range []struct {
			name   string
			body   data
			status int
			code   string
		}{
			{"another text under a version", document("terms-of-use", "2026-01", "other"), 409, "version-taken"},
			{"a version with spaces", document("terms-of-use", "2026 03", "x"), 422, "version-invalid"},
			{"a blank text", document("terms-of-use", "2026-03", " \n"), 422, "text-invalid"},
			{"an unknown kind", document("cookies", "2026-03", "x"), 422, "invalid-body"},
			{"a long text", document("terms-of-use", "2026-03", strings.Repeat("x", 200_001)), 422, "invalid-body"},
			{"a large body", document("terms-of-use", "2026-03", strings.Repeat("x", 600_000)), 413, "body-too-large"},
		} {
			got := w.asked(http.MethodPost, "/api/v1/terms", w.operator(), check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		if got := w.told(http.MethodPost, "/api/v1/terms", w.operator(), document("terms-of-use", "2026-03", strings.Repeat("é", 90_000))); got.text("status") != "accepted" {
			t.Errorf("a text of 180 kB: got %s", got.body)
		}
		w.asked(http.MethodPost, "/api/v1/terms", w.as(access.Auditor), document("terms-of-use", "2026-04", "x")).want(http.StatusForbidden)
	})
}

// TestOwnAccount shows one's own account, and what is chosen in it.
func TestOwnAccount(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		me := w.do(http.MethodGet, "/api/v1/me", admin.token, "").want(http.StatusOK)
		for want, path := range map[string][]any{
			"user:" + admin.id: {"id"}, "Addison Admin": {"name"}, "user": {"kind"}, frnA: {"businesses", 0, "frn"},
			"[administrator]": {"businesses", 0, "roles"}, "2026-01": {"privacyNotice"}, "addison@bank.example": {"account", "email"},
			"active": {"account", "status"}, "local": {"account", "method"}, "map[analytics:false functional:false necessary:true]": {"cookies"},
			"[]": {"termsToAccept"},
		} {
			if got := me.text(path...); got != want {
				t.Errorf("%v: got %q, want %q", path, got, want)
			}
		}
		if me.text("account", "secondFactor") != "true" || me.at("account", "recoveryCodesLeft") != nil {
			t.Errorf("account: got %s", me.body)
		}
		w.told(http.MethodPut, "/api/v1/me/cookies", admin.token, data{"functional": true, "analytics": false})
		if got := w.do(http.MethodGet, "/api/v1/me", admin.token, ""); got.text("cookies", "functional") != "true" || got.text("cookies", "analytics") != "false" {
			t.Errorf("cookies: got %s", got.body)
		}
		for name, body := range map[string]any{
			"an unknown kind": data{"functional": true, "analytics": true, "tracking": true}, "no choice": data{"functional": true},
			"a wrong type": data{"functional": "yes", "analytics": false},
		} {
			if got := w.asked(http.MethodPut, "/api/v1/me/cookies", admin.token, body); got.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: got %d %s, want 422", name, got.status, got.body)
			}
		}
		w.asked(http.MethodPut, "/api/v1/me/cookies", w.operator(), data{"functional": true, "analytics": true}).want(http.StatusForbidden)
		if got := w.do(http.MethodGet, "/api/v1/me", w.operator(), "").want(http.StatusOK); got.at("account") != nil || got.at("cookies") != nil {
			t.Errorf("a machine has an account: got %s", got.body)
		}
	})
}
