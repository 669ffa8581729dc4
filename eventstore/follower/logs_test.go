package follower_test

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// restored is a log as it was when it ended at end, under the same identity.
type restored struct {
	eventstore.Log
	end eventstore.Position
}

func (r restored) Identity(ctx context.Context) (string, error) {
	return r.Log.(eventstore.Identifier).Identity(ctx)
}

func (r restored) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for event, err := range r.Log.ReadAll(ctx, after) {
			if err == nil && event.Position.Compare(r.end) > 0 || !yield(event, err) {
				return
			}
		}
	}
}

// diverged is a log that was restored, and then got other events at the same positions.
type diverged struct{ eventstore.Log }

func (d diverged) Identity(ctx context.Context) (string, error) {
	return d.Log.(eventstore.Identifier).Identity(ctx)
}

func (d diverged) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for event, err := range d.Log.ReadAll(ctx, after) {
			event.ID = uuid.NewSHA1(uuid.Nil, event.ID[:])
			if !yield(event, err) {
				return
			}
		}
	}
}

// renamed is a log with the same events that says it is another.
type renamed struct{ eventstore.Log }

func (renamed) Identity(context.Context) (string, error) { return "another", nil }
