package gate_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/domain/account"
	"casesync/domain/connection"
)

// useOIDC makes northbank's people sign in at an OpenID Connect provider.
func (h *house) useOIDC(issuer, client string) {
	h.t.Helper()
	h.connect(connection.Settings{ID: "north", Method: account.OIDC, OIDC: connection.OIDC{Issuer: issuer, ClientID: client, SecretReference: "north.secret"}}, idptest.Secret(client))
	h.must(h.configure(northbank, account.OIDC, "north"))
}

// useSAML makes northbank's people sign in at a SAML provider.
func (h *house) useSAML(idp *idptest.Providers) {
	h.t.Helper()
	h.connect(connection.Settings{ID: "north", Method: account.SAML, SAML: connection.SAML{Metadata: h.fetch(idp.SAML + "/metadata")}}, "")
	h.must(h.configure(northbank, account.SAML, "north"))
}

func (h *house) fetch(address string) string {
	h.t.Helper()
	answer, err := http.Get(address)
	h.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	h.must(err)
	return string(text)
}

// depart begins a federated sign-in and returns where the browser is sent.
func (b *browser) depart(email, to string) (location string) {
	b.h.t.Helper()
	if got := b.post("/sign-in", body{"email": email}).want(http.StatusOK, ""); got.text("method") != "redirect" || got.text("location") != "/sign-in/federated" {
		b.h.t.Errorf("got %s, want a redirect", got.raw)
	}
	return b.post("/sign-in/federated", body{"email": email, "to": to}).want(http.StatusOK, "").text("location")
}

// visit follows redirects to the provider and back, until the house answers for good or, as it says
// where to go on, sends on to a place of its own.
func (b *browser) visit(location string) reply {
	b.h.t.Helper()
	return b.visitUntil(location, func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.String(), publicURL) && r.URL.Path != "/sign-in/oidc"
	})
}

// visitUntil follows redirects until one leads to where it should stop.
func (b *browser) visitUntil(location string, stop func(r *http.Request) bool) reply {
	b.h.t.Helper()
	client := *b.Client
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if stop(r) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	visitor := *b
	visitor.Client = &client
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, location, nil)
	b.h.must(err)
	visitor.site = "cross-site"
	return visitor.do(r)
}

// options are samlp's, and user and email.
type options map[string]any

var formResponse = regexp.MustCompile(`name="SAMLResponse"\s+value="([^"]*)"`)

// respond lets a SAML provider make its response.
func (b *browser) respond(location string, o options) (response string) {
	b.h.t.Helper()
	text, err := json.Marshal(o)
	b.h.must(err)
	page := b.h.fetch(location + "&options=" + url.QueryEscape(string(text)))
	form := formResponse.FindStringSubmatch(page)
	if form == nil {
		b.h.t.Fatalf("the provider gave no form with a response: %.1000s", page)
	}
	return html.UnescapeString(form[1])
}

// postResponse posts a response as the provider's page has the browser do: across sites, so without
// the cookies that are not for that.
func (b *browser) postResponse(response string) reply {
	b.h.t.Helper()
	client := *b.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Transport = crossSite{b.Transport}
	visitor := *b
	visitor.Client, visitor.site = &client, "cross-site"
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, publicURL+"/sign-in/saml", strings.NewReader(url.Values{"SAMLResponse": {response}}.Encode()))
	b.h.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://idp.example")
	return visitor.do(r)
}

// crossSite leaves out the cookies that a browser does not send with a POST from another site.
type crossSite struct{ http.RoundTripper }

func (c crossSite) RoundTrip(r *http.Request) (*http.Response, error) {
	kept := r.Cookies()
	r = r.Clone(r.Context())
	r.Header.Del("Cookie")
	for _, cookie := range kept {
		if cookie.Name != sessions.CookieName {
			r.AddCookie(cookie)
		}
	}
	return c.RoundTripper.RoundTrip(r)
}

// enrolFederated invites somebody and has him take the invitation up at his provider.
func (h *house) enrolFederated(email string, at func(b *browser, location string) reply) (person string) {
	h.t.Helper()
	token, person := h.invite(northbank, email)
	b := h.browser()
	if got := b.post("/api/v1/enrolment", nil, token).want(http.StatusOK, ""); got.text("method") != "redirect" {
		h.t.Errorf("got %s, want a redirect", got.raw)
	}
	b.post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusForbidden, "account-unusable")
	got := at(b, b.post("/api/v1/enrolment/federated", nil, token).want(http.StatusOK, "").text("location"))
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		h.t.Fatalf("got %s %s %.500s, want to be sent to /\n%s", got.Status, got.Header.Get("Location"), got.raw, h.logged)
	}
	b.wantWho(person)
	if again := b.post("/api/v1/enrolment", nil, token); again.code != "link-unusable" {
		h.t.Errorf("the link again: got %q, want link-unusable", again.code)
	}
	return person
}

func TestOIDC(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useOIDC(idp.OIDC, idptest.OIDCClient)
		person := h.enrolFederated(ada, (*browser).visit)
		for to, want := range map[string]string{
			"/cases?stage=view-issued": "/cases?stage=view-issued", "": "/", "https://evil.example/": "/", "//evil.example": "/",
			`/\evil.example`: "/", "/\t/evil.example": "/", "javascript:alert(1)": "/", "cases": "/",
		} {
			b := h.browser()
			got := b.visit(b.depart(ada, to))
			if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != want {
				t.Errorf("to %q: got %s %q, want to be sent to %q", to, got.Status, got.Header.Get("Location"), want)
			}
			b.wantWho(person)
			if b.cookie("__Host-casesync-signin") != "" {
				t.Error("the attempt's cookie is still there")
			}
		}
		if got := h.activity.last(); got.Kind != commands.SignedIn || got.Detail["method"] != "oidc" || got.Detail["connection"] != "north" || got.Actor != "user:"+person || got.Operation != "GET /sign-in/oidc" {
			t.Errorf("recorded: got %+v, want the sign-in", got)
		}
		// What one signs in with is the provider's matter, and no password is any good.
		b := h.browser()
		b.visit(b.depart(ada, ""))
		b.send(http.MethodPut, "/api/v1/me/password", body{"current": password, "password": password}).want(http.StatusConflict, "federated-account")
		b.post("/api/v1/me/second-factor", body{"password": password}).want(http.StatusConflict, "federated-account")
		h.browser().post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusUnauthorized, "credentials-wrong")
		h.wantRefused("a password of a federated account", signin.OtherMethod)
	})
}

// Whoever the provider vouches for has to have an account here, his own, that may be used.
func TestOIDCRefuses(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useOIDC(idp.OIDC, idptest.OIDCClient)
		person := h.enrolFederated(ada, (*browser).visit)
		refused := func(what, email string, code string, want signin.Code) {
			t.Helper()
			b, before := h.browser(), h.events()
			got := b.visit(b.depart(email, "/"))
			if got.code != code {
				t.Errorf("%s: got %s %q, want %q: %.300s", what, got.Status, got.code, code, got.raw)
			}
			h.wantRefused(what, want)
			b.wantWho("")
			if n := h.events() - before; n != 0 {
				t.Errorf("%s: %d events, want none", what, n)
			}
		}
		refused("no account", "bob@northbank.example", "account-unusable", signin.AccountUnknown)
		refused("refused by the provider", "stranger@northbank.example", "provider-failed", signin.ProviderRefused)
		refused("address not verified", "unverified@northbank.example", "email-unusable", signin.EmailUnusable)
		token, _ := h.invite(northbank, "bob@northbank.example")
		refused("invited, and did not follow the link", "bob@northbank.example", "account-unusable", signin.AccountInactive)

		// An invitation is taken up by the person invited: ada comes back with bob's.
		b, before := h.browser(), h.events()
		location := b.post("/api/v1/enrolment/federated", nil, token).want(http.StatusOK, "").text("location")
		got := b.visit(strings.Replace(location, "login_hint=bob", "login_hint=ada", 1))
		if got.code != "account-unusable" {
			t.Errorf("another's invitation: got %s %q, want account-unusable", got.Status, got.code)
		}
		h.wantRefused("another's invitation", signin.IdentityOfAnother)
		b.wantWho("")
		if n := h.events() - before; n != 0 {
			t.Errorf("another's invitation: %d events, want none", n)
		}

		_, err := h.people.DisableAccount(t.Context(), operator(), person)
		h.must(err)
		refused("disabled", ada, "account-unusable", signin.AccountInactive)
	})
}

// An answer is good for the attempt, the browser, the provider and the settings that it belongs to.
func TestOIDCAnswers(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useOIDC(idp.OtherOIDC, idptest.OIDCClient)
		person := h.enrolFederated(ada, (*browser).visit)
		back := func(b *browser) *url.URL {
			t.Helper()
			got := b.visitUntil(b.depart(ada, "/"), func(r *http.Request) bool { return strings.HasPrefix(r.URL.String(), publicURL) })
			at, err := got.Location()
			h.must(err)
			return at
		}
		change := func(at *url.URL, name, value string) string {
			q := at.Query()
			q.Set(name, value)
			return "/sign-in/oidc?" + q.Encode()
		}
		for name, c := range map[string]struct {
			try  func(b *browser, at *url.URL) reply
			code string
			want signin.Code
		}{
			"another state":    {func(b *browser, at *url.URL) reply { return b.get(change(at, "state", "x")) }, "attempt-over", signin.AttemptOver},
			"no state":         {func(b *browser, at *url.URL) reply { return b.get(change(at, "state", "")) }, "answer-unsolicited", signin.Unsolicited},
			"another provider": {func(b *browser, at *url.URL) reply { return b.get(change(at, "iss", idp.OIDC)) }, "sign-in-failed", signin.WrongIssuer},
			"another code":     {func(b *browser, at *url.URL) reply { return b.get(change(at, "code", "x")) }, "provider-failed", signin.ProviderRefused},
			"another browser":  {func(_ *browser, at *url.URL) reply { return h.browser().get(at.RequestURI()) }, "attempt-over", signin.AttemptOver},
			"a look ahead":     {func(b *browser, at *url.URL) reply { return b.send(http.MethodHead, at.RequestURI(), nil) }, "", ""},
			"too late": {func(b *browser, at *url.URL) reply {
				h.add(11 * time.Minute)
				defer h.add(-11 * time.Minute)
				return b.get(at.RequestURI())
			}, "attempt-over", signin.AttemptOver},
		} {
			b := h.browser()
			got := c.try(b, back(b))
			if got.code != c.code || got.StatusCode < http.StatusBadRequest {
				t.Errorf("%s: got %s %q, want %q", name, got.Status, got.code, c.code)
			}
			if c.want != "" {
				h.wantRefused(name, c.want)
			}
			b.wantWho("")
		}
		b := h.browser()
		at := back(b)
		first := b.visit(publicURL + at.RequestURI())
		if second := h.browser().get(at.RequestURI()); first.StatusCode != http.StatusSeeOther || second.code != "attempt-over" {
			t.Errorf("twice: got %s and %q, want it to count once", first.Status, second.code)
		}
		b.wantWho(person)
	})
}

// Settings, keys and secrets that change are noticed with the next sign-in.
func TestOIDCSettings(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useOIDC(idp.RotatingOIDC, idptest.OIDCClient)
		person := h.enrolFederated(ada, (*browser).visit)
		try := func() (string, *browser) {
			t.Helper()
			b := h.browser()
			return b.visit(b.depart(ada, "/")).code, b
		}
		idp.Rotate(t, idp.RotatingOIDC)
		code, b := try()
		if b.wantWho(person); code != "" {
			t.Errorf("keys rotated: got %q, want the sign-in", code)
		}
		h.useOIDC(idp.RotatingOIDC, idptest.OIDCHMACClient)
		if code, _ := try(); code != "sign-in-failed" {
			t.Errorf("signed with the secret: got %q, want sign-in-failed", code)
		}
		h.wantRefused("HMAC", signin.WeakAlgorithm)
		h.useOIDC(idp.RotatingOIDC, idptest.OIDCClient)
		h.must(os.WriteFile(filepath.Join(h.secrets, "north.secret"), []byte("another secret"), 0o600))
		if code, _ := try(); code != "provider-failed" {
			t.Errorf("another secret: got %q, want provider-failed", code)
		}
		h.must(os.Remove(filepath.Join(h.secrets, "north.secret")))
		if got := h.browser().post("/sign-in/federated", body{"email": ada}); got.StatusCode != http.StatusInternalServerError {
			t.Errorf("no secret: got %s, want a fault", got.Status)
		}
		// The same name at another issuer is another person.
		h.useOIDC(idp.OIDC, idptest.OIDCClient)
		if code, _ := try(); code != "account-unusable" {
			t.Errorf("another issuer: got %q, want account-unusable", code)
		}
		h.wantRefused("another issuer", signin.IdentityOfAnother)
		for _, secret := range []string{idptest.Secret(idptest.OIDCClient), idptest.Secret(idptest.OIDCHMACClient)} {
			if strings.Contains(h.logged.String(), secret) {
				t.Error("a secret was logged")
			}
		}
	})
}

func TestSAML(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useSAML(idp)
		person := h.enrolFederated(ada, func(b *browser, location string) reply { return b.postResponse(b.respond(location, nil)) })
		b := h.browser()
		got := b.postResponse(b.respond(b.depart(ada, "/cases"), nil))
		if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/cases" {
			t.Fatalf("got %s %.300s, want to be sent on\n%s", got.Status, got.raw, h.logged)
		}
		b.wantWho(person)
		if got := h.activity.last(); got.Kind != commands.SignedIn || got.Detail["method"] != "saml" || got.Operation != "POST /sign-in/saml" {
			t.Errorf("recorded: got %+v, want the sign-in", got)
		}
		metadata := b.get("/sign-in/saml/metadata/north")
		if metadata.StatusCode != http.StatusOK || !strings.Contains(metadata.raw, `entityID="`+publicURL+`/sign-in/saml/metadata"`) || !strings.Contains(metadata.raw, `Location="`+publicURL+`/sign-in/saml"`) {
			t.Errorf("metadata: got %s %s", metadata.Status, metadata.raw)
		}
		if other := b.get("/sign-in/saml/metadata/not-there-yet"); other.StatusCode != http.StatusOK || other.Header.Get("Content-Type") != "application/samlmetadata+xml" {
			t.Errorf("metadata before the settings: got %s, want them", other.Status)
		}
		b.get("/sign-in/saml/metadata/Not%20an%20id").want(http.StatusNotFound, "not-found")
	})
}

// What a SAML provider answers otherwise is refused, each recorded under its own code.
func TestSAMLRefuses(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useSAML(idp)
		h.enrolFederated(ada, func(b *browser, location string) reply { return b.postResponse(b.respond(location, nil)) })
		before := h.events()
		for name, c := range map[string]struct {
			o    options
			code string
			want signin.Code
		}{
			"unsigned":             {options{"signAssertion": false}, "sign-in-failed", signin.BadSignature},
			"SHA-1":                {options{"signatureAlgorithm": "rsa-sha1"}, "sign-in-failed", signin.WeakAlgorithm},
			"another audience":     {options{"audience": "https://other.example/saml"}, "sign-in-failed", signin.WrongAudience},
			"expired":              {options{"lifetimeInSeconds": -120}, "sign-in-failed", signin.OutOfTime},
			"another request":      {options{"inResponseTo": "_another"}, "attempt-over", signin.AttemptOver},
			"another domain":       {options{"email": "ada@evil.example"}, "email-domain-refused", signin.EmailDomain},
			"no address":           {options{"email": ""}, "email-unusable", signin.EmailUnusable},
			"no account":           {options{"user": "bob"}, "account-unusable", signin.AccountUnknown},
			"another of that name": {options{"user": "mallory", "email": ada}, "account-unusable", signin.IdentityOfAnother},
		} {
			b := h.browser()
			got := b.postResponse(b.respond(b.depart(ada, "/"), c.o))
			if got.code != c.code {
				t.Errorf("%s: got %s %q, want %q", name, got.Status, got.code, c.code)
			}
			h.wantRefused(name, c.want)
			// What is refused by its shape alone, or for no attempt of this browser, is nobody's yet.
			early := c.want == signin.AttemptOver || c.want == signin.BadSignature || c.want == signin.WeakAlgorithm
			if got := h.activity.last().Detail; !early && got["connection"] != "north" || got["method"] != "saml" {
				t.Errorf("%s: recorded %v, want whose answer it was", name, got)
			}
			b.wantWho("")
		}
		b := h.browser()
		response := b.respond(b.depart(ada, "/"), nil)
		if got := h.browser().postResponse(response); got.code != "attempt-over" {
			t.Errorf("another browser: got %q, want attempt-over", got.code)
		}
		if got := b.postResponse(response); got.StatusCode != http.StatusSeeOther {
			t.Errorf("the right browser: got %s, want to be sent on", got.Status)
		}
		if got := b.postResponse(response); got.code != "attempt-over" {
			t.Errorf("replayed: got %q, want attempt-over", got.code)
		}
		bomb := base64.StdEncoding.EncodeToString([]byte(`<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>`))
		for name, response := range map[string]string{"nothing": "", "an entity": bomb, "long": strings.Repeat("A", 2<<20)} {
			if got := h.browser().postResponse(response); got.code != "sign-in-failed" {
				t.Errorf("%s: got %s %q, want sign-in-failed", name, got.Status, got.code)
			}
			h.wantRefused(name, signin.Malformed)
		}
		if n := h.events() - before; n != 0 {
			t.Errorf("%d events, want none", n)
		}
	})
}

// Two businesses' providers each vouch for their own people alone.
func TestProviderOfAnotherBusiness(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useOIDC(idp.OIDC, idptest.OIDCClient)
		h.enrolFederated(ada, (*browser).visit)
		h.connect(connection.Settings{ID: "evil", Method: account.SAML, SAML: connection.SAML{Metadata: h.fetch(idp.SAML + "/metadata")}}, "")
		_, err := h.people.ConfigureBusiness(t.Context(), operator(), northcard, []string{"evil.example"}, account.SAML, "evil")
		h.must(err)
		b := h.browser()
		got := b.postResponse(b.respond(b.depart("eve@evil.example", "/"), options{"email": ada}))
		if got.code != "email-domain-refused" {
			t.Errorf("got %s %q, want email-domain-refused", got.Status, got.code)
		}
		h.wantRefused("another business's people", signin.EmailDomain)
		b.wantWho("")
	})
}
