package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// writeRowsMax bounds how many rows are handed to a database at once, and so the memory that takes.
const writeRowsMax = 10_000

// load reads the rows of keys into rows, as far as folds need them: one query for each table that is
// loaded.
func (p Projection) load(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, keys []string) error {
	return p.loadTables(ctx, snapshot, generation, rows, keys, func(s Spec) bool { return s.Kind == Keyed && !s.AppendOnly })
}

// loadAppended reads the rows of keys in those tables that load leaves out.
func (p Projection) loadAppended(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, keys []string) error {
	return p.loadTables(ctx, snapshot, generation, rows, keys, func(s Spec) bool { return s.Kind == Keyed && s.AppendOnly })
}

// loadWhole reads all rows of a key.
func (p Projection) loadWhole(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, key string) error {
	return p.loadTables(ctx, snapshot, generation, rows, []string{key}, func(s Spec) bool { return s.Kind == Keyed })
}

func (p Projection) loadTables(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, keys []string, want func(Spec) bool) error {
	if len(keys) == 0 {
		return nil
	}
	for _, table := range p.tables() {
		spec := table.Describe()
		if !want(spec) {
			continue
		}
		name := p.table(table, generation)
		cursor, err := snapshot.LoadKeys(ctx, name, spec.Columns, keys)
		if err != nil {
			return fmt.Errorf("load rows of %s: %w", name, err)
		}
		if err := loadAll(cursor, rows.sets[spec.Name]); err != nil {
			return fmt.Errorf("load rows of %s: %w", name, err)
		}
	}
	return nil
}

func loadAll(cursor Cursor, s anySet) error {
	defer cursor.Close()
	for cursor.Next() {
		if err := s.load(cursor); err != nil {
			return err
		}
	}
	return cursor.Err()
}

// write writes what was changed in rows.
func (p Projection) write(ctx context.Context, tx Tx, generation int64, rows *Rows) error {
	for changes := range p.changes(generation, rows) {
		if err := tx.Write(ctx, changes); err != nil {
			return err
		}
	}
	return nil
}

// changes yields what was changed in rows, table by table.
func (p Projection) changes(generation int64, rows *Rows) iter.Seq[Changes] {
	return func(yield func(Changes) bool) {
		for _, table := range p.tables() {
			spec := table.Describe()
			for changes := range rows.sets[spec.Name].changes(writeRowsMax) {
				changes.Table, changes.Columns, changes.Key = p.table(table, generation), spec.Columns, spec.Key
				if !yield(changes) {
					return
				}
			}
		}
	}
}

// writer moves one generation over the log, batch by batch, under a lease.
type writer struct {
	*folder
	store      Store
	lease      *lease
	generation generation
}

// fenced runs f in one transaction while the lease is held.
func (w *writer) fenced(ctx context.Context, f func(Tx) error) error {
	return w.store.Update(ctx, func(tx Tx) error {
		if err := w.lease.renew(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// apply folds one batch in one transaction: the lease's fence is checked, the rows are written and
// the checkpoint is moved, or nothing of it. A crash before the commit leaves the batch to be
// folded again, one after it leaves nothing to do.
func (w *writer) apply(ctx context.Context, b batch) error {
	groups, err := w.group(b.events)
	if err != nil {
		return err
	}
	next := w.generation.checkpoint.after(b.recorded())
	if err := w.fenced(ctx, func(tx Tx) error { return w.foldIn(ctx, tx, groups, next) }); err != nil {
		return err
	}
	w.generation.checkpoint = next
	announce(w.store)
	return nil
}

// foldIn folds groups and moves the checkpoint to next, in tx.
func (w *writer) foldIn(ctx context.Context, tx Tx, groups []*group, next checkpoint) error {
	rows := NewRows(w.projection.tables()...)
	if err := w.projection.load(ctx, tx, w.generation.number, rows, keysOf(groups)); err != nil {
		return err
	}
	if err := w.projection.loadAppended(ctx, tx, w.generation.number, rows, keysOf(w.projection.whole(groups))); err != nil {
		return err
	}
	w.fold(rows, groups)
	if err := w.projection.write(ctx, tx, w.generation.number, rows); err != nil {
		return err
	}
	return w.generation.move(ctx, tx, next, w.now())
}

// whole returns the groups with an event whose fold needs all rows of its key.
func (p Projection) whole(groups []*group) (whole []*group) {
	if p.Whole == nil {
		return nil
	}
	for _, g := range groups {
		// An event that could not be decoded parks its key.
		if slices.ContainsFunc(g.events, func(e Event) bool { return e.Event != nil && p.Whole(e) }) {
			whole = append(whole, g)
		}
	}
	return whole
}

func keysOf(groups []*group) []string {
	keys := make([]string, len(groups))
	for i, g := range groups {
		keys[i] = g.key
	}
	return keys
}

// pace sizes batches so that a transaction takes about applyTarget: other writers of the database
// wait for it, and an event waits for its batch.
type pace struct {
	size, max int
}

const (
	applyTarget   = 200 * time.Millisecond
	paceEventsMin = 16
)

func (p *pace) took(d time.Duration, events int) {
	switch {
	case d > 2*applyTarget:
		p.size = max(p.size/2, paceEventsMin)
	case d < applyTarget && events >= p.size:
		p.size = min(p.size*2, p.max)
	}
}
