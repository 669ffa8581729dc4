package commands_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/connection"
)

var caseworker = []access.Role{access.Caseworker}

// Invitations that cannot be accepted: each is refused under its own code to whoever holds the token, and
// to everybody else under one.
func TestInvitationsThatAreNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.join(frn, "ada@example.com", access.Administrator)
		invited := func(email string) (id, token string) {
			id, person := w.invite(frn, email, access.Caseworker)
			w.factor(person)
			return id, w.token(frn, id)
		}
		_, used := invited("used@example.com")
		w.do(w.AcceptInvitation(ctx, used, ""))
		revokedID, revoked := invited("revoked@example.com")
		w.do(w.RevokeInvitation(ctx, byOperator(), frn, revokedID))
		resentID, old := invited("resent@example.com")
		_, expired := invited("expired@example.com")
		w.pass(time.Second)
		w.do(w.Resend(ctx, byOperator(), frn, resentID))
		newest := w.token(frn, resentID)
		if old == newest {
			t.Fatal("sent again: got the same token, want another")
		}
		before := w.head()
		tokens := map[string]string{
			"a used one": used, "a revoked one": revoked, "one sent before": old, "a made-up one": old + "x", "nonsense": "invitation",
			"of another business": "invitation." + otherFRN + old[len("invitation."+frn):],
			"of another kind":     w.links.Token(commands.Link{Kind: commands.RequestLink, ID: "x"}),
		}
		for what, token := range tokens {
			_, err := w.OpenLink(ctx, token)
			fails(t, "open "+what, err, commands.ErrLink)
		}
		for what, want := range map[string]string{"a used one": "invitation-used", "a revoked one": "invitation-revoked"} {
			_, err := w.AcceptInvitation(ctx, tokens[what], "")
			refused(t, what, err, want)
		}
		for _, what := range []string{"one sent before", "a made-up one", "nonsense", "of another business", "of another kind"} {
			_, err := w.AcceptInvitation(ctx, tokens[what], "")
			fails(t, "accept "+what, err, commands.ErrLink)
		}
		if _, err := w.OpenLink(ctx, expired); err != nil {
			t.Errorf("in time: got %v", err)
		}
		w.pass(7*24*time.Hour - time.Nanosecond)
		if _, err := w.OpenLink(ctx, newest); err != nil {
			t.Errorf("sent again, later: got %v", err)
		}
		_, err := w.OpenLink(ctx, expired)
		fails(t, "open an expired one", err, commands.ErrLink)
		_, err = w.AcceptInvitation(ctx, expired, "")
		refused(t, "an expired one", err, "invitation-expired")
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want %v", got, before)
		}
	})
}

// Twice sent within a second is twice another token: otherwise the second mail would be the first.
func TestResendAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn, "example.com")
		id, _ := w.invite(frn, "cas@example.com", access.Caseworker)
		tokens := map[string]bool{w.token(frn, id): true}
		for range 3 {
			w.do(w.Resend(t.Context(), byOperator(), frn, id))
			tokens[w.token(frn, id)] = true
		}
		if len(tokens) != 4 {
			t.Errorf("got %d tokens, want 4", len(tokens))
		}
		_, err := w.Resend(t.Context(), byOperator(), frn, "no-such")
		fails(t, "send none again", err, commands.ErrUnknown)
	})
}

// An address that is none of the business's is refused before anything is recorded.
func TestAddressesOutsideTheDomains(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn, "example.com")
		before := w.head()
		for email, want := range map[string]string{
			"ada@example.org": "domain-not-allowed", "ada@sub.example.com": "domain-not-allowed",
			"ada@example.com.example.net": "domain-not-allowed", "ada@ex\u0430mple.com": "domain-look-alike",
			"ada@example\u3002org": "domain-not-allowed", "team@example.com": "email-shared", "ada": "email-invalid", "": "email-invalid",
			"ada@example.com>": "domain-invalid", "a\u0501a@example.com": "email-invalid",
		} {
			_, _, _, err := w.Invite(t.Context(), byOperator(), frn, commands.Invitation{Name: "Ada Sample", Email: email, Roles: caseworker})
			if refusal, is := errors.AsType[*domain.Refusal](err); !is || refusal.Code != want {
				t.Errorf("%q: got %v, want it refused as %s", email, err, want)
			}
		}
		_, _, _, err := w.Invite(t.Context(), byOperator(), frn, commands.Invitation{Name: " ", Email: "ada@example.com", Roles: caseworker})
		refused(t, "nobody's name", err, "name-invalid")
		_, _, _, err = w.Invite(t.Context(), byOperator(), otherFRN, commands.Invitation{Name: "Ada", Email: "ada@example.com", Roles: caseworker})
		refused(t, "a business that is not set up", err, "domain-not-allowed")
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want %v", got, before)
		}
	})
}

// However an address is written, it is one person's; and one person has one account for all businesses.
func TestOnePersonOneAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		person := w.join(frn, "cas@example.com", access.Caseworker)
		for _, email := range []string{"cas@example.com", "CAS@Example.Com.", "cas+news@example.com", " cas@example.com "} {
			if got, err := w.PersonOf(ctx, email); got != person || err != nil {
				t.Errorf("person of %q: got %q, %v, want %s", email, got, err, person)
			}
		}
		for _, email := range []string{"other@example.com", "nonsense", "", "team@example.com"} {
			if got, err := w.PersonOf(ctx, email); got != "" || err != nil {
				t.Errorf("person of %q: got %q, %v, want nobody", email, got, err)
			}
		}
		_, _, _, err := w.Invite(ctx, byOperator(), frn, commands.Invitation{Name: "Cas", Email: "Cas+x@example.com", Roles: caseworker})
		refused(t, "a member", err, "already-member")
		id, same := w.invite(otherFRN, "cas+other@example.com", access.Supervisor)
		if same != person {
			t.Errorf("invited elsewhere: got %s, want %s", same, person)
		}
		w.do(w.AcceptInvitation(ctx, w.token(otherFRN, id), ""))
		if got := w.standing(person).Principal.Grants; len(got) != 2 {
			t.Errorf("grants: got %v, want those of two businesses", got)
		}
		if view, err := w.Account(ctx, person); err != nil || view.Name != "Sample Person" || view.Email != "cas@example.com" {
			t.Errorf("account: got %+v, %v, want as it was", view, err)
		}
	})
}

// Two businesses that invite somebody new at once invite one person.
func TestTwoInviteSomebodyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		first, second := w.people(w.log), w.people(w.log)
		for round := range 20 {
			who := commands.Invitation{Name: "New Sample", Email: fmt.Sprintf("new%d@example.com", round), Roles: caseworker}
			persons := make(chan string, 2)
			for frn, people := range map[string]*commands.People{frn: first, otherFRN: second} {
				go func() {
					_, person, _, err := people.Invite(t.Context(), byOperator(), frn, who)
					if err != nil {
						t.Errorf("invite: %v", err)
					}
					persons <- person
				}()
			}
			if one, two := <-persons, <-persons; one != two || one == "" {
				t.Fatalf("round %d: got %q and %q, want one person", round, one, two)
			}
		}
		if got := w.counts()["account.created.v1"]; got != 20 {
			t.Errorf("got %d accounts, want 20", got)
		}
	})
}

// By an identity provider: the address that it vouches for must be the one that was invited, and the
// account is bound to the subject that comes first.
func TestFederatedInvitation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("example-idp")))
		w.do(w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp"))
		if method, id, err := w.SignInOf(ctx, "Anybody@Example.com"); method != account.OIDC || id != "example-idp" || err != nil {
			t.Errorf("sign-in: got %s by %q, %v", method, id, err)
		}
		id, person := w.invite(frn, "cas@example.com", access.Caseworker)
		token := w.token(frn, id)
		_, err := w.AcceptInvitation(ctx, token, "sue@example.com")
		refused(t, "vouched for another", err, "invitation-for-another")
		_, err = w.AcceptInvitation(ctx, token, "cas@example.com")
		refused(t, "before the identity is known", err, "identity-missing")
		refused(t, "a factor of ours", w.NoteFactor(ctx, person, account.TOTP, 0), "federated-account")
		refused(t, "questions of ours", w.NoteQuestions(ctx, person, 0), "federated-account")
		if err := w.LinkIdentity(ctx, person, "example-idp", "subject-1"); err != nil {
			t.Fatalf("link identity: %v", err)
		}
		refused(t, "another subject", w.LinkIdentity(ctx, person, "example-idp", "subject-2"), "identity-of-another")
		refused(t, "another provider", w.LinkIdentity(ctx, person, "other-idp", "subject-1"), "identity-of-another")
		w.do(w.AcceptInvitation(ctx, token, "CAS@example.com"))
		w.roles(person, access.Caseworker)
		view, err := w.Account(ctx, person)
		if err != nil || len(view.Identity) != 64 {
			t.Errorf("identity: got %q, %v, want a digest", view.Identity, err)
		}
	})
}

func TestSignInOf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(otherFRN, "local.example")
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("example-idp")))
		w.do(w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp"))
		for _, email := range []string{"x@local.example", "x@unknown.example", "nonsense", ""} {
			if method, id, err := w.SignInOf(ctx, email); method != account.Local || id != "" || err != nil {
				t.Errorf("%q: got %s, %q, %v, want local", email, method, id, err)
			}
		}
		w.do(w.RetireConnection(ctx, byOperator(), "example-idp"))
		if method, id, err := w.SignInOf(ctx, "x@example.com"); method != account.Local || id != "" || err != nil {
			t.Errorf("retired: got %s, %q, %v, want local", method, id, err)
		}
	})
}

func oidcSettings(id string) connection.Settings {
	return connection.Settings{ID: id, Method: account.OIDC, OIDC: connection.OIDC{
		Issuer: "https://id.example.com", ClientID: "casesync", SecretReference: id + ".secret",
	}}
}

// Whoever did not come in 60 days can follow another invitation, or the same one sent again, of an
// administrator; not one that the business refuses. After another 30 it is another account.
func TestInvitedAgainAfterInactivity(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const day = 24 * time.Hour
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		status := func(person string) account.Status {
			w.do(w.TickAccount(ctx, person, calendar.DayOf(w.clock())))
			return w.standing(person).Status
		}
		_, cas := w.invite(frn, "cas@example.com", access.Caseworker)
		resent, sam := w.invite(frn, "sam@example.com", access.Caseworker)
		_, eve := w.invite(frn, "eve@example.com", access.Caseworker)
		w.pass(50 * day)
		if err := w.Seen(ctx, admin); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * day)
		for _, person := range []string{cas, sam, eve} {
			if got := status(person); got != account.Disabled {
				t.Fatalf("after 60 days: got %s", got)
			}
		}
		who := commands.Invitation{Name: "Sample Person", Email: "cas@example.com", Roles: []access.Role{access.Administrator}}
		_, _, _, err := w.Invite(ctx, w.by(admin), frn, who)
		refused(t, "as an administrator", err, "administrator-by-operator")
		if got := status(cas); got != account.Disabled {
			t.Errorf("refused: got %s, want nothing changed", got)
		}
		who.Roles = []access.Role{access.Caseworker}
		id, person, _, err := w.Invite(ctx, w.by(admin), frn, who)
		if err != nil || person != cas {
			t.Fatalf("invite again: got %s, %v, want %s", person, err, cas)
		}
		w.do(w.Resend(ctx, w.by(admin), frn, resent))
		for id, person := range map[string]string{id: cas, resent: sam} {
			w.factor(person)
			w.do(w.AcceptInvitation(ctx, w.token(frn, id), ""))
			if got := status(person); got != account.Active {
				t.Errorf("accepted: got %s", got)
			}
		}
		w.pass(30 * day)
		if got := status(eve); got != account.Gone {
			t.Fatalf("after 90 days: got %s", got)
		}
		id, again := w.invite(frn, "eve@example.com", access.Caseworker)
		if again == eve {
			t.Error("invited after the erasure: got the same account")
		}
		w.factor(again)
		w.do(w.AcceptInvitation(ctx, w.token(frn, id), ""))
	})
}

// Whoever comes back to a business that signs in otherwise by now signs in so: what he had before is no
// way round the business's identity provider.
func TestInvitedAgainAfterTheMethodChanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		first, sam := w.invite(frn, "sam@example.com", access.Caseworker)
		w.do(w.RevokeInvitation(ctx, byOperator(), frn, first))
		w.do(w.Remove(ctx, w.by(admin), frn, cas))
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("example-idp")))
		w.do(w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp"))
		for email, person := range map[string]string{"cas@example.com": cas, "sam@example.com": sam} {
			_, again := w.invite(frn, email, access.Caseworker)
			view, err := w.Account(ctx, person)
			if err != nil || again != person || view.Method != account.OIDC || view.Connection != "example-idp" || view.HasFactor {
				t.Errorf("%s: got %+v, %v, want the business's way of signing in", email, view, err)
			}
		}
	})
}
