package gate_test

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/signin"
)

var idToken = regexp.MustCompile(`"id_token":"([^"]+)"`)

// What somebody on the wire could make of a provider's answer is refused, each under its own code.
func TestOIDCOnTheWire(t *testing.T) {
	idp := idptest.Start(t)
	each(t, func(t *testing.T, h *house) {
		h.useOIDC(idp.OtherOIDC, idptest.OIDCClient)
		person := h.enrolFederated(ada, (*browser).visit)
		earlier := ""
		replace := func(change func(token string) string) func(path, body string) string {
			return func(path, body string) string {
				if path != "/token" {
					return body
				}
				return idToken.ReplaceAllStringFunc(body, func(found string) string {
					return `"id_token":"` + change(idToken.FindStringSubmatch(found)[1]) + `"`
				})
			}
		}
		try := func(tamper func(path, body string) string) (reply, *browser) {
			t.Helper()
			b := h.browser()
			location := b.depart(ada, "/")
			h.tamper.Store(&tamper)
			defer h.tamper.Store(nil)
			return b.visit(location), b
		}
		// The token of a sign-in that succeeds, to be sent again.
		got, b := try(replace(func(token string) string { earlier = token; return token }))
		if b.wantWho(person); got.StatusCode != http.StatusSeeOther {
			t.Fatalf("untouched: got %s, want to be sent on", got.Status)
		}
		encode := base64.RawURLEncoding.EncodeToString
		part := func(token string, i int) string { return strings.Split(token, ".")[i] }
		before := h.events()
		for name, c := range map[string]struct {
			change func(token string) string
			want   signin.Code
		}{
			"another attempt's": {func(string) string { return earlier }, signin.WrongNonce},
			"algorithm none":    {func(token string) string { return encode([]byte(`{"alg":"none"}`)) + "." + part(token, 1) + "." }, signin.WeakAlgorithm},
			"another signature": {func(token string) string { return part(token, 0) + "." + part(token, 1) + "." + part(earlier, 2) }, signin.BadSignature},
			"another body": {func(token string) string {
				return part(token, 0) + "." + encode([]byte(`{"iss":"`+idp.OtherOIDC+`","aud":"casesync","sub":"bob"}`)) + "." + part(token, 2)
			}, signin.BadSignature},
			"another issuer": {func(token string) string {
				return part(token, 0) + "." + encode([]byte(`{"iss":"`+idp.OIDC+`"}`)) + "." + part(token, 2)
			}, signin.WrongIssuer},
			"another audience": {func(token string) string {
				return part(token, 0) + "." + encode([]byte(`{"iss":"`+idp.OtherOIDC+`","aud":"another"}`)) + "." + part(token, 2)
			}, signin.WrongAudience},
			"nothing": {func(string) string { return "" }, signin.Malformed},
		} {
			got, b := try(replace(c.change))
			if got.code != "sign-in-failed" || got.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: got %s %q, want sign-in-failed", name, got.Status, got.code)
			}
			h.wantRefused(name, c.want)
			if got := h.activity.last().Detail["connection"]; got != "north" {
				t.Errorf("%s: recorded of %q, want north", name, got)
			}
			b.wantWho("")
		}
		if n := h.events() - before; n != 0 {
			t.Errorf("%d events, want none", n)
		}
	})
}
