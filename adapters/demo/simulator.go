package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Simulator plays a case management system that publishes live events, one at a time. It has the
// habits of real ones: now and then an event is sent twice, or before the one that it follows, or
// with an impossible date.
type Simulator struct {
	Register *Register
	// URL is where events are posted to: "http://127.0.0.1:8080/cms/v1/events".
	URL string
	// Token is a bearer token of role cms for Source.
	Token string
	// Every is the pause between two events.
	Every  time.Duration
	Client *http.Client
	Now    func() time.Time
	Seed   uint64
	Logger *slog.Logger

	random *rand.Rand
	prefix string
	cases  int
	live   []*liveCase
}

// liveCase is a case under way: what is still to come of it.
type liveCase struct {
	ref      string
	sequence int
	steps    []step
}

// liveCasesMax is how many cases are under way at once.
const liveCasesMax = 25

// Run publishes events until ctx ends. What cannot be delivered is sent again, under the same id,
// until it is.
func (s *Simulator) Run(ctx context.Context) error {
	s.random = rand.New(rand.NewPCG(s.Seed, uint64(s.Now().Unix())))
	// Cases of each start have references of their own, so that no sequence is used twice.
	s.prefix = "LIVE-" + strings.ToUpper(strconv.FormatInt(s.Now().Unix(), 36))
	for {
		for _, e := range s.next() {
			if err := s.deliver(ctx, e); err != nil {
				return err
			}
		}
		if err := wait(ctx, s.Every); err != nil {
			return err
		}
	}
}

// next returns what is sent next: one event as a rule.
func (s *Simulator) next() []Event {
	switch n := s.random.IntN(100); {
	case len(s.live) < 5 || n < 25 && len(s.live) < liveCasesMax:
		return []Event{s.open()}
	case n < 28:
		first := s.advance()
		return []Event{first, first} // sent twice
	case n < 32:
		live := s.live[s.random.IntN(len(s.live))]
		if len(live.steps) < 2 {
			return []Event{s.open()}
		}
		first, second := s.step(live), s.step(live)
		return []Event{second, first} // overtaken: held, then released
	case n < 33:
		return []Event{s.impossible()}
	default:
		return []Event{s.advance()}
	}
}

// open begins a new case with a complaint of the register.
func (s *Simulator) open() Event {
	s.cases++
	c := pick(s.random, s.Register.complaints)
	live := &liveCase{ref: fmt.Sprintf("%s-%d", s.prefix, s.cases)}
	live.steps = tell(s.random, live.ref, c, len(s.Register.companies))
	live.steps = live.steps[:min(len(live.steps), caseEventsMax)]
	s.live = append(s.live, live)
	return s.step(live)
}

func (s *Simulator) advance() Event { return s.step(s.live[s.random.IntN(len(s.live))]) }

func (s *Simulator) step(live *liveCase) Event {
	now := s.Now().UTC().Truncate(time.Millisecond)
	next := live.steps[0]
	live.steps = live.steps[1:]
	live.sequence++
	if len(live.steps) == 0 {
		s.live = slices.DeleteFunc(s.live, func(other *liveCase) bool { return other == live })
	}
	return newEvent(next.kind, live.ref, live.sequence, now, next.data(now))
}

// impossible is an event that no calendar allows: it becomes a dead letter, and stops no other case.
func (s *Simulator) impossible() Event {
	s.cases++
	ref := fmt.Sprintf("%s-%d", s.prefix, s.cases)
	return newEvent("cms.case.action-requested.v1", ref, 1, s.Now().UTC().Truncate(time.Millisecond),
		actionRequestedData{ActionID: ref + "-A1", Kind: "business-file", Description: "Send your complaint file", DueDate: "2026-02-30"})
}

// deliver posts e until it is answered.
func (s *Simulator) deliver(ctx context.Context, e Event) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := s.post(ctx, e)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		s.Logger.WarnContext(ctx, "the simulated case management system could not deliver an event and tries again",
			"error", err, "event_id", e.ID, "pause", pause)
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

func (s *Simulator) post(ctx context.Context, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/cloudevents+json")
	request.Header.Set("Authorization", "Bearer "+s.Token)
	response, err := s.Client.Do(request)
	if err != nil {
		return fmt.Errorf("post event: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("post event: answered %s: %s", response.Status, answer)
	}
	s.Logger.DebugContext(ctx, "published", "event_id", e.ID, "type", e.Type, "answer", string(answer))
	return nil
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
