package httpapi_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
	"casesync/domain/connection"
	"casesync/eventstore/sqldb/sqldbtest"
)

func oidcSettings(change data) data {
	settings := data{"issuer": "https://login.bank.example", "clientId": "casesync", "secretReference": "example-bank"}
	maps.Copy(settings, change)
	return data{"method": "oidc", "oidc": settings, "reason": "as requested"}
}

// TestConnections sets identity providers, and businesses that use them.
func TestConnections(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		asked := make(chan string, 100)
		w := newWorld(t, address, func(config *httpapi.Config) {
			config.CheckConnection = func(_ context.Context, settings connection.Settings) error {
				asked <- settings.ID
				if settings.OIDC.Issuer == "https://down.bank.example" {
					return errors.New("the identity provider does not answer at this address")
				}
				return nil
			}
		})
		at := "/api/v1/connections/example-bank"
		w.told(http.MethodPut, at, w.operator(), oidcSettings(nil))
		shown := w.do(http.MethodGet, at, w.operator(), "").want(http.StatusOK)
		if shown.text("oidc", "issuer") != "https://login.bank.example" || shown.text("oidc", "secretReference") != "example-bank" || shown.at("saml") != nil {
			t.Errorf("shown: got %s", shown.body)
		}
		w.told(http.MethodPut, "/api/v1/connections/example-insurer", w.operator(), data{
			"method": "saml", "saml": data{"metadata": `<EntityDescriptor entityID="https://id.insurer.example"/>`}, "reason": "as requested",
		})
		if got := w.read(w.operator(), "/api/v1/connections").ids(); strings.Join(got, " ") != "example-bank example-insurer" {
			t.Errorf("list: got %v", got)
		}
		w.pages(w.operator(), "/api/v1/connections", nil)
		for _, check := range []struct {
			name, id string
			body     data
			status   int
			code     string
		}{
			{"another method", "example-bank", data{"method": "saml", "saml": data{"metadata": "<EntityDescriptor/>"}, "reason": "x"}, 409, "connection-method"},
			{"both methods", "example-two", data{"method": "saml", "saml": data{"metadata": "<E/>"}, "oidc": oidcSettings(nil)["oidc"], "reason": "x"}, 422, "settings-mixed"},
			{"without TLS", "example-two", oidcSettings(data{"issuer": "http://login.bank.example"}), 422, "issuer-invalid"},
			{"an address of a machine", "example-two", oidcSettings(data{"issuer": "https://169.254.169.254"}), 422, "issuer-invalid"},
			{"a path as secret", "example-two", oidcSettings(data{"secretReference": "../keys/kek"}), 422, "secret-reference-invalid"},
			{"a secret", "example-two", oidcSettings(data{"clientSecret": "x"}), 422, "invalid-body"},
			{"one that does not answer", "example-two", oidcSettings(data{"issuer": "https://down.bank.example"}), 422, "connection-unusable"},
			{"local accounts", "example-two", data{"method": "local", "reason": "x"}, 422, "invalid-body"},
			{"an impossible id", "Example", oidcSettings(nil), 404, "not-found"},
		} {
			for len(asked) > 0 {
				<-asked
			}
			got := w.asked(http.MethodPut, "/api/v1/connections/"+check.id, w.operator(), check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
			if strings.HasSuffix(check.code, "-invalid") && len(asked) > 0 {
				t.Errorf("%s: the identity provider was asked", check.name)
			}
		}
		w.do(http.MethodGet, "/api/v1/connections/example-two", w.operator(), "").want(http.StatusNotFound)
		w.do(http.MethodGet, at, w.as(access.Auditor), "").want(http.StatusForbidden)
	})
}

// TestRetiringConnections: nobody signs in by a retired one, and none is retired by which people of a
// business do.
func TestRetiringConnections(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		at, why := "/api/v1/connections/example-bank", data{"reason": "the contract ended"}
		business := "/api/v1/businesses/" + frnA + "/access"
		w.told(http.MethodPut, at, w.operator(), oidcSettings(nil))
		w.told(http.MethodPut, business, w.operator(), data{"emailDomains": []string{"bank.example"}, "method": "oidc", "connection": "example-bank", "reason": "as requested"})
		w.read(w.operator(), "/api/v1/connections") // until the read model has it
		for _, check := range []struct {
			name, path, token string
			body              data
			status            int
			code              string
		}{
			{"in use", at, w.operator(), why, 409, "connection-in-use"},
			{"without a reason", at, w.operator(), data{}, 422, "invalid-body"},
			{"an unknown one", "/api/v1/connections/example-other", w.operator(), why, 404, "not-found"},
			{"an impossible one", "/api/v1/connections/Example", w.operator(), why, 404, "not-found"},
			{"an auditor", at, w.as(access.Auditor), why, 403, "forbidden"},
		} {
			if got := w.asked(http.MethodPost, check.path+"/retire", check.token, check.body); got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		w.told(http.MethodPut, business, w.operator(), data{"emailDomains": []string{"bank-two.example"}, "method": "local", "reason": "as requested"})
		w.told(http.MethodPost, at+"/retire", w.operator(), why)
		if got := w.asked(http.MethodPost, at+"/retire", w.operator(), why).want(http.StatusOK); got.text("status") != "duplicate" {
			t.Errorf("again: got %s", got.body)
		}
		w.do(http.MethodGet, at, w.operator(), "").want(http.StatusNotFound)
		if got := w.read(w.operator(), "/api/v1/connections"); got.text("items", 0, "retired") != "true" {
			t.Errorf("list: got %s", got.body)
		}
	})
}

// TestBusinessAccess sets how a business comes in, against others who do.
func TestBusinessAccess(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		at := "/api/v1/businesses/" + frnA + "/access"
		if got := w.do(http.MethodGet, at, w.operator(), "").want(http.StatusOK); got.text("configured") != "false" || got.text("emailDomains") != "[]" {
			t.Errorf("before: got %s", got.body)
		}
		set := func(domains []string, header ...string) answer {
			return w.asked(http.MethodPut, at, w.operator(), data{"emailDomains": domains, "method": "local", "reason": "as requested"}, header...)
		}
		set([]string{"bank.example"}).want(http.StatusOK)
		tag := w.do(http.MethodGet, at, w.operator(), "").want(http.StatusOK).header.Get("ETag")
		set([]string{"bank.example", "bücher.example"}, "If-Match", tag).want(http.StatusOK)
		if got := set([]string{"bank.example"}, "If-Match", tag); got.status != http.StatusPreconditionFailed {
			t.Errorf("after somebody else: got %d %s, want 412", got.status, got.body)
		}
		if got := w.do(http.MethodGet, at, w.operator(), ""); got.text("emailDomains") != "[bank.example bücher.example]" {
			t.Errorf("domains: got %s", got.body)
		}
		for _, check := range []struct {
			name   string
			body   data
			status int
			code   string
		}{
			{"a look-alike", data{"emailDomains": []string{"bаnk.example"}, "method": "local", "reason": "x"}, 422, "domain-look-alike"},
			{"a shared domain", data{"emailDomains": []string{"gmail.com"}, "method": "local", "reason": "x"}, 422, "domain-shared"},
			{"no domain", data{"emailDomains": []string{}, "method": "local", "reason": "x"}, 422, "invalid-body"},
			{"an unknown connection", data{"emailDomains": []string{"bank.example"}, "method": "oidc", "connection": "nothing", "reason": "x"}, 422, "connection-missing"},
		} {
			got := w.asked(http.MethodPut, at, w.operator(), check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		for _, path := range []string{"12", "nonsense", "123456%2F..%2F654321"} {
			w.do(http.MethodGet, "/api/v1/businesses/"+path+"/access", w.operator(), "").want(http.StatusNotFound)
		}
		w.do(http.MethodGet, at, w.as(access.Administrator), "").want(http.StatusForbidden)
	})
}
