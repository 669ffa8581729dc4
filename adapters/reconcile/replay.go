package reconcile

import (
	"context"
	"fmt"

	"casesync/adapters/commands"
	"casesync/domain/casefile"
	"casesync/eventstore"
	"casesync/projections"
)

// replayed is what the log says of a case.
type replayed struct {
	known    *projections.KnownCase // nil where nobody has converted it
	state    *casefile.State
	revision eventstore.Revision // of the last event, -1 for none
	// erased are the parties that were erased here at somebody's request.
	erased map[string]bool
	// broken: the log does not tell of the case, because an event cannot be read, or is one that only a newer
	// version knows. It is verify that names it.
	broken bool
}

// replay reads and folds the stream of a case.
func (r *run) replay(ctx context.Context, ref string) (*replayed, error) {
	var recorded []eventstore.Recorded
	for e, err := range r.config.Log.ReadStream(ctx, commands.CaseStream(ref), 0) {
		if err != nil {
			return nil, fmt.Errorf("read the log of case %s: %w", ref, err)
		}
		recorded = append(recorded, e)
	}
	told := &replayed{state: casefile.Initial(), revision: eventstore.Revision(len(recorded)) - 1, erased: map[string]bool{}}
	events, err := r.prepare(ctx, recorded)
	if err != nil {
		return nil, fmt.Errorf("open the log of case %s: %w", ref, err)
	}
	for _, e := range events {
		event, is := e.Event.(casefile.Event)
		if !is || e.Err != nil {
			told.broken = true
			return told, nil
		}
		told.state = casefile.Evolve(told.state, event)
		if gone, is := event.(*casefile.PartyErased); is {
			told.erased[gone.Party] = true
		}
	}
	told.known, err = projections.ReplayedCase(ref, events)
	told.broken = err != nil
	return told, nil
}

// holdsErasure reports whether a snapshot of the case would bring back what was erased here.
func (t *replayed) holdsErasure() bool {
	return len(t.erased) > 0 || t.known != nil && t.known.DataErased
}

// judge decides about a case that differs from the read model by what the log says of it.
func (r *run) judge(ctx context.Context, f *finding) (err error) {
	if f.replayed, err = r.replay(ctx, f.line.Ref); err != nil {
		return err
	}
	told, origin := f.replayed, f.line.origin()
	if told.broken {
		return nil // then what the read model says is all there is
	}
	if owner := told.state.Owner(); owner != "" && owner != origin.Source {
		f.status, f.differences = AnotherSource, nil
		return nil
	}
	f.status, f.differences = MissingHere, nil
	if told.known != nil {
		f.status = Different
		if f.differences, err = r.compareReplayed(ctx, f); err != nil {
			return err
		}
	}
	switch {
	case told.known != nil && len(f.differences) == 0:
		f.status = ReadModelDiffers
	case told.known != nil && told.newer(origin.Source, f):
		f.status, f.differences = MovedOn, nil
	}
	return nil
}

// newer reports whether the log knows of more than the snapshot stands for: a later sequence of its source.
// Where the source counts none, its times tell. It is asked of a case that is known.
func (t *replayed) newer(source string, f *finding) bool {
	if sequence := f.line.origin().Sequence; sequence > 0 {
		return t.state.Next(source) > sequence+1
	}
	return t.known.UpdatedAt.After(f.line.origin().Time)
}

// compareReplayed compares a case with what the log says of it.
func (r *run) compareReplayed(ctx context.Context, f *finding) ([]FieldDifference, error) {
	p := here(f.replayed.known)
	o := newOpening()
	o.addCase(f.replayed.known, p, f.there)
	if err := o.open(ctx, r.config.Codec); err != nil {
		return nil, err
	}
	f.replayed.setErasedAside(p, f.there)
	return compare(p, f.there), nil
}

// setErasedAside takes the persons who were erased here from what is compared. Where the log was not asked
// (yet) nothing is set aside.
func (t *replayed) setErasedAside(here, there *picture) {
	if t == nil {
		return
	}
	if t.erased[casefile.Consumer] {
		here.consumer = there.consumer
	}
	if t.erased[casefile.Representative] {
		here.representative = there.representative
	}
}
