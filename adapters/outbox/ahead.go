package outbox

import (
	"context"
	"iter"

	"casesync/eventstore"
)

// How much is read ahead: so many parts of so many events.
const aheadParts, aheadPartEvents = 16, 256

// ahead is a log that reads on while what was read is being published. It is only for following: it reads more
// than is asked for.
type ahead struct{ eventstore.Log }

// readingAhead returns log as one that reads ahead, and can all that the follower makes use of.
func readingAhead(log eventstore.Log) eventstore.Log {
	notifier, notifies := log.(eventstore.Notifier)
	identifier, identifies := log.(eventstore.Identifier)
	if notifies && identifies {
		return struct {
			ahead
			eventstore.Notifier
			eventstore.Identifier
		}{ahead{log}, notifier, identifier}
	}
	return log
}

// part is what was read, and why no more is.
type part struct {
	events []eventstore.Recorded
	err    error
}

// ReadAll implements eventstore.Log.
func (a ahead) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		parts := make(chan part, aheadParts)
		go a.read(ctx, after, parts)
		defer func() {
			stop()
			for range parts { // until nothing is being read any more
			}
		}()
		for p := range parts {
			for _, recorded := range p.events {
				if !yield(recorded, nil) {
					return
				}
			}
			if p.err != nil {
				yield(eventstore.Recorded{}, p.err)
				return
			}
		}
	}
}

// read reads until the end of the log, an error, or the end of ctx.
func (a ahead) read(ctx context.Context, after eventstore.Position, parts chan<- part) {
	defer close(parts)
	var p part
	send := func() bool {
		select {
		case parts <- p:
			p = part{events: make([]eventstore.Recorded, 0, aheadPartEvents)}
			return true
		case <-ctx.Done():
			return false
		}
	}
	for recorded, err := range a.Log.ReadAll(ctx, after) {
		if err != nil {
			p.err = err
			break
		}
		p.events = append(p.events, recorded)
		if len(p.events) == aheadPartEvents && !send() {
			return
		}
	}
	if len(p.events) > 0 || p.err != nil {
		send()
	}
}
