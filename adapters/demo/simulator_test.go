package demo

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// receiver takes events as the portal would.
type receiver struct {
	mu     sync.Mutex
	events []Event
	done   func()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	var e Event
	err := json.NewDecoder(request.Body).Decode(&e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || request.URL.Path != "/cms/v1/events" || request.Header.Get("Authorization") != "Bearer secret" ||
		request.Header.Get("Content-Type") != "application/cloudevents+json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.events = append(r.events, e)
	w.WriteHeader(http.StatusAccepted)
	if len(r.events) == 600 {
		r.done()
	}
}

// newBooks opens books in which no case stands that the portal was given before.
func newBooks(t *testing.T) *books {
	t.Helper()
	b, err := openBooks(t.Context(), filepath.Join(t.TempDir(), "books.db"), func(string) []Event { return nil })
	if err != nil {
		t.Fatalf("open books: %v", err)
	}
	t.Cleanup(func() { _ = b.close() })
	return b
}

func portalAt(server *httptest.Server) *portal {
	return &portal{url: server.URL, token: "secret", client: server.Client(), logger: slog.New(slog.DiscardHandler)}
}

func TestSimulatorPublishesWholeCases(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := &receiver{done: cancel}
	server := httptest.NewServer(r)
	defer server.Close()
	s := &simulator{
		register: open(t), portal: portalAt(server), books: newBooks(t), seed: 7, now: func() time.Time { return now },
	}
	if err := s.run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
	var repeated, overtaken, impossible int
	next := map[string]int{}
	for i, e := range r.events {
		sequence, err := strconv.Atoi(e.Sequence)
		if err != nil {
			t.Fatalf("sequence of %+v: %v", e, err)
		}
		switch {
		case i > 0 && r.events[i-1].ID == e.ID:
			repeated++
		case sequence == next[e.Subject]+2:
			overtaken++
		case sequence != next[e.Subject]+1 && sequence != next[e.Subject]-1:
			t.Errorf("%s came after sequence %d of its case", e.ID, next[e.Subject])
		}
		next[e.Subject] = max(next[e.Subject], sequence)
		if e.Type == "cms.case.action-requested.v1" && sequence == 1 {
			impossible++
		}
	}
	if repeated == 0 || overtaken == 0 || impossible == 0 {
		t.Errorf("got %d repeated, %d overtaken, %d impossible events, want some of each", repeated, overtaken, impossible)
	}
}

// TestSimulatorKeepsWhatWasNotDelivered: an answer that is no 202 leaves the event to be sent again.
func TestSimulatorKeepsWhatWasNotDelivered(t *testing.T) {
	t.Parallel()
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	p := portalAt(server)
	if err := p.post(t.Context(), said{"LIVE-1-1", []byte("{}")}); err == nil {
		t.Error("got no error for a 503, want one")
	}
	status = http.StatusAccepted
	if err := p.post(t.Context(), said{"LIVE-1-1", []byte("{}")}); err != nil {
		t.Errorf("got %v, want the event delivered", err)
	}
}

// TestStepPassesOverWhatCameTrue: what an answer brought forward does not happen a second time.
func TestStepPassesOverWhatCameTrue(t *testing.T) {
	t.Parallel()
	s := &simulator{books: newBooks(t), now: func() time.Time { return now }}
	story := &story{ref: "LIVE-1"}
	file := story.ask(0, askFile, "Send your complaint file", 14)
	story.extend(0, file, 28)
	story.answer(0, file)
	story.stage(0, "file-received")
	story.stage(0, "investigation")
	live := &liveCase{ref: "LIVE-1", steps: story.steps}
	s.live = []*liveCase{live}
	if made, err := s.step(t.Context(), live, 1); err != nil || len(made) != 1 {
		t.Fatalf("got %d events, %v, want the request", len(made), err)
	}
	_, err := s.books.write(t.Context(), func(p *page) error {
		if err := p.say("answer-1", actionClosed, "LIVE-1", now, actionClosedData{file, "completed"}); err != nil {
			return err
		}
		return p.say("answer-2", stageChanged, "LIVE-1", now, stageData{"file-received"})
	})
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	made, err := s.step(t.Context(), live, 2)
	if err != nil || len(made) != 1 || made[0].ID != "LIVE-1-4" || len(s.live) != 0 {
		t.Errorf("got %s, %v and %d cases left, want the investigation alone, under sequence 4", made, err, len(s.live))
	}
}
