package gate_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb/sqldbtest"
)

const ada = "ada@northbank.example"

func TestLocalSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b := h.browser()
		if got := b.post("/sign-in", body{"email": ada}).want(http.StatusOK, "").text("method"); got != "local" {
			t.Errorf("method: got %q, want local", got)
		}
		b.post("/sign-in/password", body{"email": "Ada+x@NORTHBANK.example", "password": password}).want(http.StatusOK, "")
		b.wantWho("")
		before := b.cookie(sessions.CookieName)
		b.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusOK, "")
		b.wantWho(m.person)
		if after := b.cookie(sessions.CookieName); after == before || after == "" {
			t.Errorf("session's token: got %q after %q, want another", after, before)
		}
		got := h.activity.last()
		if got.Kind != commands.SignedIn || got.Actor != "user:"+m.person || got.Operation != "POST /sign-in/code" || got.Detail["method"] != "local" {
			t.Errorf("recorded: got %+v, want the sign-in", got)
		}
		b.post("/api/v1/sign-out", nil).want(http.StatusNoContent, "")
		b.wantWho("")
		if got := h.activity.last(); got.Kind != commands.SignedOut || got.Actor != "user:"+m.person {
			t.Errorf("recorded: got %+v, want the sign-out", got)
		}
	})
}

func TestCodesAreGoodOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		code := h.code(m.secret)
		for i, want := range []string{"", "credentials-wrong"} {
			b := h.browser()
			b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
			got := b.post("/sign-in/code", body{"code": code})
			if got.code != want {
				t.Errorf("time %d: got %d %q, want %q", i+1, got.StatusCode, got.code, want)
			}
		}
		h.wantRefused("a code used twice", signin.CodeUsed)
		for i, want := range []string{"", "credentials-wrong"} {
			b := h.browser()
			b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
			if got := b.post("/sign-in/recovery-code", body{"code": m.recovery[0]}); got.code != want {
				t.Errorf("recovery code, time %d: got %d %q, want %q", i+1, got.StatusCode, got.code, want)
			}
		}
		b := h.browser()
		b.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusUnauthorized, "attempt-over")
		h.wantRefused("a code without a password", signin.AttemptOver)
		b.wantWho("")
	})
}

// A wrong code leaves the challenge open, for five minutes.
func TestChallenge(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b := h.browser()
		b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
		b.post("/sign-in/code", body{"code": "000000x"}).want(http.StatusUnauthorized, "credentials-wrong")
		b.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusOK, "")
		b = h.browser()
		b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
		h.add(5 * time.Minute)
		b.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusUnauthorized, "attempt-over")
		// The challenge is the browser's that gave the password.
		b, other := h.browser(), h.browser()
		b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
		other.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusUnauthorized, "attempt-over")
	})
}

// Nobody learns from an answer whether an address has an account: all there is of it is compared.
func TestNobodyIsEnumerated(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		known, blocked := h.enrol(ada), h.enrol("bob@northbank.example")
		_, _ = h.invite(northbank, "invited@northbank.example")
		_, err := h.people.DisableAccount(t.Context(), operator(), blocked.person)
		h.must(err)
		ask := func(email string) string {
			got := h.browser().post("/sign-in/password", body{"email": email, "password": "wrong horse battery"})
			got.Header.Del("Date")
			got.Header.Del("Set-Cookie")
			got.Header.Del("Content-Length")
			return got.Status + " " + strings.ReplaceAll(got.raw, email, "…") + strings.Join(lines(got.Header), " ")
		}
		want := ask("nobody@northbank.example")
		if !strings.Contains(want, "credentials-wrong") {
			t.Errorf("nobody: got %s, want it refused", want)
		}
		for _, email := range []string{known.email, blocked.email, "invited@northbank.example", "somebody@elsewhere.example", "not an address"} {
			if got := ask(email); got != want {
				t.Errorf("%s: got %s, want as of nobody: %s", email, got, want)
			}
		}
		// With the right password the disabled one is told nothing else either; Security Operations is.
		h.browser().post("/sign-in/password", body{"email": blocked.email, "password": password}).want(http.StatusUnauthorized, "credentials-wrong")
		h.wantRefused("a disabled account", signin.AccountInactive)
		if got := h.activity.last(); got.Subject != "account-"+blocked.person || got.Account != "digest of "+blocked.email || strings.Contains(got.Detail["detail"], "@") {
			t.Errorf("recorded: got %+v, want whom it concerns", got)
		}
		before := h.events()
		for _, email := range []string{"nobody@northbank.example", blocked.email, "invited@northbank.example", "not an address"} {
			h.browser().post("/api/v1/password-resets", body{"email": email}).want(http.StatusAccepted, "")
		}
		if got := h.events(); got != before {
			t.Errorf("resets of nobody: %d events, want none", got-before)
		}
		if got := h.browser().post("/sign-in", body{"email": "nobody@northbank.example"}).raw; got != h.browser().post("/sign-in", body{"email": ada}).raw {
			t.Errorf("how to sign in: got %s for nobody, want as for anybody", got)
		}
	})
}

func lines(header http.Header) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		all = append(all, name+": "+strings.Join(header[name], ", "))
	}
	return all
}

func TestLockout(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		for _, email := range []string{ada, "nobody@northbank.example"} {
			b := h.browser()
			for range 6 {
				b.post("/sign-in/password", body{"email": email, "password": "wrong horse battery"}).want(http.StatusUnauthorized, "credentials-wrong")
			}
			got := b.post("/sign-in/password", body{"email": email, "password": password}).want(http.StatusTooManyRequests, "attempts-limited")
			if after, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || after < 1 || after > 30 {
				t.Errorf("%s: Retry-After: got %q, want up to 30 seconds", email, got.Header.Get("Retry-After"))
			}
			h.wantRefused(email, signin.Limited)
		}
		h.add(31 * time.Second)
		if b := h.signIn(m); b.who() != m.person {
			t.Error("after the lock: not signed in")
		}
	})
}

// Whoever is disabled is out at once, and stays out; his stream ends within a second.
func TestDisabledWithALiveSession(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b, half := h.signIn(m), h.browser()
		half.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, publicURL+"/stream", nil)
		h.must(err)
		stream, err := b.Do(r)
		h.must(err)
		defer stream.Body.Close()
		_, err = stream.Body.Read(make([]byte, 5))
		h.must(err)
		ended := make(chan struct{})
		go func() {
			for {
				if _, err := stream.Body.Read(make([]byte, 64)); err != nil {
					close(ended)
					return
				}
			}
		}()
		_, err = h.people.DisableAccount(t.Context(), operator(), m.person)
		h.must(err)
		// Whoever has the code of a challenge from before is refused by the log itself.
		half.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusForbidden, "account-unusable")
		h.wantRefused("disabled between password and code", signin.AccountInactive)
		half.wantWho("")
		h.must(h.sessions.EndAll(t.Context(), m.person)) // as the reaction to the event does
		select {
		case <-ended:
		case <-time.After(time.Second):
			t.Error("the stream goes on a second after the session was ended")
		}
		b.wantWho("")
	})
}

// A sign-in that cannot be told of is not given; a refusal is one all the same.
func TestActivityLogIsDown(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		h.activity.setFail(errors.New("disk full"))
		b := h.browser()
		b.post("/sign-in/password", body{"email": ada, "password": "wrong horse battery"}).want(http.StatusUnauthorized, "credentials-wrong")
		if !strings.Contains(h.logged.String(), "refused sign-in was not recorded") {
			t.Errorf("logged: got %s, want that the refusal was not recorded", h.logged)
		}
		b.post("/sign-in/password", body{"email": ada, "password": password}).want(http.StatusOK, "")
		if got := b.post("/sign-in/code", body{"code": h.code(m.secret)}); got.StatusCode != http.StatusInternalServerError {
			t.Errorf("got %s, want a fault", got.Status)
		}
		b.wantWho("")
	})
}

// A page of another site gets nothing done, signed in or not.
func TestOtherSites(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.enrol(ada)
		b := h.signIn(m)
		b.site = "cross-site"
		for _, path := range []string{"/api/v1/sign-out", "/sign-in/password", "/sign-in/federated", "/api/v1/enrolment/password"} {
			b.post(path, body{"email": ada, "password": password}).want(http.StatusForbidden, "cross-origin-refused")
		}
		h.wantRefused("another site", signin.CrossOrigin)
		b.site = "same-origin"
		b.wantWho(m.person)
	})
}

func TestAnswersTakeTheirTime(t *testing.T) {
	t.Parallel()
	h := openWith(t, sqldbtest.SQLite(t), 400*time.Millisecond)
	m := h.enrol(ada)
	for _, email := range []string{m.email, "nobody@northbank.example"} {
		for _, path := range []string{"/sign-in/password", "/api/v1/password-resets"} {
			began := time.Now()
			content := body{"email": email}
			if path == "/sign-in/password" {
				content["password"] = password
			}
			h.browser().post(path, content)
			if took := time.Since(began); took < 400*time.Millisecond {
				t.Errorf("%s of %s: took %s, want at least 400 ms", path, email, took)
			}
		}
	}
}
