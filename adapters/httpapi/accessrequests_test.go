package httpapi_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

// TestOwnAccessRequest makes a request, sees, changes and withdraws it by its token.
func TestOwnAccessRequest(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		form := requestForm(frnA, "bank.example", "addison@bank.example")
		delete(form, "authentication")
		sent := w.told(http.MethodPost, "/api/v1/access-requests", "", form)
		token := sent.text("token")
		if sent.status != http.StatusCreated || token == "" || sent.text("id") == "" || sent.text("mail") != "sent" {
			t.Fatalf("submit: got %d %s", sent.status, sent.body)
		}
		mine := func(method string, body any) answer {
			return w.asked(method, "/api/v1/access-requests/mine", "", body, "Casesync-Link-Token", token)
		}
		shown := mine(http.MethodGet, "").want(http.StatusOK)
		for path, want := range map[string]string{"id": sent.text("id"), "status": "submitted"} {
			if got := shown.text(path); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		if shown.text("contact", "email") != "casey@bank.example" || shown.text("administrators", 0, "businesses", 0) != frnA {
			t.Errorf("people: got %s", shown.body)
		}
		if got := shown.text("missing", 0, "what"); got != "authentication-method" {
			t.Errorf("missing: got %s", shown.body)
		}
		if strings.Contains(string(shown.body), token) {
			t.Errorf("the token is shown again: %s", shown.body)
		}
		form["authentication"] = data{"method": "local"}
		mine(http.MethodPut, form).want(http.StatusOK)
		if got := mine(http.MethodGet, ""); got.text("missing") != "[]" || got.text("authentication", "method") != "local" {
			t.Errorf("after the change: got %s", got.body)
		}
		mine(http.MethodDelete, "").want(http.StatusOK)
		if got := mine(http.MethodGet, "").text("status"); got != "withdrawn" {
			t.Errorf("after withdrawing: got %s", got)
		}
		if got := mine(http.MethodPut, form).want(http.StatusConflict); got.text("code") != "request-withdrawn" {
			t.Errorf("change what is withdrawn: got %s", got.body)
		}
	})
}

// TestAccessRequestTokens tries tokens that are not the request's.
func TestAccessRequestTokens(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		one := w.told(http.MethodPost, "/api/v1/access-requests", "", requestForm(frnA, "bank.example", "addison@bank.example"))
		two := w.told(http.MethodPost, "/api/v1/access-requests", "", requestForm(frnB, "insurer.example", "blake@insurer.example"))
		_, secret, _ := strings.Cut(two.text("token"), two.text("id"))
		for name, token := range map[string]string{
			"nonsense": "x", "another one's secret": "request.." + one.text("id") + secret,
			"of nothing": "request.." + nobody + secret, "long": strings.Repeat("x", 5000), "of an invitation": "invitation." + frnA + "." + nobody + ".x",
		} {
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				got := w.do(method, "/api/v1/access-requests/mine", "", "", "Casesync-Link-Token", token)
				if got.status != http.StatusNotFound || got.text("code") != "not-found" {
					t.Errorf("%s %s: got %d %s, want 404", method, name, got.status, got.body)
				}
			}
		}
		w.do(http.MethodGet, "/api/v1/access-requests/mine", "", "").want(http.StatusUnauthorized)
		w.do(http.MethodGet, "/api/v1/access-requests/mine?token="+one.text("token"), "", "").want(http.StatusBadRequest)
		w.do(http.MethodGet, "/api/v1/access-requests/"+one.text("id"), "", "").want(http.StatusUnauthorized)
	})
}

// TestAccessRequestForms sends forms that are refused.
func TestAccessRequestForms(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		with := func(change data) data {
			form := requestForm(frnA, "bank.example", "addison@bank.example")
			maps.Copy(form, change)
			return form
		}
		business := func(change data) data {
			b := data{"frn": frnA, "name": "Example Bank plc", "emailDomains": []string{"bank.example"}}
			maps.Copy(b, change)
			return data{"businesses": []data{b}}
		}
		many := make([]data, 101)
		for i := range many {
			many[i] = data{"frn": frnA}
		}
		for _, check := range []struct {
			name   string
			body   any
			status int
			code   string
		}{
			{"no FRN", with(business(data{"frn": "12345"})), 422, "frn-invalid"},
			{"the same business twice", with(data{"businesses": []data{{"frn": frnA}, {"frn": frnA}}}), 422, "frn-repeated"},
			{"a look-alike domain", with(business(data{"emailDomains": []string{"bаnk.example"}})), 422, "domain-look-alike"},
			{"a mail provider's domain", with(business(data{"emailDomains": []string{"gmail.com"}})), 422, "domain-shared"},
			{"an administrator elsewhere", with(data{"administrators": []data{{"name": "A", "email": "a@elsewhere.example"}}}), 422, "domain-not-allowed"},
			{"a secret in the address", with(data{"authentication": data{"method": "oidc", "issuer": "https://u:p@login.bank.example"}}), 422, "url-invalid"},
			{"a private key", with(data{"authentication": data{"method": "saml", "metadata": "-----BEGIN PRIVATE KEY-----"}}), 422, "metadata-invalid"},
			{"no business", with(data{"businesses": []data{}}), 422, "invalid-body"},
			{"too many businesses", with(data{"businesses": many}), 422, "invalid-body"},
			{"an unknown field", with(data{"clientSecret": "x"}), 422, "invalid-body"},
			{"an unknown field within", with(data{"authentication": data{"method": "oidc", "clientSecret": "x"}}), 422, "invalid-body"},
			{"an unknown method", with(data{"authentication": data{"method": "ldap"}}), 422, "invalid-body"},
			{"a wrong type", with(data{"contact": "Casey"}), 422, "invalid-body"},
			{"no contact", data{"businesses": []data{{"frn": frnA}}}, 422, "invalid-body"},
			{"a NUL", with(data{"identityProvider": "a\x00b"}), 422, "invalid-body"},
			{"a long name", with(data{"contact": data{"name": strings.Repeat("x", 201), "email": "c@bank.example"}}), 422, "invalid-body"},
			{"a large body", `{"contact":"` + strings.Repeat("x", 300_000) + `"}`, 413, "body-too-large"},
			{"no JSON", "businesses=1", 400, "bad-request"},
		} {
			got := w.asked(http.MethodPost, "/api/v1/access-requests", "", check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		if got := w.read(w.operator(), "/api/v1/access-requests").ids(); len(got) > 0 {
			t.Errorf("requests after refusals: got %v, want none", got)
		}
	})
}

// TestAccessRequestsOfOperators leads one request from submitted to active, and another to its end.
func TestAccessRequestsOfOperators(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnB, "insurer.example")
		form := requestForm(frnA, "bank.example", "addison@bank.example")
		delete(form, "authentication")
		id := w.told(http.MethodPost, "/api/v1/access-requests", "", form).text("id")
		at := "/api/v1/access-requests/" + id
		give := func(step string, body data, header ...string) answer {
			body["reason"] = "checked"
			return w.asked(http.MethodPost, at+"/"+step, w.operator(), body, header...)
		}
		list := w.read(w.operator(), "/api/v1/access-requests?status=submitted").want(http.StatusOK)
		if list.text("items", 0, "contact", "name") != "Casey Contact" || list.text("items", 0, "businesses", 0, "frn") != frnA ||
			list.text("items", 0, "missing", 0, "what") != "authentication-method" {
			t.Errorf("list: got %s", list.body)
		}
		if got := give("complete", data{}); got.status != http.StatusConflict || got.text("code") != "data-missing" {
			t.Errorf("complete without a method: got %d %s", got.status, got.body)
		}
		give("ask", data{"question": "Which way of signing in do you want?"}).want(http.StatusOK)
		if got := w.read(w.operator(), "/api/v1/access-requests?status=waiting"); got.text("items", 0, "question") != "Which way of signing in do you want?" {
			t.Errorf("after asking: got %s", got.body)
		}
		shown := w.do(http.MethodGet, at, w.operator(), "").want(http.StatusOK)
		tag := shown.header.Get("ETag")
		form["authentication"], form["reason"] = data{"method": "local"}, "as they said on the telephone"
		w.asked(http.MethodPut, at, w.operator(), form, "If-Match", tag).want(http.StatusOK)
		if got := w.asked(http.MethodPut, at, w.operator(), form, "If-Match", tag); got.status != http.StatusPreconditionFailed || got.text("code") != "precondition-failed" {
			t.Errorf("change again what was changed since: got %d %s, want 412", got.status, got.body)
		}
		for _, wrong := range []string{"*", `W/"1"`, "1", `"x"`, `"-1"`, `"99999999999999999999"`} {
			if got := give("complete", data{}, "If-Match", wrong); got.status != http.StatusPreconditionFailed {
				t.Errorf("If-Match %s: got %d %s, want 412", wrong, got.status, got.body)
			}
		}
		if got := give("complete", data{}); got.status != http.StatusConflict || got.text("code") != "request-amended" {
			t.Errorf("complete what was amended, unread: got %d %s", got.status, got.body)
		}
		read := w.do(http.MethodGet, at, w.operator(), "").want(http.StatusOK).header.Get("ETag")
		give("complete", data{}, "If-Match", read).want(http.StatusOK)
		for _, step := range []string{"configure", "invite"} {
			give(step, data{}).want(http.StatusOK)
		}
		if got := w.do(http.MethodGet, at, w.operator(), "").text("status"); got != "invited" {
			t.Errorf("status: got %s, want invited", got)
		}
		settings := w.do(http.MethodGet, "/api/v1/businesses/"+frnA+"/access", w.operator(), "").want(http.StatusOK)
		if settings.text("emailDomains", 0) != "bank.example" || settings.text("method") != "local" {
			t.Errorf("access of the business: got %s", settings.body)
		}
		if got := give("decline", data{}); got.status != http.StatusConflict || got.text("code") != "request-invited" {
			t.Errorf("decline what is invited: got %d %s", got.status, got.body)
		}
		other := w.told(http.MethodPost, "/api/v1/access-requests", "", requestForm(frnB, "insurer.example", "blake@insurer.example")).text("id")
		w.told(http.MethodPost, "/api/v1/access-requests/"+other+"/decline", w.operator(), data{"reason": "not theirs"})
		w.pages(w.operator(), "/api/v1/access-requests", nil)
		for _, path := range []string{nobody, "nonsense"} {
			w.do(http.MethodGet, "/api/v1/access-requests/"+path, w.operator(), "").want(http.StatusNotFound)
			w.asked(http.MethodPost, "/api/v1/access-requests/"+path+"/decline", w.operator(), data{"reason": "x"}).want(http.StatusNotFound)
		}
		for _, role := range []access.Role{access.Administrator, access.Auditor, access.Helpdesk} {
			w.do(http.MethodGet, "/api/v1/access-requests", w.as(role), "").want(http.StatusForbidden)
		}
		if text := w.logged.String(); strings.Contains(text, "Casey") || strings.Contains(text, "bank.example") {
			t.Errorf("the log tells of a person: %s", text)
		}
	})
}
