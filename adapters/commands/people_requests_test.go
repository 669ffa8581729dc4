package commands_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/eventstore"
)

func form() onboarding.Form {
	return onboarding.Form{
		Businesses:     []onboarding.BusinessForm{{FRN: frn, Name: "Sample Bank", Domains: []string{"example.com"}}, {FRN: otherFRN}},
		Administrators: []onboarding.AdministratorForm{{Name: "Ada Sample", Email: "ada@example.com"}},
		Contact:        onboarding.Person{Name: "Ada Sample", Email: "ada@example.com"},
		Authentication: onboarding.Authentication{Method: account.Local},
	}
}

// From a request to a business with an administrator (requirements 34 to 37).
func TestOnboarding(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, ask := t.Context(), byOperator()
		id, token, _, err := w.SubmitRequest(ctx, commands.Ask{}, form())
		if err != nil {
			t.Fatalf("submit: %v", err)
		}
		own, err := w.ShowOwnRequest(ctx, token)
		if err != nil || own.Status != onboarding.Submitted || own.People.Contact.Email != "ada@example.com" || len(own.Lacks) != 2 {
			t.Errorf("own request: got %+v, %v", own, err)
		}
		refused(t, "complete too early", second(w.CompleteRequest(ctx, ask, id)), "data-missing")
		w.do(w.AskRequest(ctx, ask, id, "Which domains?"))
		whole := form()
		whole.Businesses[1] = onboarding.BusinessForm{FRN: otherFRN, Name: "Sample Insurance", Domains: []string{"example.com"}}
		w.do(w.AmendOwnRequest(ctx, token, whole))
		refused(t, "configure too early", second(w.ConfigureRequest(ctx, ask, id, "", "")), "request-submitted")
		refused(t, "complete what was amended, unread", second(w.CompleteRequest(ctx, ask, id)), "request-amended")
		read, err := w.ShowRequest(ctx, ask, id)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		asRead := ask
		asRead.Expected = &read.Revision
		w.do(w.AmendOwnRequest(ctx, token, whole))
		_, err = w.CompleteRequest(ctx, asRead, id)
		fails(t, "complete what was amended since", err, eventstore.ErrWrongExpectedRevision)
		*asRead.Expected++
		w.do(w.CompleteRequest(ctx, asRead, id))
		refused(t, "invite too early", second(w.InviteAdministrators(ctx, ask, id)), "request-complete")
		w.do(w.ConfigureRequest(ctx, ask, id, "", ""))
		w.do(w.InviteAdministrators(ctx, ask, id))
		refused(t, "decline too late", second(w.DeclineRequest(ctx, ask, id)), "request-invited")
		refused(t, "withdraw too late", second(w.WithdrawOwnRequest(ctx, token)), "request-invited")

		ada, err := w.PersonOf(ctx, "ada@example.com")
		if err != nil || ada == "" {
			t.Fatalf("person: got %q, %v", ada, err)
		}
		w.factor(ada)
		for _, frn := range []string{frn, otherFRN} {
			w.do(w.AcceptInvitation(ctx, w.token(frn, w.invitationOf(frn, ada)), ""))
			w.do(w.NoteActive(ctx, id, frn))
		}
		if got, err := w.ShowRequest(ctx, ask, id); got.Status != onboarding.Active || err != nil {
			t.Errorf("at the end: got %s, %v, want it active", got.Status, err)
		}
		if got := w.standing(ada).Principal.Grants; len(got) != 2 || !slices.Equal(got[frn], []access.Role{access.Administrator}) {
			t.Errorf("grants: got %v", got)
		}
	})
}

// invitationOf is the id of the newest invitation of a person at a business.
func (w *world) invitationOf(frn, person string) (id string) {
	w.t.Helper()
	events, err := w.events(w.t.Context(), "access-"+frn)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range events {
		if invited, is := event.Event.(*membership.MemberInvited); is && invited.Person == person {
			id = invited.InvitationID
		}
	}
	return id
}

// Who is a member, or invited in the role, is not invited twice; who is invited in another one is for
// an operator to look at.
func TestInviteAdministratorsWhoAreThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, ask := t.Context(), byOperator()
		w.configure(frn, "example.com")
		member := w.join(frn, "member@example.com", access.Caseworker)
		whole := form()
		whole.Businesses = whole.Businesses[:1]
		whole.Administrators = []onboarding.AdministratorForm{
			{Name: "Member Sample", Email: "member@example.com"}, {Name: "Invited Sample", Email: "invited@example.com"},
		}
		w.invite(frn, "invited@example.com", access.Administrator)
		id, _, _, err := w.SubmitRequest(ctx, commands.Ask{}, whole)
		if err != nil {
			t.Fatal(err)
		}
		w.do(w.CompleteRequest(ctx, ask, id))
		w.do(w.ConfigureRequest(ctx, ask, id, "", ""))
		w.do(w.InviteAdministrators(ctx, ask, id))
		w.roles(member, access.Caseworker, access.Administrator)
		if got := w.counts()["membership.member-invited.v1"]; got != 2 {
			t.Errorf("got %d invitations, want the two there were", got)
		}
	})
}

func TestWhoSeesARequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		key := uuid.New()
		id, token, _, err := w.SubmitRequest(ctx, commands.Ask{ID: key}, form())
		if err != nil {
			t.Fatal(err)
		}
		if again, same, _, err := w.SubmitRequest(ctx, commands.Ask{ID: key}, form()); again != id || same != token || err != nil {
			t.Errorf("submit again: got %s, %v, want %s", again, err, id)
		}
		other := form()
		other.Contact.Name = "Eve Sample"
		if got, _, _, err := w.SubmitRequest(ctx, commands.Ask{ID: key}, other); got == id || err != nil {
			t.Errorf("another form under the same id: got %s, %v, want another request", got, err)
		}
		for what, token := range map[string]string{
			"changed": token + "x", "none": "", "of another kind": w.links.Token(commands.Link{Kind: commands.ResetLink, ID: id}),
		} {
			_, err := w.ShowOwnRequest(ctx, token)
			fails(t, "show "+what, err, commands.ErrLink)
			fails(t, "amend "+what, second(w.AmendOwnRequest(ctx, token, form())), commands.ErrLink)
			fails(t, "withdraw "+what, second(w.WithdrawOwnRequest(ctx, token)), commands.ErrLink)
		}
		_, err = w.ShowRequest(ctx, byOperator(), "no-such")
		fails(t, "no such request", err, commands.ErrUnknown)
		fails(t, "complete no such request", second(w.CompleteRequest(ctx, byOperator(), "no-such")), commands.ErrUnknown)
		refused(t, "erase too early", second(w.EraseRequestPeople(ctx, byOperator(), id)), "request-submitted")
		w.do(w.WithdrawOwnRequest(ctx, token))
		w.do(w.EraseRequestPeople(ctx, byOperator(), id))
		if err := w.ring.Destroy(ctx, "onboarding-"+id); err != nil {
			t.Fatal(err)
		}
		if got, err := w.ShowOwnRequest(ctx, token); err != nil || got.Status != onboarding.Withdrawn || got.People.Contact.Email != "" {
			t.Errorf("erased: got %+v, %v, want nobody named", got, err)
		}
	})
}

// TestConnectionsInUseStay: a connection is not retired while a business signs its people in by it,
// whatever a late read model names besides.
func TestConnectionsInUseStay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		config := w.config(w.log)
		config.BusinessesWith = func(context.Context, string) ([]string, error) { return []string{frn, otherFRN}, nil }
		people, err := commands.NewPeople(config)
		if err != nil {
			t.Fatal(err)
		}
		w.do(w.SetConnection(ctx, byOperator(), oidcSettings("example-idp")))
		w.do(w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.OIDC, "example-idp"))
		_, err = people.RetireConnection(ctx, byOperator(), "example-idp")
		refused(t, "in use", err, "connection-in-use")
		w.do(w.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.Local, ""))
		w.do(people.RetireConnection(ctx, byOperator(), "example-idp"))
		if _, found, err := people.Connection(ctx, "example-idp"); found || err != nil {
			t.Errorf("retired: got %v, %v, want none in force", found, err)
		}
		if done, err := people.RetireConnection(ctx, byOperator(), "example-idp"); !done.Position.IsZero() || err != nil {
			t.Errorf("again: got %v, %v, want nothing to do", done, err)
		}
	})
}
