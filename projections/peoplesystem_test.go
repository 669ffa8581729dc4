package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

func TestMembershipsAreFoundWithInvitations(t *testing.T) {
	t.Parallel()
	given := append(queriedStory(), projtest.On("access-"+theirs, invited("i8", ada, access.Caseworker)))
	projtest.Each(t, nil, peopleProjections, given, func(t *testing.T, w *projtest.World) {
		both := "123456; 7654321"
		for person, want := range map[string]map[string]string{
			ada:      {"ours": "123456", "theirs": "7654321", "both": both, "operator": both, "auditor": both},
			bob:      {"ours": "123456", "both": "123456", "operator": "123456", "auditor": "123456"},
			cai:      {"theirs": "7654321", "both": "7654321", "operator": "7654321", "auditor": "7654321"},
			"nobody": {},
		} {
			asked(t, w, "memberships of "+short(person), want, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				return MembershipsOf(ctx, view, scope, person)
			})
		}
		for domain, want := range map[address.Domain]map[string]string{
			"example.com": {"ours": "123456", "theirs": "7654321", "both": both, "operator": both, "auditor": both},
			"example.org": {"ours": "123456", "both": "123456", "operator": "123456", "auditor": "123456"},
			"ample.com":   {},
			"example.co":  {},
		} {
			asked(t, w, "businesses under "+string(domain), want, func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				return BusinessesUnder(ctx, view, scope, domain)
			})
		}
	})
}

// TestWhatIsDueIsFoundOnItsDay: an account that is warned, disabled and erased by the clock is found on
// the first day of each step and not before, and so is an access request.
func TestWhatIsDueIsFoundOnItsDay(t *testing.T) {
	t.Parallel()
	given := []projtest.Given{
		projtest.On("account-"+ada, created("Ada Archer", "ada@example.com"), &account.FactorEnrolled{Kind: account.TOTP}, &account.Activated{Day: newYear}),
		projtest.On("account-"+bob, created("Bob Baker", "bob@example.com"), &account.FactorEnrolled{Kind: account.TOTP}, &account.Activated{Day: newYear},
			&account.InactivityWarned{Day: newYear + 53, DisablesOn: newYear + 60}),
		projtest.On("account-"+cai, created("Cai Carver", "cai@example.com"), &account.DisabledFor{Cause: account.Inactivity, Day: newYear + 60}),
		projtest.On("account-"+dee, created("Dee Draper", "dee@example.com"), &account.DisabledFor{Cause: account.ByOperator, Day: newYear + 1}),
		projtest.On("account-"+eve, created("Eve Elder", "eve@example.com"), &account.Erased{Cause: account.OnRequest}),
		projtest.On("onboarding-r1", &onboarding.RequestSubmitted{Request: submitted(), Day: newYear}),
		projtest.On("onboarding-r2", &onboarding.RequestSubmitted{Request: submitted(), Day: newYear}, &onboarding.RequestWithdrawn{Day: newYear + 1}),
		projtest.On("onboarding-r3", &onboarding.RequestSubmitted{Request: submitted(), Day: newYear}, &onboarding.RequestDeclined{Day: newYear}, &onboarding.PeopleErased{Day: newYear + 30}),
	}
	projtest.Each(t, nil, peopleProjections, given, func(t *testing.T, w *projtest.World) {
		type query func(context.Context, engine.View, Scope, calendar.Day, Due, int) ([]Due, error)
		for _, c := range []struct {
			query query
			day   calendar.Day
			want  string
		}{
			{DueAccounts, newYear + 52, ""}, {DueAccounts, newYear + 53, "a 53"}, {DueAccounts, newYear + 59, "a 53"},
			{DueAccounts, newYear + 60, "a 53; b 60; d 60"}, {DueAccounts, newYear + 89, "a 53; b 60; d 60"}, {DueAccounts, newYear + 90, "a 53; b 60; d 60; c 90"},
			{DueRequests, newYear + 30, ""}, {DueRequests, newYear + 31, "2 31"}, {DueRequests, newYear + 90, "2 31; 1 90"},
		} {
			for _, limit := range []int{1, 2, 100} {
				asked(t, w, fmt.Sprint("due on ", c.day), map[string]string{"operator": c.want, "auditor": c.want},
					func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
						rows, err := paged(t, func(after *Due) ([]Due, error) {
							if after == nil {
								after = &Due{}
							}
							return c.query(ctx, view, scope, c.day, *after, limit)
						})
						return textOf(rows, err, func(d Due) string { return fmt.Sprint(short(d.ID), " ", int64(d.Day-newYear)) })
					})
			}
		}
	})
}

// TestInactiveMembersAreFound: whom a reaction has not suspended or removed yet.
func TestInactiveMembersAreFound(t *testing.T) {
	t.Parallel()
	given := append(queriedStory(),
		projtest.On("access-"+theirs, invited("j1", ada, access.Caseworker), accepted("j1", ada, access.Caseworker), accepted("i5", dee, access.Caseworker)),
		projtest.On("account-"+ada, &account.DisabledFor{Cause: account.Inactivity, Day: newYear + 60}),
		projtest.On("access-"+ours, &membership.MemberDisabled{Person: ada, Hold: membership.HeldForInactivity}),
		projtest.On("account-"+cai, &account.DisabledFor{Cause: account.Inactivity, Day: newYear + 60}),
		projtest.On("account-"+dee, &account.Erased{Cause: account.OnRequest}),
	)
	projtest.Each(t, nil, peopleProjections, given, func(t *testing.T, w *projtest.World) {
		all := "7 a disabled; 7 d erased"
		asked(t, w, "inactive members", map[string]string{"theirs": all, "both": all, "operator": all, "auditor": all},
			func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
				rows, err := paged(t, func(after *InactiveMember) ([]InactiveMember, error) {
					if after == nil {
						after = &InactiveMember{}
					}
					return MembersInactive(ctx, view, scope, InactiveMemberCursor{after.FRN, after.Person}, 1)
				})
				return textOf(rows, err, func(m InactiveMember) string { return fmt.Sprint(m.FRN[:1], " ", short(m.Person), " ", m.Status) })
			})
	})
}

// TestPeopleDoNotDependOnTheOrderOfStreams: however the streams are interleaved in the log, the rows
// are the same.
func TestPeopleDoNotDependOnTheOrderOfStreams(t *testing.T) {
	t.Parallel()
	rows := func(given []projtest.Given) map[string][]string {
		w := projtest.New(t, sqldbtest.SQLite(t), nil, People())
		w.Record(given...)
		w.Project()
		w.Check()
		all := w.Rows(People())
		for table := range all {
			for i, row := range all[table] {
				all[table][i] = envelopeText.ReplaceAllString(row, "=…")
			}
		}
		return all
	}
	story := queriedStory()
	want := rows(story)
	backwards := slices.Clone(story)
	slices.SortStableFunc(backwards, func(a, b projtest.Given) int { return strings.Compare(string(b.Stream), string(a.Stream)) })
	forwards := slices.Clone(story)
	slices.SortStableFunc(forwards, func(a, b projtest.Given) int { return strings.Compare(string(a.Stream), string(b.Stream)) })
	for name, given := range map[string][]projtest.Given{"forwards": forwards, "backwards": backwards} {
		got := rows(given)
		for table := range want {
			if !slices.Equal(got[table], want[table]) {
				t.Errorf("%s, %s: got %v, want %v", name, table, got[table], want[table])
			}
		}
	}
}

// fillPeople writes n members of businesses of 100 each, with their accounts and invitations, straight
// into the live tables.
func fillPeople(tb testing.TB, w *world, n int) {
	tb.Helper()
	w.settle()
	var generation int64
	w.read(PeopleName, func(view engine.View) error { generation = view.Generation; return nil })
	var ofAccounts, ofMembers, ofInvitations [][]any
	for i := range n {
		person, stream := manyPerson(i), fmt.Sprintf("%s%06d", accessStreams, 100_000+i/100)
		a := accountRow{Stream: accountStreams + person, Status: "active", ActivatedDay: 1, DueDay: int64(20_000 + i%60), Sealed: strings.Repeat("x", 300)}
		m := memberRow{Stream: stream, Person: person, Roles: "caseworker"}
		invitation := invitationRow{Stream: stream, InvitationID: fmt.Sprint(i), Person: person, Roles: "caseworker", Status: "accepted"}
		if i%100 == 0 {
			invitation.Status = "pending"
		}
		ofAccounts, ofMembers = append(ofAccounts, valuesOf(accounts.Fields(&a))), append(ofMembers, valuesOf(members.Fields(&m)))
		ofInvitations = append(ofInvitations, valuesOf(invitations.Fields(&invitation)))
	}
	err := w.store.Update(tb.Context(), func(tx engine.Tx) error {
		for _, fill := range []struct {
			spec engine.Spec
			rows [][]any
		}{{accounts.Spec, ofAccounts}, {members.Spec, ofMembers}, {invitations.Spec, ofInvitations}} {
			table := fmt.Sprintf("%s_%d", fill.spec.Name, generation)
			if err := tx.Write(tb.Context(), engine.Changes{Table: table, Columns: fill.spec.Columns, Key: fill.spec.Key, Insert: fill.rows}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(tb.Context(), "ANALYZE")
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func manyPerson(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", i*7919, i) }

// TestPeopleAreLookedUpInIndexes: what is asked at every request, and what the clock asks, reads no
// whole table.
func TestPeopleAreLookedUpInIndexes(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]struct {
		address      func(testing.TB) string
		explain, bad string
	}{"sqlite": {sqldbtest.SQLite, "EXPLAIN QUERY PLAN", "SCAN "}, "postgres": {sqldbtest.Postgres, "EXPLAIN", "Seq Scan"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, db.address(t), People())
			fillPeople(t, w, 30_000)
			w.read(PeopleName, func(view engine.View) error {
				for _, scope := range []Scope{SystemScope("test"), BusinessScope("u", "100003", "100004")} {
					for _, n := range []int{1, 64} {
						query, s := membershipsQuery(scope, manyPersons(321, n))
						got, err := plan(t.Context(), view, db.explain, query, s)
						if err != nil || strings.Contains(got, db.bad) {
							t.Errorf("memberships of %d are read by\n%s, %v", n, got, err)
						}
					}
				}
				query, s := dueQuery(SystemScope("test"), "accounts", accountStreams, 20_001, Due{20_000, manyPerson(9)}, 50)
				got, err := plan(t.Context(), view, db.explain, query, s)
				if err != nil || strings.Contains(got, db.bad) || strings.Contains(got, "TEMP B-TREE") {
					t.Errorf("what is due is read by\n%s, %v", got, err)
				}
				return nil
			})
		})
	}
}

func manyPersons(from, n int) []string {
	persons := make([]string, n)
	for i := range persons {
		persons[i] = manyPerson(from + i)
	}
	return persons
}

func TestMembershipsOfEachAreThoseOfOne(t *testing.T) {
	t.Parallel()
	given := append(queriedStory(), projtest.On("access-"+theirs, invited("i8", ada, access.Caseworker)))
	projtest.Each(t, nil, peopleProjections, given, func(t *testing.T, w *projtest.World) {
		persons := []string{ada, "nobody", bob, cai}
		for name, scope := range peopleScopes {
			seeing(t, w, func(ctx context.Context, view engine.View) error {
				got, err := MembershipsOfEach(ctx, view, scope, persons)
				for _, person := range persons {
					want, oneErr := MembershipsOf(ctx, view, scope, person)
					if !slices.Equal(got[person], want) || oneErr != nil {
						t.Errorf("%s as %s: got %v, want %v, %v", short(person), name, got[person], want, oneErr)
					}
				}
				return err
			})
		}
	})
}

// BenchmarkMembershipsOf looks up 1 and 64 of 100,000 members, as every request and many requests at
// once do.
func BenchmarkMembershipsOf(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		w := newWorld(b, address(b), People())
		fillPeople(b, w, 100_000)
		for _, n := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/persons=%d", name, n), func(b *testing.B) {
				i, scope := 0, SystemScope("bench")
				for b.Loop() {
					i = (i + 7_919) % 99_000
					w.read(PeopleName, func(view engine.View) error {
						got, err := MembershipsOfEach(b.Context(), view, scope, manyPersons(i, n))
						if len(got) != n {
							b.Fatalf("got %d persons with a business, want %d", len(got), n)
						}
						return err
					})
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/person")
			})
		}
	}
}
