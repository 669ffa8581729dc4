package membership_test

import (
	"reflect"
	"testing"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/domaintest"
	"casesync/domain/membership"
)

func TestGrant(t *testing.T) {
	t.Parallel()
	grant := func(by membership.By, person string, warrant membership.Warrant, roles ...access.Role) membership.Command {
		return membership.Grant{By: by, Person: person, Roles: roles, Warrant: warrant}
	}
	none := membership.Warrant{}
	granted := func(person string, warrant membership.Warrant, roles ...access.Role) []membership.Event {
		return events(&membership.RolesGranted{Person: person, Roles: roles, Warrant: warrant})
	}
	domaintest.Run(t, decider, []row{
		{Name: "one more role", Given: business(cas), When: grant(by("ann"), "cas", none, access.Supervisor), Then: granted("cas", none, access.Supervisor)},
		{Name: "only what is new", Given: business(cas), When: grant(by("ann"), "cas", none, access.Supervisor, access.Caseworker), Then: granted("cas", none, access.Supervisor)},
		{Name: "nothing new: nothing happens", Given: business(cas), When: grant(by("ann"), "cas", none, access.Caseworker)},
		{
			Name: "an administrator to herself", Given: business(), When: grant(by("ann"), "ann", none, access.Supervisor, access.Caseworker),
			Then: granted("ann", none, access.Caseworker, access.Supervisor),
		},
		{Name: "a supervisor to himself", Given: business(sue), When: grant(by("sue"), "sue", none, access.Administrator), Refused: "not-administrator"},
		{Name: "no administrator is made by an administrator", Given: business(cas), When: grant(by("ann"), "cas", asked, access.Administrator), Refused: "administrator-by-operator"},
		{Name: "an administrator, on request", Given: business(cas), When: grant(operator, "cas", asked, access.Administrator), Then: granted("cas", asked, access.Administrator)},
		{Name: "an administrator, on nobody's request", Given: business(cas), When: grant(operator, "cas", none, access.Administrator), Refused: "warrant-missing"},
		{Name: "to a stranger", Given: business(), When: grant(by("ann"), "eve", none, access.Caseworker), Refused: "not-member"},
		{Name: "an operator's role", Given: business(cas), When: grant(by("ann"), "cas", none, access.Operator), Refused: "roles-invalid"},
	})
}

func TestRequestAdministrator(t *testing.T) {
	t.Parallel()
	ask := func(by membership.By, person string) membership.Command {
		return membership.RequestAdministrator{By: by, Person: person}
	}
	asked := func(by, person string) *membership.AdministratorRequested {
		return &membership.AdministratorRequested{RequestedBy: by, Person: person}
	}
	made := &membership.RolesGranted{Person: "cas", Roles: roles(access.Administrator), Warrant: membership.Warrant{RequestedBy: "sue"}}
	domaintest.Run(t, decider, []row{
		{Name: "of a member, by a supervisor", Given: business(sue, cas), When: ask(by("sue"), "cas"), Then: events(asked("sue", "cas"))},
		{Name: "of somebody, by an administrator", Given: business(), When: ask(by("ann"), ""), Then: events(asked("ann", ""))},
		{Name: "again: nothing happens", Given: business(sue, cas, events(asked("sue", "cas"))), When: ask(by("sue"), "cas")},
		{Name: "by another as well", Given: business(sue, cas, events(asked("sue", "cas"))), When: ask(by("ann"), "cas"), Then: events(asked("ann", "cas"))},
		{Name: "by a caseworker", Given: business(cas), When: ask(by("cas"), "cas"), Refused: "not-entitled"},
		{Name: "by an operator", Given: business(cas), When: ask(operator, "cas"), Refused: "not-entitled"},
		{Name: "of a stranger", Given: business(), When: ask(by("ann"), "eve"), Refused: "not-member"},
		{Name: "of an administrator", Given: business(bob), When: ask(by("ann"), "bob"), Refused: "already-administrator"},
		{
			Name:  "answered, revoked and asked again",
			Given: business(sue, cas, events(asked("sue", "cas"), made, &membership.RolesRevoked{Person: "cas", Roles: roles(access.Administrator)})),
			When:  ask(by("sue"), "cas"), Then: events(asked("sue", "cas")),
		},
	})
	state := decider.State(business(sue, cas, events(asked("sue", "cas"), asked("ann", "")), bob)...)
	if got := state.Requests(); len(got) != 2 {
		t.Errorf("requests: got %v, want two", got)
	}
	byAnn := invited("dan", access.Administrator)
	byAnn.Warrant = membership.Warrant{RequestedBy: "ann"}
	state = membership.Evolve(membership.Evolve(state, made), byAnn)
	if got := state.Requests(); len(got) != 0 {
		t.Errorf("requests once answered: got %v, want none", got)
	}
	state = decider.State(business(sue, cas, events(asked("sue", "cas"), asked("ann", "cas"), asked("ann", ""), &membership.MemberRemoved{Person: "cas"}))...)
	if got := state.Requests(); len(got) != 1 || got[0] != *asked("ann", "") {
		t.Errorf("requests once the member was removed: got %v, want the one of somebody", got)
	}
	if method, connection := state.SignIn(); method != "local" || connection != "" {
		t.Errorf("sign-in: got %q, %q, want local", method, connection)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	revoke := func(by membership.By, person string, roles ...access.Role) membership.Command {
		return membership.Revoke{By: by, Person: person, Roles: roles}
	}
	revoked := func(person string, roles ...access.Role) *membership.RolesRevoked {
		return &membership.RolesRevoked{Person: person, Roles: roles}
	}
	working := &membership.RolesGranted{Person: "ann", Roles: roles(access.Caseworker)}
	domaintest.Run(t, decider, []row{
		{Name: "one of two", Given: business(sue), When: revoke(by("ann"), "sue", access.Supervisor), Then: events(revoked("sue", access.Supervisor))},
		{Name: "one that is not held: nothing happens", Given: business(cas), When: revoke(by("ann"), "cas", access.Supervisor)},
		{Name: "the last role", Given: business(cas), When: revoke(by("ann"), "cas", access.Caseworker), Refused: "last-role"},
		{Name: "a stranger's", Given: business(), When: revoke(by("ann"), "eve", access.Caseworker), Refused: "not-member"},
		{Name: "by a supervisor", Given: business(sue, cas), When: revoke(by("sue"), "cas", access.Caseworker), Refused: "not-administrator"},
		{Name: "the last administrator's", Given: business(events(working)), When: revoke(by("ann"), "ann", access.Administrator), Refused: "last-administrator"},
		{
			Name: "the last administrator's, by an operator", Given: business(events(working)),
			When: revoke(operator, "ann", access.Administrator), Refused: "last-administrator",
		}, {
			Name: "the last but one's", Given: business(events(working), bob), When: revoke(by("bob"), "ann", access.Administrator),
			Then: events(revoked("ann", access.Administrator), low(1)),
		}, {
			Name: "one of three", Given: business(events(working), bob, joined("dan", access.Administrator)),
			When: revoke(by("bob"), "ann", access.Administrator), Then: events(revoked("ann", access.Administrator)),
		}, {
			Name:  "a disabled administrator's: as many are active as before",
			Given: business(events(working), bob, events(disabled("ann", membership.HeldByOperator))),
			When:  revoke(by("bob"), "ann", access.Administrator), Then: events(revoked("ann", access.Administrator)),
		},
	})
}

func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	disable := func(by membership.By, person string) membership.Command {
		return membership.Disable{By: by, Person: person}
	}
	enable := func(by membership.By, person string) membership.Command {
		return membership.Enable{By: by, Person: person}
	}
	enabled := func(person string, lifted ...membership.Hold) []membership.Event {
		return events(&membership.MemberEnabled{Person: person, Lifted: lifted})
	}
	domaintest.Run(t, decider, []row{
		{Name: "by an administrator", Given: business(cas), When: disable(by("ann"), "cas"), Then: events(disabled("cas", membership.HeldByAdministrator))},
		{Name: "by an operator", Given: business(cas), When: disable(operator, "cas"), Then: events(disabled("cas", membership.HeldByOperator))},
		{Name: "by the clock", Given: business(cas), When: disable(clock, "cas"), Then: events(disabled("cas", membership.HeldForInactivity))},
		{Name: "by a caseworker", Given: business(cas, sue), When: disable(by("cas"), "sue"), Refused: "not-administrator"},
		{Name: "a stranger", Given: business(), When: disable(by("ann"), "eve"), Refused: "not-member"},
		{Name: "a stranger, by the clock: nothing happens", Given: business(), When: disable(clock, "eve")},
		{
			Name: "twice: nothing happens", Given: business(cas, events(disabled("cas", membership.HeldByAdministrator))),
			When: disable(by("ann"), "cas"),
		}, {
			Name: "for one reason more", Given: business(cas, events(disabled("cas", membership.HeldByAdministrator))),
			When: disable(operator, "cas"), Then: events(disabled("cas", membership.HeldByOperator)),
		},
		{Name: "one of two administrators", Given: business(bob), When: disable(by("ann"), "bob"), Then: events(disabled("bob", membership.HeldByAdministrator), low(1))},
		{
			Name:  "two administrators each other, the second one late",
			Given: business(bob, events(disabled("bob", membership.HeldByAdministrator), low(1))), When: disable(by("bob"), "ann"), Refused: "not-administrator",
		},
		{Name: "the last administrator, by herself", Given: business(), When: disable(by("ann"), "ann"), Refused: "last-administrator"},
		{Name: "the last administrator, by an operator", Given: business(), When: disable(operator, "ann"), Refused: "last-administrator"},
		{Name: "the last administrator, by the clock", Given: business(), When: disable(clock, "ann"), Then: events(disabled("ann", membership.HeldForInactivity), low(0))},

		{
			Name: "enabled by an administrator", Given: business(cas, events(disabled("cas", membership.HeldForInactivity), disabled("cas", membership.HeldByAdministrator))),
			When: enable(by("ann"), "cas"), Then: enabled("cas", membership.HeldByAdministrator, membership.HeldForInactivity),
		}, {
			Name: "what an operator disabled, by an administrator", Given: business(cas, events(disabled("cas", membership.HeldByOperator))),
			When: enable(by("ann"), "cas"), Refused: "disabled-by-operator",
		}, {
			Name: "what an operator disabled, by an operator", Given: business(cas, events(disabled("cas", membership.HeldByOperator))),
			When: enable(operator, "cas"), Then: enabled("cas", membership.HeldByOperator),
		},
		{Name: "one who is active: nothing happens", Given: business(cas), When: enable(by("ann"), "cas")},
		{Name: "enabled by himself", Given: business(cas, events(disabled("cas", membership.HeldByAdministrator))), When: enable(by("cas"), "cas"), Refused: "not-administrator"},
		{Name: "an administrator by himself", Given: business(bob, events(disabled("bob", membership.HeldByAdministrator))), When: enable(by("bob"), "bob"), Refused: "not-administrator"},
		{Name: "a stranger enabled", Given: business(), When: enable(by("ann"), "eve"), Refused: "not-member"},
	})
}

func TestRemoveAndMove(t *testing.T) {
	t.Parallel()
	remove := func(by membership.By, person string) membership.Command {
		return membership.Remove{By: by, Person: person}
	}
	erase := func(by membership.By, person string) membership.Command {
		return membership.Remove{By: by, Person: person, Erasing: true}
	}
	removed := func(person string, cause membership.Cause) *membership.MemberRemoved {
		return &membership.MemberRemoved{Person: person, Cause: cause}
	}
	move := func(person, to string) membership.Command {
		return membership.Move{By: by("ann"), Person: person, Email: email(person + "@" + to)}
	}
	domaintest.Run(t, decider, []row{
		{Name: "by an administrator", Given: business(cas), When: remove(by("ann"), "cas"), Then: events(removed("cas", membership.Asked))},
		{Name: "by a supervisor", Given: business(cas, sue), When: remove(by("sue"), "cas"), Refused: "not-administrator"},
		{Name: "a stranger", Given: business(), When: remove(by("ann"), "eve"), Refused: "not-member"},
		{Name: "one of two administrators", Given: business(bob), When: remove(by("ann"), "bob"), Then: events(removed("bob", membership.Asked), low(1))},
		{Name: "the last administrator", Given: business(cas), When: remove(by("ann"), "ann"), Refused: "last-administrator"},
		{Name: "the last administrator, by an operator", Given: business(cas), When: erase(operator, "ann"), Refused: "last-administrator"},
		{Name: "the last administrator, by the clock", Given: business(cas), When: remove(clock, "ann"), Then: events(removed("ann", membership.Erased), low(0))},
		{
			Name: "one disabled: no administrator fewer", Given: business(bob, events(disabled("bob", membership.HeldForInactivity))),
			When: remove(clock, "bob"), Then: events(removed("bob", membership.Erased)),
		},
		{Name: "for erasure, by an operator", Given: business(cas), When: erase(operator, "cas"), Then: events(removed("cas", membership.Erased))},
		{Name: "for erasure, by an administrator", Given: business(cas), When: erase(by("ann"), "cas"), Refused: "operators-only"},
		{Name: "for erasure, who is gone: nothing happens", Given: business(), When: erase(operator, "cas")},
		{Name: "by the clock, who is gone: nothing happens", Given: business(), When: remove(clock, "cas")},
		{
			Name: "for erasure, who is only invited", Given: business(events(invited("cas", access.Caseworker))), When: erase(operator, "cas"),
			Then: events(&membership.InvitationRevoked{InvitationID: "invitation-cas", Cause: membership.Erased}),
		},

		{Name: "to another domain", Given: business(cas), When: move("cas", "example.org"), Then: events(&membership.MemberMoved{Person: "cas", Domain: "example.org"})},
		{Name: "under the same domain", Given: business(cas), When: move("cas", "example.com"), Then: events(&membership.MemberMoved{Person: "cas", Domain: "example.com"})},
		{
			Name: "by an administrator removed in that moment", Given: business(cas, bob, events(removed("ann", membership.Asked), low(1))),
			When: move("cas", "example.org"), Refused: "not-administrator",
		},
		{Name: "by an operator", Given: business(cas), When: membership.Move{By: operator, Person: "cas", Email: email("cas@example.org")}, Then: events(&membership.MemberMoved{Person: "cas", Domain: "example.org"})},
		{Name: "by a supervisor", Given: business(cas, sue), When: membership.Move{By: by("sue"), Person: "cas", Email: email("cas@example.org")}, Refused: "not-administrator"},
		{Name: "to a domain outside", Given: business(cas), When: move("cas", "example.net"), Refused: "domain-not-allowed"},
		{Name: "of a stranger", Given: business(), When: move("eve", "example.com"), Refused: "not-member"},
	})
}

func TestWhatTheClockDoesNotAsk(t *testing.T) {
	t.Parallel()
	for _, command := range []membership.Command{
		nil,
		membership.Grant{By: clock, Person: "ann", Roles: roles(access.Caseworker)},
		membership.Enable{By: clock, Person: "ann"},
		membership.RevokeInvitation{By: clock},
		membership.Invite{By: operator, Roles: roles(access.Caseworker), Email: email("a@example.com")},
	} {
		if got, err := membership.Decide(decider.State(business()...), command); err == nil || got != nil {
			t.Errorf("decide %#v: got %v, %v, want an error", command, got, err)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	state := decider.State(business(cas, sue, events(disabled("sue", membership.HeldByOperator), &membership.MemberMoved{Person: "cas", Domain: "example.org"}))...)
	for _, test := range []struct {
		person, at string
		want       []access.Role
	}{
		{"ann", "ann@example.com", roles(access.Administrator)},
		{"cas", "cas@example.org", roles(access.Caseworker)},
		{"cas", "cas@example.net", nil}, // the account's address is what counts, not what was noted
		{"sue", "sue@example.com", nil},
		{"eve", "eve@example.com", nil},
	} {
		if got := state.Roles(test.person, email(test.at).Domain()); !reflect.DeepEqual(got, test.want) {
			t.Errorf("roles of %s at %s: got %v, want %v", test.person, test.at, got, test.want)
		}
	}
	want := []membership.Member{
		{Person: "ann", Domain: "example.com", Roles: roles(access.Administrator)},
		{Person: "cas", Domain: "example.org", Roles: roles(access.Caseworker)},
		{Person: "sue", Domain: "example.com", Roles: roles(access.Caseworker, access.Supervisor), Holds: []membership.Hold{membership.HeldByOperator}},
	}
	if got := state.Members(); !reflect.DeepEqual(got, want) {
		t.Errorf("members: got %v, want %v", got, want)
	}
	for _, test := range []struct {
		by, person string
		want       bool
	}{{"ann", "cas", true}, {"ann", "eve", false}, {"cas", "sue", false}, {"sue", "cas", false}, {"ann", "ann", true}} {
		if got := state.Manages(test.by, test.person); got != test.want {
			t.Errorf("%s manages %s: got %v, want %v", test.by, test.person, got, test.want)
		}
	}
	if got := state.Domains(); len(got) != 2 || got[0] != "example.com" {
		t.Errorf("domains: got %v", got)
	}
}

func TestInvitationsAreShown(t *testing.T) {
	t.Parallel()
	pending := invited("eve", access.Caseworker)
	state := decider.State(business(cas, events(invited("dan", access.Caseworker), &membership.InvitationRevoked{InvitationID: "invitation-dan"}, pending))...)
	want := []membership.Invitation{{
		ID: "invitation-eve", Person: "eve", Domain: "example.com", Roles: roles(access.Caseworker),
		TokenDigest: "digest-eve", ExpiresAt: inAWeek, Pending: true,
	}}
	if got := state.Invitations(); !reflect.DeepEqual(got, want) {
		t.Errorf("invitations: got %v, want %v", got, want)
	}
	for id, want := range map[string]struct{ found, pending bool }{
		"invitation-eve": {true, true}, "invitation-dan": {true, false}, "invitation-cas": {true, false}, "other": {false, false},
	} {
		if got, found := state.Invitation(id); found != want.found || got.Pending != want.pending {
			t.Errorf("%s: got %v, %v, want %v", id, got, found, want)
		}
	}
	if got, found := state.Member("cas"); !found || !reflect.DeepEqual(got.Roles, roles(access.Caseworker)) {
		t.Errorf("member: got %v, %v, want a caseworker", got, found)
	}
	if got, found := state.Member("eve"); found {
		t.Errorf("member: got %v, want none", got)
	}
}

func TestFormerDomains(t *testing.T) {
	t.Parallel()
	state := decider.State(
		&membership.Configured{Domains: []address.Domain{"example.com", "example.org"}, Method: account.OIDC, Connection: "idp"},
		&membership.Configured{Domains: []address.Domain{"example.net"}, Method: account.Local},
		&membership.Configured{Domains: []address.Domain{"example.com"}, Method: account.Local},
	)
	want := map[address.Domain]string{"example.org": "idp", "example.net": ""}
	if got := state.Former(); !reflect.DeepEqual(got, want) {
		t.Errorf("former domains: got %v, want %v", got, want)
	}
}
