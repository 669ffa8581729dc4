package engine

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
)

// loader fills a generation that nobody reads yet: it folds batch after batch in memory, and writes
// the rows and the checkpoint together when they take too much of it.
type loader struct {
	*writer
	bytesMax int
	rows     *Rows
	known    map[string]bool            // keys whose rows are in rows as far as the database has any
	whole    map[string]map[string]bool // those of which that holds of AppendOnly tables too, by table
	pending  checkpoint                 // of what is folded
	bytes    int                        // of event data folded since the last flush
	written  map[uint64]struct{}        // hashes of keys that the database has rows of
	seed     maphash.Seed
}

func newLoader(w *writer, memoryMiB int) *loader {
	// Half of it for the rows, the other for garbage not collected yet.
	l := &loader{writer: w, bytesMax: memoryMiB << 20 / 2, written: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	l.reset()
	return l
}

func (l *loader) reset() {
	l.rows, l.known, l.whole, l.bytes = NewRows(l.projection.tables()...), map[string]bool{}, map[string]map[string]bool{}, 0
	l.pending = l.generation.checkpoint
}

// take folds a batch, and flushes where memory asks for it.
func (l *loader) take(ctx context.Context, b batch) error {
	groups, err := l.group(b.events)
	if err != nil {
		return err
	}
	if err := l.loadWritten(ctx, groups); err != nil {
		return err
	}
	l.fold(l.rows, groups)
	l.pending = l.pending.after(b.recorded())
	for _, g := range groups {
		for _, e := range g.events {
			l.bytes += len(e.Data)
		}
	}
	if _, bytes := l.rows.size(); bytes+l.bytes > l.bytesMax {
		return l.flush(ctx)
	}
	return nil
}

// loadWritten loads the rows of keys that were written before and are not in memory.
func (l *loader) loadWritten(ctx context.Context, groups []*group) error {
	keys := l.missing(keysOf(groups), l.known)
	whole := l.projection.whole(groups)
	for table, needed := range whole {
		if l.whole[table] == nil {
			l.whole[table] = map[string]bool{}
		}
		if whole[table] = l.missing(needed, l.whole[table]); len(whole[table]) == 0 {
			delete(whole, table)
		}
	}
	if len(keys)+len(whole) == 0 {
		return nil
	}
	return l.store.View(ctx, func(snapshot Snapshot) error {
		return l.projection.load(ctx, snapshot, l.generation.number, l.rows, keys, whole)
	})
}

// missing returns those of keys that are not in loaded and were written, and adds all to loaded.
func (l *loader) missing(keys []string, loaded map[string]bool) (missing []string) {
	for _, key := range keys {
		if loaded[key] {
			continue
		}
		loaded[key] = true
		if _, ok := l.written[maphash.String(l.seed, key)]; ok {
			missing = append(missing, key)
		}
	}
	return missing
}

// flush writes what is folded, and forgets it. It does so in many transactions, since in SQLite all
// other writers wait for each, and moves the checkpoint in the last. A crash between them leaves a
// generation that nobody reads, and that the next rebuild drops.
func (l *loader) flush(ctx context.Context) error {
	if l.pending == l.generation.checkpoint {
		return nil
	}
	for changes := range l.projection.changes(l.generation.number, l.rows) {
		if l.generation.checkpoint.at.IsZero() {
			changes.Insert, changes.Add = slices.Concat(changes.Insert, changes.Add), nil // there is nothing to add them to
		}
		if err := l.fenced(ctx, func(tx Tx) error { return tx.Write(ctx, changes) }); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	err := l.fenced(ctx, func(tx Tx) error { return l.generation.move(ctx, tx, l.pending, l.now()) })
	if err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	for key := range l.known {
		l.wrote(key)
	}
	l.generation.checkpoint = l.pending
	l.reset()
	return nil
}

// wrote remembers that the database may have rows of key. That it does not is no harm.
func (l *loader) wrote(key string) { l.written[maphash.String(l.seed, key)] = struct{}{} }
