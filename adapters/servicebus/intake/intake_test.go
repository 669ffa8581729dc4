package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"casesync/adapters/servicebus"
	"casesync/adapters/servicebus/sbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store keeps events, after it has failed with each a few times.
type store struct {
	mu       sync.Mutex
	attempts map[string]int
	kept     map[string]bool
	all      chan struct{} // closed when want are kept
	want     int
}

func (s *store) take(_ context.Context, event []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := string(event)
	s.attempts[id]++
	if id == "poison" {
		panic("poison")
	}
	if s.attempts[id] <= 2 {
		return errors.New("the database is down")
	}
	if !s.kept[id] {
		s.kept[id] = true
		if len(s.kept) == s.want {
			close(s.all)
		}
	}
	return nil
}

// What cannot be kept for the moment is kept in the end, without using up deliveries; what the program
// fails at goes to the dead-letter queue, and stands in nobody's way.
func TestRun(t *testing.T) {
	t.Parallel()
	const n = 50
	s := sbtest.Start(t)
	s.Configure("feed", sbtest.Options{Sessions: true, DeliveriesMax: 2})
	connection := servicebus.Connection{ConnectionString: servicebus.ConnectionString(s.ConnectionString())}
	publisher, err := servicebus.NewPublisher(servicebus.PublisherConfig{Connection: connection})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	for i := range n {
		m := servicebus.NewCloudEvent(fmt.Sprint("m", i), []byte(fmt.Sprint("event-", i)))
		if i == 0 {
			m.Payload = message.Payload("poison")
		}
		m.Metadata.Set(servicebus.SessionID, fmt.Sprint("case-", i%10))
		if err := publisher.Publish("feed", m); err != nil {
			t.Fatal(err)
		}
	}
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{Connection: connection, Sessions: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	kept := &store{attempts: map[string]int{}, kept: map[string]bool{}, all: make(chan struct{}), want: n - 1}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			Subscriber: subscriber, Topic: "feed", Take: kept.take, RetryPauseMin: time.Millisecond, RetryPauseMax: 5 * time.Millisecond,
			Logger: slog.New(slog.DiscardHandler),
		})
	}()
	select {
	case <-kept.all:
	case <-time.After(30 * time.Second):
		t.Errorf("got %d events, want %d", len(kept.kept), n-1)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Completed != n-1 || got.DeadLettered != 1 || got.Abandoned != 0 {
		t.Errorf("got %+v, want %d completed and 1 dead-lettered", got, n-1)
	}
	if got := s.Pending("feed/$DeadLetterQueue"); got != 1 {
		t.Errorf("got %d dead letters, want 1", got)
	}
	if got := kept.attempts["poison"]; got != 1 {
		t.Errorf("got %d attempts at the poison, want 1", got)
	}
}

// What a dead-letter queue holds is kept with its reason, though keeping fails or panics at first, and is dead-lettered
// nowhere again.
func TestRunKeepsDeadLetters(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("feed", sbtest.Options{})
	connection := servicebus.Connection{ConnectionString: servicebus.ConnectionString(s.ConnectionString())}
	buried(t, connection, "feed", "poison", "event")
	if got := s.Pending("feed/$DeadLetterQueue"); got != 2 {
		t.Fatalf("got %d dead letters, want 2", got)
	}
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{Connection: connection, DeadLetters: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	attempts, kept := map[string]int{}, make(chan string, 2)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			Subscriber: subscriber, Topic: "feed", RetryPauseMin: time.Millisecond, RetryPauseMax: 5 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
			Keep: func(_ context.Context, event []byte, reason, description string) error {
				mu.Lock()
				defer mu.Unlock()
				attempts[string(event)]++
				switch {
				case attempts[string(event)] > 2:
					kept <- string(event) + " " + reason + " " + description
					return nil
				case string(event) == "poison":
					panic("poison")
				}
				return errors.New("the database is down")
			},
		})
	}()
	got := map[string]bool{<-kept: true, <-kept: true}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if !got["poison why a sentence"] || !got["event why a sentence"] {
		t.Errorf("got %v kept, want both with their reasons", got)
	}
	if left := s.Pending("feed/$DeadLetterQueue"); left != 0 || s.Stats().DeadLettered != 2 {
		t.Errorf("got %d left, %+v, want none, and none dead-lettered again", left, s.Stats())
	}
}

// buried publishes messages, and dead-letters them.
func buried(t *testing.T, connection servicebus.Connection, queue string, bodies ...string) {
	t.Helper()
	publisher, err := servicebus.NewPublisher(servicebus.PublisherConfig{Connection: connection})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{Connection: connection})
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	messages, err := subscriber.Subscribe(t.Context(), queue)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		if err := publisher.Publish(queue, servicebus.NewCloudEvent("", []byte(body))); err != nil {
			t.Fatal(err)
		}
		m := <-messages
		servicebus.DeadLetter(m, "why", "a sentence")
		m.Ack()
	}
}
