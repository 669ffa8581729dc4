package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"time"

	"casesync/eventstore"
)

// ErrRebuilding is returned where another rebuild of the same projection is under way.
var ErrRebuilding = errors.New("another rebuild of the projection is under way")

// Options are what a rebuild, a roll-back or a verification can be told.
type Options struct {
	// MemoryMiB bounds, roughly, the memory that rows take; 512 if 0.
	MemoryMiB int
	// Progress is called now and then with how far it has come; nil for nobody.
	Progress func(Progress)
	// DifferencesMax bounds the list of differences in the report, not their count; 100 if 0.
	DifferencesMax int
}

func (o Options) withDefaults() Options {
	if o.MemoryMiB <= 0 {
		o.MemoryMiB = 512
	}
	if o.DifferencesMax <= 0 {
		o.DifferencesMax = 100
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// Report says what a rebuild or a verification found.
type Report struct {
	Projection string
	Generation int64 // that was built, or verified
	Position   eventstore.Position
	Events     int64 // of the log up to there
	Parked     int64 // keys
	Took       time.Duration
	// Compared is false where there was nothing to compare with: no live tables, or those of another
	// version or another log, or they moved too fast.
	Compared bool
	// Differences counts the rows that differ, exactly; List says in which columns, and is cut at
	// DifferencesMax.
	Differences int64
	List        []Difference
}

// add takes what differs in one row: nothing, where only what is never compared does.
func (r *Report) add(row []Difference, listMax int) {
	if len(row) > 0 {
		r.Differences++
	}
	r.List = append(r.List, row[:min(len(row), listMax-len(r.List))]...)
}

// Rebuild computes the projection's tables from the start of the log, beside the live ones, compares
// the two, and switches readers over by one row. Readers notice nothing, and never see an earlier
// position than before; a Runner may go on in this or another process. The old tables are kept for
// a Rollback until the next rebuild. Cancelling ctx leaves the live tables as they are; what was left
// beside them is dropped by the next rebuild.
//
// It folds in memory and writes what it has whenever that takes MemoryMiB, so one pass over the log
// is enough whatever its size: most keys are quiet by then, and others are loaded again.
func Rebuild(ctx context.Context, config Config, options Options) (Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return Report{}, err
	}
	report, err := rebuild(ctx, config, options)
	if err != nil {
		return report, fmt.Errorf("rebuild %s: %w", config.Projection.Name, err)
	}
	return report, nil
}

func rebuild(ctx context.Context, config Config, options Options) (report Report, err error) {
	b := &rebuilding{config: config, options: options.withDefaults(), started: config.Now()}
	err = b.exclusively(ctx, func(ctx context.Context) error {
		if err := b.start(ctx); err != nil {
			return err
		}
		return b.run(ctx)
	})
	b.report.Took = config.Now().Sub(b.started)
	return b.report, err
}

// rebuilding is one rebuild or roll-back under way.
type rebuilding struct {
	*loader
	config   Config
	options  Options
	lease    *lease
	old      generation // live when it started; number 0 if there was none
	otherLog bool       // the old tables are not of this log
	started  time.Time
	report   Report
}

// exclusively holds the lease that keeps two rebuilds apart.
func (b *rebuilding) exclusively(ctx context.Context, work func(context.Context) error) error {
	b.lease = b.config.lease(rebuildLease(b.config.Projection.Name))
	b.lease.holder += "/rebuild/" + fmt.Sprint(b.started.UnixNano()) // not the same holder twice
	taken, err := b.lease.take(ctx, b.config.Store)
	if err != nil {
		return err
	}
	if !taken {
		return fmt.Errorf("%w: wait for it, or stop it", ErrRebuilding)
	}
	return holding(ctx, b.config.Store, b.lease, work)
}

// start drops what earlier rebuilds left, and makes the tables of the new generation.
func (b *rebuilding) start(ctx context.Context) error {
	if err := b.dropLeftovers(ctx); err != nil {
		return err
	}
	var g generation
	var f *folder
	err := b.config.Store.Update(ctx, func(tx Tx) (err error) {
		if err := b.lease.renew(ctx, tx); err != nil {
			return err
		}
		if f, err = b.config.folder(ctx, tx); err != nil {
			return err
		}
		if b.old, err = readLive(ctx, tx, b.config.Projection.Name); err != nil && !errors.Is(err, ErrNotBuilt) {
			return err
		}
		g, err = newGeneration(ctx, tx, b.config.Projection, b.config.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("make new tables: %w", err)
	}
	b.loader = newLoader(&writer{folder: f, store: b.config.Store, lease: b.lease, generation: g}, b.options.MemoryMiB)
	err = b.old.checkpoint.checkLog(ctx, b.config.Log)
	b.otherLog = errors.Is(err, ErrLogReplaced)
	if err != nil && !b.otherLog {
		return err
	}
	return nil
}

// run loads, indexes, compares, catches up and switches.
func (b *rebuilding) run(ctx context.Context) error {
	if err := b.catchUp(ctx); err != nil {
		return err
	}
	if err := b.index(ctx); err != nil {
		return err
	}
	if err := b.compareWithOld(ctx); err != nil {
		return err
	}
	if err := b.catchUp(ctx); err != nil {
		return err
	}
	if err := b.switchOver(ctx); err != nil {
		return err
	}
	b.config.Logger.InfoContext(ctx, "read model rebuilt", slog.Int64("generation", b.generation.number),
		slog.String("position", b.generation.checkpoint.at.String()), slog.Int64("differences", b.report.Differences))
	return b.dropLeftovers(ctx)
}

// catchUp folds all there is in the log.
func (b *rebuilding) catchUp(ctx context.Context) error {
	if err := b.each(ctx, b.take); err != nil {
		return err
	}
	return b.flush(ctx)
}

// each calls fold with each batch up to the end of the log.
func (b *rebuilding) each(ctx context.Context, fold func(context.Context, batch) error) error {
	meter := newMeter(ctx, b.config, b.generation.checkpoint, b.options.Progress)
	at := b.generation.checkpoint
	err := b.follow(ctx, b.config.Log, at.at, b.config.BatchEventsMax, func(batch batch) error {
		if len(batch.events) == 0 {
			return errCaughtUp
		}
		if err := fold(ctx, batch); err != nil {
			return err
		}
		at = at.after(batch.recorded())
		meter.at(at)
		return nil
	})
	if errors.Is(err, errCaughtUp) {
		return nil
	}
	return err
}

var errCaughtUp = errors.New("caught up")

// index makes the indexes, each in a transaction of its own: in SQLite all other writers wait for it.
func (b *rebuilding) index(ctx context.Context) error {
	for _, statement := range b.projection.indexes(b.generation.number) {
		err := b.fenced(ctx, func(tx Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
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

// loader fills a generation that nobody reads yet: it folds batch after batch in memory, and writes
// the rows and the checkpoint together when they take too much of it.
type loader struct {
	*writer
	bytesMax int
	rows     *Rows
	known    map[string]bool     // keys whose rows are in rows as far as the database has any
	pending  checkpoint          // of what is folded
	bytes    int                 // of event data folded since the last flush
	written  map[uint64]struct{} // hashes of keys that the database has rows of
	seed     maphash.Seed
}

func newLoader(w *writer, memoryMiB int) *loader {
	// Half of it for the rows, the other for garbage not collected yet.
	l := &loader{writer: w, bytesMax: memoryMiB << 20 / 2, written: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	l.reset()
	return l
}

func (l *loader) reset() {
	l.rows, l.known, l.bytes = NewRows(l.projection.tables()...), map[string]bool{}, 0
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
	var keys []string
	for _, g := range groups {
		if l.known[g.key] {
			continue
		}
		l.known[g.key] = true
		if _, ok := l.written[maphash.String(l.seed, g.key)]; ok {
			keys = append(keys, g.key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return l.store.View(ctx, func(snapshot Snapshot) error {
		return l.projection.load(ctx, snapshot, l.generation.number, l.rows, keys)
	})
}

// flush writes what is folded, and forgets it. It does so in many transactions, since in SQLite all
// other writers wait for each, and moves the checkpoint in the last. A crash between them leaves a
// generation that nobody reads, and that the next rebuild drops.
func (l *loader) flush(ctx context.Context) error {
	if l.pending == l.generation.checkpoint {
		return nil
	}
	for changes := range l.projection.changes(l.generation.number, l.rows) {
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
