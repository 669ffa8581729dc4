package oidc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/oidc"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// party is a relying party on a real database, whose wire to the providers tests may touch.
type party struct {
	*oidc.RelyingParty
	t         *testing.T
	idp       *idptest.Providers
	providers map[string]oidc.Provider

	mu     sync.Mutex
	offset time.Duration // of our clock
	tamper func(path string, answer *http.Response)
	calls  map[string]int // by path
}

var errUnknown = errors.New("no such provider")

func start(t *testing.T, idp *idptest.Providers, address string) *party {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p := &party{t: t, idp: idp, calls: map[string]int{}, providers: map[string]oidc.Provider{}}
	add := func(key, issuer, client string) {
		p.providers[key] = oidc.Provider{
			Key: key, Issuer: issuer, ClientID: client, ClientSecret: idptest.Secret(client),
			RedirectURL: idptest.OIDCRedirect, Domains: signin.Only("northbank.example"),
		}
	}
	add("north", idp.OIDC, idptest.OIDCClient)
	add("other", idp.OtherOIDC, idptest.OIDCClient)
	add("rotating", idp.RotatingOIDC, idptest.OIDCClient)
	add("hmac", idp.OtherOIDC, idptest.OIDCHMACClient)
	add("another", idp.OtherOIDC, idptest.OIDCOtherClient)
	attempts, err := signin.Open(t.Context(), db, p.now)
	if err != nil {
		t.Fatal(err)
	}
	p.RelyingParty, err = oidc.New(oidc.Config{
		Attempts: attempts, Now: p.now, Transport: p,
		Provider: func(_ context.Context, key string) (oidc.Provider, error) {
			provider, ok := p.providers[key]
			if !ok {
				return oidc.Provider{}, errUnknown
			}
			return provider, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *party) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.offset)
}

func (p *party) setOffset(offset time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offset = offset
}

// RoundTrip is the wire to the providers.
func (p *party) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[r.URL.Path]++
	if err == nil && p.tamper != nil {
		p.tamper(r.URL.Path, answer)
	}
	return answer, err
}

func (p *party) setTamper(tamper func(path string, answer *http.Response)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = tamper
}

func replaceBody(answer *http.Response, change func(body string) string) {
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	text := change(string(body))
	answer.Body = io.NopCloser(strings.NewReader(text))
	answer.ContentLength = int64(len(text))
	answer.Header.Del("Content-Length")
}

// visit does what a browser does at the provider: it follows redirects until it is sent back.
func (p *party) visit(redirect string) url.Values {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), idptest.OIDCRedirect) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	answer, err := client.Get(redirect)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		body, _ := io.ReadAll(answer.Body)
		p.t.Fatalf("got %s, want the browser to be sent back: %.1000s", answer.Status, body)
	}
	return back.Query()
}

// begin starts a sign-in and lets the person sign in at the provider.
func (p *party) begin(key, hint string) (handle string, answer url.Values) {
	p.t.Helper()
	redirect, cookie, err := p.Start(p.t.Context(), key, hint, "/cases")
	if err != nil {
		p.t.Fatal(err)
	}
	return cookie.Value, p.visit(redirect)
}

func (p *party) signIn(key, hint string) (signin.Identity, error) {
	p.t.Helper()
	handle, answer := p.begin(key, hint)
	return p.Finish(p.t.Context(), handle, answer)
}

func (p *party) wantRefused(what string, err error, want signin.Code) {
	p.t.Helper()
	if signin.CodeOf(err) != want {
		p.t.Errorf("%s: got %q (%v, %+v), want %q", what, signin.CodeOf(err), err, err, want)
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	sqldbtest.Each(t, func(t *testing.T, address string) {
		p := start(t, idp, address)
		for key, issuer := range map[string]string{"north": idp.OIDC, "other": idp.OtherOIDC} {
			got, err := p.signIn(key, "ada@northbank.example")
			want := signin.Identity{Provider: key, Issuer: issuer, Subject: "ada", Email: "ada@northbank.example", AuthenticatedAt: got.AuthenticatedAt, To: "/cases"}
			if err != nil || got != want {
				t.Errorf("%s: got %+v, %v, want %+v", key, got, err, want)
			}
		}
		redirect, cookie, err := p.Start(t.Context(), "north", "", "")
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(redirect)
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) < 43 || len(q.Get("nonce")) < 20 || len(q.Get("state")) < 20 ||
			q.Get("response_type") != "code" || strings.Contains(redirect, cookie.Value) || strings.Contains(redirect, "secret") {
			t.Errorf("got %s, want the code flow with PKCE, nonce and state, and without the browser's handle", redirect)
		}
		if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
			t.Errorf("got cookie %s, want it secure", cookie)
		}
	})
}

func TestEmails(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	p := start(t, idp, sqldbtest.SQLite(t))
	for _, key := range []string{"north", "other"} {
		for hint, want := range map[string]signin.Code{
			"unverified@northbank.example": signin.EmailUnusable, "unsaid@northbank.example": signin.EmailUnusable,
			"nomail@northbank.example": signin.EmailUnusable, "eve@evil.example": signin.EmailDomain,
		} {
			_, err := p.signIn(key, hint)
			p.wantRefused(key+" "+hint, err, want)
		}
		_, err := p.signIn(key, "stranger@northbank.example")
		p.wantRefused("somebody the provider refuses", err, signin.ProviderRefused)
		confirming := p.providers[key]
		confirming.ConfirmsEmail = true
		p.providers[key] = confirming
		got, err := p.signIn(key, "unsaid@northbank.example")
		if err != nil || got.Email != "unsaid@northbank.example" {
			t.Errorf("%s confirms all addresses: got %+v, %v", key, got, err)
		}
		_, err = p.signIn(key, "unverified@northbank.example")
		p.wantRefused("not verified, whoever confirms", err, signin.EmailUnusable)
	}
}

// An answer is good once, in the browser that asked, in time, from the provider that was asked.
func TestAnswers(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	sqldbtest.Each(t, func(t *testing.T, address string) {
		p := start(t, idp, address)
		ctx := t.Context()
		handle, answer := p.begin("north", "ada@northbank.example")
		otherHandle, otherAnswer := p.begin("north", "bob@northbank.example")
		_, err := p.Finish(ctx, "", answer)
		p.wantRefused("no browser", err, signin.AttemptOver)
		_, err = p.Finish(ctx, otherHandle, answer)
		p.wantRefused("another browser (login CSRF)", err, signin.AttemptOver)
		_, err = p.Finish(ctx, handle, url.Values{"code": answer["code"]})
		p.wantRefused("no state", err, signin.Unsolicited)
		_, err = p.Finish(ctx, handle, url.Values{"code": answer["code"], "state": {answer.Get("state"), "x"}})
		p.wantRefused("two states", err, signin.Malformed)
		_, err = p.Finish(ctx, handle, url.Values{"code": {strings.Repeat("x", 1<<20)}, "state": answer["state"]})
		p.wantRefused("a long code", err, signin.Malformed)
		got, err := p.Finish(ctx, handle, answer)
		if err != nil || got.Subject != "ada" {
			t.Errorf("the right browser: got %+v, %v, want ada", got, err)
		}
		_, err = p.Finish(ctx, handle, answer)
		p.wantRefused("again", err, signin.AttemptOver)

		// Another's code in our attempt: it was issued with another challenge.
		handle, answer = p.begin("north", "ada@northbank.example")
		answer["code"] = otherAnswer["code"]
		_, err = p.Finish(ctx, handle, answer)
		p.wantRefused("another's code", err, signin.ProviderRefused)
		handle, answer = p.begin("north", "ada@northbank.example")
		answer.Set("iss", idp.OtherOIDC)
		_, err = p.Finish(ctx, handle, answer)
		p.wantRefused("another provider's answer", err, signin.WrongIssuer)
		handle, answer = p.begin("north", "ada@northbank.example")
		answer.Del("iss")
		_, err = p.Finish(ctx, handle, answer)
		p.wantRefused("nobody's answer", err, signin.WrongIssuer)
		handle, answer = p.begin("north", "ada@northbank.example")
		answer.Del("code")
		_, err = p.Finish(ctx, handle, answer)
		p.wantRefused("no code", err, signin.ProviderRefused)
		handle, answer = p.begin("north", "ada@northbank.example")
		p.setOffset(10 * time.Minute)
		_, err = p.Finish(ctx, handle, answer)
		p.wantRefused("too late", err, signin.AttemptOver)
	})
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	p := start(t, idp, sqldbtest.SQLite(t))
	for name, c := range map[string]struct {
		issuer string
		want   signin.Code
	}{
		"plain http": {"http://idp.example", ""}, "no address": {"idp", ""}, "other scheme": {"file:///etc", ""},
		"issuer is not what it says": {idp.OIDC + "/", signin.ProviderDown}, "unreachable": {"http://127.0.0.1:1", signin.ProviderDown},
	} {
		p.providers["x"] = oidc.Provider{Key: "x", Issuer: c.issuer, ClientID: "casesync"}
		if _, _, err := p.Start(t.Context(), "x", "", ""); err == nil || signin.CodeOf(err) != c.want {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, _, err := p.Start(t.Context(), "nobody", "", ""); !errors.Is(err, errUnknown) {
		t.Errorf("unknown provider: got %v, want %v", err, errUnknown)
	}
	if _, err := oidc.New(oidc.Config{SkewMax: time.Hour}); err == nil {
		t.Error("an hour of difference between clocks: got no error")
	}
}
