package gate_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/identity/signin"
)

func TestChangePassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b, elsewhere := h.signIn(m), h.signIn(m)
		change := func(current, next string) reply {
			t.Helper()
			return b.send(http.MethodPut, "/api/v1/me/password", body{"current": current, "password": next})
		}
		change("wrong horse battery", "copper violin harbour").want(http.StatusUnauthorized, "credentials-wrong")
		h.wantRefused("the wrong password", signin.Wrong)
		if got := h.activity.last(); got.Actor != "user:"+m.person || got.Operation != "PUT /api/v1/me/password" {
			t.Errorf("recorded: got %+v, want who tried", got)
		}
		change(password, "password1234").want(http.StatusUnprocessableEntity, "password-too-common")
		elsewhere.wantWho(m.person)
		change(password, "copper violin harbour").want(http.StatusNoContent, "")
		b.wantWho(m.person)
		elsewhere.wantWho("")
		if h.activity.count(commands.CredentialSet) != 2 {
			t.Errorf("recorded %d changes of credentials, want enrolment and this", h.activity.count(commands.CredentialSet))
		}
		h.browser().post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusUnauthorized, "credentials-wrong")
		h.browser().send(http.MethodPut, "/api/v1/me/password", body{"current": password, "password": password}).want(http.StatusForbidden, "session-needed")
	})
}

func TestChangeSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b, elsewhere := h.signIn(m), h.signIn(m)
		b.post("/api/v1/me/second-factor/confirm", body{"code": "123456"}).want(http.StatusUnauthorized, "attempt-over")
		b.post("/api/v1/me/second-factor", body{"password": "wrong horse battery"}).want(http.StatusUnauthorized, "credentials-wrong")
		secret := b.post("/api/v1/me/second-factor", body{"password": password}).want(http.StatusOK, "").text("authenticator", "secret")
		h.signIn(m) // by the one in use
		b.post("/api/v1/me/second-factor/confirm", body{"code": "12345x"}).want(http.StatusUnauthorized, "credentials-wrong")
		done := b.post("/api/v1/me/second-factor/confirm", body{"code": h.code(secret)}).want(http.StatusOK, "")
		if strings.Contains(done.raw, m.recovery[0]) || len(done.body["recoveryCodes"].([]any)) != 10 {
			t.Errorf("got %s, want new recovery codes", done.raw)
		}
		b.wantWho(m.person)
		elsewhere.wantWho("")
		old := h.browser()
		old.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
		old.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusUnauthorized, "credentials-wrong")
		m.secret = secret
		h.signIn(m)
	})
}

func TestSecurityQuestions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b := h.signIn(m)
		if got := b.get("/api/v1/security-questions").want(http.StatusOK, ""); len(got.body["questions"].([]any)) < 3 {
			t.Errorf("got %s, want questions to choose from", got.raw)
		}
		set := func(with string, answers ...string) reply {
			t.Helper()
			return b.send(http.MethodPut, "/api/v1/me/security-questions", body{"password": with, "answers": chosen(answers...)})
		}
		set(password, "one", "one", "three").want(http.StatusUnprocessableEntity, "answers-unfit")
		set("wrong horse battery", "one", "two", "three").want(http.StatusUnauthorized, "credentials-wrong")
		if got := b.get("/api/v1/me/security-questions"); got.raw != `{"questions":[]}`+"\n" && len(got.body["questions"].([]any)) != 0 {
			t.Errorf("got %s, want none yet", got.raw)
		}
		set(password, "one", "two", "three").want(http.StatusNoContent, "")
		if got := b.get("/api/v1/me/security-questions").want(http.StatusOK, ""); len(got.body["questions"].([]any)) != 3 || strings.Contains(got.raw, "two") {
			t.Errorf("got %s, want the questions without their answers", got.raw)
		}
		view, err := h.people.Account(t.Context(), m.person)
		h.must(err)
		if !view.HasQuestion {
			t.Error("the account does not say that there are questions")
		}
		h.browser().send(http.MethodPut, "/api/v1/me/security-questions", body{"password": password, "answers": chosen("one", "two", "three")}).want(http.StatusForbidden, "session-needed")
	})
}

// Everybody sees and ends his own sessions, and nobody else's.
func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, other := h.enrol(ada), h.enrol("bob@northbank.example")
		b, elsewhere, his := h.signIn(m), h.signIn(m), h.signIn(other)
		items := b.get("/api/v1/me/sessions").want(http.StatusOK, "").body["items"].([]any)
		if len(items) != 3 {
			t.Fatalf("got %d sessions, want those of enrolment and two browsers", len(items))
		}
		for _, item := range items {
			session := item.(map[string]any)
			id := session["id"].(string)
			if session["current"] == true || session["method"] != "local" {
				continue
			}
			his.send(http.MethodDelete, "/api/v1/me/sessions/"+id, nil).want(http.StatusNotFound, "not-found")
			b.send(http.MethodDelete, "/api/v1/me/sessions/"+id, nil).want(http.StatusNoContent, "")
		}
		if got := h.activity.last(); got.Kind != commands.SessionsEnded || got.Actor != "user:"+m.person {
			t.Errorf("recorded: got %+v, want the end of a session", got)
		}
		b.wantWho(m.person)
		his.wantWho(other.person)
		elsewhere.wantWho("")
		for _, path := range []string{"/api/v1/me/sessions", "/api/v1/me/security-questions"} {
			h.browser().get(path).want(http.StatusForbidden, "session-needed")
		}
		b.send(http.MethodDelete, "/api/v1/me/sessions/%00", nil).want(http.StatusNotFound, "not-found")
		h.browser().post("/api/v1/sign-out", nil).want(http.StatusForbidden, "session-needed")
		h.must(h.gate.Purge(t.Context()))
		b.wantWho(m.person)
	})
}
