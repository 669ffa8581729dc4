package servicebus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/ThreeDotsLabs/watermill/message"
)

// PublisherConfig says how is published.
type PublisherConfig struct {
	Connection
	// BatchBytesMax bounds a batch. Default: what the entity takes, 256 KiB in the Standard tier.
	BatchBytesMax uint64
	// BatchMessagesMax bounds a batch; default 1,000.
	BatchMessagesMax int
	// Partitioned says that entities are partitioned: a batch then holds messages of one session alone.
	Partitioned bool
	// SendersMax is how many calls of Publish send to the same topic at a time; others wait. Default 8.
	SendersMax int
	// SendTimeout bounds sending a batch, with its retries; default 30 s.
	SendTimeout time.Duration
	// Count is told of outcomes and of how many messages had them; it must be safe for concurrent use.
	// Default: nobody is told.
	Count func(topic string, what Outcome, messages int)
}

// Publisher publishes to queues and topics, by their names. It is safe for concurrent use.
type Publisher struct {
	config PublisherConfig
	client *sb.Client

	closing sync.RWMutex // read-locked while something is published
	closed  bool

	opening sync.Mutex
	topics  map[string][]*sender
}

// sender sends for one caller at a time: where several open a link at once, the client opens one for
// each, and keeps all but the last for ever (azservicebus v1.11, AMQPLinksImpl.Get).
type sender struct {
	sync.Mutex
	*sb.Sender
}

// NewPublisher returns a publisher. It connects when it first publishes.
func NewPublisher(config PublisherConfig) (*Publisher, error) {
	client, err := config.client()
	if err != nil {
		return nil, err
	}
	config.BatchMessagesMax = orDefault(config.BatchMessagesMax, 1_000)
	config.SendersMax = orDefault(config.SendersMax, 8)
	config.SendTimeout = orDefault(config.SendTimeout, 30*time.Second)
	if config.Count == nil {
		config.Count = func(string, Outcome, int) {}
	}
	return &Publisher{config: config, client: client, topics: map[string][]*sender{}}, nil
}

// Publish stores messages, in their order and in as few batches as hold them. When it returns nil all
// are stored. After an error some of the first may be: publish all of them again, which an entity with
// duplicate detection recognises by their UUIDs. It ends early with the first message's context.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	p.closing.RLock()
	defer p.closing.RUnlock()
	if p.closed {
		return ErrClosed
	}
	if len(messages) == 0 {
		return nil
	}
	sender, err := p.sender(topic)
	if err != nil {
		return err
	}
	defer sender.Unlock()
	ctx := messages[0].Context()
	for rest := messages; len(rest) > 0; {
		taken, err := p.sendBatch(ctx, sender, rest)
		if err != nil {
			return fmt.Errorf("publish to %s: %w", topic, err)
		}
		// A crash here leaves the first batches stored, and the rest is not: see above.
		p.config.Count(topic, Sent, taken)
		rest = rest[taken:]
	}
	return nil
}

// sender returns a locked sender to a topic: the first that is free, else one of them when it is.
func (p *Publisher) sender(topic string) (*sender, error) {
	senders, err := p.senders(topic)
	if err != nil {
		return nil, err
	}
	for _, s := range senders {
		if s.TryLock() {
			return s, nil
		}
	}
	s := senders[rand.N(len(senders))]
	s.Lock()
	return s, nil
}

func (p *Publisher) senders(topic string) ([]*sender, error) {
	p.opening.Lock()
	defer p.opening.Unlock()
	if p.topics[topic] != nil {
		return p.topics[topic], nil
	}
	senders := make([]*sender, p.config.SendersMax)
	for i := range senders {
		link, err := p.client.NewSender(topic, nil) // it connects when it is first used
		if err != nil {
			return nil, fmt.Errorf("publish to %s: %w", topic, err)
		}
		senders[i] = &sender{Sender: link}
	}
	p.topics[topic] = senders
	return senders, nil
}

// sendBatch sends as many of the first messages as go into one batch, and returns how many.
func (p *Publisher) sendBatch(ctx context.Context, sender *sender, messages []*message.Message) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.SendTimeout)
	defer cancel()
	batch, err := sender.NewMessageBatch(ctx, &sb.MessageBatchOptions{MaxBytes: p.config.BatchBytesMax})
	if err != nil {
		return 0, err
	}
	taken := 0
	for _, m := range messages[:min(len(messages), p.config.BatchMessagesMax)] {
		if p.config.Partitioned && m.Metadata[SessionID] != messages[0].Metadata[SessionID] {
			break
		}
		encoded, err := toBroker(m)
		if err != nil {
			return 0, err
		}
		err = batch.AddMessage(encoded, nil)
		if errors.Is(err, sb.ErrMessageTooLarge) && taken > 0 {
			break // it goes into the next one
		}
		if err != nil {
			return 0, fmt.Errorf("message %s of %d bytes: %w", *encoded.MessageID, len(m.Payload), err)
		}
		taken++
	}
	return taken, sender.SendMessageBatch(ctx, batch, nil)
}

// TooLarge reports whether an error of Publish says that a message is larger than the broker takes, however often
// it is sent.
func TooLarge(err error) bool { return errors.Is(err, sb.ErrMessageTooLarge) }

// Close waits for what is being published, and disconnects.
func (p *Publisher) Close() error {
	p.closing.Lock()
	defer p.closing.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	leave(context.Background(), p.client)
	return nil
}
