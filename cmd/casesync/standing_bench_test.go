package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/terms"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
)

// The people of BenchmarkStanding: so many, each at so many businesses, asking at once.
const (
	benchPersons    = 64
	benchBusinesses = 5
)

// BenchmarkStanding measures what every request of a person begins with, as it is served: which
// businesses may know him, of the read model, and what he may do there, of the log.
func BenchmarkStanding(b *testing.B) {
	for _, database := range []string{"sqlite", "postgres"} {
		s := foldSystem(b, database)
		if database == "postgres" {
			s.settings.LogAt = sqldbtest.Postgres(b)
		}
		persons := peopleOfBench(b, s)
		for _, callers := range []int{1, benchPersons} {
			b.Run(fmt.Sprintf("%s/callers=%d", database, callers), func(b *testing.B) { benchStanding(b, s, persons[:callers]) })
		}
	}
}

// peopleOfBench makes people who are members of several businesses each, and returns their ids.
func peopleOfBench(b *testing.B, s *system) (persons []string) {
	b.Helper()
	ctx, began := b.Context(), time.Now().Truncate(time.Second)
	s.now = func() time.Time { return began }
	s.settings.Serve.InvitationAge, s.settings.Serve.ResetAge = time.Hour, time.Hour
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	people, err := s.people(ctx)
	must(err)
	links, err := s.links(ctx)
	must(err)
	ask := commands.Ask{By: access.Principal{ID: "token:bench", Kind: access.Machine, Roles: []access.Role{access.Operator}}, Reason: "a measurement"}
	_, err = people.PublishTerms(ctx, ask, terms.TermsOfUse, "1", "Be fair.")
	must(err)
	for i := range benchBusinesses {
		frn := fmt.Sprint(700001 + i)
		_, err := people.ConfigureBusiness(ctx, ask, frn, []string{"example.com"}, account.Local, "")
		must(err)
		for j := range benchPersons {
			who := commands.Invitation{Name: "Sample Person", Email: fmt.Sprintf("person%d@example.com", j), Roles: []access.Role{access.Caseworker}}
			id, person, _, err := people.Invite(ctx, ask, frn, who)
			must(err)
			if i == 0 {
				must(people.NoteFactor(ctx, person, account.TOTP, 0))
				persons = append(persons, person)
			}
			link := commands.Link{Kind: commands.InvitationLink, Of: frn, ID: id, ExpiresAt: began.Add(time.Hour).UTC()}
			_, err = people.AcceptInvitation(ctx, links.Token(link), "")
			must(err)
		}
	}
	config, err := s.engineConfig(ctx, projections.People())
	must(err)
	keepUp(b, s, config)
	return persons
}

// benchStanding has each of persons ask again and again, and reports the median of a call.
func benchStanding(b *testing.B, s *system, persons []string) {
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for _, person := range persons {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(took)); i = next.Add(1) - 1 {
				start := time.Now()
				standing, err := s.openedPeople.Standing(b.Context(), person)
				took[i] = time.Since(start)
				if err != nil || len(standing.Principal.Grants) != benchBusinesses {
					b.Errorf("got %d businesses, %v, want %d", len(standing.Principal.Grants), err, benchBusinesses)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
