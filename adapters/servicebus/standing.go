package servicebus

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// The errors that Trouble is told of where the client has none.
var (
	errLinkLost = errors.New("the link was lost")
	errSilent   = errors.New("the broker does not answer")
)

// IsMissing reports whether an error says that there is no such queue, topic or subscription.
func IsMissing(err error) bool { return has(err, sb.CodeNotFound) }

// IsUnauthorised reports whether an error says that access is refused.
func IsUnauthorised(err error) bool { return has(err, sb.CodeUnauthorizedAccess) }

// standing is whether receiving works.
type standing struct {
	mu      sync.Mutex
	failing bool
	help    string    // that was logged last of what fails
	heard   time.Time // when the broker last answered
}

// troubled says that receiving failed and is tried again.
func (s *subscription) troubled(err error) {
	s.count(Disconnected)
	level, help := slog.LevelWarn, "tried again"
	switch {
	case IsMissing(err):
		level, help = slog.LevelError, "there is no such entity: create it, or correct its name"
	case IsUnauthorised(err):
		level, help = slog.LevelError, "access is refused: mend the credentials, or the rights of the identity"
	case err == nil:
		err = errLinkLost
	}
	s.standing.mu.Lock()
	defer s.standing.mu.Unlock()
	if s.standing.failing && s.standing.help == help {
		level = slog.LevelDebug // it was said
	}
	s.logger.Log(s.receiving, level, "Service Bus cannot be received from", "error", err, "help", help)
	s.standing.failing, s.standing.help = true, help
	s.config.Trouble(s.topic, err)
}

// answered says that the broker answered, and that receiving works.
func (s *subscription) answered() {
	s.standing.mu.Lock()
	defer s.standing.mu.Unlock()
	s.standing.heard = time.Now()
	if s.standing.failing {
		s.standing.failing = false
		s.logger.Info("Service Bus is received from again")
		s.config.Trouble(s.topic, nil)
	}
}

// works reports whether receiving is known to work.
func (s *subscription) works() bool {
	s.standing.mu.Lock()
	defer s.standing.mu.Unlock()
	return !s.standing.failing && !s.standing.heard.IsZero()
}

// silentSince reports whether the broker has not answered anything since then.
func (s *subscription) silentSince(then time.Time) bool {
	s.standing.mu.Lock()
	defer s.standing.mu.Unlock()
	return s.standing.heard.Before(then)
}

// reachTimeout bounds finding out whether an entity can be received from.
const reachTimeout = 20 * time.Second

// reach waits until an entity without sessions can be received from, by looking at what it has: receiving
// does not tell, for it waits as long as there is no message. False says that ctx ended.
func (c *consumer) reach(ctx context.Context, pauses *backoff) bool {
	for {
		err := c.look(ctx)
		if err == nil {
			c.answered()
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		c.troubled(err)
		if !pauses.wait(ctx) {
			return false
		}
	}
}

func (c *consumer) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	return c.peek(ctx)
}
