// Package readmodel keeps read models in SQLite or PostgreSQL: it is the engine's Store on both.
// It promises that a transaction is all or nothing, that a view is one consistent snapshot that
// waits for no writer, and that the same text, numbers and order come back from either database.
//
// A commit survives the end of the process but not a power cut, after which the last moments of it
// may be missing, rows and checkpoint together: they are computed again from the log.
package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"casesync/eventstore/sqldb"
	"casesync/projections/engine"
)

// Store is a database of read models. It tells those who wait in this process of each change.
type Store struct {
	database
	engine.Broadcast
}

// database is what differs between the two.
type database interface {
	engine.Store
	// Close waits for what is under way, and closes all connections.
	Close() error
}

// Open opens the database at address, "sqlite:PATH" or "postgres://…", and makes the engine's own
// tables in it where they are missing. A crash there leaves all of them or none.
func Open(ctx context.Context, address string) (*Store, error) {
	dialect, _, err := sqldb.ParseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("open read model: %w", err)
	}
	store := &Store{}
	if dialect == sqldb.SQLite {
		store.database, err = openSQLite(ctx, address)
	} else {
		store.database, err = openPostgres(ctx, address)
	}
	if err != nil {
		return nil, fmt.Errorf("open read model: %w", err)
	}
	if err := engine.Setup(ctx, store); err != nil {
		return nil, errors.Join(fmt.Errorf("open read model: %w", err), store.Close())
	}
	return store, nil
}

// checkText refuses what PostgreSQL cannot hold, on SQLite too, so that no read model depends on
// where it is kept.
func checkText(changes engine.Changes) error {
	lists := [][][]any{changes.Insert, changes.Add, changes.Delete}
	for _, update := range changes.Update {
		lists = append(lists, update.Rows)
	}
	for _, rows := range lists {
		for _, row := range rows {
			for i, value := range row {
				if text, ok := value.(string); ok && (!utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0) {
					return fmt.Errorf("column %s of a row with key %q: %w",
						changes.Columns[i].Name, fmt.Sprint(row[:changes.Key]...), engine.ErrText)
				}
			}
		}
	}
	return nil
}

// names lists the names of columns, each through form.
func names(columns []engine.Column, form func(string) string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = form(column.Name)
	}
	return strings.Join(list, ", ")
}

func plain(name string) string { return name }

// onConflict is the end of an insert that adds to the columns after the key of what is there, which
// the text names with prefix before it.
func onConflict(changes engine.Changes, prefix string) string {
	return " ON CONFLICT (" + names(changes.Columns[:changes.Key], plain) + ") DO UPDATE SET " +
		names(changes.Columns[changes.Key:], func(name string) string { return name + " = " + prefix + name + " + excluded." + name })
}

// selected are the columns at the places of an update.
func selected(columns []engine.Column, places []int) []engine.Column {
	list := make([]engine.Column, len(places))
	for i, place := range places {
		list[i] = columns[place]
	}
	return list
}

// errGone is returned for a row to update that is not there.
var errGone = errors.New("a row to update is not there")

// lowered are the rows to add that may leave nothing where they are added.
func lowered(changes engine.Changes) [][]any {
	var rows [][]any
	for _, row := range changes.Add {
		for _, n := range row[changes.Key:] {
			if n.(int64) < 0 {
				rows = append(rows, row)
				break
			}
		}
	}
	return rows
}

// allZero is the condition that nothing is left in the columns after the key.
func allZero(changes engine.Changes, prefix string) string {
	var text strings.Builder
	for _, column := range changes.Columns[changes.Key:] {
		text.WriteString(" AND " + prefix + column.Name + " = 0")
	}
	return text.String()
}
