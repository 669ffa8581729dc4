package servicebus

import (
	"context"
	"errors"
	"time"
)

// The client panics over a message with a property of its own that has another type than it expects, such as a
// number in DeadLetterReason (azservicebus v1.11, newReceivedMessage). Whoever may send could end this process so,
// time and again. What was fetched together with such a message comes again when its lock runs out.
var errUnreadable = errors.New("the client cannot read a message")

// waryFor is how long messages are fetched one by one after one that could not be read, so that it takes no others along
// when it comes again: longer than any lock.
const waryFor = 10 * time.Minute

// unreadable notes that a message could not be read. In the end the broker dead-letters it.
func (c *consumer) unreadable() {
	c.wary = time.Now().Add(waryFor)
	c.count(Unreadable)
	c.logger.Error("a message cannot be read: remove it with the broker's own tools, or wait until it is dead-lettered, and see who sends such")
}

// most is how many messages may be fetched, of so many that there is room for.
func (c *consumer) most(free int) int {
	if time.Now().Before(c.wary) {
		return 1
	}
	return free
}

// peek looks at a message, which shows that the broker answers. That it cannot be read shows that too.
func (c *consumer) peek(ctx context.Context) (err error) {
	c.peeking.Lock()
	defer c.peeking.Unlock()
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	_, err = c.link.PeekMessages(ctx, 1, nil)
	return err
}
