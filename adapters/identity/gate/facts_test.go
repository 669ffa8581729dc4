package gate_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/identity/idptest"
	"casesync/eventstore/sqldb/sqldbtest"
)

// TestFacts: what IT departments are told is what browsers and providers see.
func TestFacts(t *testing.T) {
	t.Parallel()
	h := open(t, sqldbtest.SQLite(t))
	facts := h.gate.Facts()
	metadata := h.browser().get(strings.TrimPrefix(facts.MetadataURL, publicURL) + "/any").raw
	for _, want := range []string{`entityID="` + facts.SAML.EntityID + `"`, `Location="` + facts.SAML.Address + `"`, `AuthnRequestsSigned="false"`} {
		if !strings.Contains(metadata, want) {
			t.Errorf("metadata: got %s, want %s", metadata, want)
		}
	}
	if facts.SAML.RequestsSigned || facts.SAML.RSABitsMin < 2048 || facts.SAML.SkewMax != time.Minute ||
		!slices.Contains(facts.SAML.Signatures, "rsa-sha256") || !slices.Contains(facts.SAML.EmailAttributes, "email") {
		t.Errorf("SAML: got %+v", facts.SAML)
	}
	for _, name := range append(slices.Clone(facts.SAML.Signatures), facts.OIDC.Algorithms...) {
		if name == "" || strings.Contains(name, "sha1") || strings.HasPrefix(name, "HS") || name == "none" {
			t.Errorf("algorithms: got %q among them", name)
		}
	}
	h.useOIDC(idptest.Start(t).OIDC, idptest.OIDCClient)
	sent, err := url.Parse(h.browser().depart("ada@northbank.example", "/"))
	h.must(err)
	if got := sent.Query(); got.Get("redirect_uri") != facts.RedirectURL || got.Get("scope") != strings.Join(facts.OIDC.Scopes, " ") {
		t.Errorf("sent to the provider: got %s, want %s and %v", sent, facts.RedirectURL, facts.OIDC.Scopes)
	}
	if l := facts.Local; l.PasswordRunesMin != 12 || l.RecoveryCodes != 10 || l.CodeDigits != 6 || l.CodePeriod != 30*time.Second || l.Account.Free != 5 {
		t.Errorf("local accounts: got %+v", l)
	}
}
