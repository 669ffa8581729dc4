package engine

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// writeRowsMax bounds how many rows are handed to a database at once, and so the memory that takes.
const writeRowsMax = 10_000

// load reads the rows of keys into rows, as far as folds need them: one query for each table that is
// loaded. Whole are the keys of which AppendOnly tables are loaded too, by the tables' names.
func (p Projection) load(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, keys []string, whole map[string][]string) error {
	return p.loadTables(ctx, snapshot, generation, rows, func(s Spec) []string {
		if s.AppendOnly {
			return whole[s.Name]
		}
		return keys
	})
}

// loadWhole reads all rows of a key.
func (p Projection) loadWhole(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, key string) error {
	return p.loadTables(ctx, snapshot, generation, rows, func(Spec) []string { return []string{key} })
}

// loadTables reads, of each Keyed table, the rows of the keys wanted of it.
func (p Projection) loadTables(ctx context.Context, snapshot Snapshot, generation int64, rows *Rows, want func(Spec) (keys []string)) error {
	for _, table := range p.tables() {
		spec := table.Describe()
		if spec.Kind != Keyed {
			continue
		}
		keys := want(spec)
		if len(keys) == 0 {
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
	if err := w.projection.load(ctx, tx, w.generation.number, rows, keysOf(groups), w.projection.whole(groups)); err != nil {
		return err
	}
	w.fold(rows, groups)
	if err := w.projection.write(ctx, tx, w.generation.number, rows); err != nil {
		return err
	}
	return w.generation.move(ctx, tx, next, w.now())
}

// whole returns the keys of groups with an event whose fold needs all rows of its key in AppendOnly
// tables, by the tables' names.
func (p Projection) whole(groups []*group) map[string][]string {
	if p.Whole == nil {
		return nil
	}
	keys := map[string][]string{}
	for _, g := range groups {
		for _, e := range g.events {
			if e.Event == nil {
				continue // it parks its key
			}
			for _, table := range p.Whole(e) {
				name := table.Describe().Name
				if n := len(keys[name]); n == 0 || keys[name][n-1] != g.key {
					keys[name] = append(keys[name], g.key)
				}
			}
		}
	}
	return keys
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
