package sbtest

import (
	"slices"
	"time"
)

const (
	sessionFilter     = "com.microsoft:session-filter"
	sessionFilterCode = uint64(0x137000000C)
	// unixTicks is 1970-01-01 in .NET's ticks of 100 ns.
	unixTicks = int64(621355968000000000)
)

// A waiter is an attach that waits for a session.
type waiter struct {
	link    *link
	named   bool // it wants the session of that id, else any that has messages
	session string
	timer   *time.Timer
}

func (q *queue) session(id string) *queue {
	s := q.sessions[id]
	if s == nil {
		s = newQueue(q.server, q.path, q.options)
		s.id, s.parent = id, q
		q.sessions[id] = s
	}
	return s
}

// accept gives a waiter a session; false says that there is none for it now.
func (q *queue) accept(w *waiter) bool {
	if w.link.gone {
		return true
	}
	s := q.unheld(w)
	if s == nil {
		return false
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	s.holder, s.until = w.link, time.Now().Add(q.options.Lock)
	w.link.queue = s
	w.link.filter = fieldMap{symbol(sessionFilter), described{sessionFilterCode, s.id}}
	w.link.properties = fieldMap{symbol("com.microsoft:locked-until-utc"), unixTicks + s.until.UnixMicro()*10}
	s.consumers = []*link{w.link}
	w.link.sendAttach()
	return true
}

// unheld finds a session that nobody holds for a waiter: the one named, or the one that has waited longest.
func (q *queue) unheld(w *waiter) *queue {
	if w.named {
		if s := q.session(w.session); s.holder == nil {
			return s
		}
		return nil
	}
	var oldest *queue
	for _, s := range q.sessions {
		if s.holder == nil && len(s.pending) > 0 && (oldest == nil || s.pending[0].sequence < oldest.pending[0].sequence) {
			oldest = s
		}
	}
	return oldest
}

// offerSessions gives sessions to those who wait.
func (q *queue) offerSessions() {
	q.waiting = slices.DeleteFunc(q.waiting, q.accept)
}

// await lets an attach wait for a session for as long as its sender said.
func (q *queue) await(w *waiter, limit time.Duration) {
	q.waiting = append(q.waiting, w)
	w.timer = time.AfterFunc(limit, func() {
		q.server.mu.Lock()
		defer q.server.mu.Unlock()
		if i := slices.Index(q.waiting, w); i >= 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
			if w.link.gone {
				return // its handle may be another link's by now
			}
			w.link.refuse("com.microsoft:timeout", "The operation did not complete within the allotted timeout.")
		}
	})
}

// free ends the hold on a session, and gives back what was on its way from there.
func (q *queue) free() {
	holder := q.holder
	q.holder, q.consumers = nil, nil
	for token, l := range q.server.locks {
		if l.queue == q && l.link == holder {
			delete(q.server.locks, token)
			q.add(l.message)
		}
	}
	if holder != nil && !holder.gone {
		holder.queue = nil
		holder.detach("com.microsoft:session-lock-lost", "The session lock has expired.")
	}
	q.parent.offerSessions()
}
