package reconcile

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"casesync/projections"
	"casesync/projections/engine"
)

// finding is what is found of one case of a batch.
type finding struct {
	line        *Line
	there       *picture
	known       *projections.KnownCase // nil where the read model does not have it
	status      Status
	differences []FieldDifference
	replayed    *replayed // where the log was asked
	repair      repairCode
	told        Difference
}

// take compares a batch of lines.
func (r *run) take(ctx context.Context, lines []Line) error {
	var bytes int64
	batch := make([]*finding, 0, len(lines))
	place := make(map[string]int, len(lines))
	for i := range lines {
		bytes += lines[i].Bytes
		if !r.isSnapshot(&lines[i]) {
			continue
		}
		if err := r.note(&lines[i]); err != nil {
			return err
		}
		f := &finding{line: &lines[i], there: there(lines[i].Snapshot)}
		at, again := place[f.line.Ref]
		if again {
			r.report.duplicate(Duplicate{f.line.Number, f.line.Ref})
			batch[at] = f
			continue
		}
		place[f.line.Ref] = len(batch)
		batch = append(batch, f)
	}
	if err := r.compareBatch(ctx, batch); err != nil {
		return err
	}
	r.report.Lines += int64(len(lines))
	r.progress(bytes)
	return nil
}

// isSnapshot reports whether a line has a snapshot. The case of any other line is not missing there.
func (r *run) isSnapshot(l *Line) bool {
	if l.Code == "" {
		return true
	}
	r.report.fault(Fault{Line: l.Number, Case: l.Ref, Code: l.Code, Reason: l.Reason})
	if l.Ref != "" {
		r.seen.mention(l.Ref)
	}
	return false
}

// note notes the source of a snapshot, and when it was taken.
func (r *run) note(l *Line) error {
	origin := l.origin()
	if origin.Time.After(r.latest) {
		r.latest = origin.Time
	}
	if r.sources[origin.Source] {
		return nil
	}
	if len(r.sources) == sourcesMax {
		return fmt.Errorf("line %d: %w", l.Number, ErrSources)
	}
	r.sources[origin.Source] = true
	at, _ := slices.BinarySearch(r.report.Sources, origin.Source)
	r.report.Sources = slices.Insert(r.report.Sources, at, origin.Source)
	return nil
}

// compareBatch compares cases, each once, asks the log about those that differ, mends what is to be
// mended, and counts them.
func (r *run) compareBatch(ctx context.Context, batch []*finding) error {
	if err := r.look(ctx, batch); err != nil {
		return err
	}
	var doubtful []*finding
	for _, f := range batch {
		if f.status != InSync {
			doubtful = append(doubtful, f)
		}
	}
	if err := r.askLog(ctx, doubtful); err != nil {
		return err
	}
	if r.config.Repair {
		if err := r.repair(ctx, doubtful); err != nil {
			return err
		}
	}
	for _, f := range batch {
		r.settle(f)
	}
	return nil
}

// look compares cases with the read model.
func (r *run) look(ctx context.Context, batch []*finding) error {
	for part := range slices.Chunk(batch, projections.PageRowsMax) {
		refs := make([]string, len(part))
		for i, f := range part {
			refs[i] = f.line.Ref
		}
		var known map[string]*projections.KnownCase
		err := engine.Read(ctx, r.config.Store, projections.CasesName, func(view engine.View) (err error) {
			known, err = projections.KnownCases(ctx, view, scope, refs)
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range part {
			f.known = known[f.line.Ref]
		}
		if err := r.compareKnown(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// compareKnown compares cases with what is known of them, and says so of those in sync.
func (r *run) compareKnown(ctx context.Context, batch []*finding) error {
	pictures := make([]*picture, len(batch))
	o := newOpening()
	for i, f := range batch {
		if f.known != nil {
			pictures[i] = here(f.known)
			o.addCase(f.known, pictures[i], f.there)
		}
	}
	if err := o.open(ctx, r.config.Codec); err != nil {
		return err
	}
	for i, f := range batch {
		f.status = MissingHere
		if f.known == nil {
			continue
		}
		f.status = Different
		f.replayed.setErasedAside(pictures[i], f.there)
		if f.differences = compare(pictures[i], f.there); len(f.differences) == 0 {
			f.status = InSync
		}
	}
	return nil
}

// askLog lets the log decide about cases that differ from the read model.
func (r *run) askLog(ctx context.Context, doubtful []*finding) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(lookupsAtOnceMax)
	for _, f := range doubtful {
		group.Go(func() error { return r.judge(each, f) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.askAgain(ctx, doubtful)
}

// askAgain looks again at cases of which the log says what the extract says, once the read model has folded
// all that the log holds: then it is in sync, or the read model is wrong.
func (r *run) askAgain(ctx context.Context, doubtful []*finding) error {
	var late []*finding
	for _, f := range doubtful {
		if f.status == ReadModelDiffers {
			late = append(late, f)
		}
	}
	if len(late) == 0 {
		return nil
	}
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	if err := r.look(ctx, late); err != nil {
		return err
	}
	for _, f := range late {
		if f.status != InSync {
			f.status = ReadModelDiffers
		}
	}
	return nil
}

// settle counts a case, and tells of it where it differs. What an earlier line said of it counts no more.
func (r *run) settle(f *finding) {
	ref := f.line.Ref
	if before, again := r.seen.of(ref); again {
		r.report.duplicate(Duplicate{f.line.Number, ref})
		r.report.forget(ref, before)
	}
	o := outcome{status: f.status.code(), repair: f.repair}
	if f.status.differs() {
		o.fields = setOf(f.differences)
		f.told.Case, f.told.Source, f.told.Line = ref, f.line.origin().Source, f.line.Number
		f.told.Status, f.told.Fields = f.status, f.differences
		r.report.tell(f.told)
	}
	r.seen.set(ref, o)
	r.report.count(o, 1)
}
