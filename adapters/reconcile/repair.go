package reconcile

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/commands"
	"casesync/eventstore"
)

// The codes of repairs that were not made, beside those of rejections.
const (
	// CodeErased: it would bring back what was erased here.
	CodeErased = "erased-here"
	// CodeUnreadable: the log of the case cannot be read in whole.
	CodeUnreadable = "log-unreadable"
	// CodeChanged: the case changed while it was compared.
	CodeChanged = "changed-meanwhile"
)

// repair hands the snapshots of what differs or is missing here to the ingest. A crash leaves some of them
// recorded; the same run again finds those in order, and goes on with the others.
func (r *run) repair(ctx context.Context, doubtful []*finding) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(repairsAtOnceMax)
	for _, f := range doubtful {
		if f.status == Different || f.status == MissingHere {
			group.Go(func() error { return f.mend(ctx) })
		}
	}
	return group.Wait()
}

func (f *finding) mend(ctx context.Context) error {
	if f.replayed.broken {
		f.refuse(CodeUnreadable, "An event of the case cannot be read, or only by a newer version: casesync verify names it.")
		return nil
	}
	if f.replayed.holdsErasure() {
		f.refuse(CodeErased, "A snapshot would bring back what was erased here: have it erased at the source, or import its line if it is to come back.")
		return nil
	}
	verdict, err := f.line.Correct(ctx, commands.Correction{Reason: Reason, Revision: f.replayed.revision})
	if errors.Is(err, eventstore.ErrWrongExpectedRevision) {
		verdict = commands.Verdict{Status: commands.Rejected, Code: CodeChanged, Reason: "The case changed while it was compared: reconcile again."}
		err = nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("repair case %s: %w", f.line.Ref, err)
	case verdict.Status == commands.Rejected:
		f.refuse(verdict.Code, verdict.Reason)
	case verdict.Status == commands.Duplicate:
		// A newer snapshot stands for it: what differs came of events that did not advance the sequence.
		f.refuse(string(verdict.Status), "It is older than what is known here, and has no effect: take a new extract.")
	default:
		f.repair, f.told.Repair = repaired, string(verdict.Status)
	}
	return nil
}

func (f *finding) refuse(code, reason string) {
	f.repair, f.told.Repair, f.told.RepairReason = notRepaired, code, reason
}
