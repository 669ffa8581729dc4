package eventstore

import (
	"context"
	"iter"
)

// Pages yields the events of one page after another. A log reads each page in a short transaction
// of its own, which is over before the first event of the page is yielded, so that a slow reader
// holds nothing. read returns the page at a cursor, the cursor of the next one, and whether there
// is one. An error, or the end of ctx, is yielded once and is the last.
func Pages[Cursor any](
	ctx context.Context, from Cursor, read func(context.Context, Cursor) (page []Recorded, next Cursor, more bool, err error),
) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		cursor := from
		for more := true; more; {
			var page []Recorded
			var err error
			if page, cursor, more, err = read(ctx, cursor); err != nil {
				yield(Recorded{}, err)
				return
			}
			for _, event := range page {
				if err := ctx.Err(); err != nil {
					yield(Recorded{}, err)
					return
				}
				if !yield(event, nil) {
					return
				}
			}
		}
	}
}
