package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"casesync/eventstore"
)

// errRightsEnded is the cause of the context of an open answer whose caller may not go on.
var errRightsEnded = errors.New("who asked may not go on: the session or token ended, or what it may see changed")

// watch keeps a long answer open only as long as its caller may have it: it returns the request with
// a context that ends within a second of the session, the token, the account or a role that it
// relies on, and then lets no byte more through to the client.
//
// A session is watched by the gate, a token is asked for several times a second, and what the log says of
// the person is asked again as soon as an event of his account, of a business at which he has roles
// or of the terms is there (see rights), and with each heartbeat in any case.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, route Route, who caller) (*http.Request, func()) {
	ctx, stop := r.Context(), func() {}
	if bearerOf(r) == "" {
		ctx, stop = s.config.Gate.Until(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	control := http.NewResponseController(w)
	cut := context.AfterFunc(ctx, func() {
		// A write that waits for a slow client ends now. Connections without deadlines are tests'.
		_ = control.SetWriteDeadline(time.Now())
	})
	var watching sync.WaitGroup
	watching.Go(func() { s.watchRights(ctx, cancel, r, route, who) })
	return r.WithContext(ctx), func() {
		cut() // the answer is whole: the connection may be used again
		cancel(nil)
		watching.Wait()
		stop()
	}
}

// watchRights cancels the answer when its caller may not go on, or when that cannot be asked for long.
func (s *Server) watchRights(ctx context.Context, cancel context.CancelCauseFunc, r *http.Request, route Route, who caller) {
	changed, leave, err := s.rights.join(ctx, who)
	if ctx.Err() != nil { // the answer was whole, or its client gone, before anybody could be asked
		if err == nil {
			leave()
		}
		return
	}
	if err != nil {
		s.logger.ErrorContext(ctx, "rights of an open answer cannot be watched", "error", err)
		cancel(errRightsEnded)
		return
	}
	defer leave()
	r = r.WithContext(ctx)
	tokens, heartbeat := time.NewTicker(tokenCheckEvery), time.NewTicker(s.limits.StreamHeartbeat)
	defer tokens.Stop()
	defer heartbeat.Stop()
	asked := time.Now()
	for {
		var refusal *Problem
		select {
		case <-ctx.Done():
			return
		case _, going := <-changed:
			if !going {
				cancel(errRightsEnded)
				return
			}
			refusal = s.stillAllowed(r, route, who)
		case <-heartbeat.C:
			refusal = s.stillAllowed(r, route, who)
		case <-tokens.C:
			_, refusal = s.identify(r)
		}
		switch {
		case refusal == nil:
			asked = time.Now()
		case refusal.Status < http.StatusInternalServerError || time.Since(asked) > unaskedMax:
			cancel(errRightsEnded)
			return
		}
	}
}

// tokenCheckEvery is how often the token of an open answer is asked for; what is known of tokens is
// at most a second old (package identity).
const tokenCheckEvery = 250 * time.Millisecond

// unaskedMax is how long an answer stays open while nobody can be asked whether it may.
const unaskedMax = 10 * time.Second

// stillAllowed refuses a caller who may not use the route any more, or sees something else there.
func (s *Server) stillAllowed(r *http.Request, route Route, who caller) *Problem {
	now, refusal := s.admit(r, route)
	if refusal == nil && (scopeKey(now.scope) != scopeKey(who.scope) || now.scope.SeesTickets() != who.scope.SeesTickets()) {
		return problem(CodeForbidden, "What you may see has changed.")
	}
	return refusal
}

// rights tells open answers that something happened to what their callers may do. One follower per
// process reads the log while there is an answer to tell. It starts with the first; on an error it
// ends, and all answers with it: clients come back.
type rights struct {
	server  *Server
	closing context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	followed bool
	watchers map[*watcher]struct{}
}

// A watcher waits for events of some streams.
type watcher struct {
	streams map[eventstore.StreamName]bool
	changed chan struct{} // holds one signal at most; closed when nobody follows the log any more
}

func newRights(s *Server) *rights {
	r := &rights{server: s, watchers: map[*watcher]struct{}{}}
	r.closing, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *rights) close() {
	r.cancel()
	r.running.Wait()
}

// The streams that say what a person may do: the account, the people of a business, the terms.
const (
	accountPrefix = "account-"
	accessPrefix  = "access-"
	termsStream   = "terms"
)

// join returns a channel that signals once at the beginning, so that nothing is missed between the
// caller's admission and now, and then whenever his rights may have changed. Rights of callers without
// an account are not in the log: the channel is silent.
func (r *rights) join(ctx context.Context, who caller) (changed <-chan struct{}, leave func(), err error) {
	if who.person == "" {
		return nil, func() {}, nil
	}
	joined := &watcher{
		streams: map[eventstore.StreamName]bool{accountPrefix + eventstore.StreamName(who.person): true, termsStream: true},
		changed: make(chan struct{}, 1),
	}
	for frn := range who.principal.Grants {
		joined.streams[accessPrefix+eventstore.StreamName(frn)] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Err() != nil {
		return nil, nil, errRightsEnded
	}
	if !r.followed {
		head, err := headOf(ctx, r.server.config.Log)
		if err != nil {
			return nil, nil, fmt.Errorf("find the end of the log: %w", err)
		}
		r.followed = true
		r.running.Add(1)
		go r.follow(head)
	}
	r.watchers[joined] = struct{}{}
	joined.changed <- struct{}{}
	return joined.changed, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, joined)
	}, nil
}

// follow reads the log until there is nobody to tell, the server closes, or something fails.
func (r *rights) follow(after eventstore.Position) {
	defer r.running.Done()
	for batch, err := range eventstore.Follow(r.closing, r.server.config.Log, after, changesBatchMax) {
		if err != nil {
			r.end(err)
			return
		}
		if r.tell(batch) == 0 {
			return
		}
	}
}

// tell signals those whom a batch concerns, and returns how many are left to tell: with none the
// follower has ended.
func (r *rights) tell(batch []eventstore.Recorded) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range batch {
		if event.Stream != termsStream && !strings.HasPrefix(string(event.Stream), accountPrefix) && !strings.HasPrefix(string(event.Stream), accessPrefix) {
			continue
		}
		for watcher := range r.watchers {
			if !watcher.streams[event.Stream] {
				continue
			}
			select {
			case watcher.changed <- struct{}{}:
			default: // it has a signal to take already
			}
		}
	}
	r.followed = len(r.watchers) > 0
	return len(r.watchers)
}

func (r *rights) end(err error) {
	if r.closing.Err() == nil {
		r.server.logger.Error("following the log for the rights of open answers failed; clients will come back", "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followed = false
	for watcher := range r.watchers {
		close(watcher.changed)
		delete(r.watchers, watcher)
	}
}
