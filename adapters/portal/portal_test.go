package portal_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"casesync/adapters/portal"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	for name, config := range map[string]portal.Config{
		"without people": {PublicURL: publicURL}, "without an address": {People: w.people},
		"an address with a path": {People: w.people, PublicURL: publicURL + "/"},
	} {
		if _, err := portal.New(config); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestPages: each page is what every page has to be, for itself and as HEAD.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	for path, title := range map[string]string{
		"/": "Complaint cases for businesses", "/access-request": "Ask for access to the portal",
		"/onboarding-guide": "Guide for IT departments", "/demo/mail": "Mails of the demonstration",
	} {
		got := w.get(path)
		if got.status != http.StatusOK || got.title(t) != title+" – Casesync portal" {
			t.Errorf("%s: got %d %q", path, got.status, got.title(t))
		}
		got.checkHouse(t, path)
		if !strings.Contains(got.body, `href="`+path+`" aria-current="page"`) {
			t.Errorf("%s: the navigation does not say where one is", path)
		}
		head := w.do(httptest.NewRequestWithContext(t.Context(), http.MethodHead, path, nil))
		if head.status != http.StatusOK {
			t.Errorf("HEAD %s: got %d", path, head.status)
		}
	}
}

// TestDemonstration: what belongs to one is not there outside it.
func TestDemonstration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	if got := w.get("/"); !strings.Contains(got.body, "This is a demonstration.") || !strings.Contains(got.body, "/demo/mail") {
		t.Error("the page of a demonstration does not say that it is one")
	}
	w.serve(func(c *portal.Config) { c.Demo, c.Mails = false, nil })
	if got := w.get("/"); strings.Contains(strings.ToLower(got.body), "demonstration") || strings.Contains(got.body, "/demo/mail") {
		t.Error("the page of no demonstration speaks of one")
	}
	if got := w.get("/demo/mail"); got.status != http.StatusNotFound {
		t.Errorf("mails outside a demonstration: got %d, want 404", got.status)
	}
}

// TestMails: what is of this service is a link, in whatever surroundings; all else is text.
func TestMails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	w.mails = []portal.Message{{
		At: now(), To: "robin@bank.example", Subject: "<b>Bold</b> & so on",
		Body: "Open " + publicURL + "/access-request?token=request..1.x.\nor https://elsewhere.example/a, or " + publicURL + ".evil.example/b\n" +
			publicURL + "//evil.example/c <script>alert(1)</script> " + publicURL + "/",
	}}
	got := w.get("/demo/mail")
	got.checkHouse(t, "mails")
	var links []string
	for _, e := range got.elements(t) {
		if e.tag == "a" && strings.HasPrefix(e.text, "http") {
			links = append(links, e.attr["href"])
		}
	}
	if want := "/access-request?token=request..1.x /evil.example/c /"; strings.Join(links, " ") != want {
		t.Errorf("links: got %q, want %q", links, want)
	}
	for _, want := range []string{"&lt;b&gt;Bold&lt;/b&gt; &amp; so on", "&lt;script&gt;", "https://elsewhere.example/a", "exists in demonstrations only", "2 March 2026, 09:30:00 UTC"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	w.serve(func(c *portal.Config) {
		c.Mails = func(context.Context) ([]portal.Message, error) { return nil, errors.New("no folder at /somewhere") }
	})
	got = w.get("/demo/mail")
	if got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "somewhere") {
		t.Errorf("no folder: got %d, and the page tells of it", got.status)
	}
	got.checkHouse(t, "failed")
}

// TestGuide: what is told is what the service was given, and the rules of the domain.
func TestGuide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	got := w.get("/onboarding-guide")
	for _, want := range []string{
		publicURL + "/sign-in/oidc", "openid, email", "RS256, ES256", publicURL + "/sign-in/saml/metadata/ and the id of your connection after it", "rsa-sha256, ecdsa-sha256",
		"urn:oid:0.9.2342.19200300.100.1.3", "At most 1 minute", "12 to 128 characters", "10 recovery codes", "6 digits", "30 seconds", "2048 bits",
		"Disabled after 60 days", "7 days before", "erased 30 days after", "Ends 90 days", "After 7 days", "20 minutes after the last request, 10 hours",
		"up to 100 businesses", "up to 50 domains", "Not signed",
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the guide does not say %q", want)
		}
	}
}

// TestAssets: their names are their digests, they may be kept for ever, and load nothing themselves.
func TestAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	links := regexp.MustCompile(`/assets/[a-z]+-[0-9a-f]{16}\.(?:css|svg)`).FindAllString(w.get("/").body, -1)
	if len(links) != 2 {
		t.Fatalf("got assets %v, want a style and an icon", links)
	}
	for _, link := range links {
		got := w.get(link)
		if got.status != http.StatusOK || got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || got.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: got %d %v", link, got.status, got.header)
		}
		if strings.Contains(got.body, "url(") || strings.Contains(got.body, "@import") || strings.Contains(got.body, "@font-face") || strings.Contains(got.body, "GDS Transport") {
			t.Errorf("%s loads something", link)
		}
		for accepted, want := range map[string]string{"gzip, br": "gzip", "br;q=1, gzip;q=0.5": "gzip", "gzip;q=0": "", "identity": ""} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
			r.Header.Set("Accept-Encoding", accepted)
			if got := w.do(r); got.header.Get("Content-Encoding") != want {
				t.Errorf("%s with %q: got encoding %q, want %q", link, accepted, got.header.Get("Content-Encoding"), want)
			}
		}
	}
	if got := w.get("/assets/portal-0000000000000000.css"); got.status != http.StatusNotFound {
		t.Errorf("an asset of another version: got %d, want 404", got.status)
	}
	style, err := os.ReadFile("assets/portal.css")
	if err != nil || len(style) > 120<<10 || !strings.Contains(string(style[:200]), "MIT licence") {
		t.Errorf("style: got %d bytes, %v; want its licence named, and at most 120 KiB", len(style), err)
	}
}
