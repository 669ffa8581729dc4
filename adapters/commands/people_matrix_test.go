package commands_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/domain/connection"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/terms"
)

// given are the ways in which people give each command; cas is a member, ref a case.
func given(w *world, cas, ref, request string) map[access.Command]func(commands.Ask) error {
	ctx := w.t.Context()
	who := commands.Invitation{Name: "New Sample", Email: "new@example.com", Roles: caseworker}
	details := func(ask commands.Ask) error { return second(w.ChangeDetails(ctx, ask, frn, cas, "Name", "")) }
	disable := func(ask commands.Ask) error { return second(w.DisableAccount(ctx, ask, cas)) }
	configure := func(ask commands.Ask) error {
		return second(w.ConfigureBusiness(ctx, ask, frn, []string{"example.com"}, account.Local, ""))
	}
	invite := func(ask commands.Ask) error { _, _, _, err := w.Invite(ctx, ask, frn, who); return err }
	supervisor := []access.Role{access.Supervisor}
	return map[access.Command]func(commands.Ask) error{
		"membership.configure":             configure,
		"membership.request-administrator": func(ask commands.Ask) error { return second(w.RequestAdministrator(ctx, ask, frn, cas)) },
		"membership.invite":                invite,
		"membership.resend":                func(ask commands.Ask) error { return second(w.Resend(ctx, ask, frn, "x")) },
		"membership.revoke-invitation":     func(ask commands.Ask) error { return second(w.RevokeInvitation(ctx, ask, frn, "x")) },
		"membership.grant": func(ask commands.Ask) error {
			return second(w.Grant(ctx, ask, frn, cas, supervisor, membership.Warrant{}))
		},
		"membership.revoke":  func(ask commands.Ask) error { return second(w.Revoke(ctx, ask, frn, cas, supervisor)) },
		"membership.disable": func(ask commands.Ask) error { return second(w.Disable(ctx, ask, frn, cas)) },
		"membership.enable":  func(ask commands.Ask) error { return second(w.Enable(ctx, ask, frn, cas)) },
		"membership.remove":  func(ask commands.Ask) error { return second(w.Remove(ctx, ask, frn, cas)) },
		"membership.move":    details,

		"account.create":          invite,
		"account.change-details":  details,
		"account.change-method":   configure,
		"account.reset-factor":    func(ask commands.Ask) error { return second(w.ResetFactor(ctx, ask, frn, cas)) },
		"account.reset-questions": func(ask commands.Ask) error { return second(w.ResetQuestions(ctx, ask, frn, cas)) },
		"account.request-reset": func(ask commands.Ask) error {
			return second(w.RequestReset(ctx, ask, cas, account.ResetSecondFactor))
		},
		"account.disable":      disable,
		"account.enable":       func(ask commands.Ask) error { return second(w.EnableAccount(ctx, ask, cas)) },
		"account.erase":        func(ask commands.Ask) error { return second(w.EraseAccount(ctx, ask, cas)) },
		"account.accept-terms": func(ask commands.Ask) error { return second(w.AcceptTerms(ctx, ask, frn, "1")) },

		"terms.publish":     func(ask commands.Ask) error { return second(w.PublishTerms(ctx, ask, terms.TermsOfUse, "9", "Text")) },
		"connection.set":    func(ask commands.Ask) error { return second(w.SetConnection(ctx, ask, oidcSettings("example-idp"))) },
		"connection.retire": func(ask commands.Ask) error { return second(w.RetireConnection(ctx, ask, "example-idp")) },

		"onboarding.amend":         func(ask commands.Ask) error { return second(w.AmendRequest(ctx, ask, request, onboarding.Form{})) },
		"onboarding.withdraw":      func(ask commands.Ask) error { return second(w.WithdrawRequest(ctx, ask, request)) },
		"onboarding.erase-people":  func(ask commands.Ask) error { return second(w.EraseRequestPeople(ctx, ask, request)) },
		"onboarding.ask":           func(ask commands.Ask) error { return second(w.AskRequest(ctx, ask, request, "Why?")) },
		"onboarding.mark-complete": func(ask commands.Ask) error { return second(w.CompleteRequest(ctx, ask, request)) },
		"onboarding.configure":     func(ask commands.Ask) error { return second(w.ConfigureRequest(ctx, ask, request, "example-idp", "x")) },
		"onboarding.decline":       func(ask commands.Ask) error { return second(w.DeclineRequest(ctx, ask, request)) },
		"onboarding.note-invited":  func(ask commands.Ask) error { return second(w.InviteAdministrators(ctx, ask, request)) },

		"casefile.allocate":    func(ask commands.Ask) error { return second(w.Allocate(ctx, ask, ref, commands.Nobody, "")) },
		"casefile.place-hold":  func(ask commands.Ask) error { return second(w.PlaceHold(ctx, ask, ref)) },
		"casefile.lift-hold":   func(ask commands.Ask) error { return second(w.LiftHold(ctx, ask, ref)) },
		"casefile.erase-party": func(ask commands.Ask) error { return second(w.EraseParty(ctx, ask, ref, casefile.Consumer)) },
	}
}

// notAsked are the commands that no method takes from a principal with a permission: given by feeds
// and their operators (Commands), in casework (Casework), by the system, by who holds a token, or by oneself.
func notAsked(command access.Command) bool {
	switch command {
	case "casefile.record", "casefile.skip", "business.record", "business.skip":
		return true
	case "casefile.execute-suppression", "casefile.reverse-suppression": // Casework's, as those below
		return true
	}
	if decider, _, _ := strings.Cut(string(command), "."); slices.Contains([]string{"upload", "documents", "notification", "ticket", "savedview"}, decider) {
		return true
	}
	return !slices.ContainsFunc(access.CommandNeeds(command), func(p access.Permission) bool {
		return !slices.Contains([]access.Permission{access.System, access.Anybody, access.TokenHolder, access.Oneself}, p)
	})
}

// Whoever does not have the permission for a command changes nothing, whichever of them he tries.
func TestEveryRoleTriesEveryCommand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		w.publish("1")
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		ref, request := w.convert("C-1", frn), w.completed("300000", "group.example")
		people := map[string]commands.Ask{
			"nobody":   {Reason: "r"},
			"stranger": w.by(w.join(otherFRN, "eve@example.com", access.Caseworker, access.Supervisor, access.Administrator)),
		}
		for _, role := range access.Roles() {
			if role.OfBusiness() {
				people[string(role)] = w.by(w.join(frn, string(role)[:4]+"@example.com", role))
			} else {
				people[string(role)] = commands.Ask{By: access.Principal{ID: "token:" + string(role), Kind: access.Machine, Roles: []access.Role{role}}, Reason: "r"}
			}
		}
		ways, before := given(w, cas, ref, request), w.head()
		for name, ask := range people {
			if _, err := w.ShowRequest(w.t.Context(), ask, request); (err == nil) != (name == string(access.Operator)) {
				t.Errorf("%s sees an access request: got %v", name, err)
			}
		}
		for _, command := range access.Commands() {
			give, found := ways[command]
			if found == notAsked(command) {
				t.Errorf("%s: got a way to give it: %v, want %v", command, found, !found)
			}
			for name, ask := range people {
				if !found || ask.By.MayCommand(command, frn) {
					continue
				}
				if err := give(ask); !errors.Is(err, refusal(name, command)) {
					t.Errorf("%s gives %s: got %v, want %v", name, command, err, refusal(name, command))
				}
				if got := w.head(); got != before {
					t.Fatalf("%s gives %s: got the log at %v, want %v", name, command, got, before)
				}
			}
		}
	})
}

// refusal is what somebody is told who may not give a command: that there is no such thing, where he
// has no part in the business.
func refusal(name string, command access.Command) error {
	outside := name == "stranger" || name == "nobody"
	if command == "account.request-reset" || outside && ofBusiness(command) {
		return commands.ErrUnknown
	}
	return commands.ErrForbidden
}

// ofBusiness reports whether a command is given at a business.
func ofBusiness(command access.Command) bool {
	switch command {
	case "membership.configure", "account.change-method", "account.change-details", "account.create", "account.reset-factor",
		"account.reset-questions", "account.accept-terms", "casefile.allocate":
		return true
	}
	return strings.HasPrefix(string(command), "membership.")
}

// Settings of a connection that are wrong are refused, also where the id is no id.
func TestConnectionsThatAreNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		before := w.head()
		for _, id := range []string{"", "A", "../x", "local"} {
			refused(t, id, second(w.SetConnection(t.Context(), byOperator(), oidcSettings(id))), "connection-id-invalid")
			if _, found, err := w.Connection(t.Context(), id); found || err != nil {
				t.Errorf("%q: got it found: %v, %v", id, found, err)
			}
		}
		refused(t, "no settings", second(w.SetConnection(t.Context(), byOperator(), connection.Settings{ID: "example-idp"})), "method-invalid")
		refused(t, "retire none", second(w.RetireConnection(t.Context(), byOperator(), "example-idp")), "connection-unknown")
		if got := w.head(); got != before {
			t.Errorf("got the log at %v, want %v", got, before)
		}
	})
}
