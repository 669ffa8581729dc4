package membership_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/domaintest"
	"casesync/domain/membership"
)

var decider = domaintest.Decider[*membership.State, membership.Command, membership.Event]{
	Initial: membership.Initial, Decide: membership.Decide, Evolve: membership.Evolve,
}

type row = domaintest.Case[membership.Command, membership.Event]

var (
	operator = membership.By{Operator: true}
	clock    = membership.By{Clock: true}
	noon     = time.Date(2025, time.January, 6, 12, 0, 0, 0, time.UTC)
	inAWeek  = noon.Add(7 * 24 * time.Hour)
	asked    = membership.Warrant{RequestedBy: "ann"}
	onboard  = membership.Warrant{Onboarding: "request-1"}
)

// The people of the tests: ann and bob administer, cas and sue work, eve has nothing to do with it.
func by(person string) membership.By { return membership.By{Person: person} }

func email(text string) address.Email {
	parsed, err := address.ParseEmail(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

func roles(roles ...access.Role) []access.Role { return roles }

func domains(domains ...address.Domain) *membership.Configured {
	return &membership.Configured{Domains: domains, Method: account.Local}
}

func events(events ...membership.Event) []membership.Event { return events }

// joined is a person who was invited and accepted, at example.com.
func joined(person string, held ...access.Role) []membership.Event {
	return events(invited(person, held...), &membership.InvitationAccepted{
		InvitationID: "invitation-" + person, Person: person, Domain: "example.com", Roles: held,
	})
}

func invited(person string, held ...access.Role) *membership.MemberInvited {
	return &membership.MemberInvited{
		InvitationID: "invitation-" + person, Person: person, Domain: "example.com", Roles: held,
		TokenDigest: "digest-" + person, ExpiresAt: inAWeek,
	}
}

func accept(person string) membership.Accept {
	return membership.Accept{
		InvitationID: "invitation-" + person, TokenDigest: "digest-" + person, Person: person,
		Email: email(person + "@example.com"), At: noon,
	}
}

// business is configured, with ann and whoever else.
func business(others ...[]membership.Event) []membership.Event {
	all := append(events(domains("example.com", "example.org")), joined("ann", access.Administrator)...)
	for _, other := range others {
		all = append(all, other...)
	}
	return slices.Clip(all)
}

var (
	bob = joined("bob", access.Administrator)
	cas = joined("cas", access.Caseworker)
	sue = joined("sue", access.Caseworker, access.Supervisor)
)

func disabled(person string, hold membership.Hold) *membership.MemberDisabled {
	return &membership.MemberDisabled{Person: person, Hold: hold}
}

func low(left int) *membership.AdministratorsLow { return &membership.AdministratorsLow{Left: left} }

func TestConfigure(t *testing.T) {
	t.Parallel()
	configure := func(by membership.By, domains ...address.Domain) membership.Command {
		return membership.Configure{By: by, Domains: domains, Method: account.Local}
	}
	many := make([]address.Domain, 51)
	for i := range many {
		many[i] = address.Domain(fmt.Sprintf("d%d.example", i))
	}
	domaintest.Run(t, decider, []row{
		{Name: "domains are kept sorted, once each", When: configure(operator, "b.example", "a.example", "b.example"), Then: events(domains("a.example", "b.example"))},
		{Name: "the same again: nothing happens", Given: business(), When: configure(operator, "example.org", "example.com")},
		{Name: "by an administrator", Given: business(), When: configure(by("ann"), "example.net"), Refused: "operators-only"},
		{
			Name: "another way of signing in", Given: business(),
			When: membership.Configure{By: operator, Domains: []address.Domain{"example.com", "example.org"}, Method: account.OIDC, Connection: "idp"},
			Then: events(&membership.Configured{Domains: []address.Domain{"example.com", "example.org"}, Method: account.OIDC, Connection: "idp"}),
		},
		{Name: "no way of signing in", When: membership.Configure{By: operator, Domains: []address.Domain{"a.example"}}, Refused: "method-invalid"},
		{
			Name: "federated with nobody", Refused: "method-invalid",
			When: membership.Configure{By: operator, Domains: []address.Domain{"a.example"}, Method: account.SAML},
		},
		{Name: "none", When: configure(operator), Refused: "domains-invalid"},
		{Name: "too many", When: configure(operator, many...), Refused: "domains-invalid"},
		{
			Name:  "who is under a domain given up is out, and so is who was invited there",
			Given: business(events(&membership.MemberMoved{Person: "ann", Domain: "example.org"}), cas, events(invited("sue", access.Caseworker))),
			When:  configure(operator, "example.org"),
			Then: events(domains("example.org"), &membership.MemberRemoved{Person: "cas", Cause: membership.DomainWithdrawn},
				&membership.InvitationRevoked{InvitationID: "invitation-sue", Cause: membership.DomainWithdrawn}),
		}, {
			Name:  "one administrator is left: a warning",
			Given: business(bob, events(&membership.MemberMoved{Person: "ann", Domain: "example.org"})),
			When:  configure(operator, "example.org"),
			Then:  events(domains("example.org"), &membership.MemberRemoved{Person: "bob", Cause: membership.DomainWithdrawn}, low(1)),
		}, {
			Name: "no administrator would be left", Given: business(cas), When: configure(operator, "example.org"), Refused: "last-administrator",
		},
	})
}

func invite(by membership.By, person string, held ...access.Role) membership.Invite {
	return membership.Invite{
		By: by, InvitationID: "invitation-" + person, Person: person, Email: email(person + "@example.com"),
		Roles: held, TokenDigest: "digest-" + person, ExpiresAt: inAWeek, At: noon,
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	change := func(change func(*membership.Invite)) membership.Command {
		command := invite(by("ann"), "cas", access.Caseworker)
		change(&command)
		return command
	}
	warranted := func(warrant membership.Warrant) membership.Command {
		command := invite(operator, "bob", access.Administrator)
		command.Warrant = warrant
		return command
	}
	byWarrant := func(warrant membership.Warrant) *membership.MemberInvited {
		event := invited("bob", access.Administrator)
		event.Warrant = warrant
		return event
	}
	another := invited("cas", access.Caseworker)
	another.InvitationID = "another"
	domaintest.Run(t, decider, []row{
		{
			Name: "by an administrator", Given: business(), When: invite(by("ann"), "sue", access.Supervisor, access.Caseworker, access.Supervisor),
			Then: events(invited("sue", access.Caseworker, access.Supervisor)),
		},
		{
			Name: "a warrant that is not needed is not kept", Given: business(), Then: events(invited("cas", access.Caseworker)),
			When: change(func(c *membership.Invite) { c.Warrant = asked }),
		},
		{Name: "by an operator", Given: business(), When: invite(operator, "cas", access.Caseworker), Then: events(invited("cas", access.Caseworker))},
		{Name: "by a supervisor", Given: business(sue), When: invite(by("sue"), "cas", access.Caseworker), Refused: "not-administrator"},
		{Name: "by somebody else's administrator", Given: business(), When: invite(by("eve"), "cas", access.Caseworker), Refused: "not-administrator"},
		{Name: "by nobody", Given: business(), When: invite(by(""), "cas", access.Caseworker), Refused: "not-administrator"},
		{
			Name: "by an administrator disabled meanwhile", Given: business(bob, events(disabled("ann", membership.HeldByAdministrator))),
			When: invite(by("ann"), "cas", access.Caseworker), Refused: "not-administrator",
		},
		{Name: "no administrator is made by an administrator", Given: business(), When: invite(by("ann"), "bob", access.Administrator), Refused: "administrator-by-operator"},
		{Name: "an administrator on an administrator's request", Given: business(), When: warranted(asked), Then: events(byWarrant(asked))},
		{
			Name: "an administrator on a supervisor's request", Given: business(sue), When: warranted(membership.Warrant{RequestedBy: "sue"}),
			Then: events(byWarrant(membership.Warrant{RequestedBy: "sue"})),
		},
		{Name: "the first administrator, of an access request", Given: events(domains("example.com")), When: warranted(onboard), Then: events(byWarrant(onboard))},
		{Name: "an administrator on nobody's request", Given: business(), When: warranted(membership.Warrant{}), Refused: "warrant-missing"},
		{Name: "an administrator on a caseworker's request", Given: business(cas), When: warranted(membership.Warrant{RequestedBy: "cas"}), Refused: "warrant-missing"},
		{
			Name: "an administrator on two warrants", Given: business(),
			When: warranted(membership.Warrant{RequestedBy: "ann", Onboarding: "request-1"}), Refused: "warrant-missing",
		},
		{
			Name: "an administrator on an access request and a stranger's", Given: business(),
			When: warranted(membership.Warrant{RequestedBy: "eve", Onboarding: "request-1"}), Refused: "warrant-missing",
		},
		{Name: "no role", Given: business(), When: invite(by("ann"), "cas"), Refused: "roles-invalid"},
		{Name: "a role of the other side", Given: business(), When: invite(by("ann"), "cas", access.Auditor), Refused: "roles-invalid"},
		{
			Name: "another domain", Given: business(), Refused: "domain-not-allowed",
			When: change(func(c *membership.Invite) { c.Email = email("cas@example.net") }),
		},
		{
			Name: "a sub-domain is another domain", Given: business(), Refused: "domain-not-allowed",
			When: change(func(c *membership.Invite) { c.Email = email("cas@mail.example.com") }),
		},
		{Name: "no address", Given: business(), Refused: "domain-not-allowed", When: change(func(c *membership.Invite) { c.Email = address.Email{} })},
		{Name: "a business never configured", When: invite(operator, "cas", access.Caseworker), Refused: "domain-not-allowed"},
		{Name: "a member", Given: business(cas), When: invite(by("ann"), "cas", access.Supervisor), Refused: "already-member"},
		{
			Name: "invited already", Given: business(events(another)), When: invite(by("ann"), "cas", access.Caseworker), Refused: "already-invited",
		}, {
			Name: "the invitation before has expired", Given: business(events(another)),
			When: change(func(c *membership.Invite) { c.At, c.ExpiresAt = inAWeek, inAWeek.Add(time.Hour) }),
			Then: events(&membership.InvitationRevoked{InvitationID: "another", Cause: membership.Replaced}, func() membership.Event {
				event := invited("cas", access.Caseworker)
				event.ExpiresAt = inAWeek.Add(time.Hour)
				return event
			}()),
		}, {
			Name: "an invitation that has expired", Given: business(), Refused: "invitation-lifetime",
			When: change(func(c *membership.Invite) { c.ExpiresAt = noon }),
		}, {
			Name: "an invitation for too long", Given: business(), Refused: "invitation-lifetime",
			When: change(func(c *membership.Invite) { c.ExpiresAt = noon.Add(membership.InvitationLifetimeMax + 1) }),
		},
	})
}

func TestTooManyInvitations(t *testing.T) {
	t.Parallel()
	given := business()
	for i := range membership.PendingInvitationsMax {
		given = append(given, invited(fmt.Sprint("p", i), access.Caseworker))
	}
	domaintest.Run(t, decider, []row{
		{Name: "refused", Given: given, When: invite(by("ann"), "cas", access.Caseworker), Refused: "too-many-invitations"},
	})
}

func TestAccept(t *testing.T) {
	t.Parallel()
	waiting := business(events(invited("cas", access.Caseworker)))
	change := func(change func(*membership.Accept)) membership.Command {
		command := accept("cas")
		change(&command)
		return command
	}
	resent := &membership.InvitationResent{InvitationID: "invitation-cas", TokenDigest: "newer", ExpiresAt: inAWeek.Add(time.Hour)}
	revoked := &membership.InvitationRevoked{InvitationID: "invitation-cas", Cause: membership.Asked}
	domaintest.Run(t, decider, []row{
		{Name: "in time", Given: waiting, When: accept("cas"), Then: cas[1:]},
		{Name: "in the last moment", Given: waiting, When: change(func(c *membership.Accept) { c.At = inAWeek.Add(-1) }), Then: cas[1:]},
		{Name: "a moment late", Given: waiting, When: change(func(c *membership.Accept) { c.At = inAWeek }), Refused: "invitation-expired"},
		{Name: "twice", Given: business(cas), When: accept("cas"), Refused: "invitation-used"},
		{
			Name: "twice, and removed between", Given: business(cas, events(&membership.MemberRemoved{Person: "cas", Cause: membership.Asked})),
			When: accept("cas"), Refused: "invitation-used",
		},
		{Name: "by another person", Given: waiting, When: change(func(c *membership.Accept) { c.Person = "eve" }), Refused: "invitation-of-another"},
		{Name: "under another domain", Given: waiting, When: change(func(c *membership.Accept) { c.Email = email("cas@example.net") }), Refused: "domain-not-allowed"},
		{Name: "with another token", Given: waiting, When: change(func(c *membership.Accept) { c.TokenDigest = "digest-sue" }), Refused: "invitation-invalid"},
		{Name: "without a token", Given: waiting, When: change(func(c *membership.Accept) { c.TokenDigest = "" }), Refused: "invitation-invalid"},
		{Name: "of no invitation", Given: waiting, When: accept("eve"), Refused: "invitation-invalid"},
		{Name: "of no invitation, without a token", Given: waiting, When: membership.Accept{Person: "eve", At: noon}, Refused: "invitation-invalid"},
		{Name: "revoked", Given: append(waiting, revoked), When: accept("cas"), Refused: "invitation-revoked"},
		{Name: "by the token before the last", Given: append(waiting, resent), When: accept("cas"), Refused: "invitation-invalid"},
		{
			Name: "by the last token, in its time", Given: append(waiting, resent), Then: cas[1:],
			When: change(func(c *membership.Accept) { c.TokenDigest, c.At = "newer", inAWeek }),
		},
	})
}

func TestResendAndRevokeInvitation(t *testing.T) {
	t.Parallel()
	waiting := business(events(invited("cas", access.Caseworker), invited("bob", access.Administrator)))
	resend := func(by membership.By, person string) membership.Resend {
		return membership.Resend{By: by, InvitationID: "invitation-" + person, TokenDigest: "newer", At: inAWeek, ExpiresAt: inAWeek.Add(time.Hour)}
	}
	resent := func(person string) *membership.InvitationResent {
		return &membership.InvitationResent{InvitationID: "invitation-" + person, TokenDigest: "newer", ExpiresAt: inAWeek.Add(time.Hour)}
	}
	tooLong := resend(by("ann"), "cas")
	tooLong.ExpiresAt = inAWeek.Add(membership.InvitationLifetimeMax + 1)
	revoke := func(by membership.By, person string) membership.Command {
		return membership.RevokeInvitation{By: by, InvitationID: "invitation-" + person}
	}
	revoked := &membership.InvitationRevoked{InvitationID: "invitation-cas", Cause: membership.Asked}
	domaintest.Run(t, decider, []row{
		{Name: "sent again, though expired", Given: waiting, When: resend(by("ann"), "cas"), Then: events(resent("cas"))},
		{Name: "sent again by a stranger", Given: waiting, When: resend(by("eve"), "cas"), Refused: "not-administrator"},
		{Name: "an administrator's, by an administrator", Given: waiting, When: resend(by("ann"), "bob"), Refused: "administrator-by-operator"},
		{Name: "an administrator's, by an operator", Given: waiting, When: resend(operator, "bob"), Then: events(resent("bob"))},
		{Name: "one that is not", Given: waiting, When: resend(by("ann"), "sue"), Refused: "invitation-unknown"},
		{Name: "one accepted", Given: business(cas), When: resend(by("ann"), "cas"), Refused: "invitation-used"},
		{Name: "one revoked", Given: append(waiting, revoked), When: resend(by("ann"), "cas"), Refused: "invitation-revoked"},
		{Name: "for too long", Given: waiting, When: tooLong, Refused: "invitation-lifetime"},

		{Name: "revoked", Given: waiting, When: revoke(by("ann"), "cas"), Then: events(revoked)},
		{Name: "revoked twice: nothing happens", Given: append(waiting, revoked), When: revoke(by("ann"), "cas")},
		{Name: "revoked by a stranger", Given: waiting, When: revoke(by("eve"), "cas"), Refused: "not-administrator"},
		{Name: "revoked after it was accepted", Given: business(cas), When: revoke(by("ann"), "cas"), Refused: "invitation-used"},
		{Name: "revoked, one that is not", Given: waiting, When: revoke(by("ann"), "sue"), Refused: "invitation-unknown"},
	})
}
