// Package intake hands the messages of a subscription to whoever keeps them.
//
// It promises that a message is acknowledged only after Take returned nil for it, so what Take has made
// durable is lost nowhere, and what it has not comes again. A message that cannot be kept now (the
// database is down) is tried again for as long as it takes, without being given back: that would use
// up the deliveries that the broker allows it. One that Take panics over goes to the broker's dead-letter
// queue; one that Take refuses is Take's own to keep, and to return nil for.
//
// Keep hands over what a dead-letter queue holds in the same way: it leaves the broker once Keep returned nil for it,
// and nothing sends it anywhere else, not even a panic.
//
// Messages are taken side by side, as many as the subscriber has in flight, and one at a time of each
// session; a log that commits in groups makes batches of them. Nothing relies on the broker's order.
package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"casesync/adapters/servicebus"
)

// Config says what is handed to whom.
type Config struct {
	// Subscriber is closed when Run ends.
	Subscriber message.Subscriber
	// Topic is what is subscribed to.
	Topic string
	// Take keeps an event in CloudEvents' JSON format, or a payload that is none. It must be safe for
	// concurrent use, and not mind repetitions.
	Take func(ctx context.Context, event []byte) error
	// Keep, instead of Take, keeps a message of a dead-letter queue, with why it is there. It must be as Take is.
	Keep func(ctx context.Context, event []byte, reason, description string) error
	// TakeTimeout bounds each attempt; default 30 s.
	TakeTimeout time.Duration
	// RetryPauseMin is the pause after the first failed attempt, which then grows; default 100 ms.
	RetryPauseMin time.Duration
	// RetryPauseMax is the longest of these pauses; default 10 s.
	RetryPauseMax time.Duration
	// StopTimeout bounds how long the messages in flight may take when Run is to end. It should be longer
	// than the subscriber's own. Default 30 s.
	StopTimeout time.Duration
	// Logger is told of faults; default slog.Default().
	Logger *slog.Logger
}

// Run takes messages until ctx ends, and those in flight are settled.
func Run(ctx context.Context, config Config) error {
	logger := cmp.Or(config.Logger, slog.Default())
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: cmp.Or(config.StopTimeout, 30*time.Second)}, quiet{watermill.NewSlogLogger(logger)})
	if err != nil {
		return fmt.Errorf("make router: %w", err)
	}
	handler := router.AddConsumerHandler("intake", config.Topic, config.Subscriber, config.handle)
	// The first stands outermost: what is retried may time out, and panics are found where they happen.
	handler.AddMiddleware(
		middleware.CorrelationID,
		servicebus.DeadLetterErrors(config.why),
		middleware.Retry{
			MaxRetries: math.MaxInt32, InitialInterval: cmp.Or(config.RetryPauseMin, 100*time.Millisecond),
			MaxInterval: cmp.Or(config.RetryPauseMax, 10*time.Second), Multiplier: 2, RandomizationFactor: 0.25,
			ShouldRetry:         func(params middleware.RetryParams) bool { return !config.permanent(params.Err) },
			ResetContextOnRetry: true, Logger: watermill.NewSlogLogger(logger),
		}.Middleware,
		middleware.Timeout(cmp.Or(config.TakeTimeout, 30*time.Second)),
		middleware.Recoverer,
	)
	if err := router.Run(ctx); err != nil {
		return fmt.Errorf("take messages from %s: %w", config.Topic, err)
	}
	return nil
}

func (c Config) handle(m *message.Message) error {
	if c.Keep != nil {
		return c.Keep(m.Context(), servicebus.CloudEvent(m), m.Metadata[servicebus.DeadLetterReason], m.Metadata[servicebus.DeadLetterDescription])
	}
	return c.Take(m.Context(), servicebus.CloudEvent(m))
}

// permanent reports that trying again is of no use. What is dead-lettered already has nowhere else to go.
func (c Config) permanent(err error) bool {
	if c.Keep != nil {
		return false
	}
	var panicked middleware.RecoveredPanicError
	return errors.As(err, &panicked)
}

// why is the reason that a message is dead-lettered with. What the panic said may quote the message,
// so it stays in the log lines.
func (c Config) why(err error) (reason, description string, dead bool) {
	if !c.permanent(err) {
		return "", "", false
	}
	return "panic", "Taking the message failed by a fault of the program: see its log lines, mend it, and send the message again.", true
}

// quiet leaves out what the router says of each message.
type quiet struct{ watermill.LoggerAdapter }

func (quiet) Debug(string, watermill.LogFields) {}
func (quiet) Trace(string, watermill.LogFields) {}

// With keeps quiet with more fields.
func (q quiet) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return quiet{q.LoggerAdapter.With(fields)}
}
