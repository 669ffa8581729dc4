package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/russellhaering/gosaml2/types"

	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := start(t, idp, address, nil)
		for name, o := range map[string]options{
			"assertion signed": {}, "response signed too": {"signResponse": true}, "prefixed signature": {"signatureNamespacePrefix": "ds"},
		} {
			got, err := s.signIn(o)
			want := signin.Identity{Provider: "north", Issuer: idp.SAML + "/metadata", Subject: "ada", Email: "ada@northbank.example", AuthenticatedAt: got.AuthenticatedAt, To: "/cases"}
			if err != nil || got != want || time.Since(got.AuthenticatedAt) > time.Minute {
				t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
			}
		}
		_, cookie, err := s.Start(t.Context(), "north", "")
		if err != nil || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteNoneMode {
			t.Errorf("got cookie %v, %v, want one that comes back with a POST across sites", cookie, err)
		}
	})
}

// What the provider itself does otherwise is refused, each with its own code.
func TestRefuses(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	s := start(t, idp, sqldbtest.SQLite(t), nil)
	_, otherCert := idptest.NewCertificate(t, time.Now())
	for name, c := range map[string]struct {
		o    options
		want signin.Code
	}{
		"unsigned":                     {options{"signAssertion": false}, signin.BadSignature},
		"response alone signed":        {options{"signAssertion": false, "signResponse": true}, signin.BadSignature},
		"RSA with SHA-1":               {options{"signatureAlgorithm": "rsa-sha1"}, signin.WeakAlgorithm},
		"digest of SHA-1":              {options{"digestAlgorithm": "sha1"}, signin.WeakAlgorithm},
		"response by SHA-1":            {options{"signResponse": true, "digestAlgorithm": "sha1"}, signin.WeakAlgorithm},
		"another audience":             {options{"audience": "https://other.example/saml"}, signin.WrongAudience},
		"another recipient":            {options{"recipient": "https://other.example/acs"}, signin.WrongAudience},
		"another destination":          {options{"destination": "https://other.example/acs"}, signin.WrongAudience},
		"another issuer":               {options{"issuer": "https://evil.example"}, signin.WrongIssuer},
		"answer to another request":    {options{"inResponseTo": "_someone-elses"}, signin.AttemptOver},
		"expired":                      {options{"lifetimeInSeconds": -70}, signin.OutOfTime},
		"expired, within the skew":     {options{"lifetimeInSeconds": -50}, ""},
		"an error":                     {options{"samlStatusCode": "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"}, signin.ProviderRefused},
		"no address":                   {options{"email": ""}, signin.EmailUnusable},
		"address of another domain":    {options{"email": "ada@evil.example"}, signin.EmailDomain},
		"two addresses":                {options{"email": "ada@northbank.example,bob@northbank.example"}, signin.EmailUnusable},
		"a subject that does not last": {options{"nameIdentifierFormat": formatTransient}, signin.Malformed},
	} {
		_, err := s.signIn(c.o)
		s.wantRefused(name, err, c.want)
	}
	provider := s.providers["north"]
	provider.Certificates = append(provider.Certificates[:0:0], otherCert)
	s.providers["north"] = provider
	_, err := s.signIn(nil)
	s.wantRefused("another key", err, signin.BadSignature)
}

// A response is good once, in the browser that asked, and only if somebody asked.
func TestResponses(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s, there := start(t, idp, address, nil), start(t, idp, address, nil)
		ctx := t.Context()
		handle, response := s.begin(nil)
		otherHandle, _ := s.begin(nil)
		_, err := s.Finish(ctx, "", response)
		s.wantRefused("no browser", err, signin.AttemptOver)
		_, err = s.Finish(ctx, otherHandle, response)
		s.wantRefused("another browser", err, signin.AttemptOver)
		got, err := there.Finish(ctx, handle, response)
		if err != nil || got.Subject != "ada" {
			t.Errorf("the right browser, another process: got %+v, %v, want ada", got, err)
		}
		_, err = s.Finish(ctx, handle, response)
		s.wantRefused("replayed", err, signin.AttemptOver)

		// The same assertion in a response to a new request: InResponseTo of the response is not signed.
		redirect, cookie, err := s.Start(ctx, "north", "")
		if err != nil {
			t.Fatal(err)
		}
		fresh := requestIDOf(t, redirect)
		_, err = s.Finish(ctx, cookie.Value, replaceText(t, response, requestOf(t, response), fresh, 1))
		s.wantRefused("an old assertion in a new response", err, signin.Unsolicited)
		handle, response = s.begin(options{"inResponseTo": ""})
		_, err = s.Finish(ctx, handle, replaceText(t, response, ` InResponseTo="`+requestOf(t, response)+`"`, "", 1))
		s.wantRefused("unsolicited", err, signin.Unsolicited)
		handle, response = s.begin(nil)
		s.offset.Store(int64(10 * time.Minute))
		_, err = s.Finish(ctx, handle, response)
		s.wantRefused("too late", err, signin.AttemptOver)
	})
}

// An assertion counts once even if an attempt could be had back, as from a restored backup.
func TestReplayedAssertion(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := start(t, idp, address, nil)
		handle, response := s.begin(nil)
		begun := attempt{Provider: "north", RequestID: requestOf(t, response), StartedAt: time.Now()}
		for i, want := range []signin.Code{"", signin.Replayed, signin.Replayed} {
			_, err := s.Finish(t.Context(), handle, response)
			s.wantRefused(fmt.Sprintf("time %d", i+1), err, want)
			if handle, err = s.config.Attempts.Begin(t.Context(), attemptsKind+begun.RequestID, begun, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	s := start(t, idp, sqldbtest.SQLite(t), nil)
	for offset, want := range map[time.Duration]signin.Code{
		-70 * time.Second: signin.OutOfTime, -50 * time.Second: "", 50 * time.Second: "", 70 * time.Second: signin.OutOfTime, -time.Hour: signin.OutOfTime,
	} {
		s.offset.Store(int64(offset))
		_, err := s.signIn(nil)
		s.wantRefused(offset.String(), err, want)
	}
	s.offset.Store(0)
	handle, response := s.begin(nil) // valid for five minutes
	s.offset.Store(int64(6*time.Minute + 5*time.Second))
	_, err := s.Finish(t.Context(), handle, response)
	s.wantRefused("expired", err, signin.OutOfTime)
}

// Requests are signed where a key is given, so that providers that insist can be had.
func TestSignedRequests(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	key, certificate := idptest.NewCertificate(t, time.Now())
	s := start(t, idp, sqldbtest.SQLite(t), func(c *Config) { c.Key, c.Certificate = key, certificate })
	redirect, cookie, err := s.Start(t.Context(), "north", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(redirect)
	q := u.Query()
	signed := "SAMLRequest=" + url.QueryEscape(q.Get("SAMLRequest")) + "&SigAlg=" + url.QueryEscape(q.Get("SigAlg"))
	signature, err := base64.StdEncoding.DecodeString(q.Get("Signature"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
		t.Errorf("signature of the request: %v", err)
	}
	if got, err := s.Finish(t.Context(), cookie.Value, s.visit(redirect, nil)); err != nil || got.Subject != "ada" {
		t.Errorf("got %+v, %v, want ada", got, err)
	}
	var entity types.EntityDescriptor
	document, err := s.Metadata(Provider{ServiceID: "https://casesync.test/saml/north"})
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(document, &entity); err != nil {
		t.Fatal(err)
	}
	d := entity.SPSSODescriptor
	if entity.EntityID != "https://casesync.test/saml/north" || !d.AuthnRequestsSigned || !d.WantAssertionsSigned || len(d.KeyDescriptors) != 1 ||
		d.KeyDescriptors[0].Use != "signing" || d.AssertionConsumerServices[0].Location != idptest.SAMLAddress || !entity.ValidUntil.After(time.Now()) {
		t.Errorf("metadata: got %s", document)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	s := start(t, idp, sqldbtest.SQLite(t), nil)
	for name, change := range map[string]func(*Provider){
		"no entity id": func(p *Provider) { p.EntityID = "" }, "no certificate": func(p *Provider) { p.Certificates = nil },
		"plain http": func(p *Provider) { p.SignInURL = "http://idp.example/sso" }, "script": func(p *Provider) { p.SignInURL = "javascript:alert(1)" },
	} {
		provider := s.providers["north"]
		change(&provider)
		s.providers["x"] = provider
		if _, _, err := s.Start(t.Context(), "x", ""); err == nil || signin.CodeOf(err) != "" {
			t.Errorf("%s: got %v, want a fault", name, err)
		}
	}
	if _, _, err := s.Start(t.Context(), "nobody", ""); !errors.Is(err, errUnknown) {
		t.Errorf("unknown provider: got %v, want %v", err, errUnknown)
	}
	key, _ := idptest.NewCertificate(t, time.Now())
	for name, config := range map[string]Config{
		"skew": {EntityID: "x", Address: idptest.SAMLAddress, SkewMax: time.Hour}, "no entity id": {Address: idptest.SAMLAddress},
		"plain http": {EntityID: "x", Address: "http://casesync.test/"}, "key without certificate": {EntityID: "x", Address: idptest.SAMLAddress, Key: key},
	} {
		if _, err := New(config); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func requestIDOf(t *testing.T, redirect string) string {
	t.Helper()
	u, err := url.Parse(redirect)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	return cut(t, string(text), ` ID="`)
}

func requestOf(t *testing.T, response string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		t.Fatal(err)
	}
	return cut(t, string(raw), ` InResponseTo="`)
}

func cut(t *testing.T, text, before string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, before)
	value, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		t.Fatalf("%q is not in %.500s", before, text)
	}
	return value
}

func replaceText(t *testing.T, response, old, replacement string, n int) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		t.Fatalf("%q is not in %.500s", old, raw)
	}
	return base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(raw), old, replacement, n)))
}
