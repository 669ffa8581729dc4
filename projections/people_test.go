package projections

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/connection"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/private"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// The people of these tests, by their user ids.
const (
	ada = "5f0a1d6e-0000-4000-8000-00000000000a"
	bob = "5f0a1d6e-0000-4000-8000-00000000000b"
	cai = "5f0a1d6e-0000-4000-8000-00000000000c"
	dee = "5f0a1d6e-0000-4000-8000-00000000000d"
)

var (
	newYear = calendar.Date(2025, time.January, 1)
	expiry  = projtest.Begin.AddDate(0, 0, 7)
)

func person(name, email string) private.Value[account.Person] {
	return private.Of(account.Person{Name: name, Email: email})
}

func created(name, email string) *account.Created {
	return &account.Created{Person: person(name, email), Domain: "example.com", Method: account.Local, Day: newYear}
}

func invited(id, person string, roles ...access.Role) *membership.MemberInvited {
	return &membership.MemberInvited{InvitationID: id, Person: person, Domain: "example.com", Roles: roles, TokenDigest: "d", ExpiresAt: expiry}
}

func accepted(id, person string, roles ...access.Role) *membership.InvitationAccepted {
	return &membership.InvitationAccepted{InvitationID: id, Person: person, Domain: "example.com", Roles: roles}
}

// submitted is a request for two businesses, of which the second lacks its domains.
func submitted() onboarding.Request {
	return onboarding.Request{
		Businesses: []onboarding.Business{
			{FRN: ours, Name: "Example Bank plc", Domains: []address.Domain{"example.com"}, Administrators: 1},
			{FRN: theirs, Name: "Example Loans Ltd", Administrators: 1},
		},
		People:         private.Of(onboarding.People{Contact: onboarding.Person{Name: "Una Contact", Email: "una@example.com"}}),
		Authentication: onboarding.Authentication{Method: account.OIDC, ClientID: "casesync"},
	}
}

// peopleStory is what becomes of four people: ada administers our business, bob is invited and sent
// for again, cai was removed and comes back at their business, dee waits for an invitation there.
func peopleStory() []projtest.Given {
	return []projtest.Given{
		projtest.On("onboarding-r1", &onboarding.RequestSubmitted{Request: submitted(), Day: newYear}),
		projtest.On("onboarding-r1", &onboarding.DataAsked{Question: private.Of("Which Example Loans is it?"), Day: newYear + 1}),
		projtest.On("access-"+ours, &membership.Configured{Domains: []address.Domain{"example.org", "example.com"}, Method: account.Local}),
		projtest.On("access-"+theirs, &membership.Configured{Domains: []address.Domain{"example.com"}, Method: account.OIDC, Connection: "example-oidc"}),
		projtest.On("account-"+ada, created("Ada Archer", "ada@example.com")),
		projtest.On("access-"+ours, &membership.MemberInvited{InvitationID: "i1", Person: ada, Domain: "example.com",
			Roles: []access.Role{access.Administrator}, TokenDigest: "d", ExpiresAt: expiry, Warrant: membership.Warrant{Onboarding: "r1"}}),
		projtest.On("access-"+ours, accepted("i1", ada, access.Administrator)),
		projtest.On("account-"+ada, &account.FactorEnrolled{Kind: account.TOTP}, &account.QuestionsSet{}, &account.Activated{Day: newYear + 1},
			&account.TermsAccepted{FRN: ours, Version: "2025-01", AcceptedAt: projtest.Begin},
			&account.TermsAccepted{FRN: theirs, Version: "2024-06", AcceptedAt: projtest.Begin}, &account.CookiesChosen{Functional: true}),
		projtest.On("account-"+bob, created("Bob Baker", "bob@example.com")),
		projtest.On("access-"+ours, invited("i2", bob, access.Supervisor, access.Caseworker),
			&membership.InvitationResent{InvitationID: "i2", TokenDigest: "e", ExpiresAt: expiry.AddDate(0, 0, 1)}),
		projtest.On("account-"+cai, created("Cai Carver", "cai@example.com"), &account.IdentityLinked{Connection: "c", SubjectDigest: "s"}),
		projtest.On("access-"+ours, invited("i3", cai, access.Caseworker), accepted("i3", cai, access.Caseworker),
			&membership.AdministratorRequested{RequestedBy: ada, Person: cai}, &membership.AdministratorRequested{RequestedBy: ada}),
		projtest.On("access-"+ours, &membership.MemberRemoved{Person: cai, Cause: membership.Asked}),
		projtest.On("access-"+theirs, invited("i4", cai, access.Caseworker), accepted("i4", cai, access.Caseworker),
			&membership.RolesGranted{Person: cai, Roles: []access.Role{access.Supervisor}},
			&membership.MemberDisabled{Person: cai, Hold: membership.HeldByOperator},
			&membership.MemberDisabled{Person: cai, Hold: membership.HeldByAdministrator}),
		projtest.On("connection-example-oidc", &connection.SettingsSet{Settings: connection.Settings{ID: "example-oidc", Method: account.OIDC,
			OIDC: connection.OIDC{Issuer: "https://id.example.com", ClientID: "casesync", SecretReference: "example-oidc.secret"}}}),
		projtest.On("connection-example-saml", &connection.SettingsSet{Settings: connection.Settings{ID: "example-saml", Method: account.SAML,
			SAML: connection.SAML{Metadata: "<EntityDescriptor/>"}}}, &connection.Retired{}),
		projtest.On("account-"+dee, created("Dee Draper", "dee@example.com")),
		projtest.On("access-"+theirs, invited("i5", dee, access.Caseworker), invited("i6", bob, access.Caseworker),
			&membership.InvitationRevoked{InvitationID: "i6", Cause: membership.Asked}),
	}
}

var peopleProjections = []engine.Projection{People()}

var envelopeText = regexp.MustCompile(`=(account|onboarding)-\S+\|v1\.\S+`)

// wantPeople compares the rows of a table, with each envelope as "…".
func wantPeople(t *testing.T, w *projtest.World, table string, want ...string) {
	t.Helper()
	got := w.Rows(People())[table]
	for i := range got {
		got[i] = envelopeText.ReplaceAllString(got[i], "=…")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got rows\n\t%s\nwant\n\t%s", table, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// ids puts the user ids in place of the names of people.
var ids = strings.NewReplacer("ADA", ada, "BOB", bob, "CAI", cai, "DEE", dee)

// TestPeopleRows: what is recorded of people, requests and businesses comes to these rows.
func TestPeopleRows(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, peopleProjections, peopleStory(), func(t *testing.T, w *projtest.World) {
		for table, want := range map[string]string{
			"accounts": `
stream=account-ADA status=active by_operator=false disabled_day=0 method=local connection= domain=example.com factor=totp linked=false questions=true warned=false created_day=20089 activated_day=20090 last_active_day=20090 erased_day=0 due_day=20143 sealed=…
stream=account-BOB status=invited by_operator=false disabled_day=0 method=local connection= domain=example.com factor= linked=false questions=false warned=false created_day=20089 activated_day=0 last_active_day=20089 erased_day=0 due_day=20149 sealed=…
stream=account-CAI status=invited by_operator=false disabled_day=0 method=local connection= domain=example.com factor= linked=true questions=false warned=false created_day=20089 activated_day=0 last_active_day=20089 erased_day=0 due_day=20149 sealed=…
stream=account-DEE status=invited by_operator=false disabled_day=0 method=local connection= domain=example.com factor= linked=false questions=false warned=false created_day=20089 activated_day=0 last_active_day=20089 erased_day=0 due_day=20149 sealed=…`,
			"acceptances": `
stream=account-ADA frn=123456 version=2025-01 accepted_at=1735722000000000
stream=account-ADA frn=7654321 version=2024-06 accepted_at=1735722000000000`,
			"business_access": `
stream=access-123456 method=local connection= domains=example.com example.org
stream=access-7654321 method=oidc connection=example-oidc domains=example.com`,
			"members": `
stream=access-123456 person=ADA roles=administrator holds=
stream=access-7654321 person=CAI roles=caseworker supervisor holds=administrator operator`,
			"invitations": `
stream=access-123456 invitation_id=i1 person=ADA roles=administrator status=accepted cause= invited_by=system:test sent=1 expires_at=1736326800000000
stream=access-123456 invitation_id=i2 person=BOB roles=caseworker supervisor status=pending cause= invited_by=system:test sent=2 expires_at=1736413200000000
stream=access-123456 invitation_id=i3 person=CAI roles=caseworker status=accepted cause= invited_by=system:test sent=1 expires_at=1736326800000000
stream=access-7654321 invitation_id=i4 person=CAI roles=caseworker status=accepted cause= invited_by=system:test sent=1 expires_at=1736326800000000
stream=access-7654321 invitation_id=i5 person=DEE roles=caseworker status=pending cause= invited_by=system:test sent=1 expires_at=1736326800000000
stream=access-7654321 invitation_id=i6 person=BOB roles=caseworker status=revoked cause=asked invited_by=system:test sent=1 expires_at=1736326800000000`,
			"administrator_requests": `
stream=access-123456 requested_by=ADA person=`,
			"access_requests": `
stream=onboarding-r1 status=waiting method=oidc identity_provider= connection= lacks=email-domains:7654321 identity-provider issuer submitted_day=20089 changed_day=20090 due_day=20180 people_erased=false sealed=… question=…`,
			"connections": `
stream=connection-example-oidc method=oidc issuer=https://id.example.com client_id=casesync metadata_url= retired=false
stream=connection-example-saml method=saml issuer= client_id= metadata_url= retired=true`,
			"access_request_businesses": `
stream=onboarding-r1 n=0 frn=123456 name=Example Bank plc domains=example.com administrators=1 invited=false active=false
stream=onboarding-r1 n=1 frn=7654321 name=Example Loans Ltd domains= administrators=1 invited=false active=false`,
		} {
			wantPeople(t, w, table, strings.Split(strings.TrimSpace(ids.Replace(want)), "\n")...)
		}
	})
}

// seeing runs f on a view of the people.
func seeing(t *testing.T, w *projtest.World, f func(ctx context.Context, view engine.View) error) {
	t.Helper()
	if err := engine.Read(t.Context(), w.Store, PeopleName, func(view engine.View) error { return f(t.Context(), view) }); err != nil {
		t.Fatal(err)
	}
}
