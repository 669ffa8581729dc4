package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"casesync/eventstore"
)

// parkedPage is how many parked keys are looked at in one query.
const parkedPage = 500

// retryKnown folds the keys again that an older binary parked for an event it did not know, and this one knows:
// during a deployment both run side by side, and nobody should have to retry by hand what the newer one could
// have taken at once. A crash in between leaves the rest parked, for the next turn.
func (r *Runner) retryKnown(ctx context.Context) error {
	name := r.config.Projection.Name
	for after := ""; ; {
		page, err := ListParked(ctx, r.config.Store, name, after, parkedPage)
		if err != nil {
			return fmt.Errorf("look for keys parked by an older version: %w", err)
		}
		for _, p := range page {
			after = p.Key
			if !strings.HasPrefix(p.Reason, eventstore.ErrUnknownType.Error()) {
				continue // whatever a fold refused is an operator's to decide
			}
			known, err := r.knows(ctx, p)
			if err != nil {
				return fmt.Errorf("look at the event that key %q is parked for: %w", p.Key, err)
			}
			if !known {
				continue
			}
			switch still, err := Retry(ctx, r.config, p.Key); {
			case errors.Is(err, ErrNotParked): // somebody was faster
			case err != nil:
				// The key stays parked, as it was; others go on, and an operator sees it.
				r.config.Logger.WarnContext(ctx, "key parked by an older version stays parked", slog.String("type", p.Type), slog.Any("error", err))
			case still == nil:
				r.config.Logger.InfoContext(ctx, "key parked by an older version is folded again", slog.String("type", p.Type))
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		if len(page) < parkedPage {
			return nil
		}
	}
}

// knows reports whether this binary knows the event that a key is parked for.
func (r *Runner) knows(ctx context.Context, p Parked) (bool, error) {
	for recorded, err := range r.config.Log.ReadStream(ctx, p.Stream, 0) {
		if err != nil {
			return false, err
		}
		if recorded.ID.String() != p.EventID {
			continue
		}
		events, err := r.config.Prepare(ctx, []eventstore.Recorded{recorded})
		if err != nil {
			return false, err
		}
		return len(events) == 1 && events[0].Event != nil, nil
	}
	return false, nil
}
