package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/identity"
	"casesync/domain/access"
)

// TestHiddenIsNotFound: what may not be seen answers byte for byte like what does not exist.
func TestHiddenIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		for _, pattern := range []string{"/api/v1/cases/%", "/api/v1/cases/%/timeline", "/api/v1/cases/%/documents", "/api/v1/businesses/%"} {
			missing := f.get(access.Caseworker, strings.ReplaceAll(pattern, "%", "999999")).want(http.StatusNotFound)
			hidden := []string{"C5", "C6", "c1", "C1%2F", "..%2F", "%FF", "a+b", strings.Repeat("x", 300)}
			if strings.Contains(pattern, "businesses") {
				hidden = []string{frnB, "12", "C1"}
			}
			for _, ref := range hidden {
				got := f.get(access.Caseworker, strings.Replace(pattern, "%", ref, 1))
				if got.status != http.StatusNotFound || string(got.body) != string(missing.body) {
					t.Errorf("%s of %.20s: got %d %s, want %s", pattern, ref, got.status, got.body, missing.body)
				}
				if !slices.Equal(headerNames(got.header), headerNames(missing.header)) {
					t.Errorf("%s of %.20s: got headers %v, want %v", pattern, ref, headerNames(got.header), headerNames(missing.header))
				}
			}
		}
		// A tag that an auditor was given does not make a suppressed case answer 304.
		tag := f.get(access.Auditor, "/api/v1/cases/C6").want(http.StatusOK).header.Get("ETag")
		f.get(access.Caseworker, "/api/v1/cases/C6", "If-None-Match", tag).want(http.StatusNotFound)
		f.get(access.Caseworker, "/api/v1/cases/C6", "If-None-Match", "*").want(http.StatusNotFound)
		// The administrator of a business is no caseworker of it.
		f.get(access.Administrator, "/api/v1/cases/C1").want(http.StatusForbidden)
		f.get(access.Administrator, "/api/v1/cases/C5").want(http.StatusForbidden)
	})
}

func headerNames(header http.Header) []string {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestSuppression(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		for _, role := range []access.Role{access.Caseworker, access.Supervisor} {
			for _, path := range []string{
				"/api/v1/cases?limit=100", "/api/v1/cases?facets=stage,product,issue,outcome,business,allocatedTo",
				"/api/v1/cases/export?format=csv", "/api/v1/cases?q=C6", "/api/v1/cases?q=hidden",
			} {
				if got := f.get(role, path).want(http.StatusOK); strings.Contains(string(got.body), "C6") || strings.Contains(string(got.body), "Hidden") {
					t.Errorf("%s of %s tells of the suppressed case: %s", path, role, got.body)
				}
			}
			dashboard := f.get(role, "/api/v1/dashboard").want(http.StatusOK)
			if total, listed := dashboard.text("open", "total"), dashboard.text("open", "listed"); total != "3" || listed != "2" {
				t.Errorf("dashboard of %s: got total %s, listed %s; want 3, 2", role, total, listed)
			}
		}
		seen := f.get(access.Auditor, "/api/v1/cases?sort=reference")
		if got, want := seen.refs(), "C1 C2 C3 C4 C5 C6"; got != want {
			t.Errorf("auditor: got %q, want %q", got, want)
		}
		if got := seen.text("items", 5, "suppressed"); got != "true" {
			t.Errorf("auditor: suppressed: got %q, want true", got)
		}
		if got := f.get(access.Auditor, "/api/v1/cases/C6/timeline").text("items", 1, "text"); got != "asked by the consumer" {
			t.Errorf("auditor: reason: got %q", got)
		}
		f.event("C6", "case.unsuppressed", data{})
		if got := f.get(access.Caseworker, "/api/v1/cases?q=hidden").refs(); got != "C6" {
			t.Errorf("after it was shown again: got %q, want C6", got)
		}
		if got := f.get(access.Caseworker, "/api/v1/cases/C6/timeline"); strings.Contains(string(got.body), "suppress") {
			t.Errorf("the timeline tells business users of the suppression: %s", got.body)
		}
		f.event("C1", "case.transferred", data{"frn": frnB})
		f.get(access.Caseworker, "/api/v1/cases/C1").want(http.StatusNotFound)
	})
}

func TestMe(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), nil)
	token := f.issue(identity.Spec{User: "ada", Name: "Ada", Businesses: map[string][]access.Role{
		frnB: {access.Administrator}, frnA: {access.Caseworker, access.Administrator},
	}})
	got := f.do(http.MethodGet, "/api/v1/me", token, "").want(http.StatusOK)
	for want, path := range map[string][]any{
		"user:ada": {"id"}, "user": {"kind"}, frnA: {"businesses", 0, "frn"}, frnB: {"businesses", 1, "frn"},
		"[caseworker administrator]": {"businesses", 0, "roles"},
		"[administrators:request businesses:read self:read support:ask terms:accept terms:read users:manage users:read users:reset-factors]": {"businesses", 1, "permissions"},
	} {
		if have := got.text(path...); have != want {
			t.Errorf("%v: got %q, want %q", path, have, want)
		}
	}
	for i := range 2 {
		if strings.Contains(got.text("businesses", i, "permissions"), "events:publish") {
			t.Errorf("business %d: permissions hold events:publish", i)
		}
	}
}

func TestRevokedToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), nil)
	token := f.as(access.Auditor)
	f.do(http.MethodGet, "/api/v1/me", token, "").want(http.StatusOK)
	f.must(f.tokens.Revoke(context.Background(), strings.Split(token, "_")[2]))
	if got := f.do(http.MethodGet, "/api/v1/me", token, "").want(http.StatusUnauthorized); got.text("code") != "token-refused" || !strings.Contains(got.text("detail"), "revoked") {
		t.Errorf("got %s, want token-refused", got.body)
	}
	expired := f.issue(identity.Spec{Role: access.Auditor, ExpiresAt: time.Now().Add(time.Hour)})
	f.do(http.MethodGet, "/api/v1/me", expired, "").want(http.StatusOK)
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), nil)
	for _, path := range []string{"/livez", "/docs", "/api/v1/me", "/nothing", "/api/v1/cases"} {
		got := f.do(http.MethodGet, path, f.as(access.Caseworker), "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if have := got.header.Get(name); have != want {
				t.Errorf("%s: %s: got %q, want %q", path, name, have, want)
			}
		}
		if have := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(have, "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy: got %q", path, have)
		}
		if caching := got.header.Values("Cache-Control"); len(caching) != 1 {
			t.Errorf("%s: Cache-Control: got %q, want one", path, caching)
		}
	}
}
