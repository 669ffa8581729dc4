package engine

import (
	"iter"

	"casesync/eventstore"
)

// upTo yields events up to and with position in batches of at most batchEventsMax, never empty.
func upTo(events iter.Seq2[eventstore.Recorded, error], position eventstore.Position, batchEventsMax int) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		var batch []eventstore.Recorded
		for e, err := range events {
			if err != nil {
				yield(nil, err)
				return
			}
			if e.Position.Compare(position) > 0 {
				break
			}
			if batch = append(batch, e); len(batch) == batchEventsMax {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
