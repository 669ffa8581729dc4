package gate_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/signin"
	"casesync/domain/access"
	"casesync/domain/account"
)

func TestInvitation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token, person := h.invite(northbank, ada)
		b := h.browser()
		got := b.post("/api/v1/enrolment", nil, token).want(http.StatusOK, "")
		if got.text("purpose") != "invitation" || got.text("business") != northbank || got.text("method") != "local" ||
			got.text("email") != "a•••@northbank.example" || got.body["inUse"] != false || strings.Contains(got.raw, ada) || strings.Contains(got.raw, person) {
			t.Errorf("got %s, want what the link is for, and no more of the address than needed", got.raw)
		}
		b.post("/api/v1/enrolment/code", body{"code": "123456"}, token).want(http.StatusUnauthorized, "attempt-over")
		b.post("/api/v1/enrolment/password", body{"password": "short"}, token).want(http.StatusUnprocessableEntity, "password-too-short")
		b.post("/api/v1/enrolment/password", body{"password": "robin sample 1"}, token).want(http.StatusUnprocessableEntity, "password-too-personal")
		step := b.post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusOK, "")
		secret := step.text("authenticator", "secret")
		if !strings.Contains(step.text("authenticator", "uri"), secret) || step.text("next") != "code" {
			t.Errorf("got %s, want a seed", step.raw)
		}
		// A password alone signs nobody in, nor does the seed in another browser.
		h.browser().post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusUnauthorized, "credentials-wrong")
		h.browser().post("/api/v1/enrolment/code", body{"code": h.code(secret)}, token).want(http.StatusUnauthorized, "attempt-over")
		b.post("/api/v1/enrolment/code", body{"code": "12345x"}, token).want(http.StatusUnauthorized, "credentials-wrong")
		b.wantWho("")
		done := b.post("/api/v1/enrolment/code", body{"code": h.code(secret)}, token).want(http.StatusOK, "")
		if len(done.body["recoveryCodes"].([]any)) != 10 || done.text("next") != "done" || done.Header.Get("Casesync-Position") == "" {
			t.Errorf("got %s, want recovery codes and a position", done.raw)
		}
		b.wantWho(person)
		standing, err := h.people.Standing(t.Context(), person)
		h.must(err)
		if !standing.Principal.May(access.ReadSelf, northbank) || h.activity.last().Kind != commands.SignedIn || h.activity.count(commands.CredentialSet) != 1 {
			t.Errorf("got %+v, recorded %+v, want a caseworker who signed in", standing, h.activity.last())
		}
	})
}

// A link that is used, revoked, expired, sent again under another token, or made up is none.
func TestUnusableLinks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		used, _ := h.invite(northbank, ada)
		b := h.browser()
		secret := b.post("/api/v1/enrolment/password", body{"password": password}, used).want(http.StatusOK, "").text("authenticator", "secret")
		b.post("/api/v1/enrolment/code", body{"code": h.code(secret)}, used).want(http.StatusOK, "")
		revoked, _ := h.invite(northbank, "bob@northbank.example")
		_, err := h.people.RevokeInvitation(t.Context(), operator(), northbank, strings.Split(revoked, ".")[2])
		h.must(err)
		resent, _ := h.invite(northbank, "carol@northbank.example")
		h.add(time.Minute)
		_, err = h.people.Resend(t.Context(), operator(), northbank, strings.Split(resent, ".")[2])
		h.must(err)
		expired, _ := h.invite(northbank, "dan@northbank.example")
		h.add(7 * 24 * time.Hour)
		before := h.events()
		for name, token := range map[string]string{
			"used": used, "revoked": revoked, "sent again": resent, "expired": expired, "none": "", "made up": "invitation." + northbank + ".x.y",
			"another business": strings.Replace(expired, northbank, northcard, 1), "another kind": "request..x.y", "long": strings.Repeat("x", 5000), "bytes of no text": "invitation.\xff.x.y",
		} {
			for path, content := range map[string]body{
				"": nil, "/password": {"password": password}, "/code": {"code": "123456"}, "/federated": nil, "/answers": {"answers": []string{"a"}},
			} {
				got := h.browser().post("/api/v1/enrolment"+path, content, token)
				if got.code != "link-unusable" {
					t.Errorf("%s, %q: got %d %q, want link-unusable", name, path, got.StatusCode, got.code)
				}
				h.wantRefused(name, signin.LinkUnusable)
			}
		}
		if got := h.events(); got != before {
			t.Errorf("%d events, want none", got-before)
		}
	})
}

// Whoever has an account proves it: a second invitation is no way round the second factor.
func TestInvitationToAnAccountInUse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		h.must(h.configure(northcard, account.Local, ""))
		token, _ := h.invite(northcard, ada)
		b := h.browser()
		if got := b.post("/api/v1/enrolment", nil, token).want(http.StatusOK, ""); got.body["inUse"] != true {
			t.Errorf("got %s, want an account in use", got.raw)
		}
		b.post("/api/v1/enrolment/password", body{"password": "another horse battery"}, token).want(http.StatusUnauthorized, "credentials-wrong")
		step := b.post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusOK, "")
		if step.body["authenticator"] != nil {
			t.Errorf("got %s, want no seed", step.raw)
		}
		b.post("/api/v1/enrolment/code", body{"code": "12345x"}, token).want(http.StatusUnauthorized, "credentials-wrong")
		done := b.post("/api/v1/enrolment/code", body{"code": h.code(m.secret)}, token).want(http.StatusOK, "")
		if done.body["recoveryCodes"] != nil {
			t.Errorf("got %s, want no recovery codes", done.raw)
		}
		b.wantWho(m.person)
		standing, err := h.people.Standing(t.Context(), m.person)
		h.must(err)
		if len(standing.Principal.Grants) != 2 {
			t.Errorf("got %v, want roles at both businesses", standing.Principal.Grants)
		}
	})
}

// A link that had got as far as a seed does not replace the second factor of an account that came into
// use by another link meanwhile.
func TestInvitationOvertakenByAnother(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(h.configure(northcard, account.Local, ""))
		other, person := h.invite(northcard, ada)
		slow := h.browser()
		slow.post("/api/v1/enrolment/password", body{"password": "another horse battery"}, other).want(http.StatusOK, "")
		m := h.enrol(ada)
		// The request that was under way writes its seed only now.
		late, err := h.local.BeginTOTP(t.Context(), person, 0, ada)
		h.must(err)
		slow.post("/api/v1/enrolment/code", body{"code": h.code(late.Secret)}, other).want(http.StatusUnauthorized, "attempt-over")
		slow.wantWho("")
		h.signIn(m)
	})
}

func TestLinkOfADisabledAccount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		h.must(h.configure(northcard, account.Local, ""))
		token, _ := h.invite(northcard, ada)
		_, err := h.people.DisableAccount(t.Context(), operator(), m.person)
		h.must(err)
		for path, content := range map[string]body{"": nil, "/password": {"password": password}, "/code": {"code": "123456"}} {
			h.browser().post("/api/v1/enrolment"+path, content, token).want(http.StatusForbidden, "account-unusable")
		}
		h.wantRefused("a disabled account", signin.AccountInactive)
	})
}

func TestForgottenPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		elsewhere, b := h.signIn(m), h.browser()
		b.post("/api/v1/password-resets", body{"email": ada}).want(http.StatusAccepted, "")
		token := h.resetLink(m.person)
		if got := b.post("/api/v1/enrolment", nil, token).want(http.StatusOK, ""); got.text("purpose") != "password" {
			t.Errorf("got %s, want a link for another password", got.raw)
		}
		// Another is not mailed so soon.
		b.post("/api/v1/password-resets", body{"email": "ada+again@northbank.example"}).want(http.StatusAccepted, "")
		if h.resetLink(m.person) != token {
			t.Error("a second link was made at once, want one in a while")
		}
		b.post("/api/v1/enrolment/password", body{"password": "ada northbank 1"}, token).want(http.StatusUnprocessableEntity, "password-too-personal")
		const other = "copper violin harbour"
		if got := b.post("/api/v1/enrolment/password", body{"password": other}, token).want(http.StatusOK, "").text("next"); got != "sign-in" {
			t.Errorf("next: got %q, want sign-in", got)
		}
		b.wantWho("")
		elsewhere.wantWho("")
		b.post("/api/v1/enrolment/password", body{"password": other}, token).want(http.StatusNotFound, "link-unusable")
		b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusUnauthorized, "credentials-wrong")
		b.post("/sign-in/password", body{"email": ada, "password": other}).want(http.StatusOK, "")
		b.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusOK, "")
		b.wantWho(m.person)
	})
}

// Another second factor takes the link, the answers and the password, all of them.
func TestLostSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		elsewhere := h.signIn(m)
		elsewhere.send(http.MethodPut, "/api/v1/me/security-questions", body{"password": password, "answers": chosen("one", "two", "three")}).want(http.StatusNoContent, "")
		_, err := h.people.ResetFactor(t.Context(), operator(), northbank, m.person)
		h.must(err)
		// The factor is void at once, though it has not gone yet here.
		h.browser().post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusForbidden, "second-factor-missing")
		_, err = h.people.RequestReset(t.Context(), operator(), m.person, account.ResetSecondFactor)
		h.must(err)
		h.must(h.local.Void(t.Context(), m.person, account.Generations{Factor: 1})) // as the reaction to the event does
		token, b := h.resetLink(m.person), h.browser()
		if got := b.post("/api/v1/enrolment", nil, token).want(http.StatusOK, ""); len(got.body["questions"].([]any)) != 3 {
			t.Errorf("got %s, want the questions", got.raw)
		}
		b.post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusConflict, "answers-needed")
		b.post("/api/v1/enrolment/answers", body{"answers": []string{"one", "two", "four"}}, token).want(http.StatusUnauthorized, "credentials-wrong")
		b.post("/api/v1/enrolment/answers", body{"answers": []string{"One.", "TWO", "three"}}, token).want(http.StatusNoContent, "")
		b.post("/api/v1/enrolment/code", body{"code": h.code(m.secret)}, token).want(http.StatusUnauthorized, "attempt-over")
		b.post("/api/v1/enrolment/password", body{"password": "wrong horse battery"}, token).want(http.StatusUnauthorized, "credentials-wrong")
		b.wantWho("")
		// The answers count in the browser that gave them.
		h.browser().post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusConflict, "answers-needed")
		secret := b.post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusOK, "").text("authenticator", "secret")
		b.post("/api/v1/enrolment/code", body{"code": h.code(secret)}, token).want(http.StatusOK, "")
		b.wantWho(m.person)
		elsewhere.wantWho("")
		b.post("/api/v1/enrolment", nil, token).want(http.StatusNotFound, "link-unusable")
		m.secret = secret
		h.signIn(m)
	})
}

func chosen(answers ...string) (all []body) {
	for i, answer := range answers {
		all = append(all, body{"question": questions[i], "answer": answer})
	}
	return all
}

var questions = []string{"What was the name of your first teacher?", "What was the first concert you went to?", "What was the make of your first bicycle?"}
