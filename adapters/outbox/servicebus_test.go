package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"casesync/adapters/outbox"
	"casesync/adapters/servicebus"
	"casesync/adapters/servicebus/sbtest"
	"casesync/domain/casefile"
	"casesync/eventstore/sqldb/sqldbtest"
)

// toServiceBus is how an outbox is put together with Service Bus.
func (w *world) toServiceBus(server *sbtest.Server) outbox.Config {
	w.tb.Helper()
	publisher, err := servicebus.NewPublisher(servicebus.PublisherConfig{Connection: connection(server), SendTimeout: 2 * time.Second})
	w.must(err)
	w.tb.Cleanup(func() { _ = publisher.Close() })
	config := w.config(publisher)
	config.SessionMetadata, config.BatchMessagesMax = servicebus.SessionID, 1_000
	return config
}

func connection(server *sbtest.Server) servicebus.Connection {
	return servicebus.Connection{
		ConnectionString: servicebus.ConnectionString(server.ConnectionString()), RetriesMax: 2,
		RetryPauseMin: 10 * time.Millisecond, RetryPauseMax: 50 * time.Millisecond,
	}
}

// drain receives until n different messages came, in sessions, one after another.
func drain(t *testing.T, server *sbtest.Server, n int) *consumer {
	t.Helper()
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{
		Connection: connection(server), Sessions: true, SessionsMax: 64, InFlightMax: 64, Logger: slog.New(slog.DiscardHandler),
		ReconnectPauseMin: 10 * time.Millisecond, ReconnectPauseMax: 50 * time.Millisecond, DrainMax: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	messages, err := subscriber.Subscribe(ctx, "out")
	if err != nil {
		t.Fatal(err)
	}
	c, seen := &consumer{}, map[string]bool{}
	for len(seen) < n {
		select {
		case <-ctx.Done():
			t.Fatalf("got %d messages, want %d", len(seen), n)
		case m := <-messages:
			m.Metadata["session"] = m.Metadata[servicebus.SessionID]
			if err := c.take(m); err != nil {
				t.Fatal(err)
			}
			seen[m.UUID] = true
			m.Ack()
		}
	}
	return c
}

// Over Service Bus, whose acknowledgements get lost and which is gone for a while: each session has all, first in
// order, and nothing twice where the queue looks for duplicates.
func TestServiceBus(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w, server := newWorld(t, address), sbtest.Start(t)
		server.Configure("out", sbtest.Options{Sessions: true, Dedup: time.Hour})
		dropped := 0
		server.SetDropAck(func(string) bool { dropped++; return dropped%3 == 1 })
		want := w.busyCases(5, 10)
		config := w.toServiceBus(server)
		config.BatchEventsMax, config.BatchMessagesMax = 20, 5
		_, stop := w.start(config)
		w.eventually("something is published", func() bool { return server.Stats().Taken > 3 })
		server.Kill()
		for ref := range want {
			want[ref] = append(want[ref], w.allocate(ref, 2)...)
		}
		w.must(server.Start())
		w.caughtUp()
		stop()
		n := 0
		for _, ids := range want {
			n += len(ids)
		}
		if got := server.Pending("out"); got != n {
			t.Errorf("got %d messages in the queue, want %d", got, n)
		}
		c := drain(t, server, n)
		for ref, ids := range want {
			if got := c.firsts(ref); !slices.Equal(got, ids) {
				t.Errorf("%s: got %v, want %v", ref, got, ids)
			}
		}
		for _, m := range c.all() {
			validMessage(t, m.body)
		}
	})
}

// benchBatch is how many messages go at once, and benchSessions of how many cases they are.
const benchBatch, benchSessions = 1_000, 50

// BenchmarkServiceBus is what an outbox publishes to the stand-in, from the log, and what the bare publisher
// does with the same kind of messages, in batches of the same size.
func BenchmarkServiceBus(b *testing.B) {
	for _, lanes := range []int{1, 4} {
		b.Run(fmt.Sprintf("bare/callers=%d", lanes), func(b *testing.B) { benchmarkBare(b, lanes) })
	}
	b.Run("outbox/sqlite", func(b *testing.B) { benchmarkOutbox(b, sqldbtest.SQLite(b)) })
	b.Run("outbox/postgres", func(b *testing.B) { benchmarkOutbox(b, sqldbtest.Postgres(b)) })
}

func benchmarkBare(b *testing.B, callers int) {
	w, server := newWorld(b, sqldbtest.SQLite(b)), sbtest.Start(b)
	server.Configure("out", sbtest.Options{Sessions: true})
	publisher := w.toServiceBus(server).Publisher
	mapped := make([]outbox.Message, benchBatch)
	for i := range mapped {
		ref := fmt.Sprintf("FOS-%d", i%benchSessions)
		m, _, err := outbox.Map(source, occasion("casefile.allocated.v1", "casefile-"+ref, &casefile.Allocated{To: ada, From: ben}))
		w.must(err)
		mapped[i] = m
	}
	// A message is published once, so each has to be made.
	publish := func(n int) error {
		messages := make([]*message.Message, n)
		for i, m := range mapped[:n] {
			messages[i] = message.NewMessage(uuid.NewString(), m.Body)
			messages[i].Metadata = message.Metadata{outbox.ContentTypeMetadata: outbox.ContentType, "type": m.Type, "subject": m.Subject, servicebus.SessionID: m.Session}
		}
		return publisher.Publish("out", messages...)
	}
	b.ResetTimer()
	var group errgroup.Group
	group.SetLimit(callers)
	for left := b.N; left > 0; left -= benchBatch {
		group.Go(func() error { return publish(min(left, benchBatch)) })
	}
	w.must(group.Wait())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func benchmarkOutbox(b *testing.B, address string) {
	w, server := newWorld(b, address), sbtest.Start(b)
	server.Configure("out", sbtest.Options{Sessions: true})
	const each = benchBatch / benchSessions
	for i := 0; i < b.N; i += each {
		w.allocate(fmt.Sprintf("FOS-%d", i/each%benchSessions), min(each, b.N-i))
	}
	config := w.toServiceBus(server)
	b.ResetTimer()
	_, stop := w.start(config)
	for server.Stats().Taken < b.N {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	stop()
}
