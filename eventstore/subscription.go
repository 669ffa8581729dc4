package eventstore

import (
	"context"
	"iter"
)

// Follow yields the events of log after position in batches of at most batchEventsMax, for ever:
// at the end of the log it waits for more. It ends with the first error, or the context's. At the
// end it first yields an empty batch, so that the caller knows that it has caught up.
func Follow(ctx context.Context, log Log, after Position, batchEventsMax int) iter.Seq2[[]Recorded, error] {
	panic("not built yet")
}
