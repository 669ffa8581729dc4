// Package ends lets the many who ask a log where streams end share its answers: one question is put
// to the log at a time, for all who wait, and each stream is named in it once. It promises that every
// answer was read after its question was asked, so that nobody is told of an end that was passed
// before.
package ends

import (
	"context"
	"time"

	"casesync/eventstore"
	"casesync/eventstore/groupcommit"
)

// The limits of one question to the log.
const (
	questionsMax = 1000
	streamsMax   = 10_000
	askTimeout   = 10 * time.Second
)

// Ask returns the revisions of the last events of streams that differ, in their order; -1 for one
// that does not exist.
type Ask func(ctx context.Context, streams []eventstore.StreamName) ([]eventstore.Revision, error)

// Asker puts questions to a log. It is safe for concurrent use.
type Asker struct {
	ask    Ask
	writer *groupcommit.Writer[[]eventstore.StreamName, []eventstore.Revision]
}

// New returns an asker, to be closed with Close.
func New(ask Ask) *Asker {
	a := &Asker{ask: ask}
	a.writer = groupcommit.New(groupcommit.Config[[]eventstore.StreamName, []eventstore.Revision]{
		Commit:           a.answer,
		Size:             func(streams []eventstore.StreamName) int { return len(streams) },
		BatchRequestsMax: questionsMax,
		BatchBytesMax:    streamsMax,
	})
	return a
}

// Close answers who waits, and then nobody any more.
func (a *Asker) Close() { a.writer.Close() }

// Ends implements eventstore.Ender.
func (a *Asker) Ends(ctx context.Context, streams ...eventstore.StreamName) ([]eventstore.Revision, error) {
	if len(streams) == 0 {
		return nil, ctx.Err()
	}
	found, err := a.writer.Submit(ctx, streams)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return found, err
}

// answer asks the log once for all questions of a batch. No caller's context may end what others wait
// for; the time that it may take is bounded instead.
func (a *Asker) answer(batch [][]eventstore.StreamName) []groupcommit.Result[[]eventstore.Revision] {
	places := make(map[eventstore.StreamName]int)
	var streams []eventstore.StreamName
	for _, question := range batch {
		for _, stream := range question {
			if _, named := places[stream]; !named {
				places[stream] = len(streams)
				streams = append(streams, stream)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	found, err := a.ask(ctx, streams)
	results := make([]groupcommit.Result[[]eventstore.Revision], len(batch))
	for i, question := range batch {
		if err != nil {
			results[i].Err = err
			continue
		}
		ends := make([]eventstore.Revision, len(question))
		for j, stream := range question {
			ends[j] = found[places[stream]]
		}
		results[i].Answer = ends
	}
	return results
}
