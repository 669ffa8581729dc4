package servicebus

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestRealNamespace publishes to a queue with sessions of a real namespace, and receives from there.
// It needs a paid service, so it runs only where SERVICEBUS_TEST_CONNECTION is a connection string with
// the rights to send and listen, and SERVICEBUS_TEST_QUEUE names a queue with sessions that nobody
// else uses. What others left there is completed.
func TestRealNamespace(t *testing.T) {
	connection, queue := os.Getenv("SERVICEBUS_TEST_CONNECTION"), os.Getenv("SERVICEBUS_TEST_QUEUE")
	if connection == "" || queue == "" {
		t.Skip("NOT RUN against Azure Service Bus: set SERVICEBUS_TEST_CONNECTION and SERVICEBUS_TEST_QUEUE (a queue with sessions)")
	}
	const sessions, each = 5, 20
	c := Connection{ConnectionString: ConnectionString(connection)}
	p := publisher(t, PublisherConfig{Connection: c})
	run := uuid.NewString()
	for i := range sessions {
		if err := p.Publish(queue, numbered(each, fmt.Sprintf("%s-%d", run, i))...); err != nil {
			t.Fatal(err)
		}
	}
	_, out := subscribe(t, SubscriberConfig{Connection: c, Sessions: true}, queue)
	got := map[string][]string{}
	for received := 0; received < sessions*each; {
		select {
		case m := <-out:
			session := m.Metadata[SessionID]
			if ids := got[session]; len(session) > len(run) && session[:len(run)] == run && (len(ids) == 0 || ids[len(ids)-1] < m.UUID) {
				got[session] = append(ids, m.UUID)
				received++
			}
			m.Ack()
		case <-time.After(time.Minute):
			t.Fatalf("got %d messages, want %d", received, sessions*each)
		}
	}
}
