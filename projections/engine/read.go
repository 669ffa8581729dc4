package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"casesync/eventstore"
)

// View is one projection's tables in one snapshot.
type View struct {
	// Position is that of the last event folded into the rows seen here, and RecordedAt when that
	// event was recorded.
	Position   eventstore.Position
	RecordedAt time.Time
	// Generation is the live generation of the projection's tables, and Version the version of the
	// projection that made it. Until a rebuild after an upgrade has ended it is an older one than
	// this binary's.
	Generation int64
	Version    int

	projection string
	live       map[string]int64 // generations by projection
	snapshot   Snapshot
}

// Query runs query on the view's snapshot. A table's name stands in braces, {cases}, and is
// replaced by its live generation's; a table of another projection is {projection.table}, and is as
// that projection left it, which may be at another position. A view is one connection: read a
// cursor to its end, or close it, before the next query.
func (v View) Query(ctx context.Context, query string, args ...any) (Cursor, error) {
	text, err := v.expand(query)
	if err != nil {
		return nil, err
	}
	cursor, err := v.snapshot.Query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("query read model %s: %w", v.projection, err)
	}
	return cursor, nil
}

var tableInBraces = regexp.MustCompile(`\{(?:([a-z][a-z0-9_]*)\.)?([a-z][a-z0-9_]*)\}`)

func (v View) expand(query string) (string, error) {
	var err error
	text := tableInBraces.ReplaceAllStringFunc(query, func(name string) string {
		part := tableInBraces.FindStringSubmatch(name)
		if part[1] == "" {
			part[1] = v.projection
		}
		generation, ok := v.live[part[1]]
		if !ok {
			err = fmt.Errorf("query read model %s: %w", part[1], ErrNotBuilt)
		}
		return generationTable(part[2], generation)
	})
	return text, err
}

// generationTable is the name of a table in one generation.
func generationTable(table string, generation int64) string {
	return table + "_" + strconv.FormatInt(generation, 10)
}

// ErrNotBuilt is returned where no runner has made a projection's tables yet.
var ErrNotBuilt = errors.New("read model is not built yet")

// Read runs f on the live tables of projection, in one consistent snapshot. It returns an error
// that Is ErrNotBuilt where there are none yet.
func Read(ctx context.Context, store Store, projection string, f func(View) error) error {
	return store.View(ctx, func(snapshot Snapshot) error {
		view, err := liveView(ctx, snapshot, projection)
		if err != nil {
			return fmt.Errorf("read %s: %w", projection, err)
		}
		return f(view)
	})
}

// liveView reads the one row that names the live generation, and its checkpoint, for all
// projections: there are few, and a query may join them.
func liveView(ctx context.Context, snapshot Snapshot, projection string) (View, error) {
	view := View{projection: projection, live: map[string]int64{}, snapshot: snapshot}
	cursor, err := snapshot.Query(ctx, `SELECT p.name, p.live, g.version, g.major, g.minor, g.recorded_at
		FROM engine_projections p JOIN engine_generations g ON g.projection = p.name AND g.generation = p.live`)
	if err != nil {
		return View{}, err
	}
	defer cursor.Close()
	for cursor.Next() {
		var name string
		var generation, version, major, minor, recordedAt int64
		if err := cursor.Scan(&name, &generation, &version, &major, &minor, &recordedAt); err != nil {
			return View{}, err
		}
		view.live[name] = generation
		if name == projection {
			view.Generation, view.Version = generation, int(version)
			view.Position = eventstore.Position{Major: uint64(major), Minor: uint64(minor)}
			view.RecordedAt = fromMicros(recordedAt)
		}
	}
	if err := cursor.Err(); err != nil {
		return View{}, err
	}
	if view.Generation == 0 {
		return View{}, ErrNotBuilt
	}
	return view, nil
}

// micros is how times are stored: microseconds UTC since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// ErrBehind is returned where a read model has not reached a position in time.
var ErrBehind = errors.New("read model is behind")

// pollInterval is how often WaitFor looks where another process moves the read model.
const pollInterval = 10 * time.Millisecond

// WaitFor returns nil as soon as projection has folded everything up to position, and an error
// that Is ErrBehind once ctx ends. It wakes at once where this process moves the read model.
func WaitFor(ctx context.Context, store Store, projection string, position eventstore.Position) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	var at eventstore.Position
	for {
		wake := changed(store) // before the look, so that no change falls between
		now, err := liveAt(ctx, store, projection)
		if err == nil {
			at = now
		}
		switch {
		case err == nil && now.Compare(position) >= 0:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("wait for %s to reach %s: %w (it is at %s)", projection, position, ErrBehind, at)
		case err != nil && !errors.Is(err, ErrNotBuilt):
			return fmt.Errorf("wait for %s to reach %s: %w", projection, position, err)
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-poll.C:
		}
	}
}

func liveAt(ctx context.Context, store Store, projection string) (at eventstore.Position, err error) {
	err = Read(ctx, store, projection, func(view View) error {
		at = view.Position
		return nil
	})
	return at, err
}
