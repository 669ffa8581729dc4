package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// benchRow has the columns of a case in a list: some hundred bytes of text, numbers and flags.
type benchRow struct {
	Ref                                                          string
	FRN, Stage, Product, Sector, Group, Issue, Handler, Envelope string
	A, B, C, D, E, F, G                                          int64
	Open, Priority, Suppressed, Small                            bool
}

var benchTable = &engine.Table[benchRow]{
	Spec: engine.Spec{Name: "bench", Key: 1, Indexes: []string{"frn, ref"}, Columns: benchColumns()},
	Fields: func(r *benchRow) []any {
		return []any{&r.Ref, &r.FRN, &r.Stage, &r.Product, &r.Sector, &r.Group, &r.Issue, &r.Handler, &r.Envelope,
			&r.A, &r.B, &r.C, &r.D, &r.E, &r.F, &r.G, &r.Open, &r.Priority, &r.Suppressed, &r.Small}
	},
}

func benchColumns() (list []engine.Column) {
	for name := range strings.FieldsSeq("ref frn stage product sector grp issue handler envelope") {
		list = append(list, engine.Column{Name: name, Type: engine.Text})
	}
	for name := range strings.FieldsSeq("a b c d e f g") {
		list = append(list, engine.Column{Name: name, Type: engine.BigInt})
	}
	for name := range strings.FieldsSeq("open priority suppressed small") {
		list = append(list, engine.Column{Name: name, Type: engine.Boolean})
	}
	return list
}

var benchProjection = engine.Projection{
	Name: "toys", Version: 1, Tables: []engine.AnyTable{benchTable},
	Key: func(e engine.Event) (string, bool) { return string(e.Stream), true },
	Fold: func(rows *engine.Rows, e engine.Event) error {
		row := benchTable.Get(rows, string(e.Stream))
		if row == nil {
			row = benchTable.Put(rows, benchRow{Ref: string(e.Stream), FRN: "123456", Product: "Hire purchase", Sector: "Consumer credit",
				Group: "Motor finance", Issue: "Commission not disclosed", Handler: "Team 4", Envelope: string(e.Data), Open: true})
		}
		row.A++
		row.B += int64(len(e.Data))
		row.C = e.RecordedAt.UnixMicro()
		row.Stage = strconv.FormatInt(row.A%9, 10)
		row.Priority = !row.Priority
		return nil
	},
}

// BenchmarkProject folds a log of cases of 10 events, interleaved, into one table.
func BenchmarkProject(b *testing.B) {
	const cases, length = 4_900, 10 // fewer events than a runner fills empty tables by a rebuild for
	for name, address := range map[string]func(testing.TB) string{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, address(b))
			w.fillCases(cases, length)
			config := engine.Config{Store: w.store, Log: w.log, Projection: benchProjection, Logger: slog.New(slog.DiscardHandler),
				Prepare: func(_ context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
					events := make([]engine.Event, len(recorded))
					for i, r := range recorded {
						events[i].Recorded, events[i].Event = r, r.Type
					}
					return events, nil
				}}
			rate := func(b *testing.B, run func()) {
				started := time.Now()
				for range b.N {
					run()
				}
				b.ReportMetric(float64(b.N*cases*length)/time.Since(started).Seconds(), "events/s")
			}
			for _, batch := range []int{1_000, 5_000} {
				b.Run(fmt.Sprint("live-", batch), func(b *testing.B) {
					config := config
					config.BatchEventsMax = batch
					rate(b, func() {
						b.StopTimer()
						w.forget()
						b.StartTimer()
						w.catchUp(config)
					})
				})
			}
			b.Run("rebuild", func(b *testing.B) {
				rate(b, func() {
					if _, err := engine.Rebuild(b.Context(), config, engine.Options{}); err != nil {
						b.Fatal(err)
					}
				})
			})
			b.Run("verify", func(b *testing.B) {
				rate(b, func() {
					if report, err := engine.Verify(b.Context(), config, engine.Options{}); err != nil || report.Differences > 0 {
						b.Fatal(err, report.List)
					}
				})
			})
		})
	}
}

// forget makes the engine forget the projection, so that it starts from the first event.
func (w *world) forget() {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx engine.Tx) error {
		for _, statement := range []string{"DELETE FROM engine_projections", "DELETE FROM engine_generations",
			"DROP TABLE IF EXISTS bench_1", "DROP TABLE IF EXISTS toys_parked_1"} {
			if _, err := tx.Exec(w.t.Context(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// fillCases appends the events of cases, round by round, of about 400 bytes each.
func (w *world) fillCases(cases, length int) {
	w.t.Helper()
	data := []byte(`{"x":"` + strings.Repeat("e", 390) + `"}`)
	var appending errgroup.Group
	appending.SetLimit(256)
	for range length {
		for i := range cases {
			appending.Go(func() error {
				_, err := w.log.Append(w.t.Context(), eventstore.StreamName(fmt.Sprintf("jar-%06d", i)), eventstore.Any,
					eventstore.Event{ID: uuid.New(), Type: "bench.v1", Data: data, Metadata: []byte("{}")})
				return err
			})
		}
	}
	if err := appending.Wait(); err != nil {
		w.t.Fatal(err)
	}
}
