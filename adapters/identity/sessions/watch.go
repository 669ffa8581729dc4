package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrEnded is the cause of a context that Until cancelled.
var ErrEnded = errors.New("the session has ended")

// askedMax is the most sessions that one query asks for.
const askedMax = 500

// watch is the answers under way, by the token hash of their session.
type watch struct {
	mu      sync.Mutex
	live    map[string]map[*live]struct{}
	running bool
}

type live struct{ cancel context.CancelCauseFunc }

// Until returns a context that is cancelled, with the cause ErrEnded, when the request's session
// ends, within CheckEvery and one query: for answers that go on, such as event streams. Where the
// database cannot be asked for ten seconds it is cancelled too. The caller calls done when the
// answer ends. For a request without a session the context ends at once.
func (s *Sessions) Until(ctx context.Context) (until context.Context, done func()) {
	until, cancel := context.WithCancelCause(ctx)
	hash := s.currentHash(ctx)
	if hash == "" || s.User(ctx) == "" {
		cancel(ErrEnded)
		return until, func() {}
	}
	entry := &live{cancel}
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if s.watch.live[hash] == nil {
		s.watch.live[hash] = map[*live]struct{}{}
	}
	s.watch.live[hash][entry] = struct{}{}
	if !s.watch.running {
		s.watch.running = true
		go s.check()
	}
	return until, func() {
		cancel(context.Canceled)
		s.watch.mu.Lock()
		defer s.watch.mu.Unlock()
		delete(s.watch.live[hash], entry)
		if len(s.watch.live[hash]) == 0 {
			delete(s.watch.live, hash)
		}
	}
}

// unaskedMax is how long answers go on while the database cannot be asked.
const unaskedMax = 10 * time.Second

// check asks for the sessions of all answers under way, again and again, as long as there are any.
func (s *Sessions) check() {
	ticker := time.NewTicker(s.config.CheckEvery)
	defer ticker.Stop()
	asked := time.Now()
	for range ticker.C {
		hashes, more := s.watched()
		if !more {
			return
		}
		for part := range slices.Chunk(hashes, askedMax) {
			alive, err := s.alive(part)
			if err != nil {
				s.config.Logger.Error("sessions of answers under way cannot be checked", "error", err)
				if time.Since(asked) < unaskedMax {
					continue
				}
				alive = nil
			} else {
				asked = time.Now()
			}
			s.endOthers(part, alive)
		}
	}
}

// watched returns the hashes to ask for. Without any the loop is over, and Until starts it anew.
func (s *Sessions) watched() (hashes []string, more bool) {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	for hash := range s.watch.live {
		hashes = append(hashes, hash)
	}
	s.watch.running = len(hashes) > 0
	return hashes, s.watch.running
}

func (s *Sessions) alive(hashes []string) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), unaskedMax)
	defer cancel()
	idle, absolute := s.store.since()
	arguments := []any{idle, absolute}
	var places []string
	for _, hash := range hashes {
		arguments = append(arguments, hash)
		places = append(places, fmt.Sprintf("$%d", len(arguments)))
	}
	rows, err := s.store.db.QueryContext(ctx, `SELECT token_sha256 FROM sessions WHERE `+liveRow+
		` AND token_sha256 IN (`+strings.Join(places, ", ")+`)`, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	alive := map[string]bool{}
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			return nil, err
		}
		alive[hash] = true
	}
	return alive, rows.Err()
}

func (s *Sessions) endOthers(asked []string, alive map[string]bool) {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	for _, hash := range asked {
		if alive[hash] {
			continue
		}
		for entry := range s.watch.live[hash] {
			entry.cancel(ErrEnded)
		}
		delete(s.watch.live, hash)
	}
}
