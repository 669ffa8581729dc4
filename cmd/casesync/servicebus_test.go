package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/demo"
	"casesync/adapters/servicebus"
	"casesync/adapters/servicebus/sbtest"
)

// queued publishes the lines of a feed to a queue with a session for each case.
func queued(t *testing.T, s *sbtest.Server, queue string, lines []string) {
	t.Helper()
	publisher, err := servicebus.NewPublisher(servicebus.PublisherConfig{Connection: servicebus.Connection{
		ConnectionString: servicebus.ConnectionString(s.ConnectionString()), RetriesMax: 10, RetryPauseMin: 10 * time.Millisecond, RetryPauseMax: 100 * time.Millisecond,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	var messages []*message.Message
	for _, line := range lines {
		var event struct{ ID, Subject string }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		m := servicebus.NewCloudEvent(event.ID, []byte(line))
		m.Metadata.Set(servicebus.SessionID, event.Subject)
		messages = append(messages, m)
	}
	if err := publisher.Publish(queue, messages...); err != nil {
		t.Fatal(err)
	}
}

// fromBus is an installation whose serve takes events from a queue.
func fromBus(w *world, s *sbtest.Server) {
	w.storage = append(w.storage, "--servicebus", s.ConnectionString(), "--servicebus-queue", "feed", "--servicebus-source", demo.Source)
}

// emptied waits until everything in a queue was taken.
func emptied(t *testing.T, s *sbtest.Server, queue string) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); s.Pending(queue) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("got %d messages left, want 0: %+v", s.Pending(queue), s.Stats())
		}
	}
}

// A feed that comes over Service Bus out of order, with duplicates, lost acknowledgements, cut
// connections and a broker that crashes gives the read models of the file's import, row by row.
func TestServiceBusFeedGivesTheSameReadModels(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 2000)
	imported := sqliteWorld(t)
	imported.must("import", file(t, lines))
	want := imported.project()
	eachWorld(t, func(t *testing.T, w *world) {
		s := sbtest.Start(t)
		s.Configure("feed", sbtest.Options{Sessions: true, DeliveriesMax: 1000, Lock: 5 * time.Second})
		dropped := 0
		s.SetDropAck(func(string) bool { dropped++; return dropped%4 == 1 })
		queued(t, s, "feed", disturb(t, lines, 13))
		if s.Stats().Taken <= len(lines)+len(lines)/20 {
			t.Fatalf("got %+v, want more messages than were sent: no acknowledgement was lost", s.Stats())
		}
		fromBus(w, s)
		_, stop := w.serve("ingest", "project")
		for faults := 1; s.Pending("feed") > 0 && faults <= 8; faults++ {
			aim := s.Pending("feed") * 4 / 5
			for limit := time.Now().Add(time.Minute); s.Pending("feed") > aim && time.Now().Before(limit); {
				time.Sleep(5 * time.Millisecond)
			}
			if faults%4 != 0 {
				s.DropConnections()
				continue
			}
			s.Kill()
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		}
		emptied(t, s, "feed")
		w.caughtUp()
		stop()
		same(t, w.rows(), want)
		if got := s.Stats(); got.DeadLettered != 0 || got.LocksLost+got.Expired+got.Delivered <= got.Taken {
			t.Errorf("got %+v, want no dead letters, and some messages twice", got)
		}
	})
}

// What cannot be taken is a dead letter of ours, whichever way it came; nothing of it stays in the queue.
func TestServiceBusRejects(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.must("import", file(t, feedLines(t, 20))) // makes the storage
	s := sbtest.Start(t)
	s.Configure("feed", sbtest.Options{Sessions: true})
	foreign := strings.ReplaceAll(feedLines(t, 20)[0], demo.Source, "https://elsewhere.example")
	for _, body := range []string{"no JSON", "", "\x1f\x8bgzip", strings.Repeat("x", 200<<10), foreign} {
		m := servicebus.NewCloudEvent("", []byte(body))
		m.Metadata.Set(servicebus.SessionID, "s")
		publisher, err := servicebus.NewPublisher(servicebus.PublisherConfig{Connection: servicebus.Connection{ConnectionString: servicebus.ConnectionString(s.ConnectionString())}})
		if err != nil {
			t.Fatal(err)
		}
		if err := publisher.Publish("feed", m); err != nil {
			t.Fatal(err)
		}
		_ = publisher.Close()
	}
	plain := *w
	fromBus(w, s)
	_, stop := w.serve("ingest")
	emptied(t, s, "feed")
	stop()
	if got := s.Stats(); got.Completed != 5 || got.DeadLettered != 0 {
		t.Errorf("got %+v, want 5 completed", got)
	}
	if list := plain.must("dead-letters", "list"); strings.Count(list, " open ") != 5 {
		t.Errorf("want 5 open dead letters, got\n%s", list)
	}
}

// The settings that belong together are asked for at the start, in the flags' own words, and nobody is shown the key.
func TestServiceBusSettings(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	const (
		key   = "Endpoint=sb://h.example/;SharedAccessKeyName=n;SharedAccessKey=S3CRET"
		local = "Endpoint=sb://127.0.0.1:5673;SharedAccessKeyName=n;SharedAccessKey=S3CRET;UseDevelopmentEmulator=true"
		yes   = "\x00" // it is taken
	)
	for _, test := range []struct{ flags, want string }{ // want is what the refusal says
		{"--servicebus " + key, "--servicebus-queue"},
		{"--servicebus-queue q", "--servicebus"},
		{"--servicebus " + key + " --servicebus-queue q", "--servicebus-source"},
		{"--servicebus " + key + " --servicebus-queue q --servicebus-source urn:cms", yes},
		{"--servicebus " + local + " --servicebus-queue t/s --servicebus-source urn:cms --no-servicebus-sessions", yes},
		{"--servicebus sb://h.example --servicebus-queue q --servicebus-source urn:cms", "no host name"},
		{"--servicebus Endpoint=S3CRET --servicebus-queue q --servicebus-source urn:cms", "names no endpoint"},
		{"--servicebus " + key + " --servicebus-queue q?x --servicebus-source urn:cms", "no name of a queue"},
		{"--servicebus " + key + " --servicebus-feed a,source=urn:a --servicebus-feed b/s,source=urn:b,sessions=false", yes},
		{"--servicebus-feed a,source=urn:a", "no namespace is named"},
		{"--servicebus-feed a,source=urn:a,namespace=h.example", yes},
		{"--servicebus-feed a,source=urn:a,credential=other", yes},
		{"--servicebus-feed a,source=urn:a,credential=../other", "file in --secrets"},
		{"--servicebus-feed a,source=urn:a,credential=x,namespace=h.example", "both namespace="},
		{"--servicebus " + key + " --servicebus-feed a", "neither source="},
		{"--servicebus " + key + " --servicebus-feed a,sessions=true", "source=URI"},
		{"--servicebus " + key + " --servicebus-feed a,source=x", "want a URI"},
		{"--servicebus " + key + " --servicebus-feed a,source=urn:a,sessions=perhaps", "true or false"},
		{"--servicebus " + key + " --servicebus-feed A,source=urn:a --servicebus-queue a --servicebus-source urn:b", "named twice"},
		{"--outbox servicebus:out", "--outbox-servicebus"},
		{"--outbox servicebus:out --outbox-servicebus " + local, yes},
		{"--outbox servicebus:out --servicebus " + key, yes},
		{"--outbox servicebus:o?t --servicebus " + key, "no name of a queue"},
		{"--outbox-servicebus " + key, "--outbox servicebus:NAME"},
		{"--outbox servicebus:out --outbox-servicebus Endpoint=S3CRET", "--outbox-servicebus"},
	} {
		output, code := w.run(append([]string{"config"}, strings.Fields(test.flags)...)...)
		if strings.Contains(output, "S3CRET") {
			t.Errorf("%s: got %s, want the key masked", test.flags, output)
		}
		if wanted := test.want == yes; wanted != (code == exitDone) || !wanted && !strings.Contains(output, test.want) {
			t.Errorf("%s: got exit code %d, %s, want %q", test.flags, code, output, test.want)
		}
	}
}
