// Package engine keeps read models: it runs pure folds over the log and writes the rows that come
// of them. A projection says which tables it has and how an event changes their rows; the engine
// does everything else, for every projection alike: reading, loading, bulk writing, checkpoints,
// fencing, parking, rebuilding, verifying.
//
// It promises that each event is folded once, in the order of its key, and that what is read is
// always the rows of one position: rows, the checkpoint (compared and set) and the lease's fence
// change in one transaction, so a crash leaves either the whole batch or nothing of it.
//
// Four things work on the same fold, so that they cannot disagree:
//
//   - a [Runner] keeps the live tables up with the log, in one process at a time;
//   - [Rebuild] computes a new generation of tables beside the live ones and switches to it by the
//     one row that names the live generation; [Rollback] switches back;
//   - [Verify] computes the rows in memory and compares;
//   - [Retry] and [Skip] mend a key that an event could not be folded into, which was parked: its
//     rows stay as before that event while all others go on.
//
// What fails, and how: an event that cannot be decoded, opened or folded, or whose type this binary
// does not know, parks its key. A database, log or key ring that cannot be reached is tried again. A
// log that is not the one the rows came of stops the runner with [ErrLogReplaced]. A holder that lost
// its lease writes nothing more. Everything here but the skips can be computed again from the log.
package engine

import (
	"context"
	"errors"

	"casesync/eventstore"
)

// Event is a recorded event as folds see it: decoded and opened, as far as its keys exist. Folds
// may copy what is confidential to the case in clear; of what is personal they copy only the
// envelope (private.Value.Envelope), and words.
type Event struct {
	eventstore.Decoded
	// Words turns text into keyed hashes of its normalised words and their beginnings, for search.
	// It is a pure function of the text and the search key.
	Words func(text string) []string
	// Err is why the event could not be decoded or opened: it was altered, or is malformed. Its key is
	// parked; folds never see it.
	Err error
}

// Prepare decodes and opens a batch of recorded events for folding, and returns as many in their
// order. An event of unknown type comes back with a nil Event field, one that cannot be decoded or
// opened with its Err set. An error says that the whole batch could not be prepared now (the key
// ring cannot be reached); it is tried again.
type Prepare func(ctx context.Context, recorded []eventstore.Recorded) ([]Event, error)

// Projection is a pure fold from events to rows of its own tables.
type Projection struct {
	// Name is stored; Version is raised whenever the fold or the tables change, and makes the
	// engine rebuild.
	Name    string
	Version int
	Tables  []AnyTable
	// Key names what an event is about ("1234" for a case), and is false for an event that the
	// projection does not want. Rows of keyed and appended tables belong to one key, their first
	// column, and only events of that key change them. An event of unknown type has a nil Event;
	// if its stream belongs to the projection its key is given all the same, and is parked.
	Key func(Event) (key string, wanted bool)
	// Fold changes rows. It does no I/O, and reads no clock. An error or a panic parks the event's
	// key: its rows stay as they were before the event, and its later events wait. Events of one key
	// come in their order; between keys there is none.
	Fold func(rows *Rows, e Event) error
	// Whole names, for an event of those that Key wants, the AppendOnly tables of which its fold needs
	// all rows of its key: these are then loaded too, and may be changed and deleted. Nil stands for none.
	Whole func(Event) []AnyTable
	// Streams names the streams that hold the events of a key, so that a parked key can be folded
	// again from its own events, and Verify can leave out what it needs not decode. A single name
	// promises that all events of that stream are of this key. Nil makes the engine read the whole
	// log instead, for of several streams the order would be lost.
	Streams func(key string) []eventstore.StreamName
	// StreamKey returns the key of all events of a stream, and false for a stream whose events must be
	// decoded to know it. It spares Retry and Verify the events of other keys, where Streams names no
	// single stream. Nil knows none.
	StreamKey func(stream eventstore.StreamName) (key string, ok bool)
	// Prefixes are how the names of all streams begin that hold events which Key may want: events of
	// others are neither decoded nor opened, and Key does not see them. Nil makes Key see every event.
	Prefixes []string
}

// Store is what the engine and the queries need of a database: one text of SQL serves all, with
// $1, $2 … as parameters, and TEXT, BIGINT and BOOLEAN as the only types.
type Store interface {
	// View runs f on one consistent snapshot, read-only.
	View(ctx context.Context, f func(Snapshot) error) error
	// Update runs f in one transaction, committed if f returns nil. Writers wait for each other
	// where the database asks for it.
	Update(ctx context.Context, f func(Tx) error) error
}

// Snapshot reads.
type Snapshot interface {
	// Query runs a query. Its cursor must be read to its end or closed before the next query: a
	// snapshot is one connection.
	Query(ctx context.Context, query string, args ...any) (Cursor, error)
	// LoadKeys reads whole rows of table whose first column is one of keys.
	LoadKeys(ctx context.Context, table string, columns []Column, keys []string) (Cursor, error)
}

// Cursor walks the rows of a query; it must be closed.
type Cursor interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Tx reads and writes.
type Tx interface {
	Snapshot
	// Exec returns the number of rows it touched.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// CreateTable makes a table with the columns and the primary key of spec, if it is not there.
	// Text compares by its bytes.
	CreateTable(ctx context.Context, table string, spec Spec) error
	// Write applies one table's changes in bulk. Text that holds a NUL or is no UTF-8 is an error
	// that Is ErrText; a row to insert that is there already, or one to update that is not, is an error.
	Write(ctx context.Context, changes Changes) error
}

// ErrText is returned for text that not every database can hold.
var ErrText = errors.New("text holds a NUL or is not UTF-8")

// Changes are the rows to write to one table. Each row has a value (string, int64 or bool) for
// every column; a key occurs once.
type Changes struct {
	Table   string // with its generation
	Columns []Column
	Key     int     // the first Key columns are the primary key
	Insert  [][]any // rows that do not exist yet
	Update  []Update
	// Add are rows whose columns after the key, all BigInts, are added to what has their key. A row
	// that comes to be all 0 goes.
	Add    [][]any
	Delete [][]any // keys of rows that go
}

// Update is rows of which the same columns change. A database that is told which need not touch the
// indexes of the others.
type Update struct {
	Set  []int   // the columns that change, none of the key, by their places in Columns
	Rows [][]any // whole, as they come to be
}
