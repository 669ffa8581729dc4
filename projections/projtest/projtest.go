// Package projtest tests projections: given events, which rows come of them. It promises that what a
// test sees went the whole way of a real event, through the codec with its sealing, a real log and
// the engine's runner, into SQLite and into PostgreSQL, and that both hold the same rows as a rebuild
// does and as folding one event at a time does.
package projtest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/keyring"
	"casesync/adapters/readmodel"
	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
	"casesync/projections/engine"
)

// Given is an event, or several recorded together, on a stream.
type Given struct {
	Stream eventstore.StreamName
	Events []any // as the catalog knows them
	// At is when it happened and was recorded; an hour after the one before if zero.
	At time.Time
}

// On is what happened on stream.
func On(stream string, events ...any) Given {
	return Given{Stream: eventstore.StreamName(stream), Events: events}
}

// Begin is when a world's clock starts.
var Begin = time.Date(2025, 1, 1, 9, 0, 0, 0, time.UTC)

// World is a log and the read models of it in one database.
type World struct {
	Log   eventstore.Log
	Codec *eventstore.Codec
	Ring  *keyring.Ring
	Store *readmodel.Store
	// Now is the log's clock, moved by Record.
	Now time.Time

	t           testing.TB
	recording   sync.Mutex
	words       func(string) []string
	projections []engine.Projection
}

// New returns an empty world whose read models are at address. Words is what events give to folds.
func New(tb testing.TB, address string, words func(string) []string, projections ...engine.Projection) *World {
	tb.Helper()
	w := &World{Now: Begin, t: tb, words: words, projections: projections}
	dir := tb.TempDir()
	log, err := sqlitelog.Open(tb.Context(), filepath.Join(dir, "log.db"), sqlitelog.Config{Now: func() time.Time { return w.Now }})
	must(tb, err)
	tb.Cleanup(func() { log.Close() })
	w.Log = log
	db, err := sqldb.Open(tb.Context(), "sqlite:"+filepath.Join(dir, "keys.db"))
	must(tb, err)
	tb.Cleanup(func() { db.Close() })
	ring, err := keyring.Open(tb.Context(), db, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	must(tb, err)
	tb.Cleanup(ring.Close)
	w.Ring, w.Codec = ring, eventstore.NewCodec(catalog.New(), ring)
	w.Store, err = readmodel.Open(tb.Context(), address)
	must(tb, err)
	tb.Cleanup(func() { w.Store.Close() })
	return w
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Record appends what is given to the log, in order. It may be called by several goroutines, which take turns.
func (w *World) Record(given ...Given) {
	w.t.Helper()
	w.recording.Lock()
	defer w.recording.Unlock()
	for _, g := range given {
		w.Now = w.Now.Add(time.Hour)
		if !g.At.IsZero() {
			w.Now = g.At
		}
		meta := eventstore.Metadata{CommandID: uuid.New(), Actor: "system:test", OccurredAt: w.Now}
		events, err := w.Codec.Encode(w.t.Context(), g.Stream, meta, g.Events...)
		must(w.t, err)
		_, err = w.Log.Append(w.t.Context(), g.Stream, eventstore.Any, events...)
		must(w.t, err)
	}
}

// Config is the engine's, for one projection of the world.
func (w *World) Config(projection engine.Projection) engine.Config {
	return engine.Config{Store: w.Store, Log: w.Log, Prepare: engine.NewPrepare(w.Codec, w.words), Projection: projection,
		Now: func() time.Time { return w.Now }, Logger: slog.New(slog.DiscardHandler)}
}

// Project brings every projection up to the end of the log, by its runner.
func (w *World) Project() {
	w.t.Helper()
	var end eventstore.Position
	for e, err := range w.Log.ReadAll(w.t.Context(), end) {
		must(w.t, err)
		end = e.Position
	}
	for _, projection := range w.projections {
		w.project(projection, end)
	}
}

func (w *World) project(projection engine.Projection, end eventstore.Position) {
	w.t.Helper()
	runner, err := engine.NewRunner(w.Config(projection))
	must(w.t, err)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	if err := engine.WaitFor(ctx, w.Store, projection.Name, end); err != nil {
		w.t.Error(err)
	}
	cancel()
	must(w.t, <-done)
}

// Rows returns the rows of a projection's live tables by table, each as "column=value" in the order
// of the columns, sorted; columns that depend on when an event was recorded are left out.
func (w *World) Rows(projection engine.Projection) map[string][]string {
	w.t.Helper()
	all := map[string][]string{}
	err := engine.Read(w.t.Context(), w.Store, projection.Name, func(view engine.View) error {
		for _, table := range projection.Tables {
			spec := table.Describe()
			rows, err := readTable(w.t.Context(), view, spec)
			if err != nil {
				return err
			}
			all[spec.Name] = rows
		}
		return nil
	})
	must(w.t, err)
	return all
}

func readTable(ctx context.Context, view engine.View, spec engine.Spec) ([]string, error) {
	var names []string
	var dest []any
	for _, column := range spec.Columns {
		names = append(names, column.Name)
		switch column.Type {
		case engine.Text:
			dest = append(dest, new(string))
		case engine.BigInt:
			dest = append(dest, new(int64))
		case engine.Boolean:
			dest = append(dest, new(bool))
		}
	}
	cursor, err := view.Query(ctx, "SELECT "+strings.Join(names, ", ")+" FROM {"+spec.Name+"}")
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	rows := []string{}
	for cursor.Next() {
		if err := cursor.Scan(dest...); err != nil {
			return nil, err
		}
		rows = append(rows, rowText(spec, names, dest))
	}
	slices.Sort(rows)
	return rows, cursor.Err()
}

func rowText(spec engine.Spec, names []string, fields []any) string {
	var text []string
	for i, name := range names {
		if slices.Contains(spec.Aside, name) {
			continue
		}
		switch field := fields[i].(type) {
		case *string:
			text = append(text, fmt.Sprintf("%s=%s", name, *field))
		case *int64:
			text = append(text, fmt.Sprintf("%s=%d", name, *field))
		case *bool:
			text = append(text, fmt.Sprintf("%s=%t", name, *field))
		}
	}
	return strings.Join(text, " ")
}

// Each runs test in a world on each database, after what is given was recorded and projected there,
// and makes sure that the read models can be computed again to the same rows.
func Each(t *testing.T, words func(string) []string, projections []engine.Projection, given []Given, test func(t *testing.T, w *World)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := New(t, address, words, projections...)
		w.Record(given...)
		w.Project()
		w.Check()
		test(t, w)
	})
}

// Check makes sure that nothing is parked, that a verification finds no difference, and that folding
// one event at a time gives the same rows.
func (w *World) Check() {
	w.t.Helper()
	for _, projection := range w.projections {
		parked, err := engine.ListParked(w.t.Context(), w.Store, projection.Name, "", 10)
		must(w.t, err)
		if len(parked) > 0 {
			w.t.Errorf("%s: got parked %+v, want none", projection.Name, parked)
		}
		config := w.Config(projection)
		config.BatchEventsMax = 1
		for what, run := range map[string]func(context.Context, engine.Config, engine.Options) (engine.Report, error){
			"rebuild": engine.Rebuild, "verify": engine.Verify} {
			report, err := run(w.t.Context(), config, engine.Options{})
			must(w.t, err)
			if !report.Compared || report.Differences > 0 {
				w.t.Errorf("%s %s: got %d differences, compared %t: %v", what, projection.Name, report.Differences, report.Compared, report.List)
			}
		}
	}
}

// Want compares the rows of one of a projection's tables with those wanted, in any order.
func (w *World) Want(projection engine.Projection, table string, want ...string) {
	w.t.Helper()
	got := w.Rows(projection)[table]
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: got rows\n\t%s\nwant\n\t%s", table, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
