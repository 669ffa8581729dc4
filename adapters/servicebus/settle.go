package servicebus

import (
	"context"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// settlement is a way to end a lock.
type settlement func(ctx context.Context, m *sb.ReceivedMessage) error

func (c *consumer) complete(ctx context.Context, m *sb.ReceivedMessage) error {
	return c.link.CompleteMessage(ctx, m, nil)
}

func (c *consumer) abandon(ctx context.Context, m *sb.ReceivedMessage) error {
	return c.link.AbandonMessage(ctx, m, nil)
}

func (c *consumer) bury(l letter) settlement {
	return func(ctx context.Context, m *sb.ReceivedMessage) error {
		return c.link.DeadLetterMessage(ctx, m, &sb.DeadLetterOptions{Reason: &l.reason, ErrorDescription: &l.description})
	}
}

// settle ends a message's lock, as far as the broker can be reached within the time there is. Whatever
// goes wrong, the message comes again: a crash after the handler's acknowledgement and before this has
// the same effect.
func (c *consumer) settle(m *sb.ReceivedMessage, what Outcome, how settlement) {
	err := c.attempt(m, how)
	if err != nil && c.session == nil && !has(err, sb.CodeLockLost) {
		// The connection that the message came over is lost, and with it nothing can be settled: the client
		// goes on trying that for about a minute. The lock lives on, though, and its token alone settles it
		// over the management link of a new connection, which looking at a message brings about.
		peek := func(ctx context.Context, _ *sb.ReceivedMessage) error {
			return c.peek(ctx)
		}
		if err = c.attempt(m, peek); err == nil {
			err = c.attempt(&sb.ReceivedMessage{LockToken: m.LockToken}, how)
		}
	}
	switch {
	case err == nil:
		c.count(what)
		return
	case has(err, sb.CodeLockLost):
		c.count(LockLost)
	default:
		c.count(SettleFailed)
	}
	c.logger.Debug("a message could not be settled, and comes again", "message_id", m.MessageID, "wanted", what, "error", err)
	if c.session != nil {
		c.session.lose() // the message is pending again; those after it must not overtake it
	}
}

// attempt tries also when everything ends: it has its own deadline, and nobody's besides.
func (c *consumer) attempt(m *sb.ReceivedMessage, how settlement) error {
	return c.within(context.WithoutCancel(c.handling), func(ctx context.Context) error { return how(ctx, m) })
}
