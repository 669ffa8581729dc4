package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"casesync/eventstore"
)

// Parked is a key that is not folded any more since one of its events could not be.
type Parked struct {
	Projection string
	Key        string
	// The event that could not be folded.
	Position eventstore.Position
	EventID  string
	Stream   eventstore.StreamName
	Type     string
	Reason   string
	// Waiting is how many events of the key wait, that one included.
	Waiting  int64
	Attempts int64
	Since    time.Time
}

// ErrNotParked is returned where a key is not parked, or not at the event named.
var ErrNotParked = errors.New("the key is not parked")

// ListParked returns the parked keys of projection after the given one, in order, at most limit.
func ListParked(ctx context.Context, store Store, projection, after string, limit int) (list []Parked, err error) {
	err = Read(ctx, store, projection, func(view View) error {
		table := generationTable(Projection{Name: projection}.stored(parkedTable), view.Generation)
		cursor, err := view.Query(ctx, `SELECT key, major, minor, event_id, stream, type, reason, waiting, attempts, since
			FROM `+table+` WHERE key > $1 ORDER BY key LIMIT $2`, after, int64(limit))
		if err != nil {
			return err
		}
		defer cursor.Close()
		for cursor.Next() {
			var row parkedRow
			if err := cursor.Scan(parkedTable.Fields(&row)...); err != nil {
				return err
			}
			list = append(list, row.parked(projection))
		}
		return cursor.Err()
	})
	return list, err
}

// parkedRow is a key that is not folded any more since one of its events could not be.
type parkedRow struct {
	Key          string
	Major, Minor int64 // the event's position
	EventID      string
	Stream       string
	Type         string
	Reason       string
	Waiting      int64 // events since and with that one
	Attempts     int64
	Since        int64 // microseconds
}

// parkedTable stands beside a projection's own tables, in each of their generations, and is loaded,
// changed, rebuilt and verified like them.
var parkedTable = &Table[parkedRow]{
	Spec: Spec{
		Name: "parked",
		Columns: []Column{{"key", Text}, {"major", BigInt}, {"minor", BigInt}, {"event_id", Text}, {"stream", Text},
			{"type", Text}, {"reason", Text}, {"waiting", BigInt}, {"attempts", BigInt}, {"since", BigInt}},
		Key:   1,
		local: []string{"reason", "attempts", "since"},
	},
	Fields: func(r *parkedRow) []any {
		return []any{&r.Key, &r.Major, &r.Minor, &r.EventID, &r.Stream, &r.Type, &r.Reason, &r.Waiting, &r.Attempts, &r.Since}
	},
}

// reasonRunesMax bounds what is kept of a fold's error.
const reasonRunesMax = 500

func newParked(key string, e Event, reason error, now time.Time) parkedRow {
	return parkedRow{
		Key: key, Major: int64(e.Position.Major), Minor: int64(e.Position.Minor),
		EventID: e.ID.String(), Stream: string(e.Stream), Type: e.Type,
		Reason: storable(reason.Error()), Attempts: 1, Since: micros(now),
	}
}

// storable cuts text to what every database can hold.
func storable(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if runes := []rune(text); len(runes) > reasonRunesMax {
		text = string(runes[:reasonRunesMax]) + "…"
	}
	return text
}

func (r parkedRow) position() eventstore.Position {
	return eventstore.Position{Major: uint64(r.Major), Minor: uint64(r.Minor)}
}

func (r parkedRow) parked(projection string) Parked {
	return Parked{Projection: projection, Key: r.Key, Position: r.position(), EventID: r.EventID,
		Stream: eventstore.StreamName(r.Stream), Type: r.Type, Reason: r.Reason, Waiting: r.Waiting,
		Attempts: r.Attempts, Since: fromMicros(r.Since)}
}
