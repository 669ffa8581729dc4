package account_test

import (
	"testing"

	"pgregory.net/rapid"

	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/domaintest"
)

func TestTick(t *testing.T) {
	t.Parallel()
	tick := func(day calendar.Day) account.Command { return account.Tick{Today: monday + day} }
	warned := &account.InactivityWarned{Day: monday + 53, DisablesOn: monday + 60}
	domaintest.Run(t, decider, []row{
		{Name: "day 52: nothing happens", Given: localActive, When: tick(52)},
		{Name: "day 53: warned", Given: localActive, When: tick(53), Then: events(warned)},
		{Name: "day 54: warned late", Given: localActive, When: tick(54), Then: events(&account.InactivityWarned{Day: monday + 54, DisablesOn: monday + 60})},
		{Name: "day 54, warned already: nothing happens", Given: after(localActive, warned), When: tick(54)},
		{Name: "day 59: nothing happens", Given: after(localActive, warned), When: tick(59)},
		{Name: "day 60: disabled", Given: after(localActive, warned), When: tick(60), Then: events(disabled(account.Inactivity, monday+60))},
		{Name: "day 89: nothing happens", Given: asleep, When: tick(89)},
		{Name: "day 90: erased", Given: asleep, When: tick(90), Then: events(&account.Erased{Cause: account.Inactivity})},
		{Name: "day 91, erased already: nothing happens", Given: after(asleep, gone), When: tick(91)},
		{Name: "active in the last second: nothing happens", Given: after(localActive, warned, &account.ActivityRecorded{Day: monday + 59}), When: tick(60)},
		{
			Name: "warned again 53 days later", Given: after(localActive, warned, &account.ActivityRecorded{Day: monday + 59}), When: tick(59 + 53),
			Then: events(&account.InactivityWarned{Day: monday + 59 + 53, DisablesOn: monday + 59 + 60}),
		},
		{
			Name: "enabled again, counted anew", Given: after(asleep, &account.Enabled{Lifted: []account.Cause{account.Inactivity}, Day: monday + 70}),
			When: tick(70 + 52),
		}, {
			Name: "enabled again, and disabled again", Given: after(asleep, &account.Enabled{Lifted: []account.Cause{account.Inactivity}, Day: monday + 70}),
			When: tick(70 + 60), Then: events(disabled(account.Inactivity, monday+130)),
		},
		{Name: "whom an operator disabled is not warned", Given: blocked, When: tick(53)},
		{Name: "whom an operator disabled is disabled for this too", Given: blocked, When: tick(60), Then: events(disabled(account.Inactivity, monday+60))},
		{Name: "who never accepted is not warned", Given: local, When: tick(53)},
		{Name: "who never accepted is disabled", Given: local, When: tick(60), Then: events(disabled(account.Inactivity, monday+60))},
		{Name: "who never accepted, invited again, is counted anew", Given: after(local, disabled(account.Inactivity, monday+60), &account.Enabled{Lifted: []account.Cause{account.Inactivity}, Day: monday + 70}), When: tick(70 + 59)},
		{Name: "no account", When: tick(60), Refused: "account-unknown"},
	})
}

// Who never came is let in by another invitation; nobody else is.
func TestInvitedAgain(t *testing.T) {
	t.Parallel()
	late := disabled(account.Inactivity, monday+60)
	again := account.Create{Day: monday + 70}
	domaintest.Run(t, decider, []row{
		{
			Name: "disabled for inactivity", Given: after(local, late), When: again,
			Then: events(&account.Enabled{Lifted: []account.Cause{account.Inactivity}, Day: monday + 70}),
		},
		{Name: "invited", Given: local, When: again},
		{Name: "active", Given: localActive, When: again},
		{Name: "active before", Given: asleep, When: again},
		{Name: "disabled by an operator", Given: after(local, disabled(account.ByOperator, monday)), When: again},
		{Name: "by both", Given: after(local, late, disabled(account.ByOperator, monday)), When: again},
		{Name: "erased", Given: after(local, late, gone), When: again, Refused: "account-erased"},
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		history []account.Event
		want    account.Status
	}{
		{nil, account.Missing},
		{local, account.Invited},
		{localActive, account.Active},
		{blocked, account.Disabled},
		{asleep, account.Disabled},
		{after(local, disabled(account.ByOperator, monday)), account.Disabled},
		{after(asleep, gone), account.Gone},
	} {
		if got := decider.State(test.history...).Status(); got != test.want {
			t.Errorf("status after %s: got %s, want %s", domaintest.Describe(test.history), got, test.want)
		}
	}
	state := decider.State(after(federatedActive, &account.TermsAccepted{FRN: "123456", Version: "2"},
		&account.CookiesChosen{Analytics: true}, &account.DetailsChanged{Domain: "example.org"})...)
	if method, connection := state.Method(); method != account.OIDC || connection != "idp" || state.Identity() != "subject" {
		t.Errorf("method: got %s, %s, %s", method, connection, state.Identity())
	}
	if state.Accepted("123456") != "2" || state.Accepted("7654321") != "" || len(state.Acceptances()) != 1 {
		t.Errorf("terms: got %v", state.Acceptances())
	}
	if state.Cookies() != (account.Cookies{Analytics: true}) || state.Domain() != "example.org" {
		t.Errorf("cookies, domain: got %v, %s", state.Cookies(), state.Domain())
	}
	if got := state.Persons(); len(got) != 2 {
		t.Errorf("persons: got %v, want who it was and who it is", got)
	}
	if state := decider.State(after(localActive, &account.QuestionsSet{})...); !state.HasFactor() || !state.HasQuestions() {
		t.Errorf("factor, questions: got %v, %v, want both", state.HasFactor(), state.HasQuestions())
	}
}

// TestWhateverDays: however the days of activity, of the clock's runs and of whoever enables fall,
// nobody is disabled within 60 days of activity nor erased within 30 of being disabled, and in the
// end, with nobody there, the account is erased.
func TestWhateverDays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := decider.State(localActive...), decider.State(localActive...)
		do := func(command account.Command) {
			before := state.Clock()
			decided, err := decider.Check(state, same, command)
			if err != nil {
				return
			}
			for _, event := range decided {
				checkDue(t, before.LastActive, before.DisabledOn, command, event)
				state, same = account.Evolve(state, event), account.Evolve(same, event)
			}
			if again, err := account.Decide(state, command); err == nil && len(again) > 0 {
				t.Fatalf("%#v again: got %s, want nothing", command, domaintest.Describe(again))
			}
		}
		today := monday
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			today += calendar.Day(rapid.IntRange(0, 40).Draw(t, "days between"))
			do(rapid.SampledFrom([]account.Command{
				account.Tick{Today: today}, account.Tick{Today: today}, account.Tick{Today: today},
				account.RecordActivity{Day: today}, account.Disable{Day: today},
				account.Enable{Day: today}, account.Enable{Operator: true, Day: today},
			}).Draw(t, "command"))
		}
		for range 4 {
			today += 60
			do(account.Tick{Today: today})
		}
		if state.Status() != account.Gone {
			t.Fatalf("in the end: got %s, want erased", state.Status())
		}
	})
}

func checkDue(t *rapid.T, active, disabledOn calendar.Day, command account.Command, event account.Event) {
	tick, is := command.(account.Tick)
	if !is {
		return
	}
	switch event.(type) {
	case *account.DisabledFor:
		if tick.Today < active+60 {
			t.Fatalf("disabled on %v, last active %v", tick.Today, active)
		}
	case *account.Erased:
		if disabledOn == 0 || tick.Today < disabledOn+30 {
			t.Fatalf("erased on %v, disabled on %v", tick.Today, disabledOn)
		}
	}
}
