package projections

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/eventstore"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// folding folds decided events as the engine does, into rows in memory.
type folding struct {
	t    *testing.T
	rows *engine.Rows
}

func newFolding(t *testing.T) folding {
	t.Helper()
	return folding{t, engine.NewRows(People().Tables...)}
}

func (f folding) fold(stream string, event any) {
	f.t.Helper()
	e := engine.Event{Decoded: eventstore.Decoded{Event: event}}
	e.Stream, e.Meta.OccurredAt = eventstore.StreamName(stream), projtest.Begin
	if err := People().Fold(f.rows, e); err != nil {
		f.t.Fatal(err)
	}
}

func email(t *testing.T, text string) address.Email {
	t.Helper()
	parsed, err := address.ParseEmail(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func oneOf[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }

// TestAccountsAgreeWithTheDecider: whatever happens to an account, its row says what the decider that
// decided on it knows, and is due on the first day on which the clock makes the decider act.
func TestAccountsAgreeWithTheDecider(t *testing.T) {
	t.Parallel()
	random, mail := rand.New(rand.NewPCG(1, 2)), email(t, "ada@example.com")
	for range 3000 {
		f, state, today := newFolding(t), account.Initial(), newYear
		for range 25 {
			today += calendar.Day(random.IntN(3) * random.IntN(40))
			events, _ := account.Decide(state, anyAccountCommand(random, state, mail, today)) // a refusal leaves no events
			for _, event := range events {
				state = account.Evolve(state, event)
				f.fold("account-a", event)
			}
			if row := accounts.Get(f.rows, "account-a"); row != nil {
				agreeOnAccount(t, f, row, state)
			}
		}
	}
}

func anyAccountCommand(random *rand.Rand, state *account.State, mail address.Email, today calendar.Day) account.Command {
	present := state.Generations()
	method := oneOf(random, account.Local, account.OIDC)
	link := map[bool]string{true: "example"}[method.Federated()]
	return oneOf[account.Command](random,
		account.Create{Name: "Ada", Email: mail, Method: method, Connection: link, Day: today},
		account.Activate{Day: today}, account.Activate{Day: today}, account.ChangeDetails{Name: "Ada B", Email: mail},
		account.ChangeMethod{Method: method, Connection: link}, account.LinkIdentity{Connection: "example", SubjectDigest: "s"},
		account.EnrolFactor{Kind: account.TOTP, Generation: present.Factor}, account.ResetFactor{},
		account.SetQuestions{Generation: present.Questions}, account.ResetQuestions{},
		account.Disable{Day: today}, account.Enable{Operator: random.IntN(2) == 0, Day: today}, account.Tick{Today: today}, account.Tick{Today: today},
		account.RecordActivity{Day: today}, account.AcceptTerms{FRN: oneOf(random, ours, theirs), Version: oneOf(random, "1", "2"), At: projtest.Begin},
		account.RequestReset{ID: "r", Purpose: account.ResetPassword, TokenDigest: "d", ExpiresAt: projtest.Begin.Add(time.Hour), At: projtest.Begin},
		account.ChooseCookies{}, map[bool]account.Command{true: account.Erase{}, false: account.Activate{Day: today}}[random.IntN(8) == 0],
	)
}

func agreeOnAccount(t *testing.T, f folding, row *accountRow, state *account.State) {
	t.Helper()
	shown := row.public()
	if shown.Status != state.Status() || (shown.Status == account.Disabled) != (len(shown.Causes) > 0) && shown.Status != account.Gone {
		t.Fatalf("got status %s for %v, want %s", shown.Status, shown.Causes, state.Status())
	}
	if state.Status() == account.Gone {
		kept := accountRow{
			Stream: row.Stream, Status: "erased", ByOperator: row.ByOperator, DisabledDay: row.DisabledDay, CreatedDay: row.CreatedDay,
			ActivatedDay: row.ActivatedDay, LastActiveDay: row.LastActiveDay, ErasedDay: int64(newYear),
		}
		if *row != kept || len(acceptances.All(f.rows, row.Stream)) > 0 {
			t.Fatalf("got %+v of who was erased, want the pseudonym, the status and days", *row)
		}
		return
	}
	method, connection := state.Method()
	got := []any{row.clock(), shown.Method, shown.Connection, shown.Domain, shown.Linked, shown.Factor != "", shown.Questions}
	want := []any{state.Clock(), method, connection, state.Domain(), state.Identity() != "", state.HasFactor(), state.HasQuestions()}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	versions := map[string]string{}
	for _, acceptance := range acceptances.All(f.rows, row.Stream) {
		versions[acceptance.FRN] = acceptance.Version
	}
	if !reflect.DeepEqual(versions, state.Acceptances()) {
		t.Fatalf("got acceptances %v, want %v", versions, state.Acceptances())
	}
	due := calendar.Day(row.DueDay)
	before, _ := account.Decide(state, account.Tick{Today: due - 1})
	on, _ := account.Decide(state, account.Tick{Today: due})
	if len(before) > 0 || len(on) == 0 {
		t.Fatalf("due on %s of %+v: got %d events the day before, %d on the day, want 0 and some", due, *row, len(before), len(on))
	}
}

// TestMembershipsAgreeWithTheDecider: members, their roles and holds, pending invitations, requests and
// settings are in the rows what they are in the decider's state.
func TestMembershipsAgreeWithTheDecider(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	mails := []address.Email{email(t, "x@example.com"), email(t, "x@example.org")}
	for range 1500 {
		f, state := newFolding(t), membership.Initial()
		for n := range 40 {
			events, _ := membership.Decide(state, anyMembershipCommand(random, state, mails, n))
			for _, event := range events {
				state = membership.Evolve(state, event)
				f.fold("access-"+ours, event)
			}
			agreeOnMembers(t, f, state)
		}
	}
}

func anyMembershipCommand(random *rand.Rand, state *membership.State, mails []address.Email, n int) membership.Command {
	people := []string{"a", "b", "c", "d"}
	operator := membership.By{Operator: true}
	by := oneOf(random, operator, operator, membership.By{Person: oneOf(random, people...)})
	who, mail, id := oneOf(random, people...), oneOf(random, mails...), fmt.Sprint("i", random.IntN(n+1))
	roles := oneOf(random, []access.Role{access.Caseworker}, []access.Role{access.Supervisor, access.Caseworker}, []access.Role{access.Administrator, access.Supervisor})
	warrant := oneOf(random, membership.Warrant{Onboarding: "r"}, membership.Warrant{RequestedBy: oneOf(random, people...)})
	at := projtest.Begin.Add(time.Duration(n) * time.Hour)
	if requests := state.Requests(); len(requests) > 0 && random.IntN(3) == 0 {
		by, roles, warrant = operator, []access.Role{access.Administrator}, membership.Warrant{RequestedBy: oneOf(random, requests...).RequestedBy}
		if random.IntN(2) == 0 {
			return membership.Grant{By: operator, Person: who, Roles: roles, Warrant: warrant}
		}
	}
	if pending := state.Invitations(); len(pending) > 0 && random.IntN(3) == 0 {
		i := oneOf(random, pending...)
		return membership.Accept{InvitationID: i.ID, TokenDigest: i.TokenDigest, Person: i.Person, Email: mail, At: at}
	}
	clock := oneOf(random, by, membership.By{Clock: true})
	return oneOf[membership.Command](random,
		membership.Configure{By: by, Domains: oneOf(random, []address.Domain{"example.org", "example.com"}, []address.Domain{"example.com", "example.org"}, []address.Domain{"example.com"}),
			Method: account.OIDC, Connection: oneOf(random, "one", "two")},
		membership.Invite{By: by, InvitationID: fmt.Sprint("i", n), Person: who, Email: mail, Roles: roles, TokenDigest: "d", ExpiresAt: at.Add(9 * time.Hour), At: at, Warrant: warrant},
		membership.Invite{By: operator, InvitationID: fmt.Sprint("i", n), Person: who, Email: mail, Roles: roles, TokenDigest: "d", ExpiresAt: at.Add(9 * time.Hour), At: at,
			Warrant: membership.Warrant{Onboarding: "r"}},
		membership.Resend{By: by, InvitationID: id, TokenDigest: "d", ExpiresAt: at.Add(9 * time.Hour), At: at},
		membership.RevokeInvitation{By: by, InvitationID: id},
		membership.Grant{By: by, Person: who, Roles: roles, Warrant: warrant},
		membership.Revoke{By: by, Person: who, Roles: roles},
		membership.Disable{By: clock, Person: who}, membership.Enable{By: by, Person: who},
		membership.Remove{By: clock, Person: who, Erasing: random.IntN(2) == 0},
		membership.Move{By: by, Person: who, Email: mail},
		membership.RequestAdministrator{By: membership.By{Person: oneOf(random, people...)}, Person: oneOf(random, append(people, "", "")...)},
	)
}

func agreeOnMembers(t *testing.T, f folding, state *membership.State) {
	t.Helper()
	stream := accessStreams + ours
	var got, want []string
	for _, row := range members.All(f.rows, stream) {
		shown := row.public()
		got = append(got, fmt.Sprint("member ", shown.Person, shown.Roles, shown.Holds))
	}
	for _, m := range state.Members() {
		want = append(want, fmt.Sprint("member ", m.Person, m.Roles, m.Holds))
	}
	for _, row := range invitations.All(f.rows, stream) {
		if shown := row.public(projtest.Begin); shown.Status == InvitationPending {
			got = append(got, fmt.Sprint("invited ", shown.ID, shown.Person, shown.Roles, shown.ExpiresAt))
		}
	}
	for _, i := range state.Invitations() {
		want = append(want, fmt.Sprint("invited ", i.ID, i.Person, i.Roles, i.ExpiresAt.UTC()))
	}
	for _, row := range administratorRequests.All(f.rows, stream) {
		got = append(got, fmt.Sprint("request ", row.RequestedBy, "/", row.Person))
	}
	for _, r := range state.Requests() {
		want = append(want, fmt.Sprint("request ", r.RequestedBy, "/", r.Person))
	}
	if row := businessAccess.Get(f.rows, stream); row != nil {
		got = append(got, fmt.Sprint("settings ", row.Method, row.Connection, unspaced[string](row.Domains)))
	}
	if method, connection := state.SignIn(); method != "" {
		want = append(want, fmt.Sprint("settings ", string(method), connection, state.Domains()))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
}

// TestAccessRequestsAgreeWithTheDecider: status, day of the last change and what is missing are in the
// row what they are in the decider's state, and it is due when the clock makes the decider act.
func TestAccessRequestsAgreeWithTheDecider(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		f, state, today := newFolding(t), onboarding.Initial(), newYear
		for range 20 {
			today += calendar.Day(random.IntN(3) * random.IntN(30))
			events, _ := onboarding.Decide(state, anyOnboardingCommand(random, today))
			for _, event := range events {
				state = onboarding.Evolve(state, event)
				f.fold("onboarding-r", event)
			}
			if row := accessRequests.Get(f.rows, "onboarding-r"); row != nil {
				agreeOnRequest(t, row, state)
			}
		}
	}
}

func anyOnboardingCommand(random *rand.Rand, today calendar.Day) onboarding.Command {
	form := onboarding.Form{
		Businesses: []onboarding.BusinessForm{
			{FRN: ours, Name: "Example Bank plc", Domains: []string{"example.com"}}, {FRN: theirs, Name: oneOf(random, "", "Example Loans Ltd", "Example Loans Ltd"), Domains: []string{"example.com"}},
		},
		Administrators: []onboarding.AdministratorForm{{Name: "Ada", Email: "ada@example.com"}},
		Contact:        onboarding.Person{Name: "Una", Email: "una@example.com"},
		Authentication: onboarding.Authentication{Method: oneOf(random, account.Local, account.Local, account.OIDC)},
	}
	frn := oneOf(random, ours, theirs)
	return oneOf[onboarding.Command](random,
		onboarding.Submit{Form: form, Day: today}, onboarding.Submit{Form: form, Day: today}, onboarding.Amend{Form: form, Day: today},
		onboarding.Ask{Question: oneOf(random, "", "Which?"), Day: today}, onboarding.MarkComplete{Day: today}, onboarding.MarkComplete{AsRead: true, Day: today},
		onboarding.Configure{Day: today}, onboarding.Configure{Day: today}, onboarding.NoteInvited{FRN: frn, Day: today}, onboarding.NoteInvited{FRN: frn, Day: today},
		onboarding.NoteActive{FRN: frn, Day: today}, onboarding.NoteActive{FRN: frn, Day: today}, onboarding.Withdraw{Day: today}, onboarding.Decline{Day: today},
		onboarding.ErasePeople{Day: today}, onboarding.Tick{Today: today},
	)
}

func agreeOnRequest(t *testing.T, row *accessRequestRow, state *onboarding.State) {
	t.Helper()
	shown := row.public()
	if clock := state.Clock(); shown.Status != state.Status() || shown.ChangedOn != clock.ChangedOn || !slices.Equal(shown.Lacks, state.Lacks()) {
		t.Fatalf("got %+v, want %s, %+v, lacking %v", shown, state.Status(), clock, state.Lacks())
	}
	if shown.DueOn == 0 {
		if never, _ := onboarding.Decide(state, onboarding.Tick{Today: 1 << 40}); len(never) > 0 || !shown.PeopleErased {
			t.Fatalf("never due: got %d events of %+v, want none", len(never), shown)
		}
		return
	}
	before, _ := onboarding.Decide(state, onboarding.Tick{Today: shown.DueOn - 1})
	on, _ := onboarding.Decide(state, onboarding.Tick{Today: shown.DueOn})
	if len(before) > 0 || len(on) == 0 {
		t.Fatalf("due on %s of %+v: got %d events the day before, %d on the day, want 0 and some", shown.DueOn, shown, len(before), len(on))
	}
}
