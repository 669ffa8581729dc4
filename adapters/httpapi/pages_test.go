package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/portal"
)

func openPages(t *testing.T, config *httpapi.Config) *portal.Portal {
	t.Helper()
	pages, err := portal.New(portal.Config{
		People: config.People, Casework: config.Casework, Store: config.Store, Codec: config.Codec, Now: config.Now, PublicURL: "https://casesync.test", Mails: func(context.Context) ([]portal.Message, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestPages: pages stand behind the same doors as the rest, with headers of their own, and take forms
// larger than the API's bodies; what is done there is recorded.
func TestPages(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		for _, path := range []string{"/", "/access-request", "/support", "/onboarding-guide", "/demo/mail"} {
			got := h.send(visitor{}, http.MethodGet, path, "")
			if got.status != http.StatusOK || !strings.Contains(got.header.Get("Content-Security-Policy"), "style-src 'self'") || len(got.header.Values("Content-Security-Policy")) != 1 {
				t.Errorf("%s: got %d %v", path, got.status, got.header)
			}
			if got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: a cookie was set for nobody", path)
			}
		}
		form := url.Values{
			"action": {"send"}, "frn": {frnA}, "contact-name": {"Robin Sample"}, "contact-email": {"robin@" + domainA},
			"method": {"saml"}, "metadata": {strings.Repeat("<!-- metadata -->", 5000)},
		}
		post := func(origin string) answer {
			return h.do(http.MethodPost, "/access-request", "", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", origin)
		}
		if got := post("https://evil.example"); got.status != http.StatusForbidden {
			t.Errorf("a form of another site: got %d, want 403", got.status)
		}
		if got := post(h.URL); got.status != http.StatusOK || !strings.Contains(string(got.body), "Request received") {
			t.Fatalf("a form: got %d %s", got.status, got.body)
		}
		question := url.Values{
			"action": {"send"}, "type": {"technical"}, "name": {"Robin Sample"}, "email": {"robin@" + domainA}, "subject": {"one"}, "text": {"two"},
		}
		if got := h.do(http.MethodPost, "/support", "", question.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", h.URL); got.status != http.StatusOK || !strings.Contains(string(got.body), "Question sent") {
			t.Errorf("a question: got %d %s", got.status, got.body)
		}
		recorded := h.activities(httpapi.ActivityFilter{Kind: commands.CommandGiven}, 2) // the newest first
		for i, want := range []string{"command-given POST /support   false", "command-given POST /access-request   false"} {
			if got := summary(recorded[i]); got != want {
				t.Errorf("recorded: got %q, want %q", got, want)
			}
		}
	})
}
