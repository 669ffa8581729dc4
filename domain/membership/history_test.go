package membership_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
)

// TestWhateverIsAsked draws histories of commands, of anybody, in any order, and holds the stream
// to what its package promises after each.
func TestWhateverIsAsked(t *testing.T) {
	t.Parallel()
	working := events(&membership.RolesGranted{Person: "ann", Roles: roles(access.Caseworker)})
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SampledFrom([][]membership.Event{nil, business(), business(sue, working), business(bob, cas)}).Draw(t, "given")
		state, same := decider.State(given...), decider.State(given...)
		made := map[string]bool{"ann": true, "bob": true} // who may be an administrator: whom an operator made one
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			command := drawCommand(t)
			before := state.Administrators()
			decided, err := decider.Check(state, same, command)
			if err != nil {
				continue
			}
			noteMade(made, command)
			for _, event := range decided {
				state, same = membership.Evolve(state, event), membership.Evolve(same, event)
			}
			checkAdministrators(t, command, decided, before, state.Administrators())
			checkMembers(t, state, made)
			if _, moves := command.(membership.Move); moves {
				continue // it is recorded each time: the append says who administers
			}
			if again, err := membership.Decide(state, command); err == nil && len(again) > 0 {
				t.Fatalf("%#v again: got %v, want nothing", command, again)
			}
		}
	})
}

// noteMade notes whom an operator, with a warrant, makes an administrator by command.
func noteMade(made map[string]bool, command membership.Command) {
	switch c := command.(type) {
	case membership.Invite:
		if c.By.Operator && slices.Contains(c.Roles, access.Administrator) && c.Warrant != (membership.Warrant{}) {
			made[c.Person] = true
		}
	case membership.Grant:
		if c.By.Operator && slices.Contains(c.Roles, access.Administrator) && c.Warrant != (membership.Warrant{}) {
			made[c.Person] = true
		}
	}
}

func checkAdministrators(t *rapid.T, command membership.Command, decided []membership.Event, before, after []string) {
	if len(before) > 0 && len(after) == 0 && !byClock(command) {
		t.Fatalf("%#v left no administrator of %v", command, before)
	}
	warned := slices.ContainsFunc(decided, func(e membership.Event) bool {
		low, is := e.(*membership.AdministratorsLow)
		return is && low.Left == len(after)
	})
	if want := len(after) < len(before) && len(after) <= 1; warned != want {
		t.Fatalf("%#v: from %v to %v administrators, warned %v", command, before, after, warned)
	}
}

func byClock(command membership.Command) bool {
	switch command := command.(type) {
	case membership.Disable:
		return command.By.Clock
	case membership.Remove:
		return command.By.Clock
	}
	return false
}

func checkMembers(t *rapid.T, state *membership.State, made map[string]bool) {
	for _, m := range state.Members() {
		if !slices.Contains(state.Domains(), m.Domain) {
			t.Fatalf("%s is under %s, which is none of %v", m.Person, m.Domain, state.Domains())
		}
		if len(m.Roles) == 0 {
			t.Fatalf("%s is a member without a role", m.Person)
		}
		if slices.Contains(m.Roles, access.Administrator) && !made[m.Person] {
			t.Fatalf("%s is an administrator whom no operator made", m.Person)
		}
	}
}

var people = []string{"ann", "bob", "cas", "sue"}

func drawCommand(t *rapid.T) membership.Command {
	person := rapid.SampledFrom(people).Draw(t, "person")
	by := rapid.SampledFrom([]membership.By{operator, operator, by("ann"), by("ann"), by("bob"), by("cas"), by("eve"), clock}).Draw(t, "by")
	held := rapid.SliceOfN(rapid.SampledFrom([]access.Role{access.Administrator, access.Caseworker, access.Supervisor}), 1, 3).Draw(t, "roles")
	domain := rapid.SampledFrom([]string{"example.com", "example.com", "example.org", "example.net"}).Draw(t, "domain")
	at := noon.Add(time.Duration(rapid.IntRange(0, 6).Draw(t, "days")) * 24 * time.Hour)
	warrant := rapid.SampledFrom([]membership.Warrant{{}, onboard, asked, {RequestedBy: "bob"}}).Draw(t, "warrant")
	invitation := person + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "invitation")
	switch rapid.IntRange(0, 13).Draw(t, "command") {
	case 0:
		return membership.Configure{By: by, Method: account.Local, Domains: rapid.SampledFrom([][]address.Domain{
			{"example.com"}, {"example.com", "example.org"}, {"example.org"},
		}).Draw(t, "domains")}
	case 1, 2, 3:
		return membership.Invite{
			By: by, InvitationID: invitation, Person: person, Email: email(person + "@" + domain), Roles: held,
			TokenDigest: invitation, ExpiresAt: at.Add(5 * 24 * time.Hour), At: at, Warrant: warrant,
		}
	case 4, 5, 6:
		return membership.Accept{InvitationID: invitation, TokenDigest: invitation, Person: person, Email: email(person + "@" + domain), At: at}
	case 7:
		return membership.Resend{By: by, InvitationID: invitation, TokenDigest: invitation + "'", ExpiresAt: at.Add(time.Hour), At: at}
	case 8:
		return membership.RevokeInvitation{By: by, InvitationID: invitation}
	case 9:
		return membership.Grant{By: by, Person: person, Roles: held, Warrant: warrant}
	case 10:
		return membership.Revoke{By: by, Person: person, Roles: held}
	case 11:
		return membership.Disable{By: by, Person: person}
	case 12:
		return membership.Enable{By: by, Person: person}
	}
	switch rapid.IntRange(0, 3).Draw(t, "else") {
	case 0:
		return membership.Move{By: by, Person: person, Email: email(person + "@" + domain)}
	case 1:
		return membership.RequestAdministrator{By: by, Person: rapid.SampledFrom([]string{"", person}).Draw(t, "whom")}
	}
	return membership.Remove{By: by, Person: person, Erasing: rapid.Bool().Draw(t, "erasing")}
}
