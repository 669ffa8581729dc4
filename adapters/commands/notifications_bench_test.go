package commands_test

import (
	"fmt"
	"testing"

	"casesync/adapters/commands"
	"casesync/eventstore/sqldb/sqldbtest"
)

// BenchmarkNotifyMany measures one command on as many cases as it may have, of which none is in memory at first.
func BenchmarkNotifyMany(b *testing.B) {
	for _, database := range []struct {
		name    string
		address func(testing.TB) string
	}{{"sqlite", sqldbtest.SQLite}, {"postgres", sqldbtest.Postgres}} {
		b.Run(database.name, func(b *testing.B) {
			w := newWorld(b, database.address(b))
			o := newOffice(w)
			var refs []string
			for n := range commands.CasesMax {
				refs = append(refs, w.convert(fmt.Sprintf("R-%d", n), frn))
			}
			for b.Loop() {
				b.StopTimer()
				desk := w.desk(w.log)
				b.StartTimer()
				results, _, err := desk.NotifyMany(b.Context(), o.cas, refs, update, message)
				if err != nil || results[len(results)-1].Status != commands.ResultDone {
					b.Fatalf("got %v, want all sent", err)
				}
			}
		})
	}
}
