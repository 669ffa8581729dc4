package httpapi_test

import (
	"net/http"
	"testing"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// TestTermsWithhold: of two businesses the one whose terms wait is left out of what is shown, and a
// request that names it is told why; what comes before the terms is as it was.
func TestTermsWithhold(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		feed(h.fixture)
		h.found(frnA, domainA)
		h.told(http.MethodPut, "/api/v1/businesses/"+frnB+"/access", h.operator(), data{"emailDomains": []string{domainA}, "method": "local", "reason": "the same group"})
		first := h.administrator(frnA, domainA, "first@"+domainA)
		p := h.join(frnA, first.token, "Sample Both", "both@"+domainA, access.Caseworker)
		other := h.administrator(frnB, domainA, "second@"+domainA)
		h.told(http.MethodPost, "/api/v1/invitations", other.token, data{"business": frnB, "name": "Sample Both", "email": "both@" + domainA, "roles": []string{"caseworker"}})
		list := h.read(other.token, "/api/v1/invitations?business="+frnB+"&status=pending").want(http.StatusOK)
		done, err := h.people.AcceptInvitation(t.Context(), h.invitationToken(frnB, list.text("items", 0, "id")), "")
		h.must(err)
		h.position = done.Position.String()
		who := visitor{session: h.signIn(p.id)}
		h.waitFor(func() bool { return h.send(who, http.MethodGet, "/api/v1/me", "").text("businesses", 1, "frn") == frnB })

		if got := h.send(who, http.MethodGet, "/api/v1/cases?sort=reference", "").refs(); got != "C1 C2 C3 C4" {
			t.Errorf("cases: got %q, want those of the business whose terms are accepted", got)
		}
		h.send(who, http.MethodGet, "/api/v1/cases/C5", "").want(http.StatusNotFound)
		for _, path := range []string{"/api/v1/cases?business=" + frnB, "/api/v1/dashboard?business=" + frnB, "/api/v1/businesses/" + frnB} {
			if got := h.send(who, http.MethodGet, path, "").want(http.StatusForbidden); codeOf(got) != httpapi.CodeTermsNotAccepted {
				t.Errorf("%s: got %s, want terms-not-accepted", path, got.body)
			}
		}
		h.send(who, http.MethodPost, "/api/v1/terms/acceptances", `{"business":"`+frnB+`","version":"2026-01"}`).want(http.StatusOK)
		if got := h.send(who, http.MethodGet, "/api/v1/cases?sort=reference", "").refs(); got != "C1 C2 C3 C4 C5" {
			t.Errorf("cases, after: got %q, want those of both", got)
		}
	})
}

// TestTermsWithholdCommands: a business that a body names counts like one in the address.
func TestTermsWithholdCommands(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqliteAddress(t), nil)
	h.found(frnA, domainA)
	h.found(frnB, domainB)
	first := h.administrator(frnA, domainA, "first@"+domainA)
	h.told(http.MethodPost, "/api/v1/terms", h.operator(), data{"kind": "terms-of-use", "version": "2026-02", "text": "# New", "reason": "x"})
	body := data{"business": frnA, "name": "N", "email": "n@" + domainA, "roles": []string{"caseworker"}}
	if got := h.asked(http.MethodPost, "/api/v1/invitations", first.token, body); codeOf(got) != httpapi.CodeTermsNotAccepted {
		t.Errorf("got %d %s, want terms-not-accepted", got.status, got.body)
	}
	me := h.do(http.MethodGet, "/api/v1/me", first.token, "").want(http.StatusOK)
	if me.text("termsToAccept", 0, "version") != "2026-02" || me.text("businesses", 0, "frn") != frnA {
		t.Errorf("me: got %s, want the terms to accept", me.body)
	}
}

// TestSessionIsAskedAnew: a session says who somebody is and nothing more; a token that is refused is
// not made up for by one.
func TestSessionIsAskedAnew(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		feed(h.fixture)
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		p := h.join(frnA, admin.token, "Sample Person", "p@"+domainA, access.Caseworker)
		who := visitor{session: h.signIn(p.id)}
		mine := h.send(who, http.MethodGet, "/api/v1/cases?allocatedTo=me", "")
		if got := mine.refs(); got != "" {
			t.Errorf("allocated to me: got %q, want none yet", got)
		}
		if got := mine.header.Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("by session: got Cache-Control %q, want that nothing is stored", got)
		}
		h.told(http.MethodPost, "/api/v1/cases/C1/allocation", p.token, data{"to": "me"})
		h.waitFor(func() bool { return h.send(who, http.MethodGet, "/api/v1/cases?allocatedTo=me", "").refs() == "C1" })
		h.send(visitor{session: who.session, token: "casesync_a_b_c"}, http.MethodGet, "/api/v1/cases", "").want(http.StatusUnauthorized)
		h.told(http.MethodPost, "/api/v1/users/"+p.id+"/disable", admin.token, data{"business": frnA, "reason": "a test"})
		if got := h.send(who, http.MethodGet, "/api/v1/cases", ""); got.status != http.StatusForbidden || codeOf(got) != httpapi.CodeForbidden {
			t.Errorf("disabled at the business: got %d %s, want forbidden", got.status, got.body)
		}
		h.told(http.MethodPost, "/api/v1/users/"+p.id+"/enable", admin.token, data{"business": frnA, "reason": "a test"})
		h.send(who, http.MethodGet, "/api/v1/cases", "").want(http.StatusOK)
		h.told(http.MethodPost, "/api/v1/accounts/"+p.id+"/disable", h.operator(), data{"reason": "a test"})
		if got := h.send(who, http.MethodGet, "/api/v1/me", ""); codeOf(got) != httpapi.CodeSessionEnded {
			t.Errorf("disabled: got %d %s, want session-ended", got.status, got.body)
		}
		if got := h.do(http.MethodGet, "/api/v1/me", p.token, ""); codeOf(got) != httpapi.CodeTokenRefused {
			t.Errorf("disabled, by token: got %d %s, want token-refused", got.status, got.body)
		}
	})
}
