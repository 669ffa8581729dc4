package servicebus

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/ThreeDotsLabs/watermill/message"
)

// letter is why a message is dead-lettered.
type letter struct{ reason, description string }

// delivery is a message on its way, as its context carries it.
type delivery struct{ letter atomic.Pointer[letter] }

type deliveryKey struct{}

// DeadLetter has a message that this package delivered moved to the dead-letter queue when it is
// acknowledged, instead of being completed. The reason is a short word for machines, the description
// a sentence for people; operators see both, so that they hold no personal data. It reports false for
// a message from elsewhere, or a copy, whose context is not the delivery's.
func DeadLetter(m *message.Message, reason, description string) bool {
	d, ok := m.Context().Value(deliveryKey{}).(*delivery)
	if ok {
		d.letter.Store(&letter{shortened(reason), shortened(description)})
	}
	return ok
}

// DeadLetterErrors is a middleware that dead-letters the messages of handlers' errors for which why
// gives a reason; other errors are left to the retries around it.
func DeadLetterErrors(why func(error) (reason, description string, permanent bool)) message.HandlerMiddleware {
	return func(handle message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			produced, err := handle(m)
			if err == nil {
				return produced, nil
			}
			reason, description, permanent := why(err)
			if permanent && DeadLetter(m, reason, description) {
				return nil, nil
			}
			return nil, err
		}
	}
}

// The ends of an offer.
type answer int

const (
	acked answer = iota
	nacked
	givenUp // receiving or handling ended before there was an answer
	lost    // the lock is not ours any more
)

// deliver offers a message until it is settled. stopping is closed when nothing new is to be offered.
func (c *consumer) deliver(stopping <-chan struct{}, m *sb.ReceivedMessage) {
	hold := newHold(c, m)
	defer hold.stop()
	pauses := newBackoff(c.config.NackPauseMin, c.config.NackPauseMax)
	for nacks := 1; ; nacks++ {
		d := &delivery{}
		got := c.offer(stopping, m, d, hold)
		l := d.letter.Load()
		switch {
		case got == lost:
			c.count(LockLost)
			return
		case got == givenUp:
			c.settle(m, Abandoned, c.abandon)
			return
		case l != nil:
			c.settle(m, DeadLettered, c.bury(*l))
			return
		case got == acked:
			c.settle(m, Completed, c.complete)
			return
		}
		c.count(Nacked)
		if nacks >= c.config.NacksMax {
			c.settle(m, DeadLettered, c.bury(letter{"NacksMax", fmt.Sprintf("The handler refused the message %d times.", nacks)}))
			return
		}
		if got := hold.pause(stopping, pauses); got != nacked {
			c.endPause(m, got)
			return
		}
	}
}

// endPause ends a delivery that will not be offered again.
func (c *consumer) endPause(m *sb.ReceivedMessage, why answer) {
	if why == lost {
		c.count(LockLost)
		return
	}
	c.settle(m, Abandoned, c.abandon)
}

// offer hands a message to the handler, and waits for what it says.
func (c *consumer) offer(stopping <-chan struct{}, m *sb.ReceivedMessage, d *delivery, hold *hold) answer {
	offered := fromBroker(m)
	ctx, cancel := context.WithCancel(context.WithValue(c.handling, deliveryKey{}, d))
	defer cancel() // the handler is done, or has to be
	offered.SetContext(ctx)
	out := c.out
	for {
		select {
		case out <- offered:
			out, stopping = nil, nil // from now on it may be finished
		case <-offered.Acked():
			return acked
		case <-offered.Nacked():
			return nacked
		case <-stopping:
			return givenUp
		case <-c.handling.Done():
			return givenUp
		case <-hold.due():
			if !hold.renew() {
				return lost
			}
		}
	}
}

// hold keeps the lock of a message. Sessions keep the locks of theirs.
type hold struct {
	consumer *consumer
	message  *sb.ReceivedMessage
	since    time.Time
	until    time.Time
	timer    *time.Timer // nil in a session
}

func newHold(c *consumer, m *sb.ReceivedMessage) *hold {
	h := &hold{consumer: c, message: m, since: time.Now()}
	if c.session != nil {
		h.timer = time.NewTimer(c.config.HoldMax)
	} else {
		h.until = time.Now().Add(time.Minute)
		if m.LockedUntil != nil {
			h.until = *m.LockedUntil
		}
		h.timer = time.NewTimer(renewIn(h.until))
	}
	return h
}

func (h *hold) stop()                 { h.timer.Stop() }
func (h *hold) due() <-chan time.Time { return h.timer.C }

// renew renews the lock; false says that it is lost, or was held for long enough.
func (h *hold) renew() bool {
	c := h.consumer
	if time.Since(h.since) >= c.config.HoldMax {
		c.logger.Error("a message was handled for too long, and is left to others", "message_id", h.message.MessageID, "hold_max", c.config.HoldMax)
		if c.session != nil {
			c.session.lose() // what comes after it must not overtake it
		}
		return false
	}
	renewed := &sb.ReceivedMessage{LockToken: h.message.LockToken} // the client writes into it
	err := c.within(c.handling, func(ctx context.Context) error { return c.renewLock(ctx, renewed, nil) })
	switch {
	case err == nil && renewed.LockedUntil != nil:
		h.until = *renewed.LockedUntil
	case has(err, sb.CodeLockLost) || time.Now().After(h.until):
		return false
	}
	h.timer.Reset(renewIn(h.until))
	return true
}

// pause waits before a message is offered again, and keeps its lock meanwhile. It returns nacked when
// the time has come.
func (h *hold) pause(stopping <-chan struct{}, pauses *backoff) answer {
	over := time.NewTimer(pauses.pause())
	defer over.Stop()
	for {
		select {
		case <-over.C:
			return nacked
		case <-stopping:
			return givenUp
		case <-h.consumer.handling.Done():
			return givenUp
		case <-h.due():
			if !h.renew() {
				return lost
			}
		}
	}
}
