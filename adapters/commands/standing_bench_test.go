package commands_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/eventstore/sqldb/sqldbtest"
)

// benchPersons is how many people ask in BenchmarkStanding, so that their accounts are not one stream.
const benchPersons = 64

// BenchmarkStanding measures what every request of a person begins with: his standing, read from the
// log. The businesses to ask come from memory here; which ones is the read model's matter.
func BenchmarkStanding(b *testing.B) {
	for _, database := range []struct {
		name    string
		address func(testing.TB) string
	}{{"sqlite", sqldbtest.SQLite}, {"postgres", sqldbtest.Postgres}} {
		for _, businesses := range []int{1, 5} {
			w := newWorld(b, database.address(b))
			persons, people := w.populate(businesses)
			for _, callers := range []int{1, 64} {
				b.Run(fmt.Sprintf("%s/businesses=%d/callers=%d", database.name, businesses, callers), func(b *testing.B) {
					benchStanding(b, people, persons, businesses, callers)
				})
			}
		}
	}
}

// populate makes people who are members of n businesses each, and returns them and their standing's source.
func (w *world) populate(n int) (persons []string, people *commands.People) {
	w.t.Helper()
	w.publish("2026-01")
	frns := make([]string, n)
	for i := range frns {
		frns[i] = fmt.Sprint(700001 + i)
		w.configure(frns[i], "example.com")
		for j := range benchPersons {
			person := w.join(frns[i], fmt.Sprintf("person%d@example.com", j), access.Caseworker)
			if i == 0 {
				persons = append(persons, person)
			}
		}
	}
	config := w.config(w.log)
	config.Memberships = func(context.Context, string) ([]string, error) { return frns, nil }
	people, err := commands.NewPeople(config)
	if err != nil {
		w.t.Fatalf("new people: %v", err)
	}
	return persons, people
}

// benchStanding reports the median and the 99th percentile of a call, in microseconds.
func benchStanding(b *testing.B, people *commands.People, persons []string, businesses, callers int) {
	for _, person := range persons { // every state in memory
		if _, err := people.Standing(b.Context(), person); err != nil {
			b.Fatal(err)
		}
	}
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for caller := range callers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(took)); i = next.Add(1) - 1 {
				start := time.Now()
				standing, err := people.Standing(b.Context(), persons[caller%len(persons)])
				if err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
				if got := len(standing.Principal.Grants); got != businesses {
					b.Errorf("grants: got %d, want %d", got, businesses)
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
