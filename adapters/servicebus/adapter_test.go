package servicebus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/servicebus/sbtest"
)

// testTimeout bounds what a test waits for.
const testTimeout = 20 * time.Second

func numbered(n int, session string) []*message.Message {
	list := make([]*message.Message, n)
	for i := range list {
		list[i] = message.NewMessage(fmt.Sprintf("%s-%04d", session, i), []byte("x"))
		if session != "" {
			list[i].Metadata.Set(SessionID, session)
		}
	}
	return list
}

func publisher(t *testing.T, config PublisherConfig) *Publisher {
	t.Helper()
	p, err := NewPublisher(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func publish(t *testing.T, s *sbtest.Server, queue string, messages ...*message.Message) {
	t.Helper()
	if err := publisher(t, PublisherConfig{Connection: quick(s)}).Publish(queue, messages...); err != nil {
		t.Fatal(err)
	}
}

func subscribe(t *testing.T, config SubscriberConfig, queue string) (*Subscriber, <-chan *message.Message) {
	t.Helper()
	sub, err := NewSubscriber(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Close() })
	out, err := sub.Subscribe(t.Context(), queue)
	if err != nil {
		t.Fatal(err)
	}
	return sub, out
}

func next(t *testing.T, out <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m := <-out:
		return m
	case <-time.After(testTimeout):
		t.Fatal("no message came")
		return nil
	}
}

// tally counts outcomes, and lets a test wait for them.
type tally struct {
	mu   sync.Mutex
	n    map[Outcome]int
	more chan struct{}
}

func newTally() *tally { return &tally{n: map[Outcome]int{}, more: make(chan struct{}, 1)} }

func (c *tally) count(_ string, what Outcome, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what] += n
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *tally) of(what Outcome) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[what]
}

func (c *tally) wait(t *testing.T, what Outcome, n int) {
	t.Helper()
	limit := time.After(testTimeout)
	for c.of(what) < n {
		select {
		case <-c.more:
		case <-limit:
			t.Fatalf("got %d %s, want %d", c.of(what), what, n)
		}
	}
}

// An outage between the handler's work and its acknowledgement loses no lock: the message is completed
// over the next connection, and does not come twice.
func TestSettlesOverTheNextConnection(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{})
	publish(t, s, "q", numbered(1, "")...)
	counts := newTally()
	config := quickSubscriber(s)
	config.Count = counts.count
	_, out := subscribe(t, config, "q")
	m := next(t, out)
	s.DropConnections()
	m.Ack()
	counts.wait(t, Completed, 1)
	if got := s.Pending("q"); got != 0 {
		t.Errorf("got %d messages left, want 0", got)
	}
	if got := s.Stats().Delivered; got != 1 {
		t.Errorf("got %d deliveries, want 1", got)
	}
}

// A broker that is down loses nothing, and is found again soon, by many who publish and by who receives.
func TestOutage(t *testing.T) {
	t.Parallel()
	const publishers, each, n = 20, 50, 1000
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{DeliveriesMax: 100, Lock: 2 * time.Second})
	p := publisher(t, PublisherConfig{Connection: quick(s)})
	var publishing sync.WaitGroup
	defer publishing.Wait()
	for i := range publishers {
		publishing.Go(func() {
			for _, m := range numbered(each, fmt.Sprint(i)) {
				for p.Publish("q", m) != nil && t.Context().Err() == nil {
				}
			}
		})
	}
	counts := newTally()
	config := quickSubscriber(s)
	config.Count = counts.count
	_, out := subscribe(t, config, "q")
	seen := map[string]bool{}
	for i := 0; len(seen) < n; i++ {
		m := next(t, out)
		seen[m.UUID] = true
		m.Ack()
		if i == n/4 || i == n/2 {
			s.Kill()
			counts.wait(t, Disconnected, counts.of(Disconnected)+2)
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := counts.of(DeadLettered); got != 0 {
		t.Errorf("got %d dead letters, want 0", got)
	}
}

// Access that is refused, and an entity that is missing, are told at once by SubscribeInitialize, and
// waited for by Subscribe.
func TestWaitsForAccess(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{})
	publish(t, s, "q", numbered(1, "")...)
	s.SetRefuse(func(string) bool { return true })
	counts := newTally()
	config := quickSubscriber(s)
	config.Count = counts.count
	sub, out := subscribe(t, config, "q")
	for queue, want := range map[string]sb.Code{"q": sb.CodeUnauthorizedAccess} {
		if err := sub.SubscribeInitialize(queue); !has(err, want) {
			t.Errorf("%s: got %v, want code %s", queue, err, want)
		}
	}
	counts.wait(t, Disconnected, 1)
	s.SetRefuse(nil)
	next(t, out).Ack()
	if err := sub.SubscribeInitialize("missing"); !has(err, sb.CodeNotFound) {
		t.Errorf("missing: got %v, want code %s", err, sb.CodeNotFound)
	}
}

// The lock of a message is renewed while its handler works.
func TestRenewsLocks(t *testing.T) {
	t.Parallel()
	for _, sessions := range []bool{false, true} {
		t.Run(fmt.Sprintf("sessions=%v", sessions), func(t *testing.T) {
			t.Parallel()
			s := sbtest.Start(t)
			s.Configure("q", sbtest.Options{Sessions: sessions, Lock: 300 * time.Millisecond})
			publish(t, s, "q", numbered(1, "a")...)
			config := quickSubscriber(s)
			config.Sessions = sessions
			sub, out := subscribe(t, config, "q")
			m := next(t, out)
			select {
			case <-m.Context().Done():
				t.Error("the handler's context ended, though the lock could be renewed")
			case <-time.After(time.Second): // three times the lock
			}
			m.Ack()
			if err := sub.Close(); err != nil {
				t.Fatal(err)
			}
			if got := s.Stats(); got.Expired != 0 || got.Completed != 1 || got.Delivered != 1 {
				t.Errorf("got %+v, want one delivery, completed", got)
			}
		})
	}
}

// A message that is handled for too long is left to others, and its handler told to stop.
func TestHoldMax(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{Lock: 200 * time.Millisecond})
	publish(t, s, "q", numbered(1, "")...)
	config := quickSubscriber(s)
	config.HoldMax = 300 * time.Millisecond
	_, out := subscribe(t, config, "q")
	first := next(t, out)
	<-first.Context().Done()
	again := next(t, out)
	if got := again.Metadata[DeliveryCount]; got != "2" || again.UUID != first.UUID {
		t.Errorf("got %s at delivery %s, want %s at delivery 2", again.UUID, got, first.UUID)
	}
	again.Ack()
}

// Sessions are handled side by side, each in order, also where messages are refused for a while.
func TestSessionsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const sessions, each = 30, 20
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{Sessions: true, DeliveriesMax: 100})
	for i := range sessions {
		publish(t, s, "q", numbered(each, fmt.Sprint("case", i))...)
	}
	counts := newTally()
	config := quickSubscriber(s)
	config.Sessions, config.SessionsMax, config.Count = true, 8, counts.count
	_, out := subscribe(t, config, "q")
	got := map[string][]string{}
	for i := range sessions * each * 10 / 9 {
		m := next(t, out)
		if i%10 == 9 {
			m.Nack()
			continue
		}
		session := m.Metadata[SessionID]
		got[session] = append(got[session], m.UUID)
		m.Ack()
	}
	counts.wait(t, Completed, sessions*each)
	if len(got) != sessions {
		t.Errorf("got %d sessions, want %d", len(got), sessions)
	}
	for session, ids := range got {
		if len(ids) != each || !slices.IsSorted(ids) {
			t.Errorf("%s: got %v, want %d in order", session, ids, each)
		}
	}
}

func TestDeadLetter(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{})
	publish(t, s, "q", numbered(2, "")...)
	counts := newTally()
	config := quickSubscriber(s)
	config.NacksMax, config.InFlightMax, config.Count = 3, 1, counts.count
	_, out := subscribe(t, config, "q")
	broken := errors.New("broken")
	handle := DeadLetterErrors(func(err error) (string, string, bool) { return "schema", err.Error(), errors.Is(err, broken) })(
		func(*message.Message) ([]*message.Message, error) { return nil, broken })
	m := next(t, out)
	if _, err := handle(m); err != nil {
		t.Fatalf("got %v, want it dead-lettered", err)
	}
	m.Ack()
	for range config.NacksMax {
		next(t, out).Nack()
	}
	counts.wait(t, DeadLettered, 2)
	if got := s.Pending("q"); got != 0 {
		t.Errorf("got %d messages left, want 0", got)
	}
	want := []string{"schema: broken", "NacksMax: The handler refused the message 3 times."}
	if got := letters(t, s, "q", 2); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if DeadLetter(message.NewMessage("1", nil), "", "") {
		t.Error("dead-lettered a message that was not delivered")
	}
}

// letters reads the reasons of dead letters.
func letters(t *testing.T, s *sbtest.Server, queue string, n int) (list []string) {
	t.Helper()
	client, err := quick(s).client()
	if err != nil {
		t.Fatal(err)
	}
	defer leave(t.Context(), client)
	r, err := client.NewReceiverForQueue(queue, &sb.ReceiverOptions{SubQueue: sb.SubQueueDeadLetter})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	for len(list) < n {
		messages, err := r.ReceiveMessages(ctx, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			list = append(list, *m.DeadLetterReason+": "+*m.DeadLetterErrorDescription)
		}
	}
	return list
}

// What is in flight when a subscriber is closed may be finished; what nobody finishes is given back.
func TestDrains(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{})
	publish(t, s, "q", numbered(3, "")...)
	config := quickSubscriber(s)
	config.InFlightMax, config.DrainMax = 2, 300*time.Millisecond
	sub, out := subscribe(t, config, "q")
	finished, stuck := next(t, out), next(t, out)
	closed := make(chan error, 1)
	go func() { closed <- sub.Close() }()
	<-sub.ctx.Done()
	finished.Ack()
	if _, open := <-out; open {
		t.Error("got a message from a closed subscriber")
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if stuck.Context().Err() == nil {
		t.Error("the context of a message that was given back did not end")
	}
	if got := s.Stats(); got.Completed != 1 || s.Pending("q") != 2 {
		t.Errorf("got %+v and %d messages left, want 1 completed and 2 left", got, s.Pending("q"))
	}
	if _, err := sub.Subscribe(t.Context(), "q"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
}

// Batches are as large as the entity takes, sending again is recognised, and what is refused for the
// moment is sent again.
func TestPublishes(t *testing.T) {
	t.Parallel()
	s := sbtest.Start(t)
	s.Configure("q", sbtest.Options{Dedup: time.Minute})
	list := numbered(200, "")
	for _, m := range list {
		m.Payload = []byte(strings.Repeat("x", 4<<10))
	}
	drops, busy := 0, 0
	s.SetDropAck(func(string) bool { drops++; return drops == 2 })
	s.SetOnSend(func(string, string) error {
		if busy++; busy == 150 {
			return &sbtest.SendError{Condition: "com.microsoft:server-busy", Description: "injected"}
		}
		return nil
	})
	counts := newTally()
	p := publisher(t, PublisherConfig{Connection: quick(s), Count: counts.count})
	for range 2 {
		if err := p.Publish("q", list...); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Pending("q"); got != 200 {
		t.Errorf("got %d messages, want 200", got)
	}
	if got := counts.of(Sent); got != 400 {
		t.Errorf("got %d counted, want 400", got)
	}
	tooLarge := message.NewMessage("large", make([]byte, 1<<20))
	if err := p.Publish("q", tooLarge); !TooLarge(err) {
		t.Errorf("got %v, want %v", err, sb.ErrMessageTooLarge)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if err := p.Publish("q", list...); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
}
