package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"casesync/eventstore"
)

// StreamedChange is the data of one server-sent event.
type StreamedChange struct {
	Type     string `json:"type" enum:"case-changed,ticket-changed,reset" doc:"reset: too much was missed to be told; read again what you show"`
	Ref      string `json:"ref,omitempty" doc:"The case that changed"`
	Ticket   string `json:"ticket,omitempty" doc:"The id of the ticket that changed: one that you opened, or any for the helpdesk"`
	Position string `json:"position" doc:"The read models have reached it: ask with it as Casesync-Min-Position"`
}

// streamChanges serves the stream of changes. The id of each event is its position in the log, so
// that a client that comes back with Last-Event-ID is told exactly what it missed.
func (s *Server) streamChanges(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if refusal := noParameters(&request{http: r}); refusal != nil {
		refusal.write(w)
		return
	}
	who := callerOf(ctx)
	leave, ok := s.changes.streams.enter(who.principal.ID)
	if !ok {
		problem(CodeTooMany, "You may follow %d streams at one time, and all together %d. End one first.",
			s.limits.StreamsPerPrincipalMax, s.limits.StreamsMax).retryAfter(retryUnavailable).write(w)
		return
	}
	defer leave()
	client, from, err := s.changes.join(ctx, who.scope)
	if err != nil {
		s.problemOf(ctx, err).write(w)
		return
	}
	defer s.changes.leave(client)
	stream := &stream{server: s, ctx: ctx, writer: w, control: http.NewResponseController(w)}
	first, err := s.firstChanges(r, who, from)
	if err != nil {
		s.problemOf(ctx, err).write(w)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if err := stream.send(first, from); err == nil {
		stream.run(r, client)
	}
}

// firstChanges returns what a client is told before anything new: what it missed, or that it
// missed too much.
func (s *Server) firstChanges(r *http.Request, who caller, from eventstore.Position) ([]StreamedChange, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		return nil, nil
	}
	reset := []StreamedChange{{Type: "reset", Position: from.String()}}
	after, err := eventstore.ParsePosition(text)
	if err != nil {
		return reset, nil //nolint:nilerr // an id that we never gave is answered with a reset
	}
	missed, err := s.changes.missed(r.Context(), who.scope, after, from)
	if errors.Is(err, errTooFar) {
		return reset, nil
	}
	return streamed(missed), err
}

func streamed(changes []change) []StreamedChange {
	list := make([]StreamedChange, len(changes))
	for i, change := range changes {
		list[i] = StreamedChange{Type: string(change.kind), Position: change.at.String()}
		if change.kind == ticketChanged {
			list[i].Ticket = change.id
		} else {
			list[i].Ref = change.id
		}
	}
	return list
}

// A stream writes server-sent events to one client.
type stream struct {
	server  *Server
	ctx     context.Context //nolint:containedctx // the request's: nothing is written after it
	writer  http.ResponseWriter
	control *http.ResponseController
}

// run tells the client of changes until it leaves, is too slow, may see something else than
// before (which ends the request's context), or the server closes.
func (s *stream) run(r *http.Request, client *client) {
	heartbeat := time.NewTicker(s.server.limits.StreamHeartbeat)
	defer heartbeat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-s.server.changes.closing.Done():
			return
		case <-client.gone:
			return
		case batch := <-client.queue:
			err = s.send(streamed(batch.changes), batch.to)
		case <-heartbeat.C:
			err = s.write(": still here\n\n")
		}
		if err != nil {
			return
		}
	}
}

// send writes changes, and then the position up to which the client now knows everything it may.
func (s *stream) send(changes []StreamedChange, to eventstore.Position) error {
	var text []byte
	for _, change := range changes {
		data, err := json.Marshal(change)
		if err != nil {
			return err
		}
		text = fmt.Appendf(text, "event: %s\nid: %s\ndata: %s\n\n", change.Type, change.Position, data)
	}
	// An id without data moves the client's Last-Event-ID and is no event.
	return s.write(string(fmt.Appendf(text, "id: %s\n\n", to)))
}

func (s *stream) write(text string) error {
	// A connection that cannot set deadlines (a test's recorder) has none.
	_ = s.control.SetWriteDeadline(time.Now().Add(s.server.limits.StreamWriteTimeout))
	if err := s.ctx.Err(); err != nil {
		return err // it may have ended, and cut the connection, just before the deadline was set
	}
	if _, err := s.writer.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
