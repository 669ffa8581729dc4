package onboarding_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/domaintest"
	"casesync/domain/onboarding"
	"casesync/domain/private"
)

var decider = domaintest.Decider[*onboarding.State, onboarding.Command, onboarding.Event]{
	Initial: onboarding.Initial, Decide: onboarding.Decide, Evolve: onboarding.Evolve,
}

type row = domaintest.Case[onboarding.Command, onboarding.Event]

var monday = calendar.Date(2025, time.January, 6)

func events(events ...onboarding.Event) []onboarding.Event { return events }

func after(history []onboarding.Event, more ...onboarding.Event) []onboarding.Event {
	return append(slices.Clip(history), more...)
}

// form asks for two businesses by OIDC, with one administrator of both and one of the first.
func form() onboarding.Form {
	return onboarding.Form{
		Businesses: []onboarding.BusinessForm{
			{FRN: " 123456 ", Name: " Example  Motor Finance Limited", Domains: []string{"Example.com", "example.co.uk", "example.com."}},
			{FRN: "7654321", Name: "Example Cards Limited", Domains: []string{"example.com"}},
		},
		Administrators: []onboarding.AdministratorForm{
			{Name: "Ada Example", Email: "Ada@Example.com"},
			{Name: "Bob Example", Email: "bob@example.co.uk", FRNs: []string{"123456"}},
		},
		Contact:          onboarding.Person{Name: "Cas Example", Email: "cas@example.org"},
		IdentityProvider: "Example ID",
		Authentication:   onboarding.Authentication{Method: account.OIDC, Issuer: "https://id.example.com/tenant", ClientID: "casesync"},
	}
}

func changed(change func(*onboarding.Form)) onboarding.Form {
	f := form()
	change(&f)
	return f
}

// request is what form makes.
func request() onboarding.Request {
	return onboarding.Request{
		Businesses: []onboarding.Business{
			{FRN: "123456", Name: "Example Motor Finance Limited", Domains: []address.Domain{"example.co.uk", "example.com"}, Administrators: 2},
			{FRN: "7654321", Name: "Example Cards Limited", Domains: []address.Domain{"example.com"}, Administrators: 1},
		},
		People: private.Of(onboarding.People{
			Contact: onboarding.Person{Name: "Cas Example", Email: "cas@example.org"},
			Administrators: []onboarding.Administrator{
				{Person: onboarding.Person{Name: "Ada Example", Email: "ada@example.com"}, FRNs: []string{"123456", "7654321"}},
				{Person: onboarding.Person{Name: "Bob Example", Email: "bob@example.co.uk"}, FRNs: []string{"123456"}},
			},
		}),
		IdentityProvider: "Example ID",
		Authentication:   onboarding.Authentication{Method: account.OIDC, Issuer: "https://id.example.com/tenant", ClientID: "casesync"},
	}
}

var (
	submitted  = events(&onboarding.RequestSubmitted{Request: request(), Day: monday})
	asked      = after(submitted, &onboarding.DataAsked{Question: private.Of("Which year?"), Day: monday + 1})
	complete   = after(submitted, &onboarding.RequestCompleted{Day: monday + 2})
	configured = after(complete, configuredEvent)
	invited    = after(configured, invitedEvent("123456"), invitedEvent("7654321"))
	active     = after(invited, activeEvent("123456"), activeEvent("7654321"))
	withdrawn  = after(submitted, &onboarding.RequestWithdrawn{Day: monday + 1})

	configuredEvent = &onboarding.BusinessesConfigured{Connection: "idp", SecretReference: "example-group.oidc", Day: monday + 3}
)

func invitedEvent(frn string) *onboarding.AdministratorsInvited {
	return &onboarding.AdministratorsInvited{FRN: frn, Day: monday + 4}
}

func activeEvent(frn string) *onboarding.BusinessActivated {
	return &onboarding.BusinessActivated{FRN: frn, Day: monday + 5}
}

// lacking is a request of nothing but a number and somebody to ask.
func lacking() []onboarding.Event {
	return events(&onboarding.RequestSubmitted{Day: monday, Request: onboarding.Request{
		Businesses: []onboarding.Business{{FRN: "123456"}},
		People:     private.Of(onboarding.People{Contact: onboarding.Person{Name: "Cas Example", Email: "cas@example.org"}}),
	}})
}

func TestSubmitAmendAsk(t *testing.T) {
	t.Parallel()
	submit := onboarding.Submit{Form: form(), Day: monday}
	amend := onboarding.Amend{Form: form(), Day: monday + 2}
	amended := events(&onboarding.RequestAmended{Request: request(), Day: monday + 2})
	ask := func(question string) onboarding.Command { return onboarding.Ask{Question: question, Day: monday + 1} }
	items := []onboarding.Item{
		{What: onboarding.LacksName, FRN: "123456"}, {What: onboarding.LacksDomains, FRN: "123456"},
		{What: onboarding.LacksAdministrators, FRN: "123456"}, {What: onboarding.LacksMethod},
	}
	domaintest.Run(t, decider, []row{
		{Name: "submitted", When: submit, Then: submitted},
		{Name: "submitted twice", Given: submitted, When: submit, Refused: "request-submitted"},
		{
			Name: "submitted with the least there can be", Then: lacking(), When: onboarding.Submit{Day: monday, Form: onboarding.Form{
				Businesses: []onboarding.BusinessForm{{FRN: "123456"}}, Contact: onboarding.Person{Name: "Cas Example", Email: "cas@example.org"},
			}},
		},
		{Name: "amended", Given: submitted, When: amend, Then: amended},
		{Name: "amended when asked", Given: asked, When: amend, Then: amended},
		{Name: "amended when complete", Given: complete, When: amend, Then: amended},
		{Name: "amended when configured", Given: configured, When: amend, Refused: "request-configured"},
		{Name: "amended when withdrawn", Given: withdrawn, When: amend, Refused: "request-withdrawn"},
		{Name: "amended with what is not well formed", Given: submitted, When: onboarding.Amend{}, Refused: "businesses-invalid"},
		{Name: "amended, not submitted", When: amend, Refused: "request-unknown"},
		{Name: "asked for what is missing", Given: lacking(), When: ask(""), Then: events(&onboarding.DataAsked{Missing: items, Day: monday + 1})},
		{Name: "asked for more", Given: submitted, When: ask(" Which  year?"), Then: asked[1:]},
		{Name: "asked again", Given: asked, When: ask("Which year?"), Then: asked[1:]},
		{Name: "asked for nothing", Given: submitted, When: ask(""), Refused: "nothing-missing"},
		{Name: "asked with a bell", Given: submitted, When: ask("\x07"), Refused: "text-invalid"},
		{Name: "asked when complete", Given: complete, When: ask("Which year?"), Refused: "request-complete"},
	})
}

func TestOnTheWay(t *testing.T) {
	t.Parallel()
	mark := onboarding.MarkComplete{Day: monday + 2}
	configure := func(connection, secret string) onboarding.Command {
		return onboarding.Configure{Connection: connection, SecretReference: secret, Day: monday + 3}
	}
	local := events(&onboarding.RequestSubmitted{Request: func() onboarding.Request {
		r := request()
		r.Authentication = onboarding.Authentication{Method: account.Local}
		return r
	}(), Day: monday}, &onboarding.RequestCompleted{Day: monday + 2})
	noteInvited := func(frn string) onboarding.Command { return onboarding.NoteInvited{FRN: frn, Day: monday + 4} }
	noteActive := func(frn string) onboarding.Command { return onboarding.NoteActive{FRN: frn, Day: monday + 5} }
	half := after(configured, invitedEvent("123456"))
	domaintest.Run(t, decider, []row{
		{Name: "complete", Given: submitted, When: mark, Then: complete[1:]},
		{Name: "complete after asking", Given: asked, When: mark, Then: complete[1:]},
		{Name: "complete after an amendment, unread", Given: after(submitted, &onboarding.RequestAmended{Request: request(), Day: monday}), When: mark, Refused: "request-amended"},
		{
			Name: "complete after an amendment, as read", Given: after(submitted, &onboarding.RequestAmended{Request: request(), Day: monday}),
			When: onboarding.MarkComplete{AsRead: true, Day: monday + 2}, Then: complete[1:],
		},
		{Name: "complete twice: nothing happens", Given: complete, When: mark},
		{Name: "complete with data missing", Given: lacking(), When: mark, Refused: "data-missing"},
		{Name: "complete when configured", Given: configured, When: mark, Refused: "request-configured"},

		{Name: "configured", Given: complete, When: configure("idp", "example-group.oidc"), Then: events(configuredEvent)},
		{Name: "configured twice: nothing happens", Given: configured, When: configure("idp", "example-group.oidc")},
		{Name: "configured for local accounts", Given: local, When: configure("", ""), Then: events(&onboarding.BusinessesConfigured{Day: monday + 3})},
		{Name: "configured too early", Given: submitted, When: configure("idp", "example-group.oidc"), Refused: "request-submitted"},
		{Name: "configured without a connection", Given: complete, When: configure("", "example-group.oidc"), Refused: "connection-missing"},
		{Name: "local accounts with a connection", Given: local, When: configure("idp", ""), Refused: "connection-missing"},
		{Name: "configured without a secret's place", Given: complete, When: configure("idp", ""), Refused: "secret-reference"},
		{Name: "configured with a secret itself", Given: complete, When: configure("idp", "Zm9v8Q~secretlooking.4x"), Refused: "secret-reference"},

		{Name: "invited at one business", Given: configured, When: noteInvited("123456"), Then: events(invitedEvent("123456"))},
		{Name: "invited there twice: nothing happens", Given: half, When: noteInvited("123456")},
		{Name: "invited at the other", Given: half, When: noteInvited("7654321"), Then: events(invitedEvent("7654321"))},
		{Name: "invited somewhere else", Given: configured, When: noteInvited("999999"), Refused: "business-unknown"},
		{Name: "invited too early", Given: complete, When: noteInvited("123456"), Refused: "request-complete"},
		{Name: "active at one business, the other not invited", Given: half, When: noteActive("123456"), Then: events(activeEvent("123456"))},
		{
			Name: "active before all were invited", Given: half, When: noteActive("7654321"),
			Then: events(&onboarding.AdministratorsInvited{FRN: "7654321", Day: monday + 5}, activeEvent("7654321")),
		},
		{Name: "invited after it was active: nothing happens", Given: after(half, activeEvent("123456")), When: noteInvited("123456")},
		{Name: "active at the other", Given: after(invited, activeEvent("123456")), When: noteActive("7654321"), Then: events(activeEvent("7654321"))},
		{Name: "active twice: nothing happens", Given: active, When: noteActive("7654321")},
		{Name: "active too early: nothing happens", Given: complete, When: noteActive("123456")},
		{Name: "active somewhere else: nothing happens", Given: invited, When: noteActive("999999")},
		{Name: "active after it was withdrawn: nothing happens", Given: withdrawn, When: noteActive("123456")},
		{
			Name: "active after it lapsed: nothing happens", When: noteActive("123456"),
			Given: after(invited, &onboarding.RequestLapsed{Day: monday + 100}),
		},
		{Name: "active, of no request: nothing happens", When: noteActive("123456")},
	})
}

func TestTheEnd(t *testing.T) {
	t.Parallel()
	withdraw, decline := onboarding.Withdraw{Day: monday + 1}, onboarding.Decline{Day: monday + 1}
	declined := &onboarding.RequestDeclined{Day: monday + 1}
	tick := func(day calendar.Day) onboarding.Command { return onboarding.Tick{Today: monday + day} }
	erased := func(day calendar.Day) *onboarding.PeopleErased { return &onboarding.PeopleErased{Day: monday + day} }
	domaintest.Run(t, decider, []row{
		{Name: "withdrawn", Given: submitted, When: withdraw, Then: withdrawn[1:]},
		{Name: "withdrawn when configured", Given: configured, When: withdraw, Then: withdrawn[1:]},
		{Name: "withdrawn twice: nothing happens", Given: withdrawn, When: withdraw},
		{Name: "withdrawn when one business was invited", Given: after(configured, invitedEvent("123456")), When: withdraw, Refused: "request-invited"},
		{Name: "withdrawn when invited", Given: invited, When: withdraw, Refused: "request-invited"},
		{Name: "withdrawn when active", Given: active, When: withdraw, Refused: "request-active"},
		{Name: "declined", Given: asked, When: decline, Then: events(declined)},
		{Name: "declined twice: nothing happens", Given: after(submitted, declined), When: decline},
		{Name: "declined when withdrawn", Given: withdrawn, When: decline, Refused: "request-withdrawn"},

		{Name: "left alone for 89 days: nothing happens", Given: submitted, When: tick(89)},
		{Name: "left alone for 90 days", Given: submitted, When: tick(90), Then: events(&onboarding.RequestLapsed{Day: monday + 90})},
		{Name: "left alone for 90 days since the last change", Given: invited, When: tick(94), Then: events(&onboarding.RequestLapsed{Day: monday + 94})},
		{Name: "29 days after the end: nothing happens", Given: active, When: tick(34)},
		{Name: "30 days after the end", Given: active, When: tick(35), Then: events(erased(35))},
		{Name: "erased already: nothing happens", Given: after(active, erased(35)), When: tick(100)},
		{Name: "erased on request", Given: withdrawn, When: onboarding.ErasePeople{Day: monday + 2}, Then: events(erased(2))},
		{Name: "erased twice: nothing happens", Given: after(withdrawn, erased(2)), When: onboarding.ErasePeople{Day: monday + 3}},
		{Name: "erased before the end", Given: complete, When: onboarding.ErasePeople{Day: monday + 2}, Refused: "request-complete"},
	})
	if got, err := onboarding.Decide(decider.State(submitted...), nil); err == nil || got != nil {
		t.Errorf("decide nil: got %v, %v, want an error", got, err)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		history []onboarding.Event
		want    onboarding.Status
	}{
		{nil, onboarding.Missing},
		{submitted, onboarding.Submitted},
		{asked, onboarding.Waiting},
		{after(asked, &onboarding.RequestAmended{Request: request(), Day: monday}), onboarding.Submitted},
		{complete, onboarding.Complete},
		{after(configured, invitedEvent("123456"), activeEvent("123456")), onboarding.Configured},
		{invited, onboarding.Invited},
		{active, onboarding.Active},
		{after(active, &onboarding.PeopleErased{Day: monday + 40}), onboarding.Active},
		{after(submitted, &onboarding.RequestLapsed{Day: monday + 90}), onboarding.Lapsed},
	} {
		if got := decider.State(test.history...).Status(); got != test.want {
			t.Errorf("status after %d events: got %s, want %s", len(test.history), got, test.want)
		}
	}
	if got := decider.State(submitted...).Request(); !reflect.DeepEqual(got, request()) {
		t.Errorf("request: got %v, want %v", got, request())
	}
	if got := fmt.Sprint(decider.State(lacking()...).Lacks()); got != "[full name of 123456 email domains of 123456 administrators of 123456 authentication method]" {
		t.Errorf("lacks: got %s", got)
	}
}

// TestWhateverIsAsked: no history of commands makes a request active that was not configured, nor
// configures one that lacks something, nor goes on after its end.
func TestWhateverIsAsked(t *testing.T) {
	t.Parallel()
	bare := changed(func(f *onboarding.Form) { f.IdentityProvider = "" })
	rapid.Check(t, func(t *rapid.T) {
		state, same := onboarding.Initial(), onboarding.Initial()
		wasConfigured := false
		for range rapid.IntRange(1, 50).Draw(t, "commands") {
			frn := rapid.SampledFrom([]string{"123456", "7654321", "999999"}).Draw(t, "frn")
			command := rapid.SampledFrom([]onboarding.Command{
				onboarding.Submit{Form: form()}, onboarding.Submit{Form: bare}, onboarding.Amend{Form: form()}, onboarding.Amend{Form: bare},
				onboarding.Ask{Question: "?"}, onboarding.MarkComplete{}, onboarding.MarkComplete{AsRead: true},
				onboarding.Configure{Connection: "idp", SecretReference: "oidc-1"},
				onboarding.NoteInvited{FRN: frn}, onboarding.NoteActive{FRN: frn}, onboarding.Withdraw{}, onboarding.Decline{},
			}).Draw(t, "command")
			before := state.Clock().Over
			decided, err := decider.Check(state, same, command)
			if err != nil {
				continue
			}
			if before && len(decided) > 0 {
				t.Fatalf("%T after the end: got %s", command, domaintest.Describe(decided))
			}
			for _, event := range decided {
				state, same = onboarding.Evolve(state, event), onboarding.Evolve(same, event)
			}
			if state.Status() == onboarding.Configured {
				wasConfigured = true
			}
			switch state.Status() {
			case onboarding.Complete, onboarding.Configured, onboarding.Invited, onboarding.Active:
				if lacks := state.Lacks(); len(lacks) > 0 {
					t.Fatalf("%s with missing %v", state.Status(), lacks)
				}
			}
			if state.Status() == onboarding.Active && !wasConfigured {
				t.Fatal("active, and never configured")
			}
		}
	})
}
