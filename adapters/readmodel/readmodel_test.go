package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"casesync/adapters/readmodel"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

var columns = []engine.Column{{Name: "ref", Type: engine.Text}, {Name: "n", Type: engine.BigInt},
	{Name: "open", Type: engine.Boolean}, {Name: "title", Type: engine.Text}}

// each runs test on a store with a table "cases" on each database.
func each(t *testing.T, test func(t *testing.T, store *readmodel.Store)) {
	sqldbtest.Each(t, func(t *testing.T, address string) {
		store, err := readmodel.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		update(t, store, func(ctx context.Context, tx engine.Tx) error {
			return errors.Join(tx.CreateTable(ctx, "cases", engine.Spec{Columns: columns, Key: 1, Wide: true}), tx.CreateTable(ctx, "sums", engine.Spec{Columns: sums, Key: 2}))
		})
		test(t, store)
	})
}

var sums = []engine.Column{{Name: "frn", Type: engine.Text}, {Name: "day", Type: engine.BigInt},
	{Name: "n", Type: engine.BigInt}, {Name: "m", Type: engine.BigInt}}

func update(t *testing.T, store engine.Store, f func(context.Context, engine.Tx) error) {
	t.Helper()
	if err := store.Update(t.Context(), func(tx engine.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, store engine.Store, changes engine.Changes) {
	t.Helper()
	update(t, store, func(ctx context.Context, tx engine.Tx) error { return tx.Write(ctx, changes) })
}

// cases are changes to the table cases.
func cases(c engine.Changes) engine.Changes {
	c.Table, c.Columns, c.Key = "cases", columns, 1
	return c
}

func read(t *testing.T, store engine.Store, query string, args ...any) [][]any {
	t.Helper()
	var rows [][]any
	err := store.View(t.Context(), func(snapshot engine.Snapshot) (err error) {
		rows, err = scan(t.Context(), snapshot, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func scan(ctx context.Context, snapshot engine.Snapshot, query string, args ...any) (rows [][]any, err error) {
	cursor, err := snapshot.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	for cursor.Next() {
		var ref, title string
		var n int64
		var open bool
		if err := cursor.Scan(&ref, &n, &open, &title); err != nil {
			return nil, err
		}
		rows = append(rows, []any{ref, n, open, title})
	}
	return rows, cursor.Err()
}

func same(t *testing.T, got, want [][]any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got rows %v, want %v", got, want)
	}
}

const all = "SELECT ref, n, open, title FROM cases ORDER BY ref"

func TestWriteInsertsReplacesAndDeletes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		write(t, store, cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, "é"}, {"b", int64(-2), false, ""}, {"c", int64(1 << 62), true, "'; DROP"}}}))
		write(t, store, cases(engine.Changes{
			Insert: [][]any{{"d", int64(4), false, "d"}, {"e", int64(5), true, "e"}},
			Update: []engine.Update{{Set: []int{1, 2, 3}, Rows: [][]any{{"a", int64(9), false, "new"}}}},
			Delete: [][]any{{"b"}, {"not there"}}}))
		same(t, read(t, store, all), [][]any{{"a", int64(9), false, "new"}, {"c", int64(1 << 62), true, "'; DROP"},
			{"d", int64(4), false, "d"}, {"e", int64(5), true, "e"}})
		same(t, read(t, store, "SELECT ref, n, open, title FROM cases WHERE open AND n > $2 AND ref <> $1 ORDER BY ref", "c", int64(0)),
			[][]any{{"e", int64(5), true, "e"}})
	})
}

// TestUpdatesChangeTheirColumns, by whatever columns they are grouped, and leave nothing where a row
// is not there.
func TestUpdatesChangeTheirColumns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		write(t, store, cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, "a"}, {"b", int64(2), true, "b"}, {"c", int64(3), true, "c"}}}))
		write(t, store, cases(engine.Changes{Update: []engine.Update{
			{Set: []int{1}, Rows: [][]any{{"a", int64(10), true, "a"}, {"c", int64(30), true, "c"}}},
			{Set: []int{2, 3}, Rows: [][]any{{"b", int64(2), false, "new"}}},
		}}))
		want := [][]any{{"a", int64(10), true, "a"}, {"b", int64(2), false, "new"}, {"c", int64(30), true, "c"}}
		same(t, read(t, store, all), want)
		err := store.Update(t.Context(), func(tx engine.Tx) error {
			return tx.Write(t.Context(), cases(engine.Changes{Update: []engine.Update{
				{Set: []int{1}, Rows: [][]any{{"a", int64(11), true, "a"}, {"nobody", int64(1), true, ""}}}}}))
		})
		if err == nil {
			t.Error("updating a row that is not there: got no error")
		}
		same(t, read(t, store, all), want)
	})
}

func TestADeletedKeyCanBeInsertedInTheSameWrite(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{1, 200} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, store *readmodel.Store) {
				var insert, remove [][]any
				for i := range rows {
					insert = append(insert, []any{fmt.Sprint(i), int64(i), true, ""})
					remove = append(remove, []any{fmt.Sprint(i)})
				}
				write(t, store, cases(engine.Changes{Insert: insert}))
				write(t, store, cases(engine.Changes{Insert: insert, Delete: remove}))
				if got := len(read(t, store, all)); got != rows {
					t.Errorf("got %d rows, want %d", got, rows)
				}
			})
		})
	}
}

func TestWriteAddsAndDeletesWhatComesToNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		add := func(rows ...[]any) {
			write(t, store, engine.Changes{Table: "sums", Columns: sums, Key: 2, Add: rows})
		}
		add([]any{"1", int64(1), int64(2), int64(-3)}, []any{"1", int64(2), int64(5), int64(0)})
		add([]any{"1", int64(1), int64(-5), int64(7)})
		same(t, read(t, store, "SELECT CAST(day AS TEXT), n, m = 0, frn FROM sums ORDER BY day"),
			[][]any{{"1", int64(-3), false, "1"}, {"2", int64(5), true, "1"}})
		add([]any{"1", int64(1), int64(3), int64(-4)}, []any{"1", int64(2), int64(-5), int64(1)})
		same(t, read(t, store, "SELECT CAST(day AS TEXT), n, m = 1, frn FROM sums ORDER BY day"), [][]any{{"2", int64(0), true, "1"}})
	})
}

// A batch of a rebuild has more values than either database takes parameters.
func TestBigBatches(t *testing.T) {
	t.Parallel()
	const rows = 40_000
	each(t, func(t *testing.T, store *readmodel.Store) {
		var insert, replace, remove [][]any
		var keys []string
		for i := range rows {
			key := fmt.Sprintf("%06d", i)
			keys = append(keys, key)
			insert = append(insert, []any{key, int64(i), false, "old"})
			if i%2 == 0 {
				replace = append(replace, []any{key, int64(i), true, "new"})
			} else {
				remove = append(remove, []any{key})
			}
		}
		write(t, store, cases(engine.Changes{Insert: insert}))
		write(t, store, cases(engine.Changes{Update: []engine.Update{{Set: []int{2, 3}, Rows: replace}}, Delete: remove}))
		update(t, store, func(ctx context.Context, tx engine.Tx) error {
			cursor, err := tx.LoadKeys(ctx, "cases", columns, keys)
			if err != nil {
				return err
			}
			defer cursor.Close()
			got := 0
			for ; cursor.Next(); got++ {
			}
			if got != rows/2 {
				t.Errorf("got %d of %d keys, want %d", got, rows, rows/2)
			}
			return cursor.Err()
		})
	})
}

func TestLoadKeysTakesAnyText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		odd := []string{"", " ", `"`, `\`, "'", "é", "%", "\u2028", "{a,b}", "NULL", "\U0001F4A9"}
		var insert [][]any
		for i, key := range odd {
			insert = append(insert, []any{key, int64(i), true, key})
		}
		write(t, store, cases(engine.Changes{Insert: insert}))
		for i, key := range odd {
			update(t, store, func(ctx context.Context, tx engine.Tx) error {
				cursor, err := tx.LoadKeys(ctx, "cases", columns, []string{key, "not there"})
				if err != nil {
					return err
				}
				defer cursor.Close()
				var ref, title string
				var n int64
				var open bool
				if !cursor.Next() {
					t.Errorf("key %q was not loaded", key)
					return cursor.Err()
				}
				if err := cursor.Scan(&ref, &n, &open, &title); err != nil {
					return err
				}
				if ref != key || n != int64(i) || title != key {
					t.Errorf("got %q %d %q for key %q", ref, n, title, key)
				}
				return nil
			})
		}
	})
}

// SQLite would take it and PostgreSQL would not: neither may.
func TestTextThatPostgreSQLCannotHoldIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		for _, text := range []string{"a\x00b", "\xff\xfe", "caf\xe9"} {
			err := store.Update(t.Context(), func(tx engine.Tx) error {
				return tx.Write(t.Context(), cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, text}}}))
			})
			if !errors.Is(err, engine.ErrText) {
				t.Errorf("writing %q: got %v, want %v", text, err, engine.ErrText)
			}
		}
		same(t, read(t, store, all), nil)
	})
}

func TestAFailedUpdateLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		fault := errors.New("fault")
		err := store.Update(t.Context(), func(tx engine.Tx) error {
			if err := tx.Write(t.Context(), cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, ""}}})); err != nil {
				return err
			}
			return fault
		})
		if !errors.Is(err, fault) {
			t.Errorf("got %v, want %v", err, fault)
		}
		insert := cases(engine.Changes{Insert: [][]any{{"b", int64(1), true, ""}}})
		write(t, store, insert)
		if err := store.Update(t.Context(), func(tx engine.Tx) error { return tx.Write(t.Context(), insert) }); err == nil {
			t.Error("inserting a row that is there: got no error")
		}
		same(t, read(t, store, all), [][]any{{"b", int64(1), true, ""}})
	})
}

func TestAViewIsOneSnapshotAndCannotWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		write(t, store, cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, ""}}}))
		err := store.View(t.Context(), func(snapshot engine.Snapshot) error {
			before, err := scan(t.Context(), snapshot, all)
			if err != nil {
				return err
			}
			write(t, store, cases(engine.Changes{Insert: [][]any{{"b", int64(1), true, ""}}}))
			after, err := scan(t.Context(), snapshot, all)
			same(t, after, before)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if got := len(read(t, store, all)); got != 2 {
			t.Errorf("got %d rows in a new view, want 2", got)
		}
	})
}

func TestAViewSurvivesAFailedQuery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		for range 40 { // more than there are connections
			for _, query := range []string{"SELECT * FROM no_such_table", "SELEC", all + " LIMIT $1"} {
				err := store.View(t.Context(), func(snapshot engine.Snapshot) error {
					_, err := snapshot.Query(t.Context(), query)
					return err
				})
				if err == nil {
					t.Fatalf("%q: got no error", query)
				}
			}
		}
		same(t, read(t, store, all), nil)
	})
}

func TestACursorMayBeLeftOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		write(t, store, cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, ""}, {"b", int64(1), true, ""}}}))
		for range 40 {
			err := store.View(t.Context(), func(snapshot engine.Snapshot) error {
				cursor, err := snapshot.Query(t.Context(), all)
				if err == nil {
					cursor.Next()
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTextComparesByBytes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		var insert [][]any
		for _, key := range []string{"é", "a", "B", "Z", "-", "_", "a-b", "ab", "A"} {
			insert = append(insert, []any{key, int64(0), true, ""})
		}
		write(t, store, cases(engine.Changes{Insert: insert}))
		var got []string
		for _, row := range read(t, store, all) {
			got = append(got, row[0].(string))
		}
		if want := []string{"-", "A", "B", "Z", "_", "a", "a-b", "ab", "é"}; !reflect.DeepEqual(got, want) {
			t.Errorf("got order %q, want %q", got, want)
		}
	})
}

func TestACancelledUpdateLeavesTheStoreUsable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, store *readmodel.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		err := store.Update(ctx, func(tx engine.Tx) error {
			if err := tx.Write(ctx, cases(engine.Changes{Insert: [][]any{{"a", int64(1), true, ""}}})); err != nil {
				return err
			}
			cancel()
			return tx.Write(ctx, cases(engine.Changes{Insert: [][]any{{"b", int64(1), true, ""}}}))
		})
		if err == nil {
			t.Error("got no error from an update that was cancelled")
		}
		same(t, read(t, store, all), nil)
		write(t, store, cases(engine.Changes{Insert: [][]any{{"c", int64(1), true, ""}}}))
		same(t, read(t, store, all), [][]any{{"c", int64(1), true, ""}})
	})
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		failures := make(chan error, 8)
		for range cap(failures) {
			go func() {
				store, err := readmodel.Open(t.Context(), address)
				if err == nil {
					err = store.Close()
				}
				failures <- err
			}()
		}
		for range cap(failures) {
			if err := <-failures; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "mysql://x", "sqlite:", "postgres://nobody:secret@127.0.0.1:1/none?connect_timeout=1"} {
		if store, err := readmodel.Open(t.Context(), address); err == nil {
			store.Close()
			t.Errorf("%q: got no error", address)
		}
	}
}
