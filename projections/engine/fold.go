package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"casesync/eventstore"
)

// folder folds batches of events into a working set. The same folder serves the live runner, a
// rebuild, a retry and a verification, so that they cannot disagree.
type folder struct {
	projection Projection
	prepare    Prepare
	skips      map[eventstore.Position]bool // events that an operator left out
	now        func() time.Time
}

// group is the events of one key in a batch, in their order.
type group struct {
	key    string
	events []Event
}

// group sorts events by their keys, in order of first appearance, without those that the
// projection does not want or an operator skipped.
func (f *folder) group(events []Event) ([]*group, error) {
	var groups []*group
	byKey := map[string]*group{}
	for _, e := range events {
		key, wanted, err := f.keyOf(&e)
		if err != nil {
			return nil, err
		}
		if !wanted || f.skips[e.Position] {
			continue
		}
		g := byKey[key]
		if g == nil {
			g = &group{key: key}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.events = append(g.events, e)
	}
	return groups, nil
}

// keyOf names the key of e. Where the projection's Key panics the event is as one of unknown type:
// its key, which then comes of its stream alone, is parked.
func (f *folder) keyOf(e *Event) (key string, wanted bool, err error) {
	if !f.projection.reads(e.Stream) {
		return "", false, nil
	}
	if e.Err != nil {
		e.Event = nil
	}
	key, wanted, err = callKey(f.projection.Key, *e)
	if err != nil && e.Event != nil {
		e.Event, e.Err = nil, err
		key, wanted, err = callKey(f.projection.Key, *e)
	}
	if err != nil {
		return "", false, fmt.Errorf("find the key of event %s in %s: %w", e.Position, f.projection.Name, err)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(key, "\uFFFD"), "\x00", "\uFFFD"), wanted, nil
}

func callKey(f func(Event) (string, bool), e Event) (key string, wanted bool, err error) {
	defer recoverTo(&err)
	key, wanted = f(e)
	return key, wanted, nil
}

// fold folds the events of each group into rows, which hold what the database has of their keys. A
// key whose event cannot be folded is parked: its rows are as they were before that event, and this
// and later events wait.
func (f *folder) fold(rows *Rows, groups []*group) {
	for _, g := range groups {
		rows.begin(g.key)
		if p := parkedTable.Get(rows, g.key); p != nil {
			p.Waiting += int64(len(g.events))
			continue
		}
		folded, err := f.foldKey(rows, g)
		if err != nil {
			row := newParked(g.key, g.events[folded], err, f.now())
			row.Waiting = int64(len(g.events) - folded)
			parkedTable.Put(rows, row)
		}
	}
}

// foldKey folds the events of one key, which rows has begun, and returns how many could be; the error
// is why the next one could not.
func (f *folder) foldKey(rows *Rows, g *group) (folded int, err error) {
	if err := f.foldEach(rows, g.events); err == nil {
		if err := rows.check(); err == nil {
			return len(g.events), nil
		}
	}
	// Once more from the start, event by event, to stop right before the one that fails.
	rows.undo()
	for i := range g.events {
		rows.begin(g.key)
		err := f.foldEach(rows, g.events[i:i+1])
		if err == nil {
			err = rows.check()
		}
		if err != nil {
			rows.undo()
			return i, err
		}
	}
	return len(g.events), nil
}

func (f *folder) foldEach(rows *Rows, events []Event) (err error) {
	defer recoverTo(&err)
	for _, e := range events {
		switch {
		case e.Err != nil:
			return e.Err
		case e.Event == nil:
			return fmt.Errorf("%w %q: run a version of casesync that knows it", eventstore.ErrUnknownType, e.Type)
		}
		if err := f.projection.Fold(rows, e); err != nil {
			return err
		}
	}
	return nil
}

// recoverTo turns a panic into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}

// prepared prepares a batch, and makes sure that nothing was lost or changed places. Events of streams
// that the projection does not read are passed over as they were recorded: they move the checkpoint.
func (f *folder) prepared(ctx context.Context, recorded []eventstore.Recorded) ([]Event, error) {
	read := recorded
	if f.projection.Prefixes != nil {
		read = slices.DeleteFunc(slices.Clone(recorded), func(r eventstore.Recorded) bool { return !f.projection.reads(r.Stream) })
	}
	if len(read) == 0 {
		return around(recorded, nil), nil
	}
	events, err := f.prepare(ctx, read)
	if err != nil {
		return nil, fmt.Errorf("prepare events: %w", err)
	}
	if len(events) != len(read) {
		return nil, errors.New("prepare events: it returned another number of events than it was given")
	}
	for i := range events {
		if events[i].Position != read[i].Position {
			return nil, errors.New("prepare events: it returned the events in another order than it was given")
		}
	}
	if len(read) == len(recorded) {
		return events, nil
	}
	return around(recorded, events), nil
}

// around returns all of a batch: prepared events in their places, the others as recorded.
func around(recorded []eventstore.Recorded, prepared []Event) []Event {
	all := make([]Event, len(recorded))
	for i, r := range recorded {
		if len(prepared) > 0 && prepared[0].Position == r.Position {
			all[i], prepared = prepared[0], prepared[1:]
			continue
		}
		all[i].Recorded = r
	}
	return all
}
