package servicebus

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"casesync/adapters/servicebus/sbtest"
)

// troubles subscribes to a queue, and returns what is told of how receiving stands.
func troubles(t *testing.T, config SubscriberConfig) <-chan error {
	t.Helper()
	told := make(chan error, 1000)
	config.Trouble = func(_ string, err error) { told <- err }
	config.ReconnectPauseMin, config.ReconnectPauseMax = 10*time.Millisecond, 100*time.Millisecond
	config.RetriesMax, config.RetryPauseMin, config.Logger = -1, time.Millisecond, slog.New(slog.DiscardHandler)
	subscriber, err := NewSubscriber(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subscriber.Subscribe(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = subscriber.Close() })
	return told
}

// until waits until something is told that want holds of.
func until(t *testing.T, told <-chan error, what string, want func(error) bool) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case err := <-told:
			if want(err) {
				return
			}
		case <-limit:
			t.Fatalf("%s: it is not told within a minute", what)
		}
	}
}

func works(err error) bool { return err == nil }

// What keeps a subscription from receiving is told, and that it works again, though there is no message to show it.
func TestTroubleIsTold(t *testing.T) {
	t.Parallel()
	for name, sessions := range map[string]bool{"queue": false, "sessions": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := sbtest.Start(t)
			told := troubles(t, SubscriberConfig{Sessions: sessions, Connection: Connection{ConnectionString: ConnectionString(bus.ConnectionString())}})
			until(t, told, "missing", IsMissing)
			bus.Configure("q", sbtest.Options{Sessions: sessions})
			until(t, told, "there", works)
			bus.SetRefuse(func(string) bool { return true })
			bus.DropConnections()
			until(t, told, "unauthorised", IsUnauthorised)
			bus.SetRefuse(nil)
			until(t, told, "authorised", works)
			bus.Kill()
			until(t, told, "away", func(err error) bool { return err != nil && !IsMissing(err) && !IsUnauthorised(err) })
			if err := bus.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, told, "back", works)
		})
	}
}

// A broker that takes connections and says nothing is not taken for one that has no messages.
func TestSilentBrokerIsTold(t *testing.T) {
	t.Parallel()
	for name, sessions := range map[string]bool{"queue": false, "sessions": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0") // whose backlog takes connections
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			address := "Endpoint=sb://" + listener.Addr().String() + ";SharedAccessKeyName=k;SharedAccessKey=v;UseDevelopmentEmulator=true"
			told := troubles(t, SubscriberConfig{Sessions: sessions, Connection: Connection{ConnectionString: ConnectionString(address)}})
			until(t, told, "silence", func(err error) bool { return err != nil && !errors.Is(err, errLinkLost) })
		})
	}
}

// Dead letters are received from where they are, with why they are there, also of a queue with sessions.
func TestDeadLettersAreReceived(t *testing.T) {
	t.Parallel()
	bus := sbtest.Start(t)
	bus.Configure("q", sbtest.Options{Sessions: true})
	connection := Connection{ConnectionString: ConnectionString(bus.ConnectionString())}
	publisher, err := NewPublisher(PublisherConfig{Connection: connection})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	m := NewCloudEvent("m", []byte(`{"id":"m"}`))
	m.Metadata.Set(SessionID, "s")
	if err := publisher.Publish("q", m); err != nil {
		t.Fatal(err)
	}
	for _, config := range []SubscriberConfig{{Sessions: true}, {Sessions: true, DeadLetters: true}} {
		config.Connection = connection
		subscriber, err := NewSubscriber(config)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := subscriber.Subscribe(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		got := <-messages
		if config.DeadLetters {
			if got.UUID != "m" || got.Metadata[DeadLetterReason] != "why" || got.Metadata[DeadLetterDescription] != "a sentence" || string(CloudEvent(got)) != `{"id":"m"}` {
				t.Errorf("got %s %v %s, want m with its reason", got.UUID, got.Metadata, got.Payload)
			}
		} else {
			DeadLetter(got, "why", "a sentence")
		}
		got.Ack()
		if err := subscriber.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left := bus.Pending("q") + bus.Pending("q/$DeadLetterQueue"); left != 0 || bus.Stats().Completed != 1 {
		t.Errorf("got %d messages left, %+v, want none", left, bus.Stats())
	}
}
