package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/demo"
	"casesync/adapters/servicebus"
	"casesync/adapters/servicebus/sbtest"
	"casesync/eventstore"
)

// fetched is a message that was received from a queue, and the CloudEvent in it.
type fetched struct {
	ID, Session string // of the broker's message
	Event       struct{ ID, Type, Subject string }
	Text        string
}

// fetch receives all that a queue holds, in the broker's order of each session.
func fetchAll(t *testing.T, s *sbtest.Server, queue string, sessions bool) (list []fetched) {
	t.Helper()
	subscriber, err := servicebus.NewSubscriber(servicebus.SubscriberConfig{
		Connection: servicebus.Connection{ConnectionString: servicebus.ConnectionString(s.ConnectionString())},
		Sessions:   sessions, SessionsMax: 32, InFlightMax: 1, DrainMax: time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	messages, err := subscriber.Subscribe(t.Context(), queue)
	if err != nil {
		t.Fatal(err)
	}
	for n := s.Pending(queue); len(list) < n; {
		select {
		case m := <-messages:
			list = append(list, fetchedOf(t, m))
			m.Ack()
		case <-time.After(time.Minute):
			t.Fatalf("got %d messages, want %d", len(list), n)
		}
	}
	return list
}

func fetchedOf(t *testing.T, m *message.Message) fetched {
	t.Helper()
	f := fetched{ID: m.UUID, Session: m.Metadata[servicebus.SessionID], Text: string(m.Payload)}
	if err := json.Unmarshal(m.Payload, &f.Event); err != nil {
		t.Fatalf("a message came that is no CloudEvent: %v: %s", err, m.Payload)
	}
	return f
}

// places returns where in the log each event stands, by its id.
func (w *world) places() map[string]int {
	w.t.Helper()
	s := w.inside("serve")
	log, err := s.log(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	places := map[string]int{}
	for recorded, err := range log.ReadAll(w.t.Context(), eventstore.Position{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		places[recorded.ID.String()] = len(places) + 1
	}
	return places
}

// checkFirsts fails unless each message is an event of the log under its own id, and the first deliveries of each case come
// in the log's order. It returns how many different ones there are, by what they are about.
func checkFirsts(t *testing.T, list []fetched, places map[string]int) map[string]int {
	t.Helper()
	last, seen, about := map[string]int{}, map[string]bool{}, map[string]int{}
	for _, m := range list {
		place := places[m.ID]
		if m.ID != m.Event.ID || place == 0 || m.Session == "" || !strings.Contains(m.Text, `"`+m.Session+`"`) {
			t.Fatalf("got message %s of session %q: %s\nwant the id of an event, and the session of its case", m.ID, m.Session, m.Text)
		}
		if seen[m.ID] {
			continue
		}
		if seen[m.ID] = true; place < last[m.Session] {
			t.Errorf("case %s: event %d came first after event %d", m.Session, place, last[m.Session])
		}
		last[m.Session] = place
		about[m.Event.Type+" "+m.Event.Subject]++
	}
	return about
}

// Notifications and files about many cases come out to Service Bus under their events' ids, in their cases' sessions and
// order, though the server is killed, connections are cut and acknowledgements lost on the way (requirements 6, 8 and 58).
func TestServiceBusOutboxLosesNothing(t *testing.T) {
	long(t)
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const who = "caseworker"
		bus := sbtest.Start(t)
		bus.Configure("out", sbtest.Options{Sessions: true})
		batches := 0
		bus.SetDropAck(func(string) bool { batches++; return batches%3 == 1 })
		scanner := clamav(t, 8)
		s := w.start(append(scanner.flags(), "--outbox", "servicebus:out", "--outbox-servicebus", bus.ConnectionString())...)
		refs := s.manyCases(demo.FRN(1), 120, "outbox")
		w.caughtUp()
		ids := map[string]string{}
		var files []string
		for round := range 3 {
			if status := s.notifyAll(refs, fmt.Sprint("round ", round), ids); status != http.StatusOK {
				t.Fatalf("notify: got %d", status)
			}
			if round == 2 {
				break
			}
			for _, ref := range refs[:5] {
				files = append(files, s.upload(who, ref, fmt.Sprintf("file %d.pdf", round), pdf(ref+fmt.Sprint(round))))
			}
			aim := bus.Stats().Taken + 40
			for limit := time.Now().Add(time.Minute); bus.Stats().Taken < aim && time.Now().Before(limit); {
				time.Sleep(time.Millisecond)
			}
			bus.DropConnections()
			s.kill()
			s.restart()
		}
		for _, id := range files {
			s.uploadBecomes(who, id, "sent")
		}
		w.drained(s)
		about := checkFirsts(t, fetchAll(t, bus, "out", true), w.places())
		for key, id := range ids {
			if n := about["portal.notification.sent.v1 "+id]; n != 1 {
				t.Errorf("notification %s: got %d messages, want one", key, n)
			}
		}
		for _, id := range files {
			if n := about["portal.upload.received.v1 "+id]; n != 1 {
				t.Errorf("upload %s: got %d messages, want one", id, n)
			}
		}
		if got, want := len(about), len(ids)+len(files); got != want || len(ids) != 3*len(refs) {
			t.Errorf("got %d messages, want %d: %v", got, want, about)
		}
		t.Logf("%+v", bus.Stats())
	})
}

// drained waits until everything in the log is published.
func (w *world) drained(s *service) {
	w.t.Helper()
	for limit := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var status outboxStanding
		if err := json.Unmarshal([]byte(w.must("outbox", "status", "--json")), &status); err != nil {
			w.t.Fatal(err)
		}
		if status.LagEvents == 0 && status.Messages == status.Stuck {
			return
		}
		if time.Now().After(limit) {
			_, _, body := s.get("operator", "/readyz")
			w.t.Fatalf("got %+v, want everything published: %s", status, body)
		}
	}
}

// A message that is larger than the queue takes is parked, and waits for an operator; the rest goes on, also what came in the
// same batch. A queue without sessions has the messages' sessions all the same.
func TestServiceBusOutboxParksWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		bus := sbtest.Start(t)
		bus.Configure("plain", sbtest.Options{MessageBytesMax: 6 << 10})
		s := w.start("--outbox", "servicebus:plain", "--outbox-servicebus", bus.ConnectionString())
		refs := s.manyCases(demo.FRN(1), 20, "large")
		w.caughtUp()
		bus.Kill() // what follows goes in one batch
		ids := map[string]string{}
		s.notifyAll(refs[:10], "before", ids)
		large := s.notify("caseworker", refs[3], "general-update", map[string]string{"message": strings.Repeat("long ", 1800)})
		behind := s.notify("caseworker", refs[3], "general-update", map[string]string{"message": "behind it"})
		s.notifyAll(refs[10:], "after", ids)
		if err := bus.Start(); err != nil {
			t.Fatal(err)
		}
		for limit := time.Now().Add(time.Minute); bus.Pending("plain") < 20 || len(w.parkedList()) < 2; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("got %d messages and %+v parked, want 20 and two", bus.Pending("plain"), w.parkedList())
			}
		}
		parked := w.parkedList("--status", "stuck")
		if len(parked) != 1 || parked[0].Case != refs[3] || parked[0].Fault != "refused-by-broker" || parked[0].Stream != "notification-"+large {
			t.Fatalf("got %+v parked, want notification %s", parked, large)
		}
		w.must("outbox", "skip", parked[0].EventID.String(), "--reason", "told by telephone")
		for limit := time.Now().Add(time.Minute); len(w.parkedList()) > 1; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatal("what waits behind it does not go on")
			}
		}
		w.drained(s)
		about := checkFirsts(t, fetchAll(t, bus, "plain", false), w.places())
		if about["portal.notification.sent.v1 "+behind] != 1 || about["portal.notification.sent.v1 "+large] != 0 || len(about) != 21 {
			t.Errorf("got %v, want 21 messages without %s", about, large)
		}
	})
}
