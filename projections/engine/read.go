package engine

import (
	"context"
	"errors"
	"time"

	"casesync/eventstore"
)

// View is one projection's tables in one snapshot.
type View struct {
	// Position is that of the last event folded into the rows seen here, and RecordedAt when that
	// event was recorded.
	Position   eventstore.Position
	RecordedAt time.Time
	// Generation is the live generation of the projection's tables.
	Generation int64

	snapshot Snapshot
}

// Query runs query on the view's snapshot. A table's name stands in braces, {cases}, and is
// replaced by its live generation's.
func (v View) Query(ctx context.Context, query string, args ...any) (Cursor, error) {
	panic("not built yet")
}

// Read runs f on the live tables of projection, in one consistent snapshot.
func Read(ctx context.Context, store Store, projection string, f func(View) error) error {
	panic("not built yet")
}

// ErrBehind is returned where a read model has not reached a position in time.
var ErrBehind = errors.New("read model is behind")

// WaitFor returns nil as soon as projection has folded everything up to position, and an error
// that Is ErrBehind once ctx ends.
func WaitFor(ctx context.Context, store Store, projection string, position eventstore.Position) error {
	panic("not built yet")
}
