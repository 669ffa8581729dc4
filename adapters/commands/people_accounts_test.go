package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestChangeDetails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com", "example.net")
		admin, cas := w.join(frn, "ada@example.com", access.Administrator), w.join(frn, "cas@example.com", access.Caseworker)
		ask := w.by(admin)
		w.do(w.ChangeDetails(ctx, ask, frn, cas, "Cas Renamed", ""))
		w.do(w.ChangeDetails(ctx, ask, frn, cas, "", "Cas.Renamed+x@example.net"))
		if view, err := w.Account(ctx, cas); err != nil || view.Name != "Cas Renamed" || view.Email != "cas.renamed+x@example.net" || view.Domain != "example.net" {
			t.Errorf("got %+v, %v", view, err)
		}
		w.roles(cas, access.Caseworker)
		for email, want := range map[string]string{"cas.renamed@example.net": cas, "cas@example.com": ""} {
			if got, err := w.PersonOf(ctx, email); got != want || err != nil {
				t.Errorf("person of %s: got %q, %v, want %q", email, got, err, want)
			}
		}
		before := w.head()
		_, err := w.ChangeDetails(ctx, ask, frn, cas, "", "ada@example.com")
		refused(t, "another's address", err, "email-taken")
		_, err = w.ChangeDetails(ctx, ask, frn, cas, "", "cas@example.org")
		refused(t, "another domain", err, "domain-not-allowed")
		_, err = w.ChangeDetails(ctx, ask, frn, "no-such", "X", "")
		fails(t, "nobody", err, commands.ErrUnknown)
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want %v", got, before)
		}
	})
}

// Whoever reads an address can reset what its owner signs in with: an administrator of one business
// must not come by a person of another in this way.
func TestAddressOfSomebodyOfSeveralBusinesses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		id, _ := w.invite(otherFRN, "cas@example.com", access.Administrator)
		_, err := w.ChangeDetails(ctx, w.by(admin), frn, cas, "", "mine@example.com")
		refused(t, "of somebody invited elsewhere", err, "member-elsewhere")
		w.do(w.AcceptInvitation(ctx, w.token(otherFRN, id), ""))
		_, err = w.ChangeDetails(ctx, w.by(admin), frn, cas, "", "mine@example.com")
		refused(t, "by one of two businesses", err, "member-elsewhere")
		if got, err := w.PersonOf(ctx, "mine@example.com"); got != "" || err != nil {
			t.Errorf("address: got it reserved for %q, %v, want it free", got, err)
		}
		// Nor while the read model does not know yet for whom the person works since a moment ago.
		w.publish("1")
		w.do(w.AcceptTerms(ctx, w.by(cas), otherFRN, "1"))
		w.late = true
		_, err = w.ChangeDetails(ctx, w.by(admin), frn, cas, "", "mine@example.com")
		refused(t, "by one of two businesses, the read model being late", err, "member-elsewhere")
		_, err = w.EraseAccount(ctx, byOperator(), cas)
		refused(t, "erase the administrator of a business that the read model does not know of", err, "last-administrator")
		w.late = false
		w.do(w.ChangeDetails(ctx, byOperator(), frn, cas, "", "cas.new@example.com"))
	})
}

// Disabled by an operator, enabled, erased: at all businesses, and the address is free in the end for
// whoever is invited with it, who is somebody else.
func TestWholeAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		w.invite(otherFRN, "cas@example.com", access.Caseworker)
		w.do(w.DisableAccount(ctx, byOperator(), cas))
		if got := w.standing(cas); got.Status != account.Disabled || len(got.Principal.Grants) > 0 {
			t.Errorf("disabled: got %+v", got)
		}
		_, err := w.Enable(ctx, w.by(admin), frn, cas)
		refused(t, "enabled by an administrator", err, "disabled-by-operator")
		w.do(w.EnableAccount(ctx, byOperator(), cas))
		w.roles(cas, access.Caseworker)

		w.do(w.EraseAccount(ctx, byOperator(), cas))
		if got := w.standing(cas); got.Status != account.Gone || len(got.Principal.Grants) > 0 {
			t.Errorf("erased: got %+v", got)
		}
		if view, err := w.Account(ctx, cas); err != nil || view.Name != "" || view.Email != "" {
			t.Errorf("erased: got %+v, %v, want no name", view, err)
		}
		w.do(w.ReleaseAddress(ctx, cas))
		if got, err := w.PersonOf(ctx, "cas@example.com"); got != "" || err != nil {
			t.Errorf("address: got %q, %v, want it free", got, err)
		}
		_, again := w.invite(otherFRN, "cas@example.com", access.Caseworker)
		if again == cas {
			t.Errorf("invited again: got %s, want somebody new", again)
		}
		_, err = w.EraseAccount(ctx, byOperator(), "no-such")
		fails(t, "erase nobody", err, commands.ErrUnknown)
	})
}

// An erasure whose address was not released before the key was destroyed does not keep the address
// from its next owner.
func TestAddressOfAnErasedPersonWithoutKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		w.do(w.EraseAccount(ctx, byOperator(), cas))
		if err := w.ring.Destroy(ctx, "account-"+cas); err != nil {
			t.Fatalf("destroy key: %v", err)
		}
		w.do(w.ReleaseAddress(ctx, cas))
		_, again := w.invite(frn, "cas@example.com", access.Caseworker)
		if again == cas || again == "" {
			t.Errorf("invited again: got %q, want somebody new", again)
		}
	})
}

func TestInactivity(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const day = 24 * time.Hour
		w.configure(frn, "example.com")
		admin, cas := w.join(frn, "ada@example.com", access.Administrator), w.join(frn, "cas@example.com", access.Caseworker)
		seen := func(person string) {
			if err := w.Seen(ctx, person); err != nil {
				t.Fatalf("seen: %v", err)
			}
		}
		tick := func(person string) account.Status {
			w.do(w.TickAccount(ctx, person, calendar.DayOf(w.clock())))
			return w.standing(person).Status
		}
		w.pass(10 * day)
		before := w.counts()["account.activity-recorded.v1"]
		for range 5 {
			seen(admin)
			seen(cas)
			seen("no-such")
		}
		if got := w.counts()["account.activity-recorded.v1"] - before; got != 2 {
			t.Errorf("activity: got %d events, want one for each person", got)
		}
		w.pass(59 * day)
		seen(admin)
		if got := tick(cas); got != account.Active {
			t.Errorf("day 59: got %s", got)
		}
		w.pass(day)
		seen(cas) // in the last moment
		if got := tick(cas); got != account.Active {
			t.Errorf("back on day 60: got %s", got)
		}
		w.pass(30 * day)
		seen(admin)
		w.pass(30 * day)
		if got := tick(cas); got != account.Disabled {
			t.Errorf("60 days later: got %s", got)
		}
		w.do(w.SuspendMember(ctx, frn, cas))
		w.do(w.SuspendMember(ctx, frn, admin)) // who is active is not suspended
		w.roles(admin, access.Administrator)
		w.do(w.Enable(ctx, w.by(admin), frn, cas))
		w.roles(cas, access.Caseworker)
		w.pass(60 * day)
		w.do(w.RemoveMember(ctx, frn, cas)) // nor is removed who is not erased
		w.roles(cas, access.Caseworker)
		tick(cas)
		w.pass(30 * day)
		if got := tick(cas); got != account.Gone {
			t.Errorf("30 days after that: got %s", got)
		}
		w.do(w.RemoveMember(ctx, frn, cas))
		business, err := w.Business(ctx, frn)
		if err != nil || !slices.Equal(business.Administrators, []string{admin}) {
			t.Errorf("business: got %+v, %v", business, err)
		}
	})
}

// After the first time in a day it costs nothing: the log is not even asked.
func TestSeenIsCheap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn, "example.com")
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		if err := w.Seen(t.Context(), cas); err != nil {
			t.Fatal(err)
		}
		if err := w.log.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.Seen(t.Context(), cas); err != nil {
			t.Errorf("again: got %v", err)
		}
		w.pass(24 * time.Hour)
		if err := w.Seen(t.Context(), cas); err == nil {
			t.Error("the next day: got nothing, want the log asked")
		}
	})
}

func TestResets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin, cas := w.join(frn, "ada@example.com", access.Administrator), w.join(frn, "cas@example.com", access.Caseworker)
		w.do(w.RequestReset(ctx, commands.Ask{}, cas, account.ResetPassword))
		token := w.resetToken(cas)
		if opened, err := w.OpenLink(ctx, token); err != nil || opened.Purpose != account.ResetPassword || opened.Account.Person != cas {
			t.Errorf("open link: got %+v, %v", opened, err)
		}
		fails(t, "another's", w.UseReset(ctx, strings.Replace(token, cas, admin, 1)), commands.ErrLink)
		if err := w.UseReset(ctx, token); err != nil {
			t.Errorf("use reset: %v", err)
		}
		fails(t, "twice", w.UseReset(ctx, token), commands.ErrLink)
		_, err := w.RequestReset(ctx, commands.Ask{}, cas, account.ResetSecondFactor)
		fails(t, "a factor, by anybody", err, commands.ErrUnknown)
		_, err = w.RequestReset(ctx, w.by(cas), cas, account.ResetSecondFactor)
		fails(t, "a factor, by himself", err, commands.ErrUnknown)
		w.do(w.RequestReset(ctx, w.by(admin), cas, account.ResetSecondFactor))
		expired := w.resetToken(cas)
		w.do(w.RequestReset(ctx, commands.Ask{}, cas, account.ResetPassword))
		if opened, err := w.OpenLink(ctx, expired); err != nil || opened.Purpose != account.ResetSecondFactor {
			t.Errorf("a link for a factor, after anybody asked for another password: got %+v, %v", opened, err)
		}
		w.pass(time.Hour)
		fails(t, "expired", w.UseReset(ctx, expired), commands.ErrLink)

		w.do(w.ResetFactor(ctx, w.by(admin), frn, cas))
		if got := w.standing(cas); got.Complete || len(got.Principal.Grants) > 0 {
			t.Errorf("factor reset: got %+v, want nothing allowed", got)
		}
		w.factor(cas)
		if err := w.NoteQuestions(ctx, cas, 0); err != nil {
			t.Fatal(err)
		}
		w.do(w.ResetQuestions(ctx, w.by(admin), frn, cas))
		w.roles(cas, access.Caseworker)
		fails(t, "somebody else's member", w.MayReset(ctx, w.by(admin), frn, "no-such"), commands.ErrUnknown)
		fails(t, "a caseworker", w.MayReset(ctx, w.by(cas), frn, admin), commands.ErrForbidden)
	})
}

// resetToken is what stands in the newest mail of a reset.
func (w *world) resetToken(person string) string {
	w.t.Helper()
	events, err := w.events(w.t.Context(), "account-"+person)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range slices.Backward(events) {
		if reset, is := event.Event.(*account.ResetRequested); is {
			return w.links.Token(commands.Link{Kind: commands.ResetLink, Of: person, ID: reset.ResetID, ExpiresAt: reset.ExpiresAt})
		}
	}
	w.t.Fatal("no reset was requested")
	return ""
}

func TestTerms(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		id, _ := w.invite(otherFRN, "cas@example.com", access.Caseworker)
		w.do(w.AcceptInvitation(ctx, w.token(otherFRN, id), ""))
		pending := func(version string, want ...string) {
			t.Helper()
			if got := w.standing(cas); !slices.Equal(got.Pending, want) || got.TermsVersion != version {
				t.Errorf("got %v pending under %q, want %v under %q", got.Pending, got.TermsVersion, want, version)
			}
		}
		pending("", frn, otherFRN)
		_, err := w.AcceptTerms(ctx, w.by(cas), frn, "1")
		refused(t, "none published", err, "terms-not-in-force")
		w.publish("1")
		w.do(w.AcceptTerms(ctx, w.by(cas), frn, "1"))
		pending("1", otherFRN)
		w.do(w.AcceptTerms(ctx, w.by(cas), otherFRN, "1"))
		pending("1")
		w.publish("2")
		pending("2", frn, otherFRN)
		_, err = w.AcceptTerms(ctx, w.by(cas), frn, "1")
		refused(t, "an old version", err, "terms-not-in-force")
		_, err = w.AcceptTerms(ctx, w.by(cas), "7777777", "2")
		fails(t, "another business", err, commands.ErrUnknown)
		if text, found, err := w.DocumentText(ctx, "terms-of-use", "1"); text != "Be fair." || !found || err != nil {
			t.Errorf("text: got %q, %v, %v", text, found, err)
		}
		w.do(w.ChooseCookies(ctx, w.by(cas), account.Cookies{Analytics: true}))
		if got := w.standing(cas).Cookies; got != (account.Cookies{Analytics: true}) {
			t.Errorf("cookies: got %+v", got)
		}
		_, err = w.ChooseCookies(ctx, byOperator(), account.Cookies{})
		fails(t, "a machine's cookies", err, commands.ErrForbidden)
	})
}

// Another way of signing in: everybody's, those invited included; the domains go along, and what was
// given up is free.
func TestConfigureAnotherWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com", "example.net")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		_, invited := w.invite(frn, "cas@example.com", access.Caseworker)
		gone := w.join(frn, "sue@example.net", access.Caseworker)
		_, err := w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp")
		refused(t, "without settings", err, "connection-missing")
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("example-idp")))
		_, err = w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.SAML, "example-idp")
		refused(t, "for another method", err, "connection-method")
		w.do(w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp"))
		for _, person := range []string{admin, invited} {
			if view, err := w.Account(ctx, person); err != nil || view.Method != account.OIDC || view.Connection != "example-idp" || view.HasFactor {
				t.Errorf("account: got %+v, %v, want it by the provider", view, err)
			}
		}
		w.roles(gone)
		if got := w.counts()["reservation.released.v1"]; got != 2 { // one moved, one given up
			t.Errorf("got %d domains released, want 2", got)
		}
		for domain, want := range map[address.Domain]account.Method{"example.com": account.OIDC, "example.net": account.Local} {
			if got, _, err := w.SignInOf(ctx, "x@"+string(domain)); got != want || err != nil {
				t.Errorf("sign-in under %s: got %s, %v, want %s", domain, got, err, want)
			}
		}
		_, err = w.ConfigureBusiness(ctx, byOperator(), otherFRN, []string{"example.com"}, account.Local, "")
		refused(t, "a stranger's domain", err, "domain-taken")
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("other-idp")))
		w.do(w.ConfigureBusiness(ctx, byOperator(), otherFRN, []string{"example.net"}, account.OIDC, "other-idp"))
		_, err = w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com", "gmail.com"}, account.OIDC, "example-idp")
		refused(t, "everybody's domain", err, "domain-shared")
		_, err = w.ConfigureBusiness(ctx, byOperator(), "1", []string{"example.org"}, account.Local, "")
		fails(t, "no business", err, commands.ErrUnknown)
	})
}

// Where nobody knows which businesses have a domain, none moves, and none becomes free.
func TestConfigureWithoutKnowingOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com", "example.net")
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("example-idp")))
		config := w.config(w.log)
		config.BusinessesUnder = nil
		people, err := commands.NewPeople(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = people.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp")
		refused(t, "move", err, "domain-taken")
		w.do(people.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.Local, ""))
		_, err = w.ConfigureBusiness(ctx, byOperator(), otherFRN, []string{"example.net"}, account.OIDC, "example-idp")
		if err != nil { // this one knows that nobody has it
			t.Errorf("take what was given up: got %v", err)
		}
	})
}

// Settings that are missing or wrong stop the start, by their name.
func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	for name, spoil := range map[string]func(*commands.PeopleConfig){
		"Log":           func(c *commands.PeopleConfig) { c.Log = nil },
		"Memberships":   func(c *commands.PeopleConfig) { c.Memberships = nil },
		"AddressKey":    func(c *commands.PeopleConfig) { c.AddressKey = c.AddressKey[:31] },
		"Links":         func(c *commands.PeopleConfig) { c.Links = commands.NewLinks(nil) },
		"InvitationAge": func(c *commands.PeopleConfig) { c.InvitationAge = membership.InvitationLifetimeMax + 1 },
		"ResetAge":      func(c *commands.PeopleConfig) { c.ResetAge = -1 },
	} {
		config := w.config(w.log)
		spoil(&config)
		if _, err := commands.NewPeople(config); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
}

// Nobody is told by an error what he may not know, and nobody's name is in one.
func TestErrorsSayNothingPersonal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		w.join(frn, "cas@example.com", access.Caseworker)
		var errs []error
		_, _, _, err := w.Invite(ctx, w.by(admin), frn, commands.Invitation{Name: "Secret Name", Email: "cas@example.com", Roles: caseworker})
		errs = append(errs, err)
		_, err = w.ChangeDetails(ctx, w.by(admin), frn, admin, "Secret Name", "cas@example.com")
		errs = append(errs, err)
		if err := w.log.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = w.PersonOf(ctx, "secret.name@example.com")
		errs = append(errs, err)
		_, _, err = w.SignInOf(ctx, "secret.name@example.com")
		errs = append(errs, err)
		_, _, _, err = w.Invite(ctx, byOperator(), frn, commands.Invitation{Name: "Secret Name", Email: "secret.name@example.com", Roles: caseworker})
		for _, err := range append(errs, err) {
			if err == nil || strings.Contains(strings.ToLower(err.Error()), "secret") || strings.Contains(err.Error(), "cas@") {
				t.Errorf("got %v, want an error without a name or address", err)
			}
		}
	})
}
