package oidc_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb/sqldbtest"
)

var base64url = base64.RawURLEncoding

// token is an id token taken apart.
type token struct {
	header, claims map[string]any
	raw            string
}

func parse(t *testing.T, raw string) token {
	t.Helper()
	parts := strings.Split(raw, ".")
	parsed := token{raw: raw}
	for i, into := range []*map[string]any{&parsed.header, &parsed.claims} {
		data, err := base64url.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	return parsed
}

func (k token) unsigned() string {
	header, _ := json.Marshal(k.header)
	claims, _ := json.Marshal(k.claims)
	return base64url.EncodeToString(header) + "." + base64url.EncodeToString(claims)
}

func (k token) signature() string { return k.raw[strings.LastIndex(k.raw, ".")+1:] }

// replaceToken exchanges the id token in the answer of the token endpoint.
func (p *party) replaceToken(change func(token) string) {
	p.setTamper(func(path string, answer *http.Response) {
		if path != "/token" {
			return
		}
		replaceBody(answer, func(body string) string {
			var tokens map[string]any
			if err := json.Unmarshal([]byte(body), &tokens); err != nil {
				p.t.Errorf("token endpoint: %v: %s", err, body)
				return body
			}
			tokens["id_token"] = change(parse(p.t, tokens["id_token"].(string)))
			text, _ := json.Marshal(tokens)
			return string(text)
		})
	})
}

// TestForgedTokens puts other tokens in place of the one that the provider gave.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	p := start(t, idp, sqldbtest.SQLite(t))
	var publicKeys string
	answer, err := http.Get(idp.OtherOIDC + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	replaceBody(answer, func(body string) string { publicKeys = body; return body })

	var earlier, another, elsewhere string // real tokens of other attempts, clients and providers
	keep := func(into *string) func(token) string {
		return func(k token) string { *into = k.raw; return k.raw }
	}
	for key, into := range map[string]*string{"other": &earlier, "another": &another, "north": &elsewhere} {
		p.replaceToken(keep(into))
		if _, err := p.signIn(key, "ada@northbank.example"); err != nil {
			t.Fatal(err)
		}
	}
	hmacOf := func(key string) func(token) string {
		return func(k token) string {
			k.header["alg"] = "HS256"
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(k.unsigned()))
			return k.unsigned() + "." + base64url.EncodeToString(mac.Sum(nil))
		}
	}
	none := func(alg string) func(token) string {
		return func(k token) string { k.header["alg"] = alg; return k.unsigned() + "." }
	}
	claim := func(name string, value any) func(token) string {
		return func(k token) string { k.claims[name] = value; return k.unsigned() + "." + k.signature() }
	}
	for name, c := range map[string]struct {
		change func(token) string
		want   signin.Code
	}{
		"alg none":               {none("none"), signin.WeakAlgorithm},
		"alg None":               {none("None"), signin.WeakAlgorithm},
		"alg none, signature":    {func(k token) string { k.header["alg"] = "none"; return k.unsigned() + "." + k.signature() }, signin.WeakAlgorithm},
		"HMAC by the secret":     {hmacOf(idptest.Secret(idptest.OIDCClient)), signin.WeakAlgorithm},
		"HMAC by the public key": {hmacOf(publicKeys), signin.WeakAlgorithm},
		"of an earlier attempt":  {func(token) string { return earlier }, signin.WrongNonce},
		"for another service":    {func(token) string { return another }, signin.WrongAudience},
		"of another provider":    {func(token) string { return elsewhere }, signin.WrongIssuer},
		"another subject":        {claim("sub", "bob"), signin.BadSignature},
		"another address":        {claim("email", "bob@northbank.example"), signin.BadSignature},
		"another issuer":         {claim("iss", "https://evil.example"), signin.WrongIssuer},
		"another nonce":          {claim("nonce", "x"), signin.BadSignature},
		"a later end":            {claim("exp", 4102444800), signin.BadSignature},
		"cut signature":          {func(k token) string { return k.raw[:len(k.raw)-2] }, signin.BadSignature},
		"no signature":           {func(k token) string { return k.unsigned() + "." }, signin.BadSignature},
		"unknown key":            {func(k token) string { k.header["kid"] = "x"; return k.unsigned() + "." + k.signature() }, signin.BadSignature},
		"key in the header": {func(k token) string {
			k.header["jwk"] = map[string]any{"kty": "oct", "k": "AAAA"}
			return k.unsigned() + "." + k.signature()
		}, signin.BadSignature},
		"two tokens": {func(k token) string { return k.raw + "." + k.raw }, signin.Malformed},
		"no token":   {func(token) string { return "" }, signin.Malformed},
		"garbage":    {func(token) string { return "a.b.c" }, signin.Malformed},
	} {
		p.replaceToken(c.change)
		_, err := p.signIn("other", "ada@northbank.example")
		p.wantRefused(name, err, c.want)
	}
	p.setTamper(nil)
	_, err = p.signIn("hmac", "ada@northbank.example")
	p.wantRefused("a provider that signs with HMAC", err, signin.WeakAlgorithm)
	if _, err := p.signIn("other", "ada@northbank.example"); err != nil {
		t.Errorf("the true token: got %v, want no error", err)
	}
}

// Our clock may differ by a minute, in both directions, and no more.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	p := start(t, idp, sqldbtest.SQLite(t))
	for offset, want := range map[time.Duration]signin.Code{
		-time.Hour: signin.OutOfTime, -70 * time.Second: signin.OutOfTime, -50 * time.Second: "",
		50 * time.Second: "", 70 * time.Second: signin.OutOfTime, time.Hour: signin.OutOfTime,
	} {
		p.setOffset(offset)
		_, err := p.signIn("other", "ada@northbank.example")
		p.wantRefused(offset.String(), err, want)
	}
	// A token that is held back until it has expired: ten minutes and the skew.
	p.setOffset(0)
	handle, answer := p.begin("other", "ada@northbank.example")
	p.setTamper(func(path string, _ *http.Response) {
		if path == "/token" {
			p.offset = 10*time.Minute + 70*time.Second
		}
	})
	_, err := p.Finish(t.Context(), handle, answer)
	p.wantRefused("expired", err, signin.OutOfTime)
}

// New keys are fetched when a token names one, and what was withdrawn ends with the discovery.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	p := start(t, idp, sqldbtest.SQLite(t))
	for range 3 {
		for range 2 {
			if got, err := p.signIn("rotating", "ada@northbank.example"); err != nil || got.Subject != "ada" {
				t.Errorf("got %+v, %v, want ada", got, err)
			}
		}
		idp.Rotate(t, idp.RotatingOIDC)
	}
	p.mu.Lock()
	fetched, discovered := p.calls["/jwks"], p.calls["/.well-known/openid-configuration"]
	p.mu.Unlock()
	if fetched != 3 || discovered != 1 {
		t.Errorf("six sign-ins by three keys: got %d fetches of keys and %d discoveries, want 3 and 1", fetched, discovered)
	}
	p.setTamper(func(path string, answer *http.Response) {
		if path == "/jwks" {
			answer.StatusCode = http.StatusBadGateway
		}
	})
	if _, err := p.signIn("rotating", "ada@northbank.example"); err == nil {
		t.Error("keys cannot be fetched: got no error")
	}
}

// Userinfo about somebody else is not taken.
func TestForgedUserinfo(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	p := start(t, idp, sqldbtest.SQLite(t))
	for change, want := range map[[2]string]signin.Code{
		{`"sub":"ada"`, `"sub":"bob"`}:                         signin.BadSignature,
		{`"email_verified":true`, `"email_verified":"yes"`}:    signin.ProviderDown,
		{`ada@northbank.example`, `ada@evil.example`}:          signin.EmailDomain,
		{`"email_verified":true`, `"email_verified":"true"`}:   "",
		{`"email":"ada@northbank.example"`, `"email":["a@b"]`}: signin.ProviderDown,
	} {
		p.setTamper(func(path string, answer *http.Response) {
			if path == "/me" {
				replaceBody(answer, func(body string) string { return strings.Replace(body, change[0], change[1], 1) })
			}
		})
		_, err := p.signIn("north", "ada@northbank.example")
		p.wantRefused(change[1], err, want)
	}
	p.setTamper(func(path string, answer *http.Response) {
		if path == "/token" {
			replaceBody(answer, func(string) string { return strings.Repeat(" ", 2<<20) + "{}" })
		}
	})
	_, err := p.signIn("north", "ada@northbank.example")
	p.wantRefused("an endless answer", err, signin.ProviderDown)
}
