package account_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/domaintest"
	"casesync/domain/private"
)

var decider = domaintest.Decider[*account.State, account.Command, account.Event]{
	Initial: account.Initial, Decide: account.Decide, Evolve: account.Evolve,
}

type row = domaintest.Case[account.Command, account.Event]

var monday = calendar.Date(2025, time.January, 6)

func events(events ...account.Event) []account.Event { return events }

// after is a history, and more after it.
func after(history []account.Event, more ...account.Event) []account.Event {
	return append(slices.Clip(history), more...)
}

func email(text string) address.Email {
	parsed, err := address.ParseEmail(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

func person(name, email string) private.Value[account.Person] {
	return private.Of(account.Person{Name: name, Email: email})
}

func created(method account.Method, connection string) *account.Created {
	return &account.Created{
		Person: person("Ada Example", "ada@example.com"), Domain: "example.com",
		Method: method, Connection: connection, Day: monday,
	}
}

func disabled(cause account.Cause, day calendar.Day) *account.DisabledFor {
	return &account.DisabledFor{Cause: cause, Day: day}
}

var (
	totp   = &account.FactorEnrolled{Kind: account.TOTP}
	linked = &account.IdentityLinked{Connection: "idp", SubjectDigest: "subject"}
	gone   = &account.Erased{Cause: account.OnRequest}

	local           = events(created(account.Local, ""))
	localActive     = after(local, totp, &account.Activated{Day: monday})
	federated       = events(created(account.OIDC, "idp"))
	federatedActive = after(federated, linked, &account.Activated{Day: monday})
	blocked         = after(localActive, disabled(account.ByOperator, monday+1))
	asleep          = after(localActive, disabled(account.Inactivity, monday+60))
)

func TestCreateAndActivate(t *testing.T) {
	t.Parallel()
	create := func(name string, email address.Email, method account.Method, connection string) account.Command {
		return account.Create{Name: name, Email: email, Method: method, Connection: connection, Day: monday}
	}
	ada := email("Ada@example.com")
	activate := account.Activate{Day: monday + 1}
	activated := events(&account.Activated{Day: monday + 1})
	domaintest.Run(t, decider, []row{
		{Name: "a local account", When: create("  Ada  Example ", ada, account.Local, ""), Then: local},
		{Name: "a federated one", When: create("Ada Example", ada, account.OIDC, "idp"), Then: federated},
		{Name: "one that is there: nothing happens", Given: local, When: create("Eve Example", email("eve@example.com"), account.SAML, "idp")},
		{Name: "one that was erased", Given: after(local, gone), When: create("Ada Example", ada, account.Local, ""), Refused: "account-erased"},
		{Name: "without a name", When: create(" \t", ada, account.Local, ""), Refused: "name-invalid"},
		{Name: "with a name of control characters", When: create("Ada\x07", ada, account.Local, ""), Refused: "name-invalid"},
		{Name: "with too long a name", When: create(strings.Repeat("ü", 201), ada, account.Local, ""), Refused: "name-invalid"},
		{Name: "without an address", When: create("Ada Example", address.Email{}, account.Local, ""), Refused: "email-invalid"},
		{Name: "an unknown method", When: create("Ada Example", ada, "magic", "idp"), Refused: "method-invalid"},
		{Name: "federated with nobody", When: create("Ada Example", ada, account.SAML, ""), Refused: "method-invalid"},
		{Name: "local with somebody", When: create("Ada Example", ada, account.Local, "idp"), Refused: "method-invalid"},

		{Name: "activated with a factor", Given: after(local, totp), When: activate, Then: activated},
		{Name: "activated without a factor", Given: local, When: activate, Refused: "factor-missing"},
		{Name: "activated after the factor was reset", Given: after(local, totp, &account.FactorReset{}), When: activate, Refused: "factor-missing"},
		{Name: "activated after a federated sign-in", Given: after(federated, linked), When: activate, Then: activated},
		{Name: "activated without one", Given: federated, When: activate, Refused: "identity-missing"},
		{Name: "activated twice: nothing happens", Given: localActive, When: activate},
		{Name: "activated while disabled", Given: after(local, totp, disabled(account.Inactivity, monday)), When: activate, Refused: "account-disabled"},
		{Name: "activated, not created", When: activate, Refused: "account-unknown"},
	})
}

func TestDetailsAndPreferences(t *testing.T) {
	t.Parallel()
	change := account.ChangeDetails{Name: "Ada Sample", Email: email("ada+fos@example.org")}
	changed := events(&account.DetailsChanged{Person: person("Ada Sample", "ada+fos@example.org"), Domain: "example.org"})
	at := time.Date(2025, time.June, 1, 12, 0, 0, 0, time.FixedZone("BST", 3600))
	accept := account.AcceptTerms{FRN: "123456", Version: "2025-06", At: at}
	accepted := &account.TermsAccepted{FRN: "123456", Version: "2025-06", AcceptedAt: at.UTC()}
	both := account.ChooseCookies{Cookies: account.Cookies{Functional: true, Analytics: true}}
	domaintest.Run(t, decider, []row{
		{Name: "details change", Given: localActive, When: change, Then: changed},
		{Name: "details of a disabled account change", Given: blocked, When: change, Then: changed},
		{Name: "details of an erased account", Given: after(localActive, gone), When: change, Refused: "account-erased"},
		{Name: "no name", Given: localActive, When: account.ChangeDetails{Email: email("ada@example.com")}, Refused: "name-invalid"},
		{Name: "no address", Given: localActive, When: account.ChangeDetails{Name: "Ada"}, Refused: "email-invalid"},

		{Name: "terms accepted", Given: localActive, When: accept, Then: events(accepted)},
		{Name: "terms accepted again: nothing happens", Given: after(localActive, accepted), When: accept},
		{
			Name: "terms accepted for another business", Given: after(localActive, accepted),
			When: account.AcceptTerms{FRN: "7654321", Version: "2025-06", At: at},
			Then: events(&account.TermsAccepted{FRN: "7654321", Version: "2025-06", AcceptedAt: at.UTC()}),
		}, {
			Name: "newer terms accepted", Given: after(localActive, accepted), When: account.AcceptTerms{FRN: "123456", Version: "2025-09", At: at},
			Then: events(&account.TermsAccepted{FRN: "123456", Version: "2025-09", AcceptedAt: at.UTC()}),
		},
		{Name: "terms accepted too early", Given: local, When: accept, Refused: "account-not-active"},
		{Name: "terms accepted while disabled", Given: blocked, When: accept, Refused: "account-disabled"},

		{Name: "cookies chosen", Given: localActive, When: both, Then: events(&account.CookiesChosen{Functional: true, Analytics: true})},
		{Name: "none are chosen at first: nothing happens", Given: localActive, When: account.ChooseCookies{}},
		{
			Name: "cookies taken back", Given: after(localActive, &account.CookiesChosen{Functional: true, Analytics: true}),
			When: account.ChooseCookies{}, Then: events(&account.CookiesChosen{}),
		},
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	link := func(connection, subject string) account.Command {
		return account.LinkIdentity{Connection: connection, SubjectDigest: subject}
	}
	enrol := account.EnrolFactor{Kind: account.TOTP}
	set, setEvent := account.SetQuestions{}, &account.QuestionsSet{}
	toSAML := &account.MethodChanged{Method: account.SAML, Connection: "new"}
	domaintest.Run(t, decider, []row{
		{Name: "a factor", Given: local, When: enrol, Then: events(totp)},
		{Name: "another factor", Given: localActive, When: account.EnrolFactor{Kind: account.Passkey}, Then: events(&account.FactorEnrolled{Kind: account.Passkey})},
		{Name: "no factor", Given: local, When: account.EnrolFactor{Kind: "sms"}, Refused: "factor-kind"},
		{Name: "a factor while disabled", Given: blocked, When: enrol, Refused: "account-disabled"},
		{Name: "a factor of a federated account", Given: federated, When: enrol, Refused: "federated-account"},
		{Name: "the factor reset", Given: localActive, When: account.ResetFactor{}, Then: events(&account.FactorReset{})},
		{Name: "no factor to reset: nothing happens", Given: local, When: account.ResetFactor{}},
		{Name: "the factor of a disabled account reset", Given: blocked, When: account.ResetFactor{}, Then: events(&account.FactorReset{})},
		{Name: "the factor of a federated account reset", Given: federatedActive, When: account.ResetFactor{}, Refused: "federated-account"},

		{Name: "questions", Given: localActive, When: set, Then: events(setEvent)},
		{Name: "other questions", Given: after(localActive, setEvent), When: set, Then: events(setEvent)},
		{Name: "questions of a federated account", Given: federatedActive, When: set, Refused: "federated-account"},
		{Name: "questions reset", Given: after(localActive, setEvent), When: account.ResetQuestions{}, Then: events(&account.QuestionsReset{})},
		{Name: "questions reset that nobody noted", Given: localActive, When: account.ResetQuestions{}, Then: events(&account.QuestionsReset{})},
		{Name: "questions of a federated account reset", Given: federatedActive, When: account.ResetQuestions{}, Refused: "federated-account"},

		{Name: "a factor, begun before a reset", Given: after(localActive, &account.FactorReset{}), When: enrol, Refused: "enrolment-voided"},
		{
			Name: "a factor, begun after a reset", Given: after(localActive, &account.FactorReset{}),
			When: account.EnrolFactor{Kind: account.TOTP, Generation: 1}, Then: events(totp),
		},
		{Name: "a factor, begun before the questions' reset", Given: after(localActive, &account.QuestionsReset{}), When: enrol, Then: events(totp)},
		{Name: "questions, chosen before a reset", Given: after(localActive, &account.QuestionsReset{}), When: set, Refused: "enrolment-voided"},
		{
			Name: "questions, chosen after a reset", Given: after(localActive, setEvent, &account.QuestionsReset{}),
			When: account.SetQuestions{Generation: 1}, Then: events(setEvent),
		},
		{
			Name: "a factor, begun before the method changed and changed back", When: enrol, Refused: "enrolment-voided",
			Given: after(localActive, toSAML, &account.MethodChanged{Method: account.Local}),
		},

		{Name: "bound to an identity", Given: federated, When: link("idp", "subject"), Then: events(linked)},
		{Name: "bound to it already: nothing happens", Given: federatedActive, When: link("idp", "subject")},
		{Name: "another subject", Given: federatedActive, When: link("idp", "another"), Refused: "identity-of-another"},
		{Name: "another provider", Given: federated, When: link("else", "subject"), Refused: "identity-of-another"},
		{Name: "a local account", Given: local, When: link("", "subject"), Refused: "local-account"},
		{Name: "an identity while disabled", Given: after(federated, disabled(account.ByOperator, monday)), When: link("idp", "subject"), Refused: "account-disabled"},

		{Name: "another method", Given: localActive, When: account.ChangeMethod{Method: account.SAML, Connection: "new"}, Then: events(toSAML)},
		{Name: "the same method: nothing happens", Given: localActive, When: account.ChangeMethod{Method: account.Local}},
		{Name: "no method", Given: localActive, When: account.ChangeMethod{}, Refused: "method-invalid"},
		{Name: "the identity before is void", Given: after(federatedActive, toSAML), When: link("new", "another"), Then: events(&account.IdentityLinked{Connection: "new", SubjectDigest: "another"})},
		{
			Name: "the factor before is void", Given: after(localActive, toSAML, &account.MethodChanged{Method: account.Local}),
			When: account.ResetFactor{},
		},
	})
}

func TestDisableEnableErase(t *testing.T) {
	t.Parallel()
	both := after(asleep, disabled(account.ByOperator, monday+61))
	byOperator, byAdministrator := account.Enable{Operator: true, Day: monday + 70}, account.Enable{Day: monday + 70}
	enabled := func(lifted ...account.Cause) []account.Event {
		return events(&account.Enabled{Lifted: lifted, Day: monday + 70})
	}
	domaintest.Run(t, decider, []row{
		{Name: "disabled by an operator", Given: localActive, When: account.Disable{Day: monday + 1}, Then: events(disabled(account.ByOperator, monday+1))},
		{Name: "disabled twice: nothing happens", Given: blocked, When: account.Disable{Day: monday + 2}},
		{Name: "disabled by an operator, asleep already", Given: asleep, When: account.Disable{Day: monday + 61}, Then: both[len(both)-1:]},
		{Name: "an invited one disabled", Given: local, When: account.Disable{Day: monday}, Then: events(disabled(account.ByOperator, monday))},
		{Name: "enabled by an operator", Given: blocked, When: byOperator, Then: enabled(account.ByOperator)},
		{Name: "enabled by an administrator", Given: asleep, When: byAdministrator, Then: enabled(account.Inactivity)},
		{Name: "what an operator disabled, by an administrator", Given: blocked, When: byAdministrator, Refused: "disabled-by-operator"},
		{Name: "both, by an administrator", Given: both, When: byAdministrator, Refused: "disabled-by-operator"},
		{Name: "both, by an operator", Given: both, When: byOperator, Then: enabled(account.ByOperator, account.Inactivity)},
		{Name: "active already: nothing happens", Given: localActive, When: byAdministrator},
		{Name: "activity while disabled", Given: asleep, When: account.RecordActivity{Day: monday + 61}, Refused: "account-disabled"},
		{Name: "activity before activation", Given: local, When: account.RecordActivity{Day: monday + 1}, Refused: "account-not-active"},
		{Name: "activity", Given: localActive, When: account.RecordActivity{Day: monday + 1}, Then: events(&account.ActivityRecorded{Day: monday + 1})},
		{Name: "activity on the same day: nothing happens", Given: localActive, When: account.RecordActivity{Day: monday}},
		{Name: "activity of an earlier day: nothing happens", Given: localActive, When: account.RecordActivity{Day: monday - 1}},
		{Name: "erased", Given: localActive, When: account.Erase{}, Then: events(gone)},
		{Name: "erased while disabled", Given: both, When: account.Erase{}, Then: events(gone)},
		{Name: "erased twice: nothing happens", Given: after(localActive, gone), When: account.Erase{}},
		{Name: "erased, not created", When: account.Erase{}, Refused: "account-unknown"},
		{Name: "enabled after erasure", Given: after(localActive, gone), When: byOperator, Refused: "account-erased"},
	})
	for _, command := range []account.Command{nil, account.AcceptTerms{Version: "1"}, account.LinkIdentity{Connection: "idp"}} {
		if got, err := account.Decide(decider.State(federatedActive...), command); err == nil || got != nil {
			t.Errorf("decide %#v: got %v, %v, want an error", command, got, err)
		}
	}
}
