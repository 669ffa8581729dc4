package onboarding_test

import (
	"fmt"
	"strings"
	"testing"

	"casesync/domain/account"
	"casesync/domain/onboarding"
)

// TestFormsThatAreNotWellFormed: each with one thing wrong.
func TestFormsThatAreNotWellFormed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, refused string
		change        func(*onboarding.Form)
	}{
		{"no business", "businesses-invalid", func(f *onboarding.Form) { f.Businesses = nil }},
		{"too many businesses", "businesses-invalid", func(f *onboarding.Form) {
			for i := range onboarding.BusinessesMax {
				f.Businesses = append(f.Businesses, onboarding.BusinessForm{FRN: fmt.Sprint(200000 + i)})
			}
		}},
		{"a short FRN", "frn-invalid", func(f *onboarding.Form) { f.Businesses[0].FRN = "12345" }},
		{"a long FRN", "frn-invalid", func(f *onboarding.Form) { f.Businesses[0].FRN = "12345678" }},
		{"an FRN in other digits", "frn-invalid", func(f *onboarding.Form) { f.Businesses[0].FRN = "１２３４５６" }},
		{"no FRN", "frn-invalid", func(f *onboarding.Form) { f.Businesses[0].FRN = "" }},
		{"an FRN twice", "frn-repeated", func(f *onboarding.Form) { f.Businesses[1].FRN = "123456" }},
		{"a long name", "text-invalid", func(f *onboarding.Form) { f.Businesses[0].Name = strings.Repeat("x", 201) }},
		{"a name that is no text", "text-invalid", func(f *onboarding.Form) { f.Businesses[0].Name = "\xff" }},
		{"too many domains", "domains-invalid", func(f *onboarding.Form) { f.Businesses[0].Domains = make([]string, 51) }},
		{"no domain", "domain-invalid", func(f *onboarding.Form) { f.Businesses[0].Domains = []string{"example"} }},
		{"a look-alike", "domain-look-alike", func(f *onboarding.Form) { f.Businesses[0].Domains = []string{"еxample.com"} }},
		{"anybody's domain", "domain-shared", func(f *onboarding.Form) { f.Businesses[0].Domains = []string{"gmail.com"} }},
		{"no contact", "email-invalid", func(f *onboarding.Form) { f.Contact = onboarding.Person{} }},
		{"a contact without a name", "text-invalid", func(f *onboarding.Form) { f.Contact.Name = "" }},
		{"an administrator without a name", "text-invalid", func(f *onboarding.Form) { f.Administrators[0].Name = " " }},
		{"an administrator without an address", "email-invalid", func(f *onboarding.Form) { f.Administrators[0].Email = "ada" }},
		{"a shared mailbox", "email-shared", func(f *onboarding.Form) { f.Administrators[0].Email = "admin@example.com" }},
		{"an administrator elsewhere", "domain-not-allowed", func(f *onboarding.Form) { f.Administrators[0].Email = "ada@example.net" }},
		{"an administrator at one of two", "domain-not-allowed", func(f *onboarding.Form) { f.Administrators[1].FRNs = nil }},
		{"an administrator of no business", "administrator-business", func(f *onboarding.Form) { f.Administrators[1].FRNs = []string{"999999"} }},
		{"an administrator twice", "administrator-repeated", func(f *onboarding.Form) { f.Administrators[1].Email = "ADA+2@example.com" }},
		{"too many administrators", "administrators-invalid", func(f *onboarding.Form) {
			f.Administrators = make([]onboarding.AdministratorForm, onboarding.AdministratorsMax+1)
		}},
		{"a long provider", "text-invalid", func(f *onboarding.Form) { f.IdentityProvider = strings.Repeat("x", 201) }},
		{"a method that is none", "method-invalid", func(f *onboarding.Form) { f.Authentication.Method = "ldap" }},
		{"plain http", "url-invalid", func(f *onboarding.Form) { f.Authentication.Issuer = "http://id.example.com" }},
		{"a password in a URL", "url-invalid", func(f *onboarding.Form) { f.Authentication.Issuer = "https://a:b@id.example.com" }},
		{"a query in a URL", "url-invalid", func(f *onboarding.Form) { f.Authentication.Issuer = "https://id.example.com/?key=secret" }},
		{"a host inside", "url-invalid", func(f *onboarding.Form) { f.Authentication.Issuer = "https://localhost/" }},
		{"an address inside", "url-invalid", func(f *onboarding.Form) { f.Authentication.MetadataURL = "https://169.254.169.254/metadata" }},
		{"no URL", "url-invalid", func(f *onboarding.Form) { f.Authentication.Issuer = "https://%zz" }},
		{"a client id of control characters", "text-invalid", func(f *onboarding.Form) { f.Authentication.ClientID = "a\x00b" }},
		{"a private key", "metadata-invalid", func(f *onboarding.Form) { f.Authentication.Metadata = "-----BEGIN PRIVATE KEY-----" }},
		{"large metadata", "metadata-invalid", func(f *onboarding.Form) { f.Authentication.Metadata = strings.Repeat("<", 100_001) }},
	} {
		f := changed(test.change)
		_, err := decider.Check(onboarding.Initial(), onboarding.Initial(), onboarding.Submit{Form: f, Day: monday})
		if err == nil || !strings.HasPrefix(err.Error(), test.refused+": ") {
			t.Errorf("%s: got %v, want %s", test.name, err, test.refused)
		}
	}
}

// TestWhatFormsLack goes through the methods: what belongs to another one is neither asked for nor kept.
func TestWhatFormsLack(t *testing.T) {
	t.Parallel()
	all := onboarding.Authentication{
		Issuer: "https://id.example.com", ClientID: "casesync", MetadataURL: "https://id.example.com/saml", Metadata: "<xml/>",
	}
	for _, test := range []struct {
		name, lacks string
		auth, kept  onboarding.Authentication
		provider    string
	}{
		{"no method", "[authentication method]", all, onboarding.Authentication{}, ""},
		{"local", "[]", with(all, account.Local), onboarding.Authentication{Method: account.Local}, ""},
		{"OIDC", "[]", with(all, account.OIDC), onboarding.Authentication{Method: account.OIDC, Issuer: all.Issuer, ClientID: all.ClientID}, "Example ID"},
		{
			"OIDC with nothing", "[identity provider issuer client id]",
			onboarding.Authentication{Method: account.OIDC}, onboarding.Authentication{Method: account.OIDC}, "",
		}, {
			"SAML", "[]", with(all, account.SAML),
			onboarding.Authentication{Method: account.SAML, MetadataURL: all.MetadataURL, Metadata: all.Metadata}, "Example ID",
		}, {
			"SAML with metadata alone", "[]", onboarding.Authentication{Method: account.SAML, Metadata: "<xml/>"},
			onboarding.Authentication{Method: account.SAML, Metadata: "<xml/>"}, "Example ID",
		}, {
			"SAML with nothing", "[metadata]", onboarding.Authentication{Method: account.SAML},
			onboarding.Authentication{Method: account.SAML}, "Example ID",
		},
	} {
		f := changed(func(f *onboarding.Form) { f.Authentication, f.IdentityProvider = test.auth, test.provider })
		decided, err := onboarding.Decide(onboarding.Initial(), onboarding.Submit{Form: f, Day: monday})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		state := decider.State(decided...)
		if got := fmt.Sprint(state.Lacks()); got != test.lacks {
			t.Errorf("%s: got lacking %s, want %s", test.name, got, test.lacks)
		}
		if got := state.Request().Authentication; got != test.kept {
			t.Errorf("%s: got %+v kept, want %+v", test.name, got, test.kept)
		}
	}
}

func with(a onboarding.Authentication, method account.Method) onboarding.Authentication {
	a.Method = method
	return a
}
