package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// beforeTerms are the permissions that count before the terms are accepted, written out a second time.
var beforeTerms = []access.Permission{access.ReadSelf, access.ReadTerms, access.AcceptTerms, access.AskSupport}

// refusals of the authoriser: no handler of what is walked answers with one of these.
var refusedAtTheDoor = []httpapi.Code{
	httpapi.CodeTokenMissing, httpapi.CodeTokenRefused, httpapi.CodeSessionEnded, httpapi.CodeTermsNotAccepted,
}

// wanted is the code that the table of routes has a visitor refused with, "" for none.
func wanted(route httpapi.Route, v visitor) httpapi.Code {
	var given []access.Permission
	for _, permission := range append([]access.Permission{route.Permission}, route.Or...) {
		if slices.ContainsFunc(v.roles, func(r access.Role) bool { return r.Gives(permission) }) {
			given = append(given, permission)
		}
	}
	switch {
	case route.Public:
		return ""
	case v.refused != "":
		return v.refused
	case len(given) == 0:
		return httpapi.CodeForbidden
	case v.pending && !slices.ContainsFunc(given, func(p access.Permission) bool { return slices.Contains(beforeTerms, p) }):
		return httpapi.CodeTermsNotAccepted
	}
	return ""
}

// TestWalk tries every route as every visitor: business users of each role at the business concerned
// and at another, everybody of the other side, nobody, who is disabled, and who has not accepted the
// terms in force. Bodies are empty and ids unknown, so that what is allowed changes nothing: that it
// is allowed shows in that it was looked at.
func TestWalk(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		visitors := h.populate()
		fill := strings.NewReplacer("{ref}", "C1", "{frn}", frnA, "{id}", uuid.NewString(), "{stream}", "casefile-C1",
			"{name}", "none", "{key}", "C1", "{connection}", "none", "{kind}", "terms-of-use", "{version}", "2026-02")
		for _, route := range httpapi.Routes() {
			path, body := fill.Replace(route.Pattern), ""
			if route.Method == http.MethodPost || route.Method == http.MethodPut {
				body = "{}"
			}
			for _, v := range visitors {
				if v.session != "" && v.refused == "" && (strings.HasSuffix(path, "/sign-out") || strings.Contains(path, "/me/")) {
					v.session = h.signIn(v.person) // it may end with the request
				}
				status, code := h.opened(v, route.Method, path, body)
				h.check(route, v, status, code)
			}
		}
	})
}

func (h *house) check(route httpapi.Route, v visitor, status int, code httpapi.Code) {
	h.t.Helper()
	want := wanted(route, v)
	where := route.Operation() + " as " + v.name
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	switch {
	case route.Method == http.MethodHead: // the status alone says it
		if refused != (want != "") && v.frn != frnB {
			h.t.Errorf("%s: got %d, want %s", where, status, want)
		}
	case want != "" && (code != want || !refused):
		h.t.Errorf("%s: got %d %s, want %s", where, status, code, want)
	case want == "" && slices.Contains(refusedAtTheDoor, code) && !route.Public:
		h.t.Errorf("%s: got %d %s; the table gives %s", where, status, code, route.Permission)
	case want == "" && code == httpapi.CodeForbidden && v.frn != frnB:
		h.t.Errorf("%s: got %d %s; the table gives %s", where, status, code, route.Permission)
	case status >= http.StatusInternalServerError:
		h.t.Errorf("%s: got %d %s", where, status, code)
	}
}

// TestOthersAreNotThere: for commands as for questions, what belongs to another business, or is
// suppressed, answers byte for byte like what does not exist.
func TestOthersAreNotThere(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		visitors := h.populate()
		find := func(name string) visitor {
			return visitors[slices.IndexFunc(visitors, func(v visitor) bool { return v.name == name })]
		}
		worker, leader, chief := find("caseworker at "+frnA), find("supervisor at "+frnA), find("administrator at "+frnA)
		other, missing := find("caseworker at "+frnB).person, uuid.NewString()
		const noFRN = "9999999"
		type pair struct {
			who                 visitor
			method, path, body  string
			hidden, notExisting string // replace %
		}
		var pairs []pair
		for _, hidden := range []string{"C5", "C6"} { // of another business, suppressed
			for _, who := range []visitor{worker, leader} {
				for _, path := range []string{"/api/v1/cases/%", "/api/v1/cases/%/timeline", "/api/v1/cases/%/documents"} {
					pairs = append(pairs, pair{who, http.MethodGet, path, "", hidden, "C99"})
				}
				pairs = append(pairs, pair{who, http.MethodPost, "/api/v1/cases/%/allocation", `{"to":"me"}`, hidden, "C99"},
					pair{who, http.MethodPost, "/api/v1/cases/%/looked", `{}`, hidden, "C99"})
			}
			pairs = append(pairs, pair{leader, http.MethodPost, "/api/v1/cases/%/allocation", `{"to":"` + worker.person + `"}`, hidden, "C99"})
		}
		for _, path := range []string{"/api/v1/users?business=%", "/api/v1/invitations?business=%", "/api/v1/businesses/%"} {
			pairs = append(pairs, pair{chief, http.MethodGet, path, "", frnB, noFRN})
		}
		pairs = append(pairs, pair{chief, http.MethodGet, "/api/v1/users/%", "", other, missing})
		for _, action := range []string{"grant", "revoke"} {
			pairs = append(pairs,
				pair{chief, http.MethodPost, "/api/v1/users/%/" + action, `{"business":"` + frnA + `","roles":["caseworker"],"reason":"x"}`, other, missing},
				pair{chief, http.MethodPost, "/api/v1/users/" + other + "/" + action, `{"business":"%","roles":["caseworker"],"reason":"x"}`, frnB, noFRN})
		}
		for _, action := range []string{"disable", "enable", "remove", "reset-second-factor", "reset-security-questions"} {
			pairs = append(pairs,
				pair{chief, http.MethodPost, "/api/v1/users/%/" + action, `{"business":"` + frnA + `","reason":"x"}`, other, missing},
				pair{chief, http.MethodPost, "/api/v1/users/" + other + "/" + action, `{"business":"%","reason":"x"}`, frnB, noFRN})
		}
		pairs = append(pairs,
			pair{chief, http.MethodPost, "/api/v1/invitations", `{"business":"%","name":"N","email":"n@` + domainB + `","roles":["caseworker"]}`, frnB, noFRN},
			pair{leader, http.MethodPost, "/api/v1/administrator-requests", `{"business":"%","reason":"x"}`, frnB, noFRN})
		for _, p := range pairs {
			ask := func(id string) answer {
				return h.send(p.who, p.method, strings.ReplaceAll(p.path, "%", id), strings.ReplaceAll(p.body, "%", id))
			}
			hidden, none := ask(p.hidden), ask(p.notExisting)
			if got, want := alike(hidden), alike(none); got != want {
				t.Errorf("%s %s %s as %s: got\n%s\nfor what is hidden, and for what does not exist\n%s", p.method, p.path, p.body, p.who.name, got, want)
			}
			if hidden.status/100 != 4 && !strings.Contains(p.path, "?") {
				t.Errorf("%s %s %s as %s: got %d %s, want a refusal", p.method, p.path, p.body, p.who.name, hidden.status, hidden.body)
			}
		}
	})
}

// alike is an answer without what differs from one moment to the next.
func alike(a answer) string {
	a.header.Del("Date")
	var text strings.Builder
	for _, name := range headerNames(a.header) {
		text.WriteString(name + ": " + strings.Join(a.header[name], ", ") + "\n")
	}
	return http.StatusText(a.status) + "\n" + text.String() + string(a.body)
}
