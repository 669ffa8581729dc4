package reconcile

import (
	"context"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/commands"
	"casesync/domain/casefile"
	"casesync/projections"
	"casesync/projections/engine"
)

// walk looks for cases here that are not in the extract though a source of it speaks for them.
func (r *run) walk(ctx context.Context) error {
	for after := ""; len(r.sources) > 0; {
		var stubs []projections.CaseStub
		err := engine.Read(ctx, r.config.Store, projections.CasesName, func(view engine.View) (err error) {
			stubs, err = projections.CaseStubs(ctx, view, scope, after, projections.PageRowsMax)
			return err
		})
		if err != nil || len(stubs) == 0 {
			return err
		}
		if err := r.lookForOwners(ctx, r.absent(stubs)); err != nil {
			return err
		}
		after = stubs[len(stubs)-1].Ref
	}
	return nil
}

// absent are the cases that should be in an extract of their source, and are not in this one.
func (r *run) absent(stubs []projections.CaseStub) (absent []projections.CaseStub) {
	for _, stub := range stubs {
		if stub.DataErased || r.config.OpenOnly && !stub.Open {
			continue
		}
		if !r.seen.mentioned(stub.Ref) {
			absent = append(absent, stub)
		}
	}
	return absent
}

// lookForOwners asks the log who speaks for cases, and tells of those that are missing there.
func (r *run) lookForOwners(ctx context.Context, absent []projections.CaseStub) error {
	owners := make([]string, len(absent))
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(lookupsAtOnceMax)
	for i, stub := range absent {
		group.Go(func() (err error) {
			owners[i], err = r.owner(each, stub.Ref)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, stub := range absent {
		switch {
		case !r.sources[owners[i]]:
		case stub.ConvertedAt.After(r.latest):
			r.report.count(outcome{status: MovedOn.code()}, 1)
		default:
			r.report.count(outcome{status: MissingThere.code()}, 1)
			r.report.tell(Difference{Case: stub.Ref, Source: owners[i], Status: MissingThere})
		}
	}
	return nil
}

// owner returns the source that speaks for a case; nothing sealed is opened for it.
func (r *run) owner(ctx context.Context, ref string) (string, error) {
	state := casefile.Initial()
	for recorded, err := range r.config.Log.ReadStream(ctx, commands.CaseStream(ref), 0) {
		if err != nil {
			return "", err
		}
		decoded, err := r.config.Codec.Decode(recorded)
		if err != nil {
			continue // what cannot be read says nothing of it; verify is there to find it
		}
		if event, is := decoded.Event.(casefile.Event); is {
			state = casefile.Evolve(state, event)
		}
	}
	return state.Owner(), nil
}
