package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"casesync/adapters/identity/idptest"
)

// The businesses of the story, one for each way of signing in.
const (
	frnLocal = "9990101"
	frnOIDC  = "9990102"
	frnSAML  = "9990103"
)

// TestTheWholeStory drives people from the request for access to their cases and out again, over
// HTTP as browsers do: with a password and a second factor, and by real identity providers.
func TestTheWholeStory(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	eachWorld(t, func(t *testing.T, w *world) {
		secrets := t.TempDir()
		if err := os.WriteFile(filepath.Join(secrets, "north"), []byte(idptest.Secret(idptest.OIDCClient)), 0o600); err != nil {
			t.Fatal(err)
		}
		w.storyFeed()
		o := w.open(&clock{}, "--secrets", secrets, "--operators-mail", "operators@service.example")
		o.publishTerms("2026-01")
		o.caughtUp()

		// Identity providers have clocks of their own: they come before the clock is moved.
		o.oidcStory(idp)
		o.samlStory(idp)
		administrator := o.localStory()
		o.caseworkerStory(administrator)

		o.caughtUp()
		if text := w.must("verify"); !strings.Contains(text, "are intact") {
			t.Errorf("verify said %s", text)
		}
		if text := w.must("activity", "verify"); !strings.Contains(text, "intact") {
			t.Errorf("activity verify said %s", text)
		}
	})
}

// storyFeed imports a case for each business.
func (w *world) storyFeed() {
	w.t.Helper()
	var feed strings.Builder
	for i, frn := range []string{frnLocal, frnOIDC, frnSAML} {
		fmt.Fprintf(&feed, `{"specversion":"1.0","id":"b-%[1]d","source":"urn:example:story","type":"cms.business.updated.v1","subject":"%[2]s","time":"2026-01-05T09:00:00Z","sequence":"1","data":{"frn":"%[2]s","name":"Invented Business %[1]d"}}`+"\n", i, frn)
		for n := range 3 {
			fmt.Fprintf(&feed, `{"specversion":"1.0","id":"c-%[1]s-%[2]d","source":"urn:example:story","type":"cms.case.converted.v1","subject":"S-%[1]s-%[2]d","time":"2026-01-05T10:00:00Z","sequence":"1","data":{"frn":"%[1]s","product":{"sector":"Banking","group":"Cards","product":"Credit card"},"issue":"Late fee","consumer":{"name":"Zara Specimenworth"},"convertedAt":"2026-01-05T10:00:00Z"}}`+"\n", frn, n)
		}
	}
	path := filepath.Join(w.t.TempDir(), "story.jsonl")
	if err := os.WriteFile(path, []byte(feed.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.must("import", path)
}

func (o *office) publishTerms(version string) {
	o.api.t.Helper()
	for kind, text := range map[string]string{"terms-of-use": "# Terms of use\n\nUse it well.", "privacy-notice": "# Privacy notice\n\nWhat is kept."} {
		o.as("operator").must(http.MethodPost, "/api/v1/terms", map[string]any{"kind": kind, "version": version, "text": text, "reason": "first version"})
	}
}

// onboard takes a business from the request to the invitation of its administrator, and returns the
// invitation's token.
func (o *office) onboard(frn, domain, administrator string, authentication map[string]any, setup map[string]any) (invitation string) {
	o.api.t.Helper()
	visitor, operator := o.browser(), o.as("operator")
	contact := "robin.contact@" + domain
	form := map[string]any{
		"businesses": []any{map[string]any{"frn": frn, "name": "Invented Business of " + frn}},
		"contact":    map[string]any{"name": "Robin Contact", "email": contact},
	}
	visitor.must(http.MethodPost, "/api/v1/access-requests", form)

	// What is missing is asked for, and supplied by the link that was mailed.
	link := []string{"Casesync-Link-Token", o.mailed(contact, "access-request")}
	own := visitor.must(http.MethodGet, "/api/v1/access-requests/mine", nil, link...)
	if missing, _ := own.body["missing"].([]any); len(missing) == 0 {
		o.api.t.Errorf("a request without domains and administrators lacks nothing: %s", own.text)
	}
	id, _ := own.body["id"].(string)
	address := "/api/v1/access-requests/" + id
	operator.must(http.MethodPost, address+"/ask", map[string]any{"reason": "incomplete"})
	form["businesses"] = []any{map[string]any{"frn": frn, "name": "Invented Business of " + frn, "emailDomains": []any{domain}}}
	form["administrators"] = []any{map[string]any{"name": "Alex Steward", "email": administrator}}
	form["identityProvider"] = "Example Directory"
	form["authentication"] = authentication
	visitor.must(http.MethodPut, "/api/v1/access-requests/mine", form, link...)

	// It was amended: what is complete is what the operator has read.
	checked := map[string]any{"reason": "checked"}
	if got := operator.call(http.MethodPost, address+"/complete", checked); got.body["code"] != "request-amended" {
		o.api.t.Errorf("complete unread: got %d %s", got.status, got.text)
	}
	operator.must(http.MethodPost, address+"/complete", checked, "If-Match", operator.must(http.MethodGet, address, nil).header.Get("ETag"))
	setup["reason"] = "as requested"
	operator.must(http.MethodPost, address+"/configure", setup)
	operator.must(http.MethodPost, address+"/invite", map[string]any{"reason": "as requested"})
	return o.mailed(administrator, "invitation")
}

// localStory leads an administrator with a local account to his business's data.
func (o *office) localStory() *browser {
	t := o.api.t
	t.Helper()
	const email = "alex.steward@local.example"
	invitation := o.onboard(frnLocal, "local.example", email, map[string]any{"method": "local"}, map[string]any{})
	b := o.browser()
	b.refused(http.StatusUnauthorized, "token-missing", http.MethodGet, "/api/v1/me", nil)
	b.enrol(invitation)
	b.refused(http.StatusNotFound, "link-unusable", http.MethodPost, "/api/v1/enrolment", map[string]any{}, "Casesync-Link-Token", invitation)

	// No data at all before the terms are accepted for the business.
	users := "/api/v1/users?business=" + frnLocal
	o.caughtUp()
	b.refused(http.StatusForbidden, "terms-not-accepted", http.MethodGet, users, nil)
	me := b.must(http.MethodGet, "/api/v1/me", nil)
	if pending, _ := me.body["termsToAccept"].([]any); len(pending) != 1 {
		t.Errorf("got terms to accept %v, want those of one business", me.body["termsToAccept"])
	}
	b.must(http.MethodPost, "/api/v1/terms/acceptances", map[string]any{"business": frnLocal, "version": "2026-01"})
	if got := b.must(http.MethodGet, users, nil); !strings.Contains(got.text, email) {
		t.Errorf("got %s, want the administrator among the users", got.text)
	}

	// An administrator sees no case, but may give himself the role that does.
	b.refused(http.StatusForbidden, "forbidden", http.MethodGet, "/api/v1/cases", nil)
	id, _ := me.body["id"].(string)
	id = strings.TrimPrefix(id, "user:")
	b.must(http.MethodPost, "/api/v1/users/"+id+"/grant", map[string]any{"business": frnLocal, "roles": []any{"supervisor"}})
	b.seesCasesOf(frnLocal)

	// Signed out is signed out; signing in again needs the password and a code, which works once.
	b.must(http.MethodPost, "/api/v1/sign-out", map[string]any{})
	b.refused(http.StatusUnauthorized, "token-missing", http.MethodGet, "/api/v1/me", nil)
	if got := b.signIn(email); got.status != http.StatusOK {
		t.Fatalf("signing in again: got %d %s\n%s", got.status, got.text, o.must("activity", "list", "--failed", "--limit", "5"))
	}
	other := o.browser()
	other.must(http.MethodPost, "/sign-in/password", map[string]any{"email": email, "password": goodPassword})
	if got := other.call(http.MethodPost, "/sign-in/code", map[string]any{"code": b.last}); got.status != http.StatusUnauthorized {
		t.Errorf("a code used twice: got %d %s", got.status, got.text)
	}
	b.seesCasesOf(frnLocal)
	return b
}

// seesCasesOf checks that a person sees the cases of one business, and nothing else.
func (b *browser) seesCasesOf(frn string) {
	b.t.Helper()
	list := b.must(http.MethodGet, "/api/v1/cases?limit=100", nil)
	items, _ := list.body["items"].([]any)
	if len(items) != 3 {
		b.t.Fatalf("got %d cases, want 3: %s", len(items), list.text)
	}
	for _, item := range items {
		if got := item.(map[string]any)["business"]; got != frn {
			b.t.Errorf("got a case of %v, want of %s alone", got, frn)
		}
	}
	open := b.must(http.MethodGet, "/api/v1/dashboard", nil).body["open"].(map[string]any)
	if open["total"] != float64(3) {
		b.t.Errorf("got a dashboard of %v cases, want 3", open["total"])
	}
	for _, other := range []string{frnLocal, frnOIDC, frnSAML} {
		if other != frn {
			b.refused(http.StatusNotFound, "not-found", http.MethodGet, "/api/v1/cases/S-"+other+"-0", nil)
		}
	}
}

// caseworkerStory has an administrator invite a caseworker, and take it all away again while the
// caseworker looks on.
func (o *office) caseworkerStory(administrator *browser) {
	t := o.api.t
	t.Helper()
	const email = "casey.worker@local.example"
	invited := administrator.must(http.MethodPost, "/api/v1/invitations", map[string]any{
		"business": frnLocal, "name": "Casey Worker", "email": email, "roles": []any{"caseworker"},
	})
	person, _ := invited.body["user"].(string)
	b := o.browser()
	b.enrol(o.mailed(email, "invitation"))
	b.must(http.MethodPost, "/api/v1/terms/acceptances", map[string]any{"business": frnLocal, "version": "2026-01"})
	o.caughtUp()
	b.seesCasesOf(frnLocal)
	b.must(http.MethodPost, "/api/v1/cases/S-"+frnLocal+"-0/allocation", map[string]any{"to": "me", "from": "none"})

	// Suspended at the business: the open stream ends within a second, and so does every access. The
	// case that was his is unallocated again, and marked.
	ended, began := b.stream(), time.Now()
	disabled := administrator.must(http.MethodPost, "/api/v1/users/"+person+"/disable", map[string]any{"business": frnLocal, "reason": "on leave"})
	o.endsWithinASecond(ended, began, "the stream of who was suspended")
	if got := b.call(http.MethodGet, "/api/v1/cases", nil); got.status != http.StatusForbidden {
		t.Errorf("a suspended caseworker got %d %s", got.status, got.text)
	}
	o.returned(administrator, "S-"+frnLocal+"-0")
	administrator.must(http.MethodGet, "/api/v1/users?business="+frnLocal, nil, "Casesync-Min-Position", disabled.header.Get("Casesync-Position"))
	administrator.must(http.MethodPost, "/api/v1/users/"+person+"/enable", map[string]any{"business": frnLocal})
	b.seesCasesOf(frnLocal)

	// The whole account is disabled by an operator: the session ends too.
	ended, began = b.stream(), time.Now()
	o.as("operator").must(http.MethodPost, "/api/v1/accounts/"+person+"/disable", map[string]any{"reason": "left the business"})
	o.endsWithinASecond(ended, began, "the stream of whose account was disabled")
	if got := b.call(http.MethodGet, "/api/v1/me", nil); got.status != http.StatusUnauthorized {
		t.Errorf("whose account is disabled got %d %s", got.status, got.text)
	}
	if got := b.signIn(email); got.status != http.StatusUnauthorized {
		t.Errorf("signing in to a disabled account: got %d %s", got.status, got.text)
	}

	// The last administrator cannot leave.
	me := administrator.must(http.MethodGet, "/api/v1/me", nil)
	self := strings.TrimPrefix(me.body["id"].(string), "user:")
	if got := administrator.call(http.MethodPost, "/api/v1/users/"+self+"/remove", map[string]any{"business": frnLocal, "reason": "leaving"}); got.status != http.StatusConflict {
		t.Errorf("the last administrator removed himself: got %d %s", got.status, got.text)
	}
}

func (o *office) endsWithinASecond(ended <-chan struct{}, began time.Time, what string) {
	o.api.t.Helper()
	select {
	case <-ended:
		if took := time.Since(began); took > time.Second {
			o.api.t.Errorf("%s ended after %s, want within a second", what, took)
		}
	case <-time.After(20 * time.Second):
		o.api.t.Fatalf("%s has not ended", what)
	}
}

// returned waits until a case is unallocated again, and marked as returned.
func (o *office) returned(b *browser, ref string) {
	o.api.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		shown := b.must(http.MethodGet, "/api/v1/cases/"+ref, nil)
		if shown.body["allocatedTo"] == nil && shown.body["allocationReturned"] == true {
			return
		}
		if time.Now().After(deadline) {
			o.api.t.Fatalf("the case was not returned: %s", shown.text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// oidcStory has an administrator come in by the business's OpenID Connect provider.
func (o *office) oidcStory(idp *idptest.Providers) {
	t := o.api.t
	t.Helper()
	const email = "ada@northbank.example"
	o.as("operator").must(http.MethodPut, "/api/v1/connections/north", map[string]any{"method": "oidc", "reason": "onboarding",
		"oidc": map[string]any{"issuer": idp.OIDC, "clientId": idptest.OIDCClient, "secretReference": "north"}})
	invitation := o.onboard(frnOIDC, "northbank.example", email,
		map[string]any{"method": "oidc", "issuer": "https://login.northbank.example", "clientId": idptest.OIDCClient}, map[string]any{"connection": "north", "secretReference": "north"})
	b := o.browser()
	started := b.must(http.MethodPost, "/api/v1/enrolment/federated", map[string]any{}, "Casesync-Link-Token", invitation)
	landed := b.visit(started.body["location"].(string), nil)
	b.acceptAndSee(frnOIDC, landed)

	// Signing in again, from another browser.
	again := o.browser()
	way := again.must(http.MethodPost, "/sign-in", map[string]any{"email": email})
	if way.body["method"] != "redirect" {
		t.Fatalf("got %s, want to be sent to the provider", way.text)
	}
	started = again.must(http.MethodPost, "/sign-in/federated", map[string]any{"email": email, "to": "/api/v1/me"})
	if got := again.visit(started.body["location"].(string), nil); got.status != http.StatusOK || got.body["kind"] != "user" {
		t.Errorf("signed in by the provider: got %d %s", got.status, got.text)
	}
	// Another person of the same provider has no account here.
	stranger := o.browser()
	started = stranger.must(http.MethodPost, "/sign-in/federated", map[string]any{"email": "bob@northbank.example", "to": "/"})
	stranger.visit(started.body["location"].(string), nil)
	stranger.refused(http.StatusUnauthorized, "token-missing", http.MethodGet, "/api/v1/me", nil)
}

// samlStory has an administrator come in by the business's SAML identity provider.
func (o *office) samlStory(idp *idptest.Providers) {
	t := o.api.t
	t.Helper()
	const email = "grace@southbank.example"
	response, err := http.Get(idp.SAML + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	metadata := text(t, response)
	o.as("operator").must(http.MethodPut, "/api/v1/connections/south", map[string]any{"method": "saml", "reason": "onboarding",
		"saml": map[string]any{"metadata": metadata}})
	invitation := o.onboard(frnSAML, "southbank.example", email, map[string]any{"method": "saml", "metadata": metadata}, map[string]any{"connection": "south"})
	person := map[string]any{"user": "grace", "email": email}
	b := o.browser()
	started := b.must(http.MethodPost, "/api/v1/enrolment/federated", map[string]any{}, "Casesync-Link-Token", invitation)
	landed := b.visit(started.body["location"].(string), person)
	b.acceptAndSee(frnSAML, landed)

	again := o.browser()
	started = again.must(http.MethodPost, "/sign-in/federated", map[string]any{"email": email, "to": "/api/v1/me"})
	if got := again.visit(started.body["location"].(string), person); got.status != http.StatusOK || got.body["kind"] != "user" {
		t.Errorf("signed in by the provider: got %d %s", got.status, got.text)
	}
	for name, options := range map[string]map[string]any{
		"unsigned":         {"user": "grace", "email": email, "signAssertion": false},
		"another audience": {"user": "grace", "email": email, "audience": "https://other.example/saml"},
		"expired":          {"user": "grace", "email": email, "lifetimeInSeconds": -600},
		"another subject":  {"user": "mallory", "email": email},
	} {
		attacker := o.browser()
		started := attacker.must(http.MethodPost, "/sign-in/federated", map[string]any{"email": email, "to": "/"})
		attacker.visit(started.body["location"].(string), options)
		if got := attacker.call(http.MethodGet, "/api/v1/me", nil); got.status != http.StatusUnauthorized {
			t.Errorf("%s: got %d %s, want to be refused", name, got.status, got.text)
		}
	}
}

// acceptAndSee accepts the terms for a business, takes a role that sees cases, and looks at them.
// Landed is where the identity provider had led the browser.
func (b *browser) acceptAndSee(frn string, landed answer) {
	b.t.Helper()
	me := b.call(http.MethodGet, "/api/v1/me", nil)
	if me.status != http.StatusOK {
		b.t.Fatalf("not signed in: got %d %s, after the browser landed with %d %s", me.status, me.text, landed.status, landed.text)
	}
	b.refused(http.StatusForbidden, "terms-not-accepted", http.MethodGet, "/api/v1/users?business="+frn, nil)
	b.must(http.MethodPost, "/api/v1/terms/acceptances", map[string]any{"business": frn, "version": "2026-01"})
	id := strings.TrimPrefix(me.body["id"].(string), "user:")
	b.must(http.MethodPost, "/api/v1/users/"+id+"/grant", map[string]any{"business": frn, "roles": []any{"caseworker"}})
	b.seesCasesOf(frn)
}
