package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"casesync/adapters/readmodel"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
	"casesync/projections/engine"
)

// The toy projection counts marbles: a jar is a stream, marbles are put in and taken out, jars move
// between shelves, and what is on a shelf is a sum.

type marble struct {
	Op     string `json:"op"`
	Name   string `json:"name,omitempty"`
	Weight int64  `json:"weight,omitempty"`
}

type jarRow struct {
	Jar, Shelf string
	Marbles    int64
	Heavy      bool
	Position   int64
}

type marbleRow struct {
	Jar, Name string
	Weight    int64
}

type shelfRow struct {
	Shelf         string
	Heavy         bool
	Jars, Marbles int64
}

var jars = &engine.Table[jarRow]{
	Spec: engine.Spec{Name: "jars", Key: 1, Columns: []engine.Column{{Name: "jar", Type: engine.Text}, {Name: "shelf", Type: engine.Text},
		{Name: "marbles", Type: engine.BigInt}, {Name: "heavy", Type: engine.Boolean}, {Name: "position", Type: engine.BigInt}},
		Indexes: []string{"shelf, jar", "jar WHERE heavy"}},
	Fields: func(r *jarRow) []any { return []any{&r.Jar, &r.Shelf, &r.Marbles, &r.Heavy, &r.Position} },
}

var marbles = &engine.Table[marbleRow]{
	Spec: engine.Spec{Name: "marbles", Key: 2, Private: []string{"weight"}, Columns: []engine.Column{{Name: "jar", Type: engine.Text},
		{Name: "name", Type: engine.Text}, {Name: "weight", Type: engine.BigInt}}},
	Fields: func(r *marbleRow) []any { return []any{&r.Jar, &r.Name, &r.Weight} },
}

var shelves = &engine.Table[shelfRow]{
	Spec: engine.Spec{Name: "shelves", Key: 2, Kind: engine.Summed, Columns: []engine.Column{{Name: "shelf", Type: engine.Text},
		{Name: "heavy", Type: engine.Boolean}, {Name: "jars", Type: engine.BigInt}, {Name: "marbles", Type: engine.BigInt}}},
	Fields: func(r *shelfRow) []any { return []any{&r.Shelf, &r.Heavy, &r.Jars, &r.Marbles} },
}

func toy() engine.Projection {
	return engine.Projection{
		Name: "toys", Version: 1, Tables: []engine.AnyTable{jars, marbles, shelves},
		Key: func(e engine.Event) (string, bool) {
			if m, ok := e.Event.(*marble); ok && m.Op == "panic in key" {
				panic("no key")
			}
			return strings.CutPrefix(string(e.Stream), "jar-")
		},
		Fold: foldMarble,
		Streams: func(key string) []eventstore.StreamName {
			return []eventstore.StreamName{eventstore.StreamName("jar-" + key)}
		},
	}
}

var errPoison = errors.New("poison")

func foldMarble(rows *engine.Rows, e engine.Event) error {
	m := e.Event.(*marble)
	jar := strings.TrimPrefix(string(e.Stream), "jar-")
	row := jars.Get(rows, jar)
	if row == nil {
		row = jars.Put(rows, jarRow{Jar: jar})
	} else {
		shelves.Put(rows, shelfRow{row.Shelf, row.Heavy, -1, -row.Marbles})
	}
	row.Position = int64(e.Position.Major)
	switch m.Op {
	case "put":
		marbles.Put(rows, marbleRow{jar, m.Name, m.Weight})
	case "take":
		marbles.Delete(rows, jar, m.Name)
	case "move":
		row.Shelf = m.Name
	case "poison":
		marbles.Put(rows, marbleRow{jar, "half", 1}) // must not stay
		return errPoison
	case "panic":
		marbles.Delete(rows, jar, m.Name)
		panic("marble " + m.Name)
	case "text":
		marbles.Put(rows, marbleRow{jar, "bad \xff text", 1})
	case "stray":
		marbles.Put(rows, marbleRow{"other", "stray", 1})
	}
	all := marbles.All(rows, jar)
	row.Marbles, row.Heavy = int64(len(all)), false
	for _, m := range all {
		row.Heavy = row.Heavy || m.Weight > 90
	}
	shelves.Put(rows, shelfRow{row.Shelf, row.Heavy, 1, row.Marbles})
	return nil
}

// decode prepares toy events; those of type toy.unknown have no Event.
func decode(_ context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
	events := make([]engine.Event, len(recorded))
	for i, r := range recorded {
		events[i].Recorded = r
		if r.Type != "toy.marble.v1" {
			continue
		}
		var m marble
		if err := json.Unmarshal(r.Data, &m); err != nil {
			events[i].Err = err
			continue
		}
		events[i].Event = &m
	}
	return events, nil
}

type jarEvent struct {
	jar string
	marble
}

func put(jar, name string, weight int64) jarEvent { return jarEvent{jar, marble{"put", name, weight}} }
func do(op, jar, name string) jarEvent            { return jarEvent{jar, marble{op, name, 0}} }

// world is a log and a read model.
type world struct {
	t     testing.TB
	log   *sqlitelog.Log
	store *readmodel.Store
	ids   int64
	batch []jarEvent // for appendBatch
}

// each runs test in a fresh world on each database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address)) })
}

func newWorld(tb testing.TB, address string) *world {
	tb.Helper()
	log, err := sqlitelog.Open(tb.Context(), filepath.Join(tb.TempDir(), "log.db"), sqlitelog.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { log.Close() })
	store, err := readmodel.Open(tb.Context(), address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { store.Close() })
	return &world{t: tb, log: log, store: store}
}

func (w *world) append(events ...jarEvent) {
	w.t.Helper()
	for _, e := range events {
		data, err := json.Marshal(e.marble)
		if err != nil {
			w.t.Fatal(err)
		}
		w.appendRaw(e.jar, "toy.marble.v1", string(data))
	}
}

// appendBatch appends w.batch at once by jars, and empties it: each jar's events keep their order.
func (w *world) appendBatch() {
	w.t.Helper()
	byJar := map[string][]eventstore.Event{}
	for _, e := range w.batch {
		data, err := json.Marshal(e.marble)
		if err != nil {
			w.t.Fatal(err)
		}
		byJar[e.jar] = append(byJar[e.jar], eventstore.Event{ID: uuid.New(), Type: "toy.marble.v1", Data: data, Metadata: []byte("{}")})
	}
	w.batch = nil
	var appending errgroup.Group
	appending.SetLimit(64)
	for jar, events := range byJar {
		appending.Go(func() error {
			_, err := w.log.Append(w.t.Context(), eventstore.StreamName("jar-"+jar), eventstore.Any, events...)
			return err
		})
	}
	if err := appending.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) appendRaw(jar, kind, data string) {
	w.t.Helper()
	w.ids++
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, w.ids))
	if _, err := w.log.Append(w.t.Context(), eventstore.StreamName("jar-"+jar), eventstore.Any,
		eventstore.Event{ID: id, Type: kind, Data: []byte(data), Metadata: []byte("{}")}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) config() engine.Config {
	return engine.Config{Store: w.store, Log: w.log, Prepare: decode, Projection: toy(), Holder: "a",
		LeaseTTL: 300 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
}

// run runs a runner of config until stop is called.
func (w *world) run(config engine.Config) (stop func() error) {
	w.t.Helper()
	runner, err := engine.NewRunner(config)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

// catchUp runs a runner until it has folded the whole log.
func (w *world) catchUp(config engine.Config) {
	w.t.Helper()
	stop := w.run(config)
	w.wait()
	if err := stop(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wait() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if err := engine.WaitFor(ctx, w.store, "toys", w.head()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) head() eventstore.Position {
	w.t.Helper()
	head, err := w.log.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return head.Position
}

// rows returns all rows of the live tables, as text.
func (w *world) rows() string {
	w.t.Helper()
	var text strings.Builder
	err := engine.Read(w.t.Context(), w.store, "toys", func(view engine.View) error {
		for _, query := range []string{
			"SELECT 'jar ' || jar || ' on ' || shelf, marbles, heavy, position FROM {jars} ORDER BY jar",
			"SELECT 'marble ' || jar || ' ' || name, weight, weight > 90, 0 FROM {marbles} ORDER BY jar, name",
			"SELECT 'shelf ' || shelf, jars, heavy, marbles FROM {shelves} ORDER BY shelf, heavy",
			"SELECT 'parked ' || key || ' ' || type, major, FALSE, waiting FROM {toys_parked} ORDER BY key",
		} {
			cursor, err := view.Query(w.t.Context(), query)
			if err != nil {
				return err
			}
			for cursor.Next() {
				var name string
				var a, c int64
				var b bool
				if err := cursor.Scan(&name, &a, &b, &c); err != nil {
					return err
				}
				fmt.Fprintln(&text, name, a, b, c)
			}
			if err := cursor.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return text.String()
}

func (w *world) want(rows string) {
	w.t.Helper()
	if got, want := w.rows(), strings.TrimLeft(rows, "\n"); got != want {
		w.t.Errorf("got rows\n%swant\n%s", got, want)
	}
}

// verify expects that the read model is what the log comes to.
func (w *world) verify() {
	w.t.Helper()
	report, err := engine.Verify(w.t.Context(), w.config(), engine.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	if report.Differences != 0 || report.Position != w.head() {
		w.t.Errorf("got %d differences at %s, want 0 at %s: %v", report.Differences, report.Position, w.head(), report.List)
	}
}
