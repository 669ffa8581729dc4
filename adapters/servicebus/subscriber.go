package servicebus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/ThreeDotsLabs/watermill/message"
)

// SubscriberConfig says how is subscribed.
type SubscriberConfig struct {
	Connection
	// Subscription is the name of the topics' subscription. Empty: what is subscribed to are queues.
	Subscription string
	// InFlightMax is how many messages of a queue without sessions are handled, and so locked, at a
	// time; default 32. No more are fetched, for they would wait here while their locks run out. It is
	// nothing to a queue with sessions, each of which has one message in flight.
	InFlightMax int
	// FetchGrace is how long a fetch waits for more messages after the first one; default 1 ms. More makes
	// fewer fetches of a busy queue, and every message of a slow one late.
	FetchGrace time.Duration
	// Sessions says that the queues or subscriptions have sessions.
	Sessions bool
	// DeadLetters receives from the dead-letter queues of the queues or subscriptions instead, which have no
	// sessions and count no deliveries. What comes from there must not be dead-lettered.
	DeadLetters bool
	// SessionsMax is how many sessions are handled at a time; default 64.
	SessionsMax int
	// SessionAcceptsMax is how many sessions are asked for at a time; default 16. Asking takes several round
	// trips, so of many short sessions it is this that bounds the throughput.
	SessionAcceptsMax int
	// SessionIdle is how long a session without messages is kept; default 5 s. It is left after a tenth of
	// a second if others wait for its place.
	SessionIdle time.Duration
	// HoldMax is how long a message may be handled; default 10 min. Until then its lock is renewed, after
	// that it is left to run out, and the handler's context ends.
	HoldMax time.Duration
	// SettleTimeout bounds each attempt to complete, abandon or dead-letter a message; default 2 s.
	SettleTimeout time.Duration
	// NacksMax is how often a message may be refused by its handler before it is dead-lettered with the
	// reason "NacksMax"; default 10. A handler that waits for something (a database) should retry
	// by itself, for as long as it takes.
	NacksMax int
	// NackPauseMin is the pause after the first refusal, which then doubles; default 100 ms.
	NackPauseMin time.Duration
	// NackPauseMax is the longest of these pauses; default 30 s.
	NackPauseMax time.Duration
	// ReconnectPauseMin is the pause after receiving has failed, which then doubles; default 100 ms.
	ReconnectPauseMin time.Duration
	// ReconnectPauseMax is the longest of these pauses; default 30 s.
	ReconnectPauseMax time.Duration
	// DrainMax is how long messages in flight may take to be acknowledged once no more are fetched;
	// default 15 s. After that their contexts end, and they are given back.
	DrainMax time.Duration
	// Count is told of outcomes; it must be safe for concurrent use. Default: nobody is told.
	Count func(topic string, what Outcome, messages int)
	// Trouble is told why receiving fails, each time that it does, and of nil once it works again; it must be
	// safe for concurrent use. Default: nobody is told.
	Trouble func(topic string, err error)
	// Logger is told of faults; default slog.Default().
	Logger *slog.Logger
}

func (c SubscriberConfig) withDefaults() SubscriberConfig {
	c.InFlightMax = orDefault(c.InFlightMax, 32)
	c.FetchGrace = orDefault(c.FetchGrace, time.Millisecond)
	c.SessionsMax = orDefault(c.SessionsMax, 64)
	c.SessionAcceptsMax = orDefault(c.SessionAcceptsMax, 16)
	c.SessionIdle = orDefault(c.SessionIdle, 5*time.Second)
	c.HoldMax = orDefault(c.HoldMax, 10*time.Minute)
	c.SettleTimeout = orDefault(c.SettleTimeout, 2*time.Second)
	c.NacksMax = orDefault(c.NacksMax, 10)
	c.NackPauseMin = orDefault(c.NackPauseMin, 100*time.Millisecond)
	c.NackPauseMax = orDefault(c.NackPauseMax, 30*time.Second)
	c.ReconnectPauseMin = orDefault(c.ReconnectPauseMin, 100*time.Millisecond)
	c.ReconnectPauseMax = orDefault(c.ReconnectPauseMax, 30*time.Second)
	c.DrainMax = orDefault(c.DrainMax, 15*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Count == nil {
		c.Count = func(string, Outcome, int) {}
	}
	if c.Trouble == nil {
		c.Trouble = func(string, error) {}
	}
	c.Sessions = c.Sessions && !c.DeadLetters
	return c
}

// Subscriber subscribes to queues, or to topics by one subscription. It is safe for concurrent use.
type Subscriber struct {
	config SubscriberConfig
	client *sb.Client
	stop   context.CancelFunc
	ctx    context.Context // ends when the subscriber is closed

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // subscriptions
}

// NewSubscriber returns a subscriber. It connects when it first subscribes.
func NewSubscriber(config SubscriberConfig) (*Subscriber, error) {
	client, err := config.client()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Subscriber{config: config.withDefaults(), client: client, ctx: ctx, stop: stop}, nil
}

// Subscribe receives from a queue or topic until ctx ends or the subscriber is closed; the channel is
// closed when all messages in flight are settled. An entity that cannot be reached, or does not exist,
// is no error here: it is logged, and tried again for ever. SubscribeInitialize tells at once.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	receiving, stop := context.WithCancel(ctx)
	stopWithSubscriber := context.AfterFunc(s.ctx, stop) //nolint:contextcheck // both contexts end it
	// What is in flight when receiving stops may still be handled for a while.
	handling, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	sub := &subscription{
		config: s.config, client: s.client, topic: topic, out: make(chan *message.Message),
		receiving: receiving, handling: handling, logger: s.config.Logger.With("entity", topic, "subscription", s.config.Subscription),
	}
	s.running.Go(func() { //nolint:contextcheck // it has ctx, as receiving and handling
		defer close(sub.out)
		defer stop()
		defer stopWithSubscriber()
		defer giveUp()
		sub.run(giveUp)
	})
	return sub.out, nil
}

// SubscribeInitialize makes sure that a queue, or the topic's subscription, is there and may be read.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	if err := s.probe(ctx, topic); err != nil {
		return fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	return nil
}

func (s *Subscriber) probe(ctx context.Context, topic string) error {
	sub := &subscription{config: s.config, client: s.client, topic: topic}
	if !s.config.Sessions {
		r, err := sub.receiver()
		if err != nil {
			return err
		}
		defer leave(ctx, r)
		_, err = r.PeekMessages(ctx, 1, nil)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	session, err := sub.nextSession(ctx)
	if noSession(err) {
		return nil
	}
	if err != nil {
		return err
	}
	leave(ctx, session)
	return nil
}

// Close stops fetching, waits for the messages in flight as DrainMax says, gives back the others, and
// disconnects.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
	leave(s.ctx, s.client)
	return nil
}

// subscription is one call of Subscribe.
type subscription struct {
	config    SubscriberConfig
	client    *sb.Client
	topic     string
	out       chan *message.Message
	receiving context.Context // ends when no more is to be fetched
	handling  context.Context // ends when messages in flight are given up
	logger    *slog.Logger
	standing  standing
}

func (s *subscription) run(giveUp context.CancelFunc) {
	drained := make(chan struct{})
	var drain sync.WaitGroup
	defer drain.Wait()
	defer close(drained)
	drain.Go(func() {
		<-s.receiving.Done()
		limit := time.NewTimer(s.config.DrainMax)
		defer limit.Stop()
		select {
		case <-drained:
		case <-limit.C:
			giveUp()
		}
	})
	if s.config.Sessions {
		s.receiveSessions()
		return
	}
	s.receiveQueue()
	<-s.receiving.Done()
}

// receiveQueue receives without sessions until receiving ends.
func (s *subscription) receiveQueue() {
	r, err := s.receiver()
	if err != nil {
		s.logger.Error("Service Bus cannot be received from", "error", err)
		return
	}
	defer leave(s.receiving, r)
	c := s.consumer(r, s.config.InFlightMax)
	c.renewLock = r.RenewMessageLock
	c.run(s.receiving)
}

func (s *subscription) receiver() (*sb.Receiver, error) {
	options := &sb.ReceiverOptions{}
	if s.config.DeadLetters {
		options.SubQueue = sb.SubQueueDeadLetter
	}
	if s.config.Subscription == "" {
		return s.client.NewReceiverForQueue(s.topic, options)
	}
	return s.client.NewReceiverForSubscription(s.topic, s.config.Subscription, options)
}

func (s *subscription) count(what Outcome) { s.config.Count(s.topic, what, 1) }

func (s *subscription) backoff() *backoff {
	return newBackoff(s.config.ReconnectPauseMin, s.config.ReconnectPauseMax)
}

// noSession reports that an error says no more than that no session has messages.
func noSession(err error) bool {
	return has(err, sb.CodeTimeout) || errors.Is(err, context.DeadlineExceeded)
}
