package follower

import (
	"context"
	"fmt"

	"casesync/eventstore"
)

// after is the place after a batch that follows p.
func (p Place) after(batch []eventstore.Recorded) Place {
	last := batch[len(batch)-1]
	next := Place{Log: p.Log, Before: p.At, At: last.Position, EventID: last.ID}
	if len(batch) > 1 {
		next.Before = batch[len(batch)-2].Position
	}
	return next
}

// check makes sure that log is the one that p was made on and holds the event that p names where p
// has it. It returns p with the log's identity.
func (p Place) check(ctx context.Context, log eventstore.Log) (Place, error) {
	identity := ""
	if identifier, ok := log.(eventstore.Identifier); ok {
		var err error
		if identity, err = identifier.Identity(ctx); err != nil {
			return p, fmt.Errorf("read the log's identity: %w", err)
		}
	}
	if p.At.IsZero() {
		return Place{Log: identity}, nil
	}
	if p.Log != "" && identity != p.Log {
		return p, fmt.Errorf("the checkpoint was made on log %q, and this is log %q: %w; %s", p.Log, identity, ErrLogReplaced, mend)
	}
	p.Log = identity
	for e, err := range log.ReadAll(ctx, p.Before) {
		if err != nil {
			return p, fmt.Errorf("read log at checkpoint %s: %w", p.At, err)
		}
		if e.Position != p.At || e.ID != p.EventID {
			return p, fmt.Errorf("the checkpoint has event %s at position %s, where this log has event %s at %s: %w; %s",
				p.EventID, p.At, e.ID, e.Position, ErrLogReplaced, mend)
		}
		return p, nil
	}
	return p, fmt.Errorf("the checkpoint has event %s at position %s, and this log ends before it: %w; %s",
		p.EventID, p.At, ErrLogReplaced, mend)
}

const mend = "check that --log names the right log; if it was restored, restore the state database of the same time as well, or have the subscription begin anew"
