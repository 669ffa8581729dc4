package projections

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/onboarding"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// eve is a member whose account is not recorded, as where its stream is parked.
const eve = "5f0a1d6e-0000-4000-8000-00000000000e"

func queriedStory() []projtest.Given {
	return append(peopleStory(),
		projtest.On("access-"+theirs, invited("i7", eve, access.Caseworker), accepted("i7", eve, access.Caseworker)),
		projtest.On("onboarding-r2", &onboarding.RequestSubmitted{Request: submitted(), Day: newYear + 1}),
		projtest.On("onboarding-r3", &onboarding.RequestSubmitted{Request: submitted(), Day: newYear}, &onboarding.RequestDeclined{Day: newYear + 2}),
	)
}

// peopleScopes are those who ask, and what each may see of both businesses.
var peopleScopes = map[string]Scope{
	"ours": BusinessScope("u", ours), "theirs": BusinessScope("u", theirs), "both": BusinessScope("u", ours, theirs),
	"others": BusinessScope("u", "999999"), "operator": OperatorScope("o"), "auditor": AuditorScope("a"), "nobody": {},
}

// short is a user id's last letter.
func short(person string) string {
	if person == "" {
		return "-"
	}
	return person[len(person)-1:]
}

func userText(u UserRow) string {
	text := short(u.Person) + ":" + string(u.Status)
	for _, m := range u.Memberships {
		text += fmt.Sprintf(" %s%v", m.FRN[:1], m.Roles)
		if len(m.Holds) > 0 {
			text += fmt.Sprintf("held%v", m.Holds)
		}
	}
	for _, a := range u.Acceptances {
		text += fmt.Sprintf(" accepted %s:%s", a.FRN[:1], a.Version)
	}
	return text
}

// asked runs a query for each scope, and compares the lines of its answer with those wanted, of which
// scopes not named want none.
func asked(t *testing.T, w *projtest.World, what string, want map[string]string, query func(context.Context, engine.View, Scope) ([]string, error)) {
	t.Helper()
	for name, scope := range peopleScopes {
		seeing(t, w, func(ctx context.Context, view engine.View) error {
			got, err := query(ctx, view, scope)
			if text := strings.Join(got, "; "); text != want[name] {
				t.Errorf("%s as %s: got\n\t%s\nwant\n\t%s", what, name, text, want[name])
			}
			return err
		})
	}
}

// paged calls page, which returns the items after the last one it returned, until it returns none.
func paged[R any](t *testing.T, page func(after *R) ([]R, error)) (all []R, err error) {
	t.Helper()
	var after *R
	for range 50 {
		rows, err := page(after)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		all, after = append(all, rows...), &rows[len(rows)-1]
	}
	t.Fatal("got 50 pages, want an end")
	return nil, nil
}

func textOf[R any](rows []R, err error, text func(R) string) ([]string, error) {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = text(r)
	}
	return list, err
}

const (
	adaText, caiText, eveText = "a:active 1[administrator]", "c:invited 7[caseworker supervisor]held[administrator operator]", "e:missing 7[caseworker]"
	invitedTexts              = "b:invited; c:invited 7[caseworker supervisor]held[administrator operator]; d:invited"
)

func TestUsersAreSeenWithinTheScope(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, peopleProjections, queriedStory(), func(t *testing.T, w *projtest.World) {
		all := adaText + "; " + invitedTexts
		for frn, want := range map[string]map[string]string{
			ours:     {"ours": adaText, "both": adaText, "operator": adaText, "auditor": adaText},
			theirs:   {"theirs": caiText + "; " + eveText, "both": caiText + "; " + eveText, "operator": caiText + "; " + eveText, "auditor": caiText + "; " + eveText},
			"999999": {},
			"": {"ours": adaText, "theirs": caiText + "; " + eveText, "both": adaText + "; " + caiText + "; " + eveText,
				"operator": all, "auditor": all},
		} {
			for _, limit := range []int{1, 3, 100} {
				asked(t, w, "users of "+frn, want, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
					rows, err := paged(t, func(after *UserRow) ([]UserRow, error) {
						if after == nil {
							after = &UserRow{}
						}
						return ListUsers(ctx, view, scope, frn, after.Person, limit)
					})
					return textOf(rows, err, userText)
				})
			}
		}
	})
}

func TestAUserIsFoundWithinTheScope(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, peopleProjections, queriedStory(), func(t *testing.T, w *projtest.World) {
		const accepted = " accepted 1:2025-01 accepted 7:2024-06"
		for person, want := range map[string]map[string]string{
			ada:      {"ours": adaText + " accepted 1:2025-01", "both": adaText + accepted, "operator": adaText + accepted, "auditor": adaText + accepted},
			bob:      {"ours": "b:invited", "both": "b:invited", "operator": "b:invited", "auditor": "b:invited"},
			cai:      {"theirs": caiText, "both": caiText, "operator": caiText, "auditor": caiText},
			dee:      {"theirs": "d:invited", "both": "d:invited", "operator": "d:invited", "auditor": "d:invited"},
			eve:      {"theirs": eveText, "both": eveText, "operator": eveText, "auditor": eveText},
			"nobody": {},
		} {
			asked(t, w, "user "+short(person), want, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				user, found, err := FindUser(ctx, view, scope, person)
				if !found {
					return nil, err
				}
				return []string{userText(user)}, err
			})
		}
		seeing(t, w, func(ctx context.Context, view engine.View) error {
			user, _, err := FindUser(ctx, view, peopleScopes["ours"], ada)
			if got, err := OpenedPerson(opened(t, w, user.SealedPerson)); err != nil || got != (account.Person{Name: "Ada Archer", Email: "ada@example.com"}) {
				t.Errorf("got %+v, %v, want Ada Archer", got, err)
			}
			if user.DisablesOn != newYear+61 || user.ErasesOn != newYear+91 || user.Factor != account.TOTP || !user.Questions {
				t.Errorf("got %+v, want a factor, questions, disabled on day 61, erased on day 91", user)
			}
			return err
		})
		checkNothingPersonalIn(t, w, People(), "Ada", "Archer", "ada@", "bob@", "Contact", "una@", "Which Example")
	})
}

func TestInvitationsAreSeenWithinTheScope(t *testing.T) {
	t.Parallel()
	const ofOurs, ofTheirs = "1/i1:accepted; 1/i2:pending; 1/i3:accepted", "7/i4:accepted; 7/i5:pending; 7/i6:revoked; 7/i7:accepted"
	projtest.Each(t, nil, peopleProjections, queriedStory(), func(t *testing.T, w *projtest.World) {
		all := ofOurs + "; " + ofTheirs
		type c struct{ frn, status string }
		for c, want := range map[c]map[string]string{
			{"", ""}:                   {"ours": ofOurs, "theirs": ofTheirs, "both": all, "operator": all, "auditor": all},
			{ours, ""}:                 {"ours": ofOurs, "both": ofOurs, "operator": ofOurs, "auditor": ofOurs},
			{ours, InvitationPending}:  {"ours": "1/i2:pending", "both": "1/i2:pending", "operator": "1/i2:pending", "auditor": "1/i2:pending"},
			{"", InvitationRevoked}:    {"theirs": "7/i6:revoked", "both": "7/i6:revoked", "operator": "7/i6:revoked", "auditor": "7/i6:revoked"},
			{ours, InvitationExpired}:  {},
			{ours, InvitationAccepted}: {"ours": "1/i1:accepted; 1/i3:accepted", "both": "1/i1:accepted; 1/i3:accepted", "operator": "1/i1:accepted; 1/i3:accepted", "auditor": "1/i1:accepted; 1/i3:accepted"},
		} {
			asked(t, w, fmt.Sprint("invitations of ", c), want, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				rows, err := paged(t, func(after *InvitationRow) ([]InvitationRow, error) {
					if after == nil {
						after = &InvitationRow{}
					}
					return ListInvitations(ctx, view, scope, c.frn, c.status, expiry.Add(-time.Second), InvitationCursor{after.FRN, after.ID}, 2)
				})
				return textOf(rows, err, func(r InvitationRow) string { return r.FRN[:1] + "/" + r.ID + ":" + r.Status })
			})
		}
		// At its instant an invitation has expired; the one sent again lives on for a day.
		seeing(t, w, func(ctx context.Context, view engine.View) error {
			rows, err := ListInvitations(ctx, view, peopleScopes["both"], "", InvitationExpired, expiry, InvitationCursor{}, 10)
			if len(rows) != 1 || rows[0].ID != "i5" || rows[0].Status != InvitationExpired || short(rows[0].Person) != "d" {
				t.Errorf("got expired %+v, %v, want i5", rows, err)
			}
			i2, found, err := FindInvitation(ctx, view, peopleScopes["ours"], ours, "i2", expiry)
			if !found || i2.Sent != 2 || i2.Status != InvitationPending || i2.SealedPerson == "" || !slices.Equal(i2.Roles, []access.Role{access.Caseworker, access.Supervisor}) {
				t.Errorf("got %+v, %t, %v, want i2, pending, sent twice", i2, found, err)
			}
			// Bob's account was recorded in the ninth hour, the invitation and its resending in the next one.
			if at := projtest.Begin.Add(10 * time.Hour); !i2.InvitedAt.Equal(at) || !i2.SentAt.Equal(at) || !i2.EndedAt.IsZero() || i2.InvitedBy != "system:test" {
				t.Errorf("got %+v, want it invited and sent by the system at %s", i2, at)
			}
			if got, err := OpenedPerson(opened(t, w, i2.SealedPerson)); err != nil || got.Name != "Bob Baker" {
				t.Errorf("got %+v, %v, want Bob Baker", got, err)
			}
			if _, found, err := FindInvitation(ctx, view, peopleScopes["theirs"], ours, "i2", expiry); found || err != nil {
				t.Errorf("got an invitation of another business, %v", err)
			}
			return err
		})
	})
}

func TestSettingsAreSeenWithinTheScope(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, peopleProjections, queriedStory(), func(t *testing.T, w *projtest.World) {
		const oursText, theirsText = "1 local - [example.com example.org]", "7 oidc example-oidc [example.com]"
		all := oursText + "; " + theirsText
		asked(t, w, "access", map[string]string{"ours": oursText, "theirs": theirsText, "both": all, "operator": all, "auditor": all},
			func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				rows, err := paged(t, func(after *BusinessAccessRow) ([]BusinessAccessRow, error) {
					if after == nil {
						after = &BusinessAccessRow{}
					}
					return ListBusinessAccess(ctx, view, scope, after.FRN, 1)
				})
				for _, r := range rows {
					if found, ok, err := FindBusinessAccess(ctx, view, scope, r.FRN); !ok || err != nil || found.Method != r.Method {
						t.Errorf("got %+v, %t, %v, want %+v", found, ok, err, r)
					}
				}
				return textOf(rows, err, func(r BusinessAccessRow) string {
					return fmt.Sprint(r.FRN[:1], " ", r.Method, " ", r.Connection+"-"[min(1, len(r.Connection)):], " ", r.Domains)
				})
			})
		settings := "example-oidc oidc false; example-saml saml true"
		asked(t, w, "connections", map[string]string{"operator": settings, "auditor": settings},
			func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				rows, err := paged(t, func(after *ConnectionRow) ([]ConnectionRow, error) {
					if after == nil {
						after = &ConnectionRow{}
					}
					return ListConnections(ctx, view, scope, after.ID, 1)
				})
				return textOf(rows, err, func(r ConnectionRow) string { return fmt.Sprint(r.ID, " ", r.Method, " ", r.Retired) })
			})
	})
}

func TestRequestsAreSeenWithinTheScope(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, peopleProjections, queriedStory(), func(t *testing.T, w *projtest.World) {
		asked(t, w, "administrators", map[string]string{"ours": "1 a for -", "both": "1 a for -", "operator": "1 a for -", "auditor": "1 a for -"},
			func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				rows, err := paged(t, func(after *AdministratorRequestRow) ([]AdministratorRequestRow, error) {
					if after == nil {
						after = &AdministratorRequestRow{}
					}
					return ListAdministratorRequests(ctx, view, scope, "", AdministratorRequestCursor{after.FRN, after.RequestedBy, after.Person}, 1)
				})
				return textOf(rows, err, func(r AdministratorRequestRow) string {
					return r.FRN[:1] + " " + short(r.RequestedBy) + " for " + short(r.Person)
				})
			})
		requests := "r1 waiting 2; r2 submitted 2; r3 declined 2"
		for status, want := range map[onboarding.Status]string{"": requests, onboarding.Waiting: "r1 waiting 2", onboarding.Active: ""} {
			asked(t, w, "requests", map[string]string{"operator": want, "auditor": want},
				func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
					rows, err := paged(t, func(after *AccessRequestRow) ([]AccessRequestRow, error) {
						if after == nil {
							after = &AccessRequestRow{}
						}
						return ListAccessRequests(ctx, view, scope, status, Due{after.ChangedOn, after.ID}, 1)
					})
					return textOf(rows, err, func(r AccessRequestRow) string { return fmt.Sprint(r.ID, " ", r.Status, " ", len(r.Businesses)) })
				})
		}
		seeing(t, w, func(ctx context.Context, view engine.View) error {
			r1, found, err := FindAccessRequest(ctx, view, peopleScopes["operator"], "r1")
			lacks := []onboarding.Item{{What: onboarding.LacksDomains, FRN: theirs}, {What: onboarding.LacksProvider}, {What: onboarding.LacksIssuer}}
			if !found || err != nil || !slices.Equal(r1.Lacks, lacks) || r1.DueOn != newYear+91 {
				t.Errorf("got %+v, %t, %v, want r1, lacking %v", r1, found, err, lacks)
			}
			people, err := OpenedPeople(opened(t, w, r1.SealedPeople))
			if err != nil || people.Contact.Name != "Una Contact" {
				t.Errorf("got %+v, %v, want Una Contact", people, err)
			}
			if question, err := OpenedQuestion(opened(t, w, r1.SealedQuestion)); err != nil || question != "Which Example Loans is it?" {
				t.Errorf("got %q, %v", question, err)
			}
			if _, found, err := FindAccessRequest(ctx, view, peopleScopes["both"], "r1"); found || err != nil {
				t.Errorf("got a request as a business, %v", err)
			}
			return nil
		})
	})
}

// checkNothingPersonalIn looks for secrets in every row of a projection.
func checkNothingPersonalIn(t *testing.T, w *projtest.World, projection engine.Projection, secrets ...string) {
	t.Helper()
	for table, rows := range w.Rows(projection) {
		for _, row := range rows {
			for _, secret := range secrets {
				if strings.Contains(inClear(row), secret) {
					t.Errorf("%s holds %q in clear: %s", table, secret, row)
				}
			}
		}
	}
}

// ciphertext is what a row holds in base64: any letters may stand in it.
var ciphertext = regexp.MustCompile(`[A-Za-z0-9+/_=-]{28,}`)

func inClear(row string) string { return ciphertext.ReplaceAllString(row, "…") }
