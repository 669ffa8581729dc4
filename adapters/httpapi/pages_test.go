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

func openPages(t *testing.T, people *commands.People) *portal.Portal {
	t.Helper()
	pages, err := portal.New(portal.Config{
		People: people, PublicURL: "https://casesync.test", Mails: func(context.Context) ([]portal.Message, error) { return nil, nil },
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
		for _, path := range []string{"/", "/access-request", "/onboarding-guide", "/demo/mail"} {
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
		recorded := h.activities(httpapi.ActivityFilter{Kind: commands.CommandGiven}, 1)
		if got := summary(recorded[0]); got != "command-given POST /access-request   false" {
			t.Errorf("recorded: got %q", got)
		}
	})
}
