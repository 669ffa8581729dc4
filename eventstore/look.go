package eventstore

import (
	"context"
	"fmt"
	"math"
)

// Newest is an end that no state in memory reaches: looking since then reads the stream.
const Newest Revision = math.MaxInt64

// EndsOf returns where streams end in log now, for Handler.Since; Newest for each of them if log
// is no Ender.
func EndsOf(ctx context.Context, log Log, streams ...StreamName) ([]Revision, error) {
	if ender, is := log.(Ender); is {
		return ender.Ends(ctx, streams...)
	}
	ends := make([]Revision, len(streams))
	for i := range ends {
		ends[i] = Newest
	}
	return ends, nil
}

// State calls look with the state of stream now, and its revision (-1 for a stream that does not
// exist). The state must not be changed, nor used after look returns; look must not wait for
// anything, nor come back to this handler for the same stream.
//
// Whatever was appended before the call is in the state. Where the log is an Ender, many may look at
// once, and none of them waits for a command that has not appended yet.
func (h *Handler[State, Command, Event]) State(ctx context.Context, stream StreamName, look func(State, Revision)) error {
	ends, err := EndsOf(ctx, h.log, stream)
	if err != nil {
		return fmt.Errorf("look at state of %s: %w", stream, err)
	}
	return h.Since(ctx, stream, ends[0], look)
}

// Since is State for who knows already where the stream ends, or ended when he asked: the state is
// that of end or of a later revision. It reads only what the state in memory lacks.
func (h *Handler[State, Command, Event]) Since(ctx context.Context, stream StreamName, end Revision, look func(State, Revision)) error {
	s := h.streams.enter(stream)
	defer h.streams.leave(s)
	if s.show(end, look) {
		return nil
	}
	if err := s.acquire(ctx); err != nil {
		return fmt.Errorf("look at state of %s: %w", stream, err)
	}
	defer s.release()
	if s.show(end, look) { // another caller has read it meanwhile
		return nil
	}
	if err := h.read(ctx, s); err != nil {
		return err
	}
	look(s.state, s.revision)
	return nil
}

// Decided reports whether events came of a command on a stream: whoever handles it again gets the
// same answer.
func (h *Handler[State, Command, Event]) Decided(ctx context.Context, request Request) (bool, error) {
	s := h.streams.enter(request.Stream)
	defer h.streams.leave(s)
	if err := s.acquire(ctx); err != nil {
		return false, fmt.Errorf("look for command on %s: %w", request.Stream, err)
	}
	defer s.release()
	if err := h.read(ctx, s); err != nil {
		return false, err
	}
	_, decided := s.decided[request.CommandID]
	return decided, nil
}
