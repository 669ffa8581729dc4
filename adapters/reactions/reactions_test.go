package reactions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/reactions"
	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/feed"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/private"
	"casesync/eventstore"
)

// wantCases fails unless cases are allocated to a person as wanted.
func (w *world) wantCases(person string, want ...string) {
	w.t.Helper()
	got, err := w.allocations(context.Background(), person, "")
	w.must(err)
	if !slices.Equal(got, want) {
		w.t.Errorf("allocations: got %v, want %v", got, want)
	}
}

// A disabled person's sessions end within a second, and his cases return; a colleague's do not.
func TestDisabledAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.configure(frn)
		person, browser := w.worker("Una Beispiel", "una.beispiel@example.com", "C-1")
		colleague, other := w.worker("Udo Beispiel", "udo.beispiel@example.com", "C-2")
		w.start(w.config())
		w.reacted()
		if browser.user() != person {
			t.Fatal("signed out before")
		}
		started := time.Now()
		_, err := w.DisableAccount(ctx, byOperator(), person)
		w.must(err)
		for browser.user() != "" {
			if time.Since(started) > patience {
				t.Fatal("the session did not end")
			}
			time.Sleep(5 * time.Millisecond)
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("the session ended after %v, want within a second", took)
		}
		w.reacted()
		w.wantCases(person)
		w.wantCases(colleague, "C-2")
		if other.user() != colleague {
			t.Error("the colleague's session ended too")
		}
	})
}

// Sessions end within a second, whatever keeps the other reactions waiting; these show that they wait.
func TestSessionsWaitForNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.configure(frn)
		first, _ := w.worker("Una Beispiel", "una.beispiel@example.com", "C-1")
		second, browser := w.worker("Udo Beispiel", "udo.beispiel@example.com", "C-2")
		config := w.config()
		config.CatchUpTimeout = 10 * time.Millisecond
		config.CaughtUp = func(ctx context.Context, _ eventstore.Position) error { <-ctx.Done(); return ctx.Err() }
		r, _ := w.start(config)
		for _, person := range []string{first, second} {
			_, err := w.DisableAccount(ctx, byOperator(), person)
			w.must(err)
		}
		started := time.Now()
		for browser.user() != "" && time.Since(started) < patience {
			time.Sleep(5 * time.Millisecond)
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("the session ended after %v, want within a second", took)
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			statuses, err := r.Statuses(ctx)
			w.must(err)
			sessions, rest := statuses[0], statuses[1]
			if sessions.Err == nil && errors.Is(rest.Err, context.DeadlineExceeded) && rest.LagEvents > 0 && rest.Attempts > 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("got statuses %+v, want the second failing", statuses)
			}
		}
		w.wantCases(second, "C-2")
	})
}

// Who is disabled by the clock is suspended at each business; who was enabled meanwhile is not.
func TestInactiveAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.configure(frn)
		gone, _ := w.worker("Una Beispiel", "una.beispiel@example.com", "C-1")
		back, _ := w.worker("Udo Beispiel", "udo.beispiel@example.com", "C-2")
		later := calendar.DayOf(time.Now()) + 61
		for _, person := range []string{gone, back} {
			_, err := w.TickAccount(ctx, person, later)
			w.must(err)
		}
		_, err := w.EnableAccount(ctx, byOperator(), back)
		w.must(err)
		w.start(w.config())
		w.reacted()
		w.wantCases(gone)
		w.wantCases(back, "C-2")
		if got := w.member(gone).Holds; !slices.Equal(got, []membership.Hold{membership.HeldForInactivity}) {
			t.Errorf("got holds %v, want inactivity", got)
		}
		if got := w.member(back).Holds; len(got) > 0 {
			t.Errorf("who came back: got holds %v, want none", got)
		}
	})
}

func (w *world) member(person string) membership.Member {
	w.t.Helper()
	state := membership.Initial()
	events, err := w.events(context.Background(), "access-"+frn)
	w.must(err)
	for _, event := range events {
		state = membership.Evolve(state, event.Event.(membership.Event))
	}
	member, _ := state.Member(person)
	return member
}

// Cases return from who has no role for them at the business any more, and stay where one is left.
func TestLessAccess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		_, administrator := w.onboard()
		w.start(w.config())
		for ref, take := range map[string]func(person string) (commands.Done, error){
			"C-1": func(person string) (commands.Done, error) {
				_, err := w.Grant(ctx, byOperator(), frn, person, []access.Role{access.Administrator}, membership.Warrant{RequestedBy: administrator})
				w.must(err)
				return w.Revoke(ctx, byOperator(), frn, person, []access.Role{access.Caseworker})
			},
			"C-2": func(person string) (commands.Done, error) { return w.Disable(ctx, byOperator(), frn, person) },
			"C-3": func(person string) (commands.Done, error) { return w.Remove(ctx, byOperator(), frn, person) },
		} {
			person, browser := w.worker("Una Beispiel", "una."+ref+"@example.com", ref)
			_, err := take(person)
			w.must(err)
			w.reacted()
			w.wantCases(person)
			if browser.user() != person {
				t.Errorf("%s: the session ended, though the account is active", ref)
			}
		}
		person, _ := w.worker("Udo Beispiel", "udo@example.com", "C-4")
		_, err := w.Grant(ctx, byOperator(), frn, person, []access.Role{access.Supervisor}, membership.Warrant{})
		w.must(err)
		_, err = w.Revoke(ctx, byOperator(), frn, person, []access.Role{access.Caseworker})
		w.must(err)
		w.reacted()
		w.wantCases(person, "C-4")
	})
}

// Credentials that were reset are void and the sessions over. What was enrolled since stays, also where
// the reaction comes before it is noted in the log, or comes again.
func TestResets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		_, administrator := w.onboard()
		standing, err := w.Standing(ctx, administrator)
		w.must(err)
		ask := commands.Ask{By: standing.Principal, Reason: "a lost telephone"}
		cases := []struct {
			name               string
			reset, enrol, note func(person string) error
			kept               func(s local.Status) bool
		}{
			{
				"factor",
				func(person string) error { _, err := w.ResetFactor(ctx, ask, frn, person); return err },
				func(person string) error { w.enrolFactor(person); return nil },
				func(person string) error { return w.NoteFactor(ctx, person, account.TOTP, 1) },
				func(s local.Status) bool { return s.SecondFactor && s.RecoveryCodesLeft > 0 },
			},
			{
				"questions",
				func(person string) error { _, err := w.ResetQuestions(ctx, ask, frn, person); return err },
				func(person string) error { w.enrolQuestions(person); return nil },
				func(person string) error { return w.NoteQuestions(ctx, person, 1) },
				func(s local.Status) bool { return len(s.Questions) > 0 },
			},
			{
				"method",
				w.changeMethodAndBack,
				func(person string) error { return w.credentials.SetPassword(ctx, person, 2, secret+" again") },
				func(person string) error { return nil },
				func(s local.Status) bool { return !s.PasswordSetAt.IsZero() && !s.SecondFactor },
			},
		}
		for _, c := range cases {
			for _, again := range []bool{false, true} {
				person, browser := w.worker("Una Beispiel", fmt.Sprintf("una.%s.%v@example.com", c.name, again), "")
				w.must(c.reset(person))
				if again {
					w.must(c.enrol(person)) // and noted only after the reaction
				}
				_, stop := w.start(w.config())
				w.reacted()
				stop()
				if again {
					w.must(c.note(person))
				}
				w.forget()
				_, stop = w.start(w.config())
				w.reacted()
				stop()
				if status := w.status(person); c.kept(status) != again || status.PasswordSetAt.IsZero() != (c.name == "method" && !again) {
					t.Errorf("%s, enrolled again %v: got %+v", c.name, again, status)
				}
				if browser.user() != "" {
					t.Errorf("%s: the session goes on", c.name)
				}
			}
		}
	})
}

// What was begun before a reset, and is confirmed after it, is neither put to use nor noted.
func TestEnrolmentOvertakenByReset(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.onboard()
		person, _ := w.worker("Una Beispiel", "una.beispiel@example.com", "")
		w.enrolFactor(person)
		_, err := w.ResetFactor(ctx, byOperator(), frn, person)
		w.must(err)
		err = w.NoteFactor(ctx, person, account.TOTP, 0)
		if refusal, is := errors.AsType[*domain.Refusal](err); !is || refusal.Code != "enrolment-voided" {
			t.Errorf("note a factor that was voided: got %v", err)
		}
		_, stop := w.start(w.config())
		w.reacted()
		stop()
		view, err := w.Account(ctx, person)
		w.must(err)
		if status := w.status(person); status.SecondFactor || status.RecoveryCodesLeft > 0 || view.HasFactor {
			t.Errorf("got %+v, noted %v, want no factor", status, view.HasFactor)
		}
	})
}

// Who lost the password and chose another is signed out elsewhere, and keeps the new one.
func TestUsedReset(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.configure(frn)
		for purpose, ends := range map[account.ResetPurpose]bool{account.ResetPassword: true, account.ResetSecondFactor: false} {
			person, browser := w.worker("Una Beispiel", "una."+string(purpose)+"@example.com", "")
			_, err := w.RequestReset(ctx, byOperator(), person, purpose)
			w.must(err)
			events, err := w.events(ctx, "account-"+person)
			w.must(err)
			requested := events[len(events)-1].Event.(*account.ResetRequested)
			w.must(w.UseReset(ctx, w.links.Token(commands.Link{Kind: commands.ResetLink, Of: person, ID: requested.ResetID, ExpiresAt: requested.ExpiresAt})))
			_, stop := w.start(w.config())
			w.reacted()
			stop()
			if got := browser.user() == ""; got != ends {
				t.Errorf("%s: got the session ended %v, want %v", purpose, got, ends)
			}
			if w.status(person).PasswordSetAt.IsZero() {
				t.Errorf("%s: the password is gone", purpose)
			}
		}
	})
}

// What an access request began is finished, and the people it names are erased in the end.
func TestOnboarding(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		request, administrator := w.onboard()
		w.start(w.config())
		w.reacted()
		standing, err := w.Standing(ctx, administrator)
		w.must(err)
		view, err := w.ShowRequest(ctx, byOperator(), request)
		w.must(err)
		if standing.Status != account.Active || view.Status != onboarding.Active || view.People.Contact.Email == "" {
			t.Errorf("got account %s, request %s of %+v, want both active", standing.Status, view.Status, view.People.Contact)
		}
		_, err = w.TickRequest(ctx, request, calendar.DayOf(time.Now())+1000)
		w.must(err)
		w.reacted()
		view, err = w.ShowRequest(ctx, byOperator(), request)
		w.must(err)
		if view.People.Contact != (onboarding.Person{}) || w.live("onboarding-"+request) || w.purged[request] == 0 {
			t.Errorf("got %+v, mails purged %d times, want the people erased", view.People, w.purged[request])
		}
	})
}

// An erased case loses its letters and keys; what the source says of it afterwards stays readable,
// however often the event is reacted to.
func TestErasedCase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.open("C-1", "")
		w.open("C-2", "")
		w.keepLetter("C-1")
		w.record("C-1", &casefile.Closed{
			Origin: feed.Origin{Source: "https://cms.example/a", ID: "closed"}, Outcome: "change", ClosedAt: time.Now().AddDate(-7, 0, 0).UTC(),
		})
		_, err := w.decide(ctx, "C-1", casefile.Tick{Today: calendar.DayOf(time.Now())})
		w.must(err)
		_, stop := w.start(w.config())
		w.reacted()
		stop()
		if w.live("casefile-C-1") || w.live("casefile-C-1/consumer") || !w.live("casefile-C-2") || w.letterLeft("C-1") {
			t.Error("got keys or letters left of C-1, or none of C-2")
		}
		w.record("C-1", &casefile.Reopened{Origin: feed.Origin{Source: "https://cms.example/a", ID: "reopened"}, ReopenedAt: time.Now().UTC()})
		w.record("C-1", &casefile.DetailsChanged{
			Origin: feed.Origin{Source: "https://cms.example/a", ID: "details"}, Consumer: private.Of(casefile.Party{Name: "Petra Muster"}),
		})
		w.forget()
		w.start(w.config())
		w.reacted()
		if !w.live("casefile-C-1#2") {
			t.Error("the key of what the source said afterwards is gone")
		}
	})
}

// An erased party is gone from the case and its letters, also where the source knows it across cases.
func TestErasedParty(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.open("C-1", "")
		w.open("C-2", "")
		w.keepLetter("C-1")
		for _, ref := range []string{"C-1", "C-2"} {
			w.record(ref, &casefile.DetailsChanged{
				Origin:   feed.Origin{Source: "https://cms.example/a", ID: "named-" + ref},
				Consumer: private.Of(casefile.Party{Name: "Petra Muster"}).About("person-0a1b"),
			})
		}
		_, err := w.decide(ctx, "C-1", casefile.EraseParty{Party: casefile.Consumer})
		w.must(err)
		// Named as another person before the erasure is heard of, who is not to be erased.
		w.record("C-1", &casefile.DetailsChanged{
			Origin:   feed.Origin{Source: "https://cms.example/a", ID: "another"},
			Consumer: private.Of(casefile.Party{Name: "Pia Muster"}).About("person-2c3d"),
		})
		_, stop := w.start(w.config())
		w.reacted()
		stop()
		for subject, want := range map[string]bool{
			"person-2c3d": true, "casefile-C-1": true, "casefile-C-1/consumer": false, "person-0a1b": false, "casefile-C-2": true, "casefile-C-2/consumer": true,
		} {
			if got := w.live(subject); got != want {
				t.Errorf("key of %s: got live %v, want %v", subject, got, want)
			}
		}
		if w.letterLeft("C-1") {
			t.Error("the rejected message can still be read")
		}
		w.record("C-1", &casefile.DetailsChanged{
			Origin: feed.Origin{Source: "https://cms.example/a", ID: "again"}, Consumer: private.Of(casefile.Party{Name: "Petra Muster"}),
		})
		w.forget()
		w.start(w.config())
		w.reacted()
		if !w.live("casefile-C-1/consumer#2") {
			t.Error("the reaction, repeated late, destroyed the key of what the source said since")
		}
	})
}

// Every event that is reacted to is one that there is.
func TestTablesNameEvents(t *testing.T) {
	t.Parallel()
	names := catalog.New().Names()
	for _, wanted := range reactions.Wants() {
		for _, name := range wanted {
			if !slices.Contains(names, name) {
				t.Errorf("%s is no event", name)
			}
		}
	}
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := reactions.New(reactions.Config{}); err == nil {
		t.Error("got no error")
	}
}
