package projections

import (
	"context"
	"strings"
	"testing"

	"casesync/domain/account"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// TestErasedPeopleLeaveAPseudonym: after an erasure the rows have the pseudonym, the status and the days
// alone; and once the keys are destroyed the log still comes to the very same rows (requirement 42).
func TestErasedPeopleLeaveAPseudonym(t *testing.T) {
	t.Parallel()
	given := append(queriedStory(),
		projtest.On("access-"+ours, &membership.InvitationRevoked{InvitationID: "i2", Cause: membership.Erased}),
		projtest.On("account-"+bob, &account.DisabledFor{Cause: account.Inactivity, Day: newYear + 60}),
		projtest.On("account-"+bob, &account.Erased{Cause: account.Inactivity}),
		projtest.On("access-"+ours, &membership.MemberRemoved{Person: ada, Cause: membership.Erased}),
		projtest.On("account-"+ada, &account.Erased{Cause: account.OnRequest}),
		projtest.On("onboarding-r1", &onboarding.RequestWithdrawn{Day: newYear + 2}, &onboarding.PeopleErased{Day: newYear + 2}),
	)
	projtest.Each(t, nil, peopleProjections, given, func(t *testing.T, w *projtest.World) {
		before := w.Rows(People())
		checkErased(t, w, before)
		// Cai's key goes as well, though his account was not erased: what is left of him opens no more.
		if err := w.Ring.Destroy(t.Context(), "account-"+ada, "account-"+bob, "account-"+cai, "onboarding-r1"); err != nil {
			t.Fatal(err)
		}
		w.Check()
		for table, rows := range w.Rows(People()) {
			if got, want := strings.Join(rows, "\n"), strings.Join(before[table], "\n"); got != want {
				t.Errorf("%s rebuilt without the keys: got\n%s\nwant\n%s", table, got, want)
			}
		}
		seeing(t, w, func(ctx context.Context, view engine.View) error {
			user, _, err := FindUser(ctx, view, OperatorScope("o"), cai)
			if err != nil {
				return err
			}
			plain, err := w.Codec.OpenEnvelopes(ctx, user.SealedPerson)
			if person, err2 := OpenedPerson(plain[0]); err != nil || err2 != nil || user.SealedPerson == "" || person != (account.Person{}) {
				t.Errorf("got %+v of %q, %v, %v, want nobody", person, user.SealedPerson, err, err2)
			}
			return nil
		})
	})
}

func checkErased(t *testing.T, w *projtest.World, rows map[string][]string) {
	t.Helper()
	const kept = " method= connection= domain= factor= linked=false questions=false warned=false created_day=20089 "
	wantPeople(t, w, "accounts", append(restOf(rows["accounts"]),
		"stream=account-"+ada+" status=erased by_operator=false disabled_day=0"+kept+"activated_day=20090 last_active_day=20090 erased_day=20090 due_day=0 sealed=",
		"stream=account-"+bob+" status=erased by_operator=false disabled_day=20149"+kept+"activated_day=0 last_active_day=20089 erased_day=20090 due_day=0 sealed=")...)
	for table, list := range rows {
		for _, row := range list {
			for _, gone := range []string{"=account-" + ada + "|", "=account-" + bob + "|", "=onboarding-r1|"} {
				if strings.Contains(row, gone) {
					t.Errorf("%s still has an envelope of who was erased: %s", table, row)
				}
			}
		}
	}
	if len(rows["acceptances"]) > 0 {
		t.Errorf("got acceptances %v, want none", rows["acceptances"])
	}
	seeing(t, w, func(ctx context.Context, view engine.View) error {
		if _, found, err := FindUser(ctx, view, BusinessScope("u", ours), ada); found || err != nil {
			t.Errorf("got who was erased at a business, %v", err)
		}
		user, found, err := FindUser(ctx, view, OperatorScope("o"), bob)
		if !found || user.Status != account.Gone || user.SealedPerson != "" || user.ErasedOn != newYear+1 || user.ErasesOn != 0 || user.Domain != "" {
			t.Errorf("got %+v, want an erased account and its days", user)
		}
		request, found, err2 := FindAccessRequest(ctx, view, OperatorScope("o"), "r1")
		if !found || !request.PeopleErased || request.SealedPeople != "" || request.SealedQuestion != "" || request.DueOn != 0 || len(request.Businesses) != 2 {
			t.Errorf("got %+v, want a request without people", request)
		}
		if err == nil {
			err = err2
		}
		return err
	})
}

// restOf are the rows of those who are not erased, with each envelope as "…".
func restOf(rows []string) (rest []string) {
	for _, row := range rows {
		if !strings.Contains(row, " status=erased ") {
			rest = append(rest, envelopeText.ReplaceAllString(row, "=…"))
		}
	}
	return rest
}
