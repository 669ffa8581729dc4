package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/mail"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/private"
	"casesync/eventstore/sqldb/sqldbtest"
)

// sent is what a test wants of a message.
type sent struct {
	kind    mail.Kind
	about   string
	to      string
	subject string
	says    string // somewhere in the body
}

func check(t *testing.T, got []mail.Message, want ...sent) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d mails %v, want %d", len(got), got, len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Kind != w.kind || g.About != w.about || g.To != w.to || g.Subject != w.subject || !strings.Contains(g.Body, w.says) {
			t.Errorf("got %+v, want %+v", g, w)
		}
	}
}

// dropped checks that nothing was sent, and why.
func (f *fixture) dropped(t *testing.T, kind mail.Kind, why string) {
	t.Helper()
	if got := f.send(t); slices.ContainsFunc(got, func(m mail.Message) bool { return m.Kind == kind }) {
		t.Errorf("got %v, want no mail of kind %s", got, kind)
	}
	if e := f.only(t, kind); e.Status != mail.Dropped || e.Fault != why {
		t.Errorf("got %s %q, want it dropped: %q", e.Status, e.Fault, why)
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	until := time.Date(2030, 7, 3, 13, 30, 0, 0, time.UTC)
	link := commands.Link{Kind: commands.InvitationLink, Of: "900001", ID: "i1", ExpiresAt: until}
	token, digest := f.link(link, ada)
	f.append(t, "access-900001", invited("i1", digest, until))
	f.take(t)
	check(t, f.send(t), sent{mail.Invitation, ada, "ada.specimen@firm.example", "Invitation to the business portal", "https://portal.example.org/invitation?token=" + token})
	body := f.sink.all()[0].Body
	for _, want := range []string{"Hello Ada Specimen,", "until Wednesday 3 July 2030 at 14:30 (UK time)", "https://help.example.org/form", "900001"} {
		if !strings.Contains(body, want) {
			t.Errorf("got %q, want %q in it", body, want)
		}
	}
	if e := f.only(t, mail.Invitation); e.About != ada {
		t.Errorf("got a row about %q, want the person", e.About)
	}

	f.people.change(ada, func(view *commands.AccountView) { view.Method = account.SAML })
	link.ExpiresAt = until.Add(time.Hour)
	again, digest := f.link(link, ada)
	delete(f.people.links, token) // it is void
	f.append(t, "access-900001", &membership.InvitationResent{InvitationID: "i1", TokenDigest: digest, ExpiresAt: link.ExpiresAt})
	f.take(t)
	check(t, f.send(t), sent{mail.InvitationAgain, ada, "ada.specimen@firm.example", "Your invitation to the business portal, sent again", again})
	if body := f.sink.all()[1].Body; !strings.Contains(body, "no new password") {
		t.Errorf("got %q, want it to say that the business signs people in", body)
	}
}

// invited is the event of an invitation of one person.
func invited(id, digest string, until time.Time) *membership.MemberInvited {
	return &membership.MemberInvited{
		InvitationID: id, Person: ada, Domain: "firm.example", Roles: []access.Role{access.Caseworker}, TokenDigest: digest, ExpiresAt: until,
	}
}

func TestVoidLinksAreNotMailed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	until := f.clock.Now().Add(time.Hour).Truncate(time.Second)
	link := commands.Link{Kind: commands.ResetLink, Of: ada, ID: "r1", ExpiresAt: until}
	f.append(t, "account-"+ada, &account.ResetRequested{ResetID: "r1", Purpose: account.ResetPassword, TokenDigest: commands.Digest(f.links.Token(link)), ExpiresAt: until})
	f.take(t)
	f.dropped(t, mail.ResetLink, "void-link")
}

// TestALinkOfAnotherKey: the token that would be mailed is not the one that was recorded.
func TestALinkOfAnotherKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	until := f.clock.Now().Add(time.Hour).Truncate(time.Second)
	link := commands.Link{Kind: commands.ResetLink, Of: ada, ID: "r1", ExpiresAt: until}
	other := commands.NewLinks([]byte("another key")).Token(link)
	f.append(t, "account-"+ada, &account.ResetRequested{ResetID: "r1", Purpose: account.ResetPassword, TokenDigest: commands.Digest(other), ExpiresAt: until})
	f.take(t)
	if got := f.send(t); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
	if e := f.only(t, mail.ResetLink); e.Status != mail.Queued || e.Fault != "link-key" {
		t.Errorf("got %s %q, want it to be tried again", e.Status, e.Fault)
	}
}

func TestResets(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	until := f.clock.Now().Add(time.Hour).Truncate(time.Second)
	for i, purpose := range []account.ResetPurpose{account.ResetPassword, account.ResetSecondFactor} {
		id := fmt.Sprint("r", i)
		token, digest := f.link(commands.Link{Kind: commands.ResetLink, Of: ada, ID: id, ExpiresAt: until}, ada)
		f.append(t, "account-"+ada, &account.ResetRequested{ResetID: id, Purpose: purpose, TokenDigest: digest, ExpiresAt: until})
		f.take(t)
		got := f.send(t)
		check(t, got, sent{mail.ResetLink, ada, "ada.specimen@firm.example", "Your link for the business portal", "https://portal.example.org/reset?token=" + token})
		if factor := strings.Contains(got[0].Body, "another second factor"); factor != (purpose == account.ResetSecondFactor) {
			t.Errorf("got %q for %s", got[0].Body, purpose)
		}
	}
	f.append(t, "account-"+ada, &account.ResetUsed{ResetID: "r0", Purpose: account.ResetPassword})
	f.take(t)
	check(t, f.send(t), sent{mail.PasswordChanged, ada, "ada.specimen@firm.example", "Your password was changed", "Hello Ada Specimen,"})
}

func TestTheClocksMails(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.append(t, "account-"+ada, &account.InactivityWarned{Day: calendar.Date(2026, 3, 2), DisablesOn: calendar.Date(2026, 3, 9)})
	f.take(t)
	check(t, f.send(t), sent{mail.InactivityWarned, ada, "ada.specimen@firm.example", "Your account will soon be disabled", "yours on Monday 9 March 2026"})
	f.people.change(ada, func(view *commands.AccountView) { view.Status = account.Disabled })
	f.append(t, "account-"+ada, &account.DisabledFor{Cause: account.Inactivity, Day: calendar.Date(2026, 3, 9)})
	f.take(t)
	check(t, f.send(t), sent{mail.AccountDisabled, ada, "ada.specimen@firm.example", "Your account was disabled", "erased on Wednesday 8 April 2026"})
}

// TestWhatIsNoLongerSo: what was true when the event was recorded is looked at again.
func TestWhatIsNoLongerSo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   mail.Kind
		stream string
		event  any
		before func(*fixture)
		why    string
	}{
		"warned, and disabled since": {
			mail.InactivityWarned, "account-" + ada, &account.InactivityWarned{},
			func(f *fixture) { f.people.change(ada, func(v *commands.AccountView) { v.Status = account.Disabled }) }, "settled",
		},
		"disabled, and enabled since": {mail.AccountDisabled, "account-" + ada, &account.DisabledFor{Cause: account.Inactivity}, nil, "settled"},
		"disabled by an operator":     {mail.AccountDisabled, "account-" + ada, &account.DisabledFor{Cause: account.ByOperator}, nil, "no-matter"},
		"the first second factor":     {mail.FactorChanged, "account-" + ada, &account.FactorEnrolled{Kind: account.TOTP}, nil, "no-matter"},
		"a factor's reset was used":   {mail.PasswordChanged, "account-" + ada, &account.ResetUsed{Purpose: account.ResetSecondFactor}, nil, "no-matter"},
		"erased since":                {mail.QuestionsReset, "account-" + ada, &account.QuestionsReset{}, func(f *fixture) { f.people.erase(ada) }, "erased"},
		"nobody":                      {mail.QuestionsReset, "account-" + ben, &account.QuestionsReset{}, nil, "erased"},
		"administrators enough": {
			mail.AdministratorsLow, "access-900001", &membership.AdministratorsLow{Left: 1},
			func(f *fixture) { f.people.administrators["900001"] = []string{ada, ben} }, "settled",
		},
		"no administrator to be warned": {mail.AdministratorsLow, "access-900001", &membership.AdministratorsLow{Left: 0}, nil, "settled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, sqldbtest.SQLite(t), nil)
			if test.before != nil {
				test.before(f)
			}
			f.append(t, test.stream, test.event)
			f.take(t)
			f.dropped(t, test.kind, test.why)
		})
	}
}

func TestChangedFactorsAndAddresses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.append(t, "account-"+ada, created("Ada Specimen", "ada.old@firm.example"), &account.FactorEnrolled{Kind: account.TOTP},
		&account.FactorReset{}, &account.FactorEnrolled{Kind: account.TOTP})
	f.take(t)
	const to = "ada.specimen@firm.example"
	check(t, f.send(t), sent{mail.FactorChanged, ada, to, "Your second factor was changed", "set up"},
		sent{mail.FactorReset, ada, to, "Your second factor was reset", "reset on"})
	f.append(t, "account-"+ada, moved("Ada Specimen", to))
	f.take(t)
	got := f.send(t)
	check(t, got, sent{mail.AddressChanged, ada, to, "Your e-mail address was changed", "This address is now"},
		sent{mail.FormerAddress, ada, "ada.old@firm.example", "Your e-mail address was changed", "has had another"})
	if strings.Contains(got[1].Body, to) {
		t.Errorf("got %q, want the former address not to learn the new one", got[1].Body)
	}
	f.append(t, "account-"+ada, moved("Ada Specimen-Sample", to)) // the name alone
	f.take(t)
	check(t, f.send(t))
}

// TestTheFormerAddressOfSomebodyErased: the key is gone, and with it every address.
func TestTheFormerAddressOfSomebodyErased(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.append(t, "account-"+ada, created("Ada Specimen", "ada.old@firm.example"), moved("Ada Specimen", "ada.specimen@firm.example"))
	f.take(t)
	must(t, f.ring.Destroy(ctx, "account-"+ada))
	f.dropped(t, mail.FormerAddress, "erased")
}

func TestAccessRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	const id, to = "5c1f0a9e-3c55-4f0c-8c80-0d7c1d0a0009", "cleo.sample@firm.example"
	f.append(t, "onboarding-"+id, &onboarding.RequestSubmitted{Request: request("Cleo Old", "cleo.old@firm.example")},
		&onboarding.RequestAmended{Request: request("Cleo Sample", to)})
	f.take(t)
	link := "https://portal.example.org/access-request?token=" + f.links.Token(commands.Link{Kind: commands.RequestLink, ID: id})
	check(t, f.send(t), sent{mail.RequestReceived, id, to, "We have received your access request", link})
	f.append(t, "onboarding-"+id, &onboarding.DataAsked{Missing: []onboarding.Item{{What: onboarding.LacksDomains, FRN: "900001"}}, Question: private.Of("Which domains?")},
		&onboarding.RequestCompleted{}, &onboarding.BusinessActivated{FRN: "900002"}, &onboarding.RequestDeclined{}, &onboarding.RequestLapsed{})
	f.take(t)
	check(t, f.send(t), sent{mail.DataAsked, id, to, "We need more for your access request", "- email domains of 900001\n\nWe also ask:\n\n> Which domains?"},
		sent{mail.RequestComplete, id, to, "Your access request is complete", "900001 and 900002"},
		sent{mail.RequestDeclined, id, to, "Your access request was declined", "Hello Cleo Sample,"},
		sent{mail.RequestLapsed, id, to, "Your access request has lapsed", "new request"},
		sent{mail.BusinessActive, id, to, "Access is set up", "number 900002 can now"})
	f.append(t, "onboarding-"+id, &onboarding.RequestCompleted{}, &onboarding.PeopleErased{})
	f.take(t)
	if got := f.send(t); len(got) != 0 {
		t.Errorf("got %v after the people were erased, want nothing", got)
	}
}

func request(name, email string) onboarding.Request {
	return onboarding.Request{
		Businesses: []onboarding.Business{{FRN: "900001", Name: "Sample & Sons Ltd"}, {FRN: "900002"}},
		People:     private.Of(onboarding.People{Contact: onboarding.Person{Name: name, Email: email}}),
	}
}

func TestAdministrators(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.people.administrators["900001"] = []string{ada}
	f.append(t, "access-900001", &membership.AdministratorsLow{Left: 1}, &membership.AdministratorRequested{RequestedBy: ada})
	f.take(t)
	check(t, f.send(t), sent{mail.AdministratorsLow, ada, "ada.specimen@firm.example", "You are the only administrator of your business", "900001"},
		sent{mail.AdministratorsLowAlert, "operators", "operators@fos.example", "Firm 900001 is short of administrators", "900001"},
		sent{mail.AdministratorRequested, "operators", "operators@fos.example", "Firm 900001 asks for an administrator", "900001"})
	for _, message := range f.sink.all()[1:] {
		if message.About == "operators" && strings.Contains(message.Body, "Ada") {
			t.Errorf("got %q, want nobody's name", message.Body)
		}
	}
}

// TestNobodyToAlert: without an address of operators alerts are dropped, and all else is sent.
func TestNobodyToAlert(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), func(c *mail.Config) { c.OperatorsAddress = "" })
	f.append(t, "access-900001", &membership.AdministratorRequested{})
	f.take(t)
	f.dropped(t, mail.AdministratorRequested, "no-reader")
}

// TestNamesDoNotLeaveTheGreeting: a name that would be a header, or another line, is neither.
func TestNamesDoNotLeaveTheGreeting(t *testing.T) {
	t.Parallel()
	for name, hello := range map[string]string{
		"Ada\r\nBcc: everybody@evil.example\r\n\r\nBuy": "Hello,",
		"Ada\nSpecimen": "Hello Ada Specimen,",
		"Ünïcödé " + strings.Repeat("ж", 60):   "Hello Ünïcödé " + strings.Repeat("ж", 60) + ",",
		strings.Repeat("long ", 100):           "Hello,",
		"=?utf-8?q?Ada=0D=0ABcc:_x?= Specimen": "Hello,",
	} {
		f := newFixture(t, sqldbtest.SQLite(t), nil)
		f.people.put(ada, name, "ada.specimen@firm.example")
		f.reset(t, ada)
		got := f.send(t)
		check(t, got, sent{mail.QuestionsReset, ada, "ada.specimen@firm.example", "Your security questions were reset", hello + "\n\nThe security questions"})
	}
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.people.put(ada, "Ada", "ada@firm.example>\r\nBcc: <x@evil.example")
	f.reset(t, ada)
	if got := f.send(t); len(got) != 0 {
		t.Errorf("got %v to what is no address, want nothing", got)
	}
	if e := f.only(t, mail.QuestionsReset); e.Status != mail.Dead || e.Fault != "address-unusable" {
		t.Errorf("got %s %q, want it dead", e.Status, e.Fault)
	}
}

// TestEventsThatAreNotThere: the log was restored to before the event, and went on otherwise.
func TestEventsThatAreNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.reset(t, ada)
	must(t, change(f.db, `UPDATE mails SET event_id = $1`, ada))
	f.send(t)
	if e := f.only(t, mail.QuestionsReset); e.Status != mail.Dead || e.Fault != "event-missing" {
		t.Errorf("got %s %q, want it dead", e.Status, e.Fault)
	}
	f.append(t, "account-"+ada, &account.FactorReset{})
	f.take(t)
	must(t, change(f.db, `UPDATE mails SET kind = 'of-a-newer-version' WHERE status = 'queued'`))
	f.send(t)
	if e := f.only(t, "of-a-newer-version"); e.Status != mail.Queued || e.Fault != "kind-unknown" {
		t.Errorf("got %s %q, want it left for who knows the kind", e.Status, e.Fault)
	}
}
