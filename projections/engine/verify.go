package engine

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"

	"casesync/eventstore"
)

// Verify computes the live tables again from the log, up to their checkpoint, and compares them row
// by row, all in one snapshot: nothing is written, and a Runner may go on meanwhile. The report names
// each row that differs. Where the rows take more memory than MemoryMiB it goes over the log several
// times, each time for some of the keys.
func Verify(ctx context.Context, config Config, options Options) (Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return Report{}, err
	}
	v := &verifying{config: config, options: options.withDefaults()}
	v.report.Projection = config.Projection.Name
	started := config.Now()
	err = config.Store.View(ctx, func(snapshot Snapshot) error {
		v.snapshot = snapshot
		return v.run(ctx)
	})
	v.report.Took = config.Now().Sub(started)
	if err != nil {
		return v.report, fmt.Errorf("verify %s: %w", config.Projection.Name, err)
	}
	return v.report, nil
}

type verifying struct {
	*folder
	config   Config
	options  Options
	snapshot Snapshot
	live     generation
	passes   int
	sums     *Rows // of Summed tables: every pass adds to them
	report   Report
	meter    *meter
}

func (v *verifying) run(ctx context.Context) (err error) {
	p := v.config.Projection
	if v.live, err = readLive(ctx, v.snapshot, p.Name); err != nil {
		return err
	}
	if v.live.version != p.Version {
		return fmt.Errorf("the live tables are of version %d and this binary has version %d: use the binary that made them, or rebuild",
			v.live.version, p.Version)
	}
	if v.folder, err = v.config.folder(ctx, v.snapshot); err != nil {
		return err
	}
	if err := v.live.checkpoint.checkLog(ctx, v.config.Log); err != nil {
		return err
	}
	if err := v.plan(ctx); err != nil {
		return err
	}
	v.sums = NewRows(p.tables()...)
	for pass := range v.passes {
		if err := v.pass(ctx, pass); err != nil {
			return err
		}
	}
	v.report.Generation, v.report.Compared = v.live.number, true
	v.report.Position, v.report.Events = v.live.checkpoint.at, v.live.checkpoint.events
	return v.compare(ctx, v.sums, Summed, nil)
}

// rowBytesAbout is what a row of text is taken to refer to in memory beside itself.
const rowBytesAbout = 400

// plan decides into how many passes the keys must be divided, from how many rows are stored.
func (v *verifying) plan(ctx context.Context) error {
	bytes := 0
	for _, table := range v.projection.tables() {
		name := v.projection.table(table, v.live.number)
		var rows int64
		if _, err := queryRow(ctx, v.snapshot, `SELECT count(*) FROM `+name, nil, &rows); err != nil {
			return fmt.Errorf("count rows of %s: %w", name, err)
		}
		if table == AnyTable(parkedTable) {
			v.report.Parked = rows
		}
		if table.Describe().Kind == Keyed {
			bytes += int(rows) * (len(table.Describe().Columns)*16 + entryOverheadBytes + rowBytesAbout)
		}
	}
	v.passes = 1 + bytes/(v.options.MemoryMiB<<20/2)
	v.meter = newMeter(ctx, v.config, checkpoint{}, v.options.Progress)
	v.meter.progress.Passes, v.meter.progress.Head = v.passes, v.live.checkpoint.at
	return nil
}

// pass folds and compares the keys of one part.
func (v *verifying) pass(ctx context.Context, pass int) error {
	rows := NewRows(v.projection.tables()...)
	for name, s := range v.sums.sets { // sums of all passes go into the same sets
		if rows.sets[name].kind() == Summed {
			rows.put(name, s)
		}
	}
	v.meter.progress.Pass = pass + 1
	mine := func(key string) bool { return v.partOfKey(key) == pass }
	at := checkpoint{}
	for recorded, err := range upTo(v.config.Log.ReadAll(ctx, eventstore.Position{}), v.live.checkpoint.at, v.config.BatchEventsMax) {
		if err != nil {
			return err
		}
		at = at.after(recorded)
		events, err := v.prepared(ctx, v.ofPass(recorded, pass))
		if err != nil {
			return err
		}
		groups, err := v.group(events)
		if err != nil {
			return err
		}
		v.fold(rows, keep(groups, mine))
		v.meter.at(at)
	}
	return v.compare(ctx, rows, Keyed, mine)
}

func keep(groups []*group, want func(key string) bool) []*group {
	var kept []*group
	for _, g := range groups {
		if want(g.key) {
			kept = append(kept, g)
		}
	}
	return kept
}

// ofPass leaves out events that need not even be decoded: those of streams that belong to a key of
// another part, where the projection promises that a stream is one key's.
func (v *verifying) ofPass(recorded []eventstore.Recorded, pass int) []eventstore.Recorded {
	if v.passes == 1 {
		return recorded
	}
	if _, ok := v.projection.soleStream("?"); !ok {
		return v.projection.maybeOf(recorded, func(key string) bool { return v.partOfKey(key) == pass })
	}
	var kept []eventstore.Recorded
	for _, e := range recorded {
		if v.part(string(e.Stream)) == pass {
			kept = append(kept, e)
		}
	}
	return kept
}

func (v *verifying) partOfKey(key string) int {
	if stream, ok := v.projection.soleStream(key); ok {
		key = string(stream)
	}
	return v.part(key)
}

func (v *verifying) part(text string) int {
	hash := fnv.New64a()
	hash.Write([]byte(text))
	return int(hash.Sum64() % uint64(v.passes))
}

// compare compares the tables of one kind with what they should hold.
func (v *verifying) compare(ctx context.Context, rows *Rows, kind Kind, mine func(key string) bool) error {
	for _, table := range v.projection.tables() {
		spec := table.Describe()
		if spec.Kind != kind {
			continue
		}
		columns := make([]string, len(spec.Columns))
		for i, column := range spec.Columns {
			columns[i] = column.Name
		}
		cursor, err := v.snapshot.Query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+v.projection.table(table, v.live.number))
		if err != nil {
			return err
		}
		err = rows.sets[spec.Name].compare(cursor, mine, func(row ...Difference) { v.report.add(row, v.options.DifferencesMax) })
		cursor.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
