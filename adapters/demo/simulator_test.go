package demo

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	if err != nil || request.Header.Get("Authorization") != "Bearer secret" || request.Header.Get("Content-Type") != "application/cloudevents+json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.events = append(r.events, e)
	w.WriteHeader(http.StatusAccepted)
	if len(r.events) == 600 {
		r.done()
	}
}

func TestSimulatorPublishesWholeCases(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := &receiver{done: cancel}
	server := httptest.NewServer(r)
	defer server.Close()
	s := &Simulator{
		Register: open(t), URL: server.URL, Token: "secret", Client: server.Client(), Seed: 7,
		Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	}
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
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
	s := &Simulator{URL: server.URL, Client: server.Client(), Logger: slog.New(slog.DiscardHandler)}
	e := newEvent("cms.case.stage-changed.v1", "LIVE-1", 1, now, stageData{Stage: "investigation"})
	if err := s.post(t.Context(), e); err == nil {
		t.Error("got no error for a 503, want one")
	}
	status = http.StatusAccepted
	if err := s.post(t.Context(), e); err != nil {
		t.Errorf("got %v, want the event delivered", err)
	}
}
