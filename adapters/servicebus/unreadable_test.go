package servicebus

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"casesync/adapters/servicebus/sbtest"
)

// A message that the client panics over ends nothing, and the others go on.
func TestUnreadableMessage(t *testing.T) {
	t.Parallel()
	for name, sessions := range map[string]bool{"queue": false, "sessions": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 20
			bus := sbtest.Start(t)
			bus.Configure("q", sbtest.Options{Sessions: sessions, Lock: 200 * time.Millisecond, DeliveriesMax: 3})
			connection := Connection{ConnectionString: ConnectionString(bus.ConnectionString())}
			sendUnreadable(t, connection, n)
			var unreadable atomic.Int64
			subscriber, err := NewSubscriber(SubscriberConfig{
				Connection: connection, Sessions: sessions, ReconnectPauseMin: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
				Count: func(_ string, what Outcome, messages int) {
					if what == Unreadable {
						unreadable.Add(int64(messages))
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer subscriber.Close()
			messages, err := subscriber.Subscribe(t.Context(), "q")
			if err != nil {
				t.Fatal(err)
			}
			for got := map[string]bool{}; len(got) < n; {
				select {
				case m := <-messages:
					got[m.UUID] = true
					m.Ack()
				case <-time.After(time.Minute):
					t.Fatalf("got %d messages, want %d", len(got), n)
				}
			}
			if unreadable.Load() == 0 {
				t.Error("got no unreadable message, want one")
			}
		})
	}
}

// sendUnreadable sends n messages, and one before them that the client cannot read.
func sendUnreadable(t *testing.T, connection Connection, n int) {
	t.Helper()
	client, err := connection.client()
	if err != nil {
		t.Fatal(err)
	}
	defer leave(t.Context(), client)
	sender, err := client.NewSender("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n + 1 {
		id, session := fmt.Sprint("m", i), fmt.Sprint("s", i)
		m := &sb.Message{MessageID: &id, SessionID: &session, Body: []byte("{}")}
		if i == 0 {
			m.ApplicationProperties = map[string]any{"DeadLetterReason": 7}
		}
		if err := sender.SendMessage(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
}
