package servicebus

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"go.uber.org/goleak"

	"casesync/adapters/servicebus/sbtest"
)

// TestMain finds goroutines that are left over. Those of Watermill's suite that it never ends are its
// own; and the client leaves one where several settlements open a lost link again at the same time
// (azservicebus v1.11, AMQPLinksImpl.Get), which nobody outside can help.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/ThreeDotsLabs/watermill/pubsub/tests.TestReconnect.func2"),
		goleak.IgnoreAnyFunction("github.com/ThreeDotsLabs/watermill/internal/subscriber.(*multiplier).Subscribe.func2"),
		goleak.IgnoreAnyFunction("github.com/ThreeDotsLabs/watermill/internal/subscriber.(*multiplier).Subscribe.func3"),
		goleak.IgnoreAnyFunction("github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/internal.(*Namespace).startNegotiateClaimRenewer.func3"))
}

// quick are deadlines that let a test see the end of an outage.
func quick(s *sbtest.Server) Connection {
	return Connection{
		ConnectionString: ConnectionString(s.ConnectionString()), RetriesMax: 10,
		RetryPauseMin: 20 * time.Millisecond, RetryPauseMax: 200 * time.Millisecond,
	}
}

func quickSubscriber(s *sbtest.Server) SubscriberConfig {
	return SubscriberConfig{
		Connection: quick(s), SettleTimeout: 500 * time.Millisecond, NacksMax: 2000, NackPauseMin: time.Millisecond,
		NackPauseMax: 10 * time.Millisecond, ReconnectPauseMin: 10 * time.Millisecond, ReconnectPauseMax: 200 * time.Millisecond,
		DrainMax: time.Second, Logger: slog.New(slog.DiscardHandler),
	}
}

// pair makes a publisher and a subscriber.
func pair(t *testing.T, s *sbtest.Server, config SubscriberConfig) (message.Publisher, message.Subscriber) {
	t.Helper()
	p, err := NewPublisher(PublisherConfig{Connection: quick(s)})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := NewSubscriber(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), sub.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, sub
}

// TestPubSub runs Watermill's own suite.
func TestPubSub(t *testing.T) {
	s := sbtest.Start(t)
	s.Configure("*", sbtest.Options{Topic: true, DeliveriesMax: 2000, Lock: 10 * time.Second})
	features := tests.Features{
		ConsumerGroups: true, Persistent: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true,
	}
	group := func(t *testing.T, name string) (message.Publisher, message.Subscriber) {
		config := quickSubscriber(s)
		config.Subscription, config.InFlightMax = name, 1
		return pair(t, s, config)
	}
	tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) { return group(t, "default") }, group)
}

// inSession publishes everything in one session.
type inSession struct{ message.Publisher }

func (p inSession) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		m.Metadata.Set(SessionID, "only")
	}
	return p.Publisher.Publish(topic, messages...)
}

// TestPubSubSessions runs the suite on queues with sessions.
func TestPubSubSessions(t *testing.T) {
	s := sbtest.Start(t)
	s.Configure("*", sbtest.Options{Sessions: true, DeliveriesMax: 2000, Lock: 10 * time.Second})
	features := tests.Features{
		Persistent: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true,
	}
	tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) {
		config := quickSubscriber(s)
		config.Sessions, config.SessionsMax, config.SessionAcceptsMax, config.SessionIdle = true, 4, 1, 200*time.Millisecond
		p, sub := pair(t, s, config)
		return inSession{p}, sub
	}, nil)
}
