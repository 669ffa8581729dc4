package servicebus

import (
	"context"
	"errors"
	"sync"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// link is what messages are received from and settled on: a *sb.Receiver or a *sb.SessionReceiver.
type link interface {
	ReceiveMessages(ctx context.Context, most int, options *sb.ReceiveMessagesOptions) ([]*sb.ReceivedMessage, error)
	PeekMessages(ctx context.Context, most int, options *sb.PeekMessagesOptions) ([]*sb.ReceivedMessage, error)
	CompleteMessage(ctx context.Context, m *sb.ReceivedMessage, options *sb.CompleteMessageOptions) error
	AbandonMessage(ctx context.Context, m *sb.ReceivedMessage, options *sb.AbandonMessageOptions) error
	DeadLetterMessage(ctx context.Context, m *sb.ReceivedMessage, options *sb.DeadLetterOptions) error
}

// consumer fetches messages from one link, and sees each of them through.
type consumer struct {
	*subscription
	link     link
	handling context.Context
	session  *sessionHold // nil without sessions
	// renewLock renews the lock of a message; nil in a session, which has one lock for all.
	renewLock func(ctx context.Context, m *sb.ReceivedMessage, options *sb.RenewMessageLockOptions) error
	slots     chan struct{} // taken by messages in flight
	inFlight  sync.WaitGroup
	peeking   sync.Mutex // the client's PeekMessages is not safe for concurrent use
	wary      time.Time  // until then messages are fetched one by one
}

func (s *subscription) consumer(from link, inFlightMax int) *consumer {
	return &consumer{subscription: s, link: from, handling: s.handling, slots: make(chan struct{}, inFlightMax)}
}

// run fetches as many messages as there are slots for, until ctx ends or a session is to be left. It
// returns when all are settled.
func (c *consumer) run(ctx context.Context) {
	defer c.inFlight.Wait()
	pauses := c.backoff()
	if c.session == nil && !c.reach(ctx, pauses) {
		return
	}
	idleSince := time.Now()
	for {
		free, ok := c.takeSlots(ctx)
		if !ok {
			return
		}
		fetched, err := c.fetch(ctx, c.most(free))
		for range free - len(fetched) {
			<-c.slots
		}
		for _, m := range fetched {
			c.count(Received)
			c.inFlight.Go(func() {
				defer func() { <-c.slots }()
				c.deliver(ctx.Done(), m) //nolint:contextcheck // what is in flight outlasts receiving, as DrainMax says
			})
		}
		switch {
		case len(fetched) > 0:
			pauses.reset()
			idleSince = time.Now()
		case ctx.Err() != nil:
			return
		case errors.Is(err, errUnreadable):
			c.unreadable()
			if !pauses.wait(ctx) || c.session != nil {
				return
			}
		case c.session != nil:
			// A session's link does not come back; nor is an idle one kept where others wait.
			if !noSession(err) || c.session.crowded() || time.Since(idleSince) > c.config.SessionIdle {
				return
			}
		default:
			// Without an error it is a link that was lost. The client does not pace its attempts.
			c.troubled(err)
			if !pauses.wait(ctx) || !c.reach(ctx, pauses) {
				return
			}
		}
	}
}

// takeSlots waits for a slot, and takes all that are free; false says that ctx ended.
func (c *consumer) takeSlots(ctx context.Context) (int, bool) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return 0, false
	}
	taken := 1
	for {
		select {
		case c.slots <- struct{}{}:
			taken++
		default:
			return taken, true
		}
	}
}

// fetch fetches messages, at least one unless there is an error or the link is lost.
func (c *consumer) fetch(ctx context.Context, most int) (fetched []*sb.ReceivedMessage, err error) {
	defer func() {
		if recover() != nil {
			fetched, err = nil, errUnreadable
		}
	}()
	if c.session != nil {
		slice := sessionSlice
		if c.session.crowded() {
			slice = sessionSliceCrowded
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, slice)
		defer cancel()
	}
	return c.link.ReceiveMessages(ctx, most, &sb.ReceiveMessagesOptions{TimeAfterFirstMessage: c.config.FetchGrace})
}
