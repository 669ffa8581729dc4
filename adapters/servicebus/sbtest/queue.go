package sbtest

import (
	"math"
	"slices"
	"sort"
	"time"
)

// queue is a queue, a subscription, a dead-letter queue, or one session of one of them.
type queue struct {
	server    *Server
	path      string
	options   Options
	pending   []*stored // by sequence
	consumers []*link
	dead      *queue // its dead-letter queue, once it has one
	isDead    bool   // it is a dead-letter queue

	// Of a queue with sessions.
	sessions map[string]*queue
	waiting  []*waiter

	// Of a session.
	parent *queue
	id     string
	holder *link
	until  time.Time
}

func newQueue(s *Server, path string, options Options) *queue {
	return &queue{server: s, path: path, options: options, sessions: map[string]*queue{}}
}

// deadLetters is the queue's dead-letter queue. Deliveries from there are not counted.
func (q *queue) deadLetters() *queue {
	if q.dead == nil {
		options := q.options
		options.DeliveriesMax, options.Sessions = math.MaxUint32, false
		q.dead = newQueue(q.server, q.path+deadLetterSuffix, options)
		q.dead.isDead = true
	}
	return q.dead
}

// add puts a message at its place in the order of sequences, so that an abandoned one returns there.
func (q *queue) add(m *stored) {
	target := q
	if q.options.Sessions && q.parent == nil && m.session != nil {
		target = q.session(*m.session)
	}
	at := sort.Search(len(target.pending), func(i int) bool { return target.pending[i].sequence > m.sequence })
	target.pending = slices.Insert(target.pending, at, m)
	if target.parent != nil {
		target.parent.offerSessions()
	}
	target.pump()
}

// pump delivers what is pending to the consumers that have credit, in turns.
func (q *queue) pump() {
	for len(q.pending) > 0 {
		i := slices.IndexFunc(q.consumers, (*link).ready)
		if i < 0 {
			return
		}
		consumer := q.consumers[i]
		q.consumers = append(slices.Delete(q.consumers, i, i+1), consumer)
		m := q.pending[0]
		q.pending[0] = nil
		q.pending = q.pending[1:]
		q.deliver(consumer, m)
	}
}

func (q *queue) deliver(to *link, m *stored) {
	token, until := newToken(), time.Now().Add(q.options.Lock)
	q.server.stats.Delivered++
	q.server.locks[token] = &lock{queue: q, message: m, until: until, link: to}
	swapped := uuid(token.swapped())
	to.transfer(token, m.encode(until, &swapped), false)
}

// failed counts a delivery that was not completed.
func (q *queue) failed(m *stored) {
	if q.isDead {
		q.add(m)
		return
	}
	if m.deliveries++; m.deliveries >= q.options.DeliveriesMax {
		q.bury(m, "MaxDeliveryCountExceeded", "Message could not be consumed after the maximum number of delivery attempts.")
		return
	}
	q.add(m)
}

// bury moves a message to the dead-letter queue.
func (q *queue) bury(m *stored, reason, description string) {
	q.server.stats.DeadLettered++
	m.modify(fieldMap{"DeadLetterReason", reason, "DeadLetterErrorDescription", description})
	m.deadFrom = q.path
	if q.parent != nil {
		q = q.parent
	}
	q.deadLetters().add(m)
}

// A lock is a message on its way.
type lock struct {
	queue   *queue
	message *stored
	until   time.Time
	link    *link
}

// The outcomes of a delivery.
type outcome int

const (
	completed outcome = iota
	released          // given back without being counted
	abandoned
	buried
)

// settle ends a lock; false says that it had ended already.
func (s *Server) settle(token lockToken, what outcome, reason, description string, changes fieldMap) bool {
	l := s.locks[token]
	if l == nil {
		s.stats.LocksLost++
		return false
	}
	if s.dropSettle != nil && s.dropSettle(l.queue.path) {
		l.link.session.connection.reset()
		return true
	}
	delete(s.locks, token)
	l.message.modify(changes)
	switch what {
	case completed:
		s.stats.Completed++
	case released:
		s.stats.Released++
		l.queue.add(l.message)
	case abandoned:
		s.stats.Abandoned++
		l.queue.failed(l.message)
	case buried:
		l.queue.bury(l.message, reason, description)
	}
	return true
}

// expire ends the locks of messages and sessions that ran out.
func (s *Server) expire(now time.Time) {
	for token, l := range s.locks {
		if l.queue.parent == nil && l.until.Before(now) { // a session's end with the session's
			delete(s.locks, token)
			s.stats.Expired++
			l.queue.failed(l.message)
		}
	}
	for _, e := range s.entities {
		for _, q := range e.queues() {
			for _, session := range q.sessions {
				if session.holder != nil && session.until.Before(now) {
					session.free()
				}
			}
		}
	}
}

// dropLocks makes every message that is on its way available again.
func (s *Server) dropLocks() {
	for token, l := range s.locks {
		delete(s.locks, token)
		l.queue.add(l.message)
	}
}
