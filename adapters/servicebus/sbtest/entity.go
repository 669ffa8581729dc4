package sbtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// entity is a queue, or a topic with its subscriptions.
type entity struct {
	name          string
	options       Options
	queue         *queue // of a topic without subscriptions: always empty
	subscriptions map[string]*queue
	seen          map[string]time.Time // message id → until when it is not taken again
}

func (e *entity) queues() []*queue {
	list := []*queue{e.queue}
	for _, q := range e.subscriptions {
		list = append(list, q)
	}
	return list
}

// entity returns the entity of a name, in whatever case; nil if there is none.
func (s *Server) entity(name string) *entity {
	key := strings.ToLower(name)
	if e := s.entities[key]; e != nil {
		return e
	}
	for _, r := range s.rules {
		prefix, wild := strings.CutSuffix(r.pattern, "*")
		if r.pattern != name && (!wild || !strings.HasPrefix(name, prefix)) {
			continue
		}
		options := r.options
		if options.Lock == 0 {
			options.Lock = 30 * time.Second
		}
		if options.DeliveriesMax == 0 {
			options.DeliveriesMax = 10
		}
		e := &entity{name: name, options: options, queue: newQueue(s, name, options), subscriptions: map[string]*queue{}, seen: map[string]time.Time{}}
		s.entities[key] = e
		return e
	}
	return nil
}

// queueAt returns what can be received from at a path, nil if there is nothing.
func (s *Server) queueAt(path string) *queue {
	base, dead := path, false
	if at := len(path) - len(deadLetterSuffix); at > 0 && strings.EqualFold(path[at:], deadLetterSuffix) {
		base, dead = path[:at], true
	}
	q := s.liveQueueAt(base)
	if q != nil && dead {
		return q.deadLetters()
	}
	return q
}

func (s *Server) liveQueueAt(path string) *queue {
	const infix = "/subscriptions/"
	at := strings.Index(strings.ToLower(path), infix)
	if at < 0 {
		if e := s.entity(path); e != nil && !e.options.Topic {
			return e.queue
		}
		return nil
	}
	e := s.entity(path[:at])
	if e == nil || !e.options.Topic {
		return nil
	}
	name := strings.ToLower(path[at+len(infix):])
	if e.subscriptions[name] == nil {
		e.subscriptions[name] = newQueue(s, path, e.options)
	}
	return e.subscriptions[name]
}

// publish takes all of some messages, or none.
func (s *Server) publish(to *entity, encoded [][]byte) error {
	messages := make([]*stored, len(encoded))
	for i, b := range encoded {
		messages[i] = parseMessage(b)
		if to.options.Sessions && messages[i].session == nil {
			return &SendError{"amqp:not-allowed", "The SessionId was not set on a message, and it cannot be sent to the entity."}
		}
		if s.onSend == nil {
			continue
		}
		if err := s.onSend(to.name, fmt.Sprint(messages[i].id)); err != nil {
			return err
		}
	}
	for _, m := range messages {
		s.take(to, m)
	}
	return nil
}

func (s *Server) take(to *entity, m *stored) {
	s.stats.Taken++
	now := time.Now()
	if id := fmt.Sprint(m.id); to.options.Dedup > 0 && m.id != nil {
		if to.seen[id].After(now) {
			s.stats.Duplicates++
			return
		}
		to.seen[id] = now.Add(to.options.Dedup)
	}
	s.sequence++
	m.sequence, m.enqueuedAt = s.sequence, now
	if !to.options.Topic {
		to.queue.add(m)
		return
	}
	for _, q := range to.subscriptions {
		its := *m
		q.add(&its)
	}
}

// all are the messages of a queue and its sessions, by sequence, locked ones included.
func (q *queue) all() []*stored {
	list := slices.Clone(q.pending)
	for _, session := range q.sessions {
		list = append(list, session.pending...)
	}
	for _, l := range q.server.locks {
		if l.queue == q || l.queue.parent == q {
			list = append(list, l.message)
		}
	}
	slices.SortFunc(list, func(a, b *stored) int { return int(a.sequence - b.sequence) })
	return list
}

// refusal is an error as a condition and its description.
func refusal(err error) described {
	condition, description := "amqp:internal-error", err.Error()
	if e := (*SendError)(nil); errors.As(err, &e) {
		condition, description = e.Condition, e.Description
	}
	return amqpError(condition, description)
}

// amqpError is the AMQP error of a condition.
func amqpError(name, description string) described {
	return described{0x1d, []any{symbol(name), description}}
}

// windowMax is a window that is never used up.
const windowMax = uint32(math.MaxInt32 / 2)
