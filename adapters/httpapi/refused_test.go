package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/adapters/identity/signin"
)

// TestRefusedSignIn: every code of a refused sign-in has a problem, and those of one text cannot be
// told apart by it: which check failed is for Security Operations alone.
func TestRefusedSignIn(t *testing.T) {
	t.Parallel()
	byText := map[string]httpapi.Problem{}
	for code, text := range signin.Codes() {
		p := httpapi.Refused(string(code), text, 0)
		if p.Status < 400 || p.Status == http.StatusConflict || p.Title == "" || p.Detail != text {
			t.Errorf("%s: got %+v, want a problem of its own with the detail %q", code, p, text)
		}
		first, there := byText[text]
		if there && (first.Code != p.Code || first.Status != p.Status || first.Type != p.Type) {
			t.Errorf("%s: got %s %d, and %s %d for another code of the same text", code, p.Code, p.Status, first.Code, first.Status)
		}
		byText[text] = *p
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, check := range []struct {
		code       string
		retryAfter time.Duration
		status     int
		shown      httpapi.Code
		header     string
	}{
		{"attempts-limited", 90 * time.Second, http.StatusTooManyRequests, httpapi.CodeAttemptsLimited, "90"},
		{"last-administrator", 0, http.StatusConflict, "last-administrator", ""},
		{"never-heard-of", 0, http.StatusConflict, "never-heard-of", ""},
		{"not-found", 0, http.StatusNotFound, httpapi.CodeNotFound, ""},
		{"terms-not-accepted", time.Millisecond, http.StatusForbidden, httpapi.CodeTermsNotAccepted, "1"},
	} {
		p := httpapi.Refused(check.code, "because", check.retryAfter)
		if p.Status != check.status || p.Code != check.shown || p.GetHeaders().Get("Retry-After") != check.header || !strings.HasPrefix(p.Detail, "Because") {
			t.Errorf("%s: got %+v %v, want %d %s", check.code, p, p.GetHeaders(), check.status, check.shown)
		}
	}
}
