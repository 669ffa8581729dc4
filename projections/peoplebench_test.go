package projections

import (
	"fmt"
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/private"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/projtest"
)

// BenchmarkUnwanted runs each read model over a log of cases alone, 11 sealed facts each: what it costs
// a read model to pass over events that it does not want, beside what it costs to fold them.
func BenchmarkUnwanted(b *testing.B) {
	const cases, facts = 2_000, 11
	for _, projection := range All() {
		b.Run(projection.Name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := projtest.New(b, sqldbtest.SQLite(b), hashed, projection)
				for i := range cases {
					w.Record(projtest.On(fmt.Sprintf("casefile-C%05d", i), caseFacts(facts)...))
				}
				b.StartTimer()
				w.Project()
			}
			b.ReportMetric(float64(b.N*cases*facts)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func caseFacts(n int) []any {
	converted := convertedTo(ours, hirePurchase, at(0))
	converted.Details = private.Of(casefile.Details{Issue: new("Delay"), BusinessReference: new("AB-77"), Handler: new("Team 4")})
	converted.Consumer = private.Of(casefile.Party{Name: "Mara Quill", Email: "mara@example.com"})
	list := []any{converted}
	for i := 1; i < n; i++ {
		changed := &casefile.DetailsChanged{Origin: from(at(i)), Details: private.Of(casefile.Details{Handler: new("Team 5")})}
		list = append(list, changed)
	}
	return list
}
