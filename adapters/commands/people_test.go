package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// The life of a member: invited, accepted, given roles and relieved of them, disabled and enabled,
// removed. What was taken away is gone at the next look.
func TestLifeOfAMember(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		ask := w.by(admin)

		id, person, done, err := w.Invite(ctx, ask, frn, commands.Invitation{Name: "Cas Sample", Email: "Cas+work@Example.COM", Roles: []access.Role{access.Caseworker}})
		if err != nil || done.Position != w.head() {
			t.Fatalf("invite: got %v, %v, want it at the log's end", done, err)
		}
		if got := w.standing(person); got.Status != account.Invited || got.Complete || len(got.Principal.Grants) > 0 {
			t.Errorf("invited: got %+v, want nothing yet", got)
		}
		token := w.token(frn, id)
		if opened, err := w.OpenLink(ctx, token); err != nil || opened.FRN != frn || opened.Account.Email != "cas+work@example.com" ||
			opened.Account.Name != "Cas Sample" || !slices.Equal(opened.Roles, []access.Role{access.Caseworker}) {
			t.Errorf("open link: got %+v, %v", opened, err)
		}
		_, err = w.AcceptInvitation(ctx, token, "")
		refused(t, "without a second factor", err, "factor-missing")
		w.factor(person)
		w.do(w.AcceptInvitation(ctx, token, ""))
		w.roles(person, access.Caseworker)

		w.do(w.Grant(ctx, ask, frn, person, []access.Role{access.Supervisor}, membership.Warrant{}))
		w.roles(person, access.Caseworker, access.Supervisor)
		w.do(w.Revoke(ctx, ask, frn, person, []access.Role{access.Caseworker}))
		w.roles(person, access.Supervisor)
		w.do(w.Disable(ctx, ask, frn, person))
		w.roles(person)
		w.do(w.Enable(ctx, ask, frn, person))
		w.roles(person, access.Supervisor)
		_, err = w.Grant(ctx, ask, frn, person, []access.Role{access.Administrator}, membership.Warrant{})
		refused(t, "an administrator makes another", err, "administrator-by-operator")
		w.do(w.RequestAdministrator(ctx, ask, frn, person))
		w.do(w.Grant(ctx, commands.Ask{By: operator}, frn, person, []access.Role{access.Administrator}, membership.Warrant{RequestedBy: admin}))
		w.roles(person, access.Supervisor, access.Administrator)
		w.do(w.Remove(ctx, ask, frn, person))
		w.roles(person)
		if got := w.standing(person).Status; got != account.Active {
			t.Errorf("removed: got an account that is %s, want it active still", got)
		}
		_, err = w.Remove(ctx, ask, frn, person)
		fails(t, "remove twice", err, commands.ErrUnknown)
	})
}

// Who has no account has no standing, and that is no error: tokens of demonstrations have none.
func TestStandingOfNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, person := range []string{"ada", "no id at all", ""} {
			if got := w.standing(person); got.Status != account.Missing || len(got.Principal.Permissions()) > 0 {
				t.Errorf("%q: got %+v, want no account", person, got)
			}
		}
		_, err := w.Account(t.Context(), "ada")
		fails(t, "account", err, commands.ErrUnknown)
	})
}

func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator, access.Supervisor)
		ask := w.by(admin)
		before := w.head()
		for what, give := range map[string]func() (commands.Done, error){
			"disable": func() (commands.Done, error) { return w.Disable(ctx, ask, frn, admin) },
			"remove":  func() (commands.Done, error) { return w.Remove(ctx, ask, frn, admin) },
			"revoke": func() (commands.Done, error) {
				return w.Revoke(ctx, ask, frn, admin, []access.Role{access.Administrator})
			},
			"disable, by an operator": func() (commands.Done, error) { return w.Disable(ctx, byOperator(), frn, admin) },
			"disable the account":     func() (commands.Done, error) { return w.DisableAccount(ctx, byOperator(), admin) },
			"erase the account":       func() (commands.Done, error) { return w.EraseAccount(ctx, byOperator(), admin) },
		} {
			_, err := give()
			refused(t, what, err, "last-administrator")
			for _, says := range saying(what) {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%s: got %v, want it to say %q", what, err, says)
				}
			}
		}
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want nothing recorded after %v", got, before)
		}
	})
}

// saying is what the refusal to leave a business without an administrator has to say: what to do first,
// and where, if the command did not say.
func saying(what string) []string {
	switch {
	case strings.Contains(what, "account"):
		return []string{"Make somebody else an administrator first", "business " + frn}
	case strings.Contains(what, "operator"):
		return []string{"Make somebody else an administrator first"}
	}
	return []string{"Ask the Financial Ombudsman Service to make somebody else an administrator first"}
}

// Two administrators who disable each other at once, each in a process of his own: one wins, the
// other is refused, and the business keeps an administrator.
func TestTwoAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const rounds = 50
		w.configure(frn, "example.com")
		a := w.join(frn, "a@example.com", access.Administrator)
		b := w.join(frn, "b@example.com", access.Administrator)
		first, second := w.people(w.log), w.people(w.log)
		for round := range rounds {
			askA, askB := w.by(a), w.by(b)
			errs := make(chan error, 2)
			go func() { _, err := first.Disable(t.Context(), askA, frn, b); errs <- err }()
			go func() { _, err := second.Disable(t.Context(), askB, frn, a); errs <- err }()
			one, two := <-errs, <-errs
			if one == nil {
				one, two = two, one
			}
			if two != nil {
				t.Fatalf("round %d: both failed: %v and %v", round, one, two)
			}
			refused(t, "who lost", one, "not-administrator")
			business, err := w.Business(t.Context(), frn)
			if err != nil || len(business.Administrators) != 1 {
				t.Fatalf("round %d: got administrators %v, %v, want one", round, business.Administrators, err)
			}
			for _, person := range []string{a, b} {
				w.do(w.Enable(t.Context(), byOperator(), frn, person))
			}
		}
	})
}

// What a person may do is decided by the stream, not by what he was signed in with.
func TestWhoWasAnAdministrator(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin, former := w.join(frn, "a@example.com", access.Administrator), w.join(frn, "b@example.com", access.Administrator)
		stale := w.by(former)
		w.do(w.Remove(ctx, w.by(admin), frn, former))
		before := w.head()
		_, err := w.Disable(ctx, stale, frn, admin)
		refused(t, "disable", err, "not-administrator")
		_, _, _, err = w.Invite(ctx, stale, frn, commands.Invitation{Name: "X", Email: "x@example.com", Roles: []access.Role{access.Caseworker}})
		refused(t, "invite", err, "not-administrator")
		fails(t, "reset", w.MayReset(ctx, stale, frn, admin), commands.ErrForbidden)
		_, err = w.ChangeDetails(ctx, stale, frn, admin, "Another Name", "")
		fails(t, "change details", err, commands.ErrForbidden)
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want %v", got, before)
		}
	})
}

// The same command under the same id has one effect, and gives the same answer.
func TestOneEffect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		id := uuid.New()
		who := commands.Invitation{Name: "Sue Sample", Email: "sue@example.com", Roles: []access.Role{access.Supervisor}}
		invitation, person, done, err := w.Invite(ctx, named(w.by(admin), id), frn, who)
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		again, samePerson, sameDone, err := w.Invite(ctx, named(w.by(admin), id), frn, who)
		if err != nil || again != invitation || samePerson != person || sameDone != done {
			t.Errorf("invite again: got %s, %s, %v, %v, want %s, %s, %v", again, samePerson, sameDone, err, invitation, person, done)
		}
		for what, give := range map[string]func(commands.Ask) (commands.Done, error){
			"disable": func(ask commands.Ask) (commands.Done, error) { return w.Disable(ctx, ask, frn, cas) },
			"resend":  func(ask commands.Ask) (commands.Done, error) { return w.Resend(ctx, ask, frn, invitation) },
			"details": func(ask commands.Ask) (commands.Done, error) {
				return w.ChangeDetails(ctx, ask, frn, cas, "Cas Other", "cas.other@example.com")
			},
			"configure": func(ask commands.Ask) (commands.Done, error) {
				ask.By = operator
				return w.ConfigureBusiness(ctx, ask, otherFRN, []string{"example.org"}, account.Local, "")
			},
		} {
			ask := named(w.by(admin), uuid.New())
			first := w.do(give(ask))
			head := w.head()
			w.pass(time.Minute)
			if second := w.do(give(ask)); second != first || w.head() != head {
				t.Errorf("%s again: got %v, the log at %v, want %v and %v", what, second, w.head(), first, head)
			}
		}
	})
}

// A command that expects another revision than the stream's changes nothing.
func TestExpectedRevision(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		view, err := w.Account(ctx, cas)
		if err != nil {
			t.Fatal(err)
		}
		before := w.head()
		stale := byOperator()
		stale.Expected = new(view.Revision - 1)
		_, err = w.ChangeDetails(ctx, stale, frn, cas, "", "other@example.com")
		fails(t, "details", err, eventstore.ErrWrongExpectedRevision)
		_, err = w.EraseAccount(ctx, stale, cas)
		fails(t, "erase", err, eventstore.ErrWrongExpectedRevision)
		stale.Expected = new(eventstore.Revision(0))
		_, err = w.ConfigureBusiness(ctx, stale, frn, []string{"example.org"}, account.Local, "")
		fails(t, "configure", err, eventstore.ErrWrongExpectedRevision)
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want %v", got, before)
		}
		fresh := named(byOperator(), uuid.New())
		fresh.Expected = new(view.Revision)
		done := w.do(w.ChangeDetails(ctx, fresh, frn, cas, "", "other@example.com"))
		if again := w.do(w.ChangeDetails(ctx, fresh, frn, cas, "", "other@example.com")); again != done {
			t.Errorf("the same command again: got %v, want %v", again, done)
		}
	})
}

func TestReasons(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		admin := w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		mute, muteOperator := commands.Ask{By: w.by(admin).By, Reason: "  "}, commands.Ask{By: operator}
		roles := []access.Role{access.Caseworker}
		for what, err := range map[string]error{
			"an administrator disables":  second(w.Disable(ctx, mute, frn, cas)),
			"an administrator removes":   second(w.Remove(ctx, mute, frn, cas)),
			"an administrator resets":    second(w.ResetFactor(ctx, mute, frn, cas)),
			"an operator grants":         second(w.Grant(ctx, muteOperator, frn, cas, roles, membership.Warrant{})),
			"an operator revokes":        second(w.Revoke(ctx, muteOperator, frn, cas, roles)),
			"an operator enables":        second(w.Enable(ctx, muteOperator, frn, cas)),
			"an operator changes":        second(w.ChangeDetails(ctx, muteOperator, frn, cas, "X Y", "")),
			"an operator disables":       second(w.DisableAccount(ctx, muteOperator, cas)),
			"an operator enables it all": second(w.EnableAccount(ctx, muteOperator, cas)),
			"an operator erases":         second(w.EraseAccount(ctx, muteOperator, cas)),
		} {
			fails(t, what, err, commands.ErrNoReason)
		}
		w.do(w.Grant(ctx, mute, frn, cas, []access.Role{access.Supervisor}, membership.Warrant{}))
	})
}

func second(_ commands.Done, err error) error { return err }
