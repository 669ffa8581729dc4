package servicebus

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

const (
	// acceptTimeout is how long the broker is asked to wait for a session with messages.
	acceptTimeout = 30 * time.Second
	// acceptProbe is the same while it is not known to work, at every other attempt: an answer that there is none shows
	// that it does.
	acceptProbe = 3 * time.Second
	// acceptGrace is how much longer its answer is waited for: without it the two deadlines race, and an answer
	// that nobody waits for leaves a session locked.
	acceptGrace = 10 * time.Second
	// sessionSlice is how long a session is waited for at a time before others are thought of.
	sessionSlice = 100 * time.Millisecond
	// sessionSliceCrowded is the same while others wait.
	sessionSliceCrowded = 10 * time.Millisecond
)

// early is a context that says it ends before it does, by acceptGrace. The client asks the broker to wait
// until then.
type early struct{ context.Context }

// Deadline implements context.Context.
func (e early) Deadline() (time.Time, bool) {
	deadline, ok := e.Context.Deadline()
	return deadline.Add(-acceptGrace), ok
}

// places are what sessions are handled in.
type places struct {
	taken   chan struct{}
	waiting atomic.Int64
}

// take waits for a place; false says that ctx ended.
func (p *places) take(ctx context.Context) bool {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	select {
	case p.taken <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *places) leave() { <-p.taken }

// crowded reports that there may be sessions that no place is left for.
func (p *places) crowded() bool { return p.waiting.Load() > 0 }

// receiveSessions receives from as many sessions at a time as it may, until receiving ends.
func (s *subscription) receiveSessions() {
	p := &places{taken: make(chan struct{}, s.config.SessionsMax)}
	var sessions, acceptors sync.WaitGroup
	defer sessions.Wait()
	defer acceptors.Wait()
	for i := range min(s.config.SessionAcceptsMax, s.config.SessionsMax) {
		acceptors.Go(func() {
			pauses := s.backoff()
			for n := i; p.take(s.receiving); n++ {
				wait := acceptTimeout
				if n%2 == 0 && !s.works() {
					wait = acceptProbe
				}
				session, err := s.accept(pauses, wait)
				if session == nil {
					p.leave()
					if err != nil {
						return
					}
					continue
				}
				sessions.Go(func() {
					defer p.leave()
					s.receiveSession(session, p)
				})
			}
		})
	}
}

// accept asks for a session, and has the broker wait for one. It returns none where there is none now, and an error when receiving ends.
func (s *subscription) accept(pauses *backoff, wait time.Duration) (*sb.SessionReceiver, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.receiving, wait+acceptGrace)
	defer cancel()
	session, err := s.nextSession(early{ctx})
	switch {
	case err == nil:
		s.answered()
		pauses.reset()
		return session, nil
	case s.receiving.Err() != nil:
		return nil, s.receiving.Err()
	case has(err, sb.CodeTimeout):
		s.answered()
		pauses.reset()
		return nil, nil
	case errors.Is(err, context.DeadlineExceeded) && !s.silentSince(began):
		return nil, nil
	case errors.Is(err, context.DeadlineExceeded):
		err = errSilent
	}
	s.troubled(err)
	if !pauses.wait(s.receiving) {
		return nil, s.receiving.Err()
	}
	return nil, nil
}

func (s *subscription) nextSession(ctx context.Context) (*sb.SessionReceiver, error) {
	if s.config.Subscription == "" {
		return s.client.AcceptNextSessionForQueue(ctx, s.topic, nil)
	}
	return s.client.AcceptNextSessionForSubscription(ctx, s.topic, s.config.Subscription, nil)
}

// receiveSession handles the messages of a session until it has none for a while, or is lost.
func (s *subscription) receiveSession(session *sb.SessionReceiver, p *places) {
	defer leave(s.receiving, session)
	handling, lose := context.WithCancel(s.handling)
	receiving, stop := context.WithCancel(s.receiving)
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer lose()
	defer stop()
	c := s.consumer(session, 1)
	c.handling = handling
	c.session = &sessionHold{lose: func() { stop(); lose() }, crowded: p.crowded}
	renewing.Go(func() { s.renewSession(handling, session, c.session.lose) })
	c.run(receiving)
}

// renewSession keeps a session's lock until ctx ends. A session whose lock is lost belongs to somebody
// else, so its handler is stopped.
func (s *subscription) renewSession(ctx context.Context, session *sb.SessionReceiver, lose func()) {
	for {
		timer := time.NewTimer(renewIn(session.LockedUntil()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		err := s.within(ctx, func(ctx context.Context) error { return session.RenewSessionLock(ctx, nil) })
		switch {
		case err == nil || ctx.Err() != nil:
		case has(err, sb.CodeLockLost) || time.Now().After(session.LockedUntil()):
			s.count(LockLost)
			lose()
			return
		default: // there is time to try again
			s.logger.Debug("a session lock could not be renewed yet", "error", err)
		}
	}
}

// renewIn is when a lock is renewed: at half of what is left of it, but not all the time.
func renewIn(until time.Time) time.Duration {
	return max(time.Until(until)/2, 50*time.Millisecond)
}

// within runs f for no longer than a settlement may take.
func (s *subscription) within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.SettleTimeout)
	defer cancel()
	return f(ctx)
}

// sessionHold is what a consumer knows of the session that it handles.
type sessionHold struct {
	lose    func() // it is not ours any more
	crowded func() bool
}
