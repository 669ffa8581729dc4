package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// simulator is the part of the simulated case management system that publishes live events, one at a time. It has
// the habits of real ones: now and then an event is sent twice, or before the one that it follows, or with an
// impossible date.
type simulator struct {
	register *Register
	portal   *portal
	books    *books
	every    time.Duration // the pause between two events
	seed     uint64
	now      func() time.Time

	random *rand.Rand
	prefix string
	cases  int
	live   []*liveCase
}

// liveCase is a case under way: what is still to come of it.
type liveCase struct {
	ref   string
	steps []step
}

// liveCasesMax is how many cases are under way at once.
const liveCasesMax = 25

// run publishes events until ctx ends. What cannot be delivered is sent again, under the same id, until it is.
func (s *simulator) run(ctx context.Context) error {
	s.random = rand.New(rand.NewPCG(s.seed, uint64(s.now().Unix())))
	// Cases of each start have references of their own, so that no sequence is used twice.
	s.prefix = "LIVE-" + strings.ToUpper(strconv.FormatInt(s.now().Unix(), 36))
	for {
		events, err := s.next(ctx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := s.portal.deliver(ctx, e); err != nil {
				return err
			}
		}
		for _, e := range events {
			if err := s.books.delivered(ctx, e.ID); err != nil {
				return err
			}
		}
		if err := wait(ctx, s.every); err != nil {
			return err
		}
	}
}

// next returns what is sent next: one event as a rule, none where what was to come of a case has come true already.
func (s *simulator) next(ctx context.Context) ([]said, error) {
	switch n := s.random.IntN(100); {
	case len(s.live) < 5 || n < 25 && len(s.live) < liveCasesMax:
		return s.open(ctx)
	case n < 28:
		first, err := s.step(ctx, s.any(), 1)
		return append(first, first...), err // sent twice
	case n < 32:
		live := s.any()
		if len(live.steps) < 2 {
			return s.open(ctx)
		}
		both, err := s.step(ctx, live, 2)
		slices.Reverse(both) // overtaken: held, then released
		return both, err
	case n < 33:
		return s.impossible(ctx)
	default:
		return s.step(ctx, s.any(), 1)
	}
}

func (s *simulator) any() *liveCase { return s.live[s.random.IntN(len(s.live))] }

// open begins a new case with a complaint of the register.
func (s *simulator) open(ctx context.Context) ([]said, error) {
	c := pick(s.random, s.register.complaints)
	live := &liveCase{ref: s.reference()}
	live.steps = tell(s.random, live.ref, c, len(s.register.companies))
	live.steps = live.steps[:min(len(live.steps), caseEventsMax)]
	s.live = append(s.live, live)
	return s.step(ctx, live, 1)
}

func (s *simulator) reference() string {
	s.cases++
	return fmt.Sprintf("%s-%d", s.prefix, s.cases)
}

// step lets the next events of a case happen, at most so many. What was brought forward by an answer is passed over.
func (s *simulator) step(ctx context.Context, live *liveCase, events int) ([]said, error) {
	now := s.time()
	made, err := s.books.write(ctx, func(p *page) error {
		if err := p.begin(live.ref); err != nil {
			return err
		}
		for len(live.steps) > 0 && len(p.said) < events {
			r, err := p.load(live.ref)
			if err != nil {
				return err
			}
			next := live.steps[0]
			live.steps = live.steps[1:]
			if data := next.data(now); !r.standing.moot(data) {
				if err := p.say("", next.kind, live.ref, now, data); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if len(live.steps) == 0 {
		s.live = slices.DeleteFunc(s.live, func(other *liveCase) bool { return other == live })
	}
	return made, err
}

// impossible is an event that no calendar allows: it becomes a dead letter, and stops no other case.
func (s *simulator) impossible(ctx context.Context) ([]said, error) {
	ref := s.reference()
	data := actionRequestedData{ActionID: ref + "-A1", Kind: askFile, Description: "Send your complaint file", DueDate: "2026-02-30"}
	return s.books.write(ctx, func(p *page) error {
		if err := p.begin(ref); err != nil {
			return err
		}
		return p.say("", "cms.case.action-requested.v1", ref, s.time(), data)
	})
}

func (s *simulator) time() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
