package sbtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var fast = sb.RetryOptions{MaxRetries: 10, RetryDelay: 20 * time.Millisecond, MaxRetryDelay: 200 * time.Millisecond}

func connect(t *testing.T, s *Server) *sb.Client {
	t.Helper()
	c, err := sb.NewClientFromConnectionString(s.ConnectionString(), &sb.ClientOptions{RetryOptions: fast})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func setup(t *testing.T, options Options) (*Server, *sb.Client) {
	t.Helper()
	s := Start(t)
	s.Configure("*", options)
	return s, connect(t, s)
}

func send(t *testing.T, c *sb.Client, queue, session string, ids ...string) {
	t.Helper()
	sender, err := c.NewSender(queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close(t.Context())
	batch, err := sender.NewMessageBatch(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		m := &sb.Message{MessageID: &id, Body: []byte("x")}
		if session != "" {
			m.SessionID = &session
		}
		if err := batch.AddMessage(m, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := sender.SendMessageBatch(t.Context(), batch, nil); err != nil {
		t.Fatal(err)
	}
}

func receiver(t *testing.T, c *sb.Client, queue string) *sb.Receiver {
	t.Helper()
	r, err := c.NewReceiverForQueue(queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type receiving interface {
	ReceiveMessages(context.Context, int, *sb.ReceiveMessagesOptions) ([]*sb.ReceivedMessage, error)
}

func receive(t *testing.T, r receiving, n int) (list []*sb.ReceivedMessage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(list) < n {
		more, err := r.ReceiveMessages(ctx, n-len(list), nil)
		if err != nil {
			t.Fatalf("got %d messages of %d: %v", len(list), n, err)
		}
		list = append(list, more...)
	}
	return list
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("id-", i)
	}
	return ids
}

// A client with a production connection string works over a connection in memory: no TLS is
// negotiated on a connection that the caller supplies.
func TestInMemory(t *testing.T) {
	t.Parallel()
	s := New()
	t.Cleanup(s.Close)
	s.Configure("q", Options{})
	c, err := sb.NewClientFromConnectionString("Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=v",
		&sb.ClientOptions{RetryOptions: fast, NewWebSocketConn: func(ctx context.Context, _ sb.NewWebSocketConnArgs) (net.Conn, error) {
			return s.Dial(ctx)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	send(t, c, "q", "", numbered(100)...)
	r := receiver(t, c, "q")
	for _, m := range receive(t, r, 100) {
		if err := r.CompleteMessage(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Pending("q"); got != 0 {
		t.Errorf("got %d messages left, want 0", got)
	}
}

// A link that is detached is settled over the management link, by the client itself.
func TestSettleAfterDetach(t *testing.T) {
	t.Parallel()
	s, c := setup(t, Options{})
	send(t, c, "q", "", numbered(3)...)
	r := receiver(t, c, "q")
	list := receive(t, r, 3)
	s.DetachAll("amqp:link:detach-forced", "idle")
	for _, m := range list {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := r.CompleteMessage(ctx, m, nil); err != nil {
			t.Error(err)
		}
	}
	if got := s.Pending("q"); got != 0 {
		t.Errorf("got %d messages left, want 0", got)
	}
}

// After a lost connection only a bare lock token settles, once the receiver has a connection again.
// The adapter relies on it; if the first half fails, the client has learned, and the adapter's
// work-around can go.
func TestSettleAfterLostConnection(t *testing.T) {
	t.Parallel()
	s, c := setup(t, Options{})
	send(t, c, "q", "", numbered(2)...)
	r := receiver(t, c, "q")
	list := receive(t, r, 2)
	s.DropConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := r.CompleteMessage(ctx, list[0], nil); err == nil {
		t.Error("the client settles after a lost connection: the adapter's work-around can go")
	}
	if _, err := r.PeekMessages(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if err := r.CompleteMessage(t.Context(), &sb.ReceivedMessage{LockToken: m.LockToken}, nil); err != nil {
			t.Error(err)
		}
	}
	if got := s.Stats().Completed; got != 2 {
		t.Errorf("got %d completed, want 2", got)
	}
}

// The client sends again what is refused for the moment, and nothing else.
func TestSendFaults(t *testing.T) {
	t.Parallel()
	for condition, wantSent := range map[string]bool{
		"com.microsoft:server-busy": true, "com.microsoft:timeout": true, "amqp:internal-error": true,
		"amqp:resource-limit-exceeded": false, "com.microsoft:entity-disabled": false, "amqp:unauthorized-access": false,
		"amqp:link:message-size-exceeded": false,
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			s, c := setup(t, Options{})
			var asked atomic.Int64
			s.SetOnSend(func(string, string) error {
				if asked.Add(1) <= 2 {
					return &SendError{condition, "injected"}
				}
				return nil
			})
			sender, err := c.NewSender("q", nil)
			if err != nil {
				t.Fatal(err)
			}
			err = sender.SendMessage(t.Context(), &sb.Message{Body: []byte("x")}, nil)
			if sent := err == nil; sent != wantSent {
				t.Errorf("got error %v, want sent %v", err, wantSent)
			}
		})
	}
}

// A lost acknowledgement makes the client send again: twice there without duplicate detection.
func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	s, c := setup(t, Options{})
	s.mu.Lock()
	s.rules = append([]rule{{"dedup", Options{Dedup: time.Minute}}}, s.rules...)
	s.mu.Unlock()
	for queue, want := range map[string]int{"plain": 2, "dedup": 1} {
		var dropped atomic.Bool
		s.SetDropAck(func(string) bool { return dropped.CompareAndSwap(false, true) })
		send(t, c, queue, "", "case-42/v7")
		if got := s.Pending(queue); got != want {
			t.Errorf("%s: got %d messages, want %d", queue, got, want)
		}
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s, c := setup(t, Options{DeliveriesMax: 3})
	send(t, c, "q", "", "nacked", "buried")
	r := receiver(t, c, "q")
	for range 3 {
		m := receive(t, r, 1)[0]
		if err := r.AbandonMessage(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	m := receive(t, r, 1)[0]
	reason, description := "schema", "/data is missing"
	if err := r.DeadLetterMessage(t.Context(), m, &sb.DeadLetterOptions{Reason: &reason, ErrorDescription: &description}); err != nil {
		t.Fatal(err)
	}
	if got := s.Pending("q/$DeadLetterQueue"); got != 2 {
		t.Fatalf("got %d dead letters, want 2", got)
	}
	dead, err := c.NewReceiverForQueue("q", &sb.ReceiverOptions{SubQueue: sb.SubQueueDeadLetter})
	if err != nil {
		t.Fatal(err)
	}
	list := receive(t, dead, 2)
	for i, want := range []string{"MaxDeliveryCountExceeded", "schema"} {
		if got := *list[i].DeadLetterReason; got != want {
			t.Errorf("got reason %q, want %q", got, want)
		}
	}
	if got := *list[1].DeadLetterErrorDescription; got != description {
		t.Errorf("got description %q, want %q", got, description)
	}
}

// A session is one receiver's at a time, and another's when that one goes, or stays away too long.
func TestSessions(t *testing.T) {
	t.Parallel()
	s, c := setup(t, Options{Sessions: true, Lock: 300 * time.Millisecond})
	send(t, c, "q", "a", "a1", "a2")
	first, err := c.AcceptNextSessionForQueue(t.Context(), "q", nil)
	if err != nil {
		t.Fatal(err)
	}
	list := receive(t, first, 2)
	if got := list[0].MessageID + list[1].MessageID; got != "a1a2" {
		t.Errorf("got %s, want a1a2", got)
	}
	if _, err := c.AcceptSessionForQueue(t.Context(), "q", "a", nil); err == nil {
		t.Error("got a session that another one holds")
	}
	if err := first.CompleteMessage(t.Context(), list[0], nil); err != nil {
		t.Fatal(err)
	}
	// Nobody renews the lock, so it runs out, and the session with what is left of it is free.
	second, err := c.AcceptNextSessionForQueue(t.Context(), "q", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := receive(t, second, 1)[0].MessageID; got != "a2" || second.SessionID() != "a" {
		t.Errorf("got %s of session %s, want a2 of a", got, second.SessionID())
	}
	if got := s.Pending("q"); got != 1 {
		t.Errorf("got %d messages left, want 1", got)
	}
}

func TestMissingAndRefused(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Configure("q", Options{})
	s.SetRefuse(func(entity string) bool { return entity == "q" })
	c := connect(t, s)
	for queue, want := range map[string]sb.Code{"q": sb.CodeUnauthorizedAccess, "missing": sb.CodeNotFound} {
		_, err := receiver(t, c, queue).PeekMessages(t.Context(), 1, nil)
		if e := (*sb.Error)(nil); !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: got %v, want code %s", queue, err, want)
		}
	}
}

// What was acknowledged survives crashes, and all of it arrives.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	const n, batch = 2000, 100
	s, c := setup(t, Options{DeliveriesMax: 2000})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	var sent atomic.Int64
	work.Go(func() {
		sender, _ := c.NewSender("q", nil)
		for i := 0; i < n && ctx.Err() == nil; {
			b, err := sender.NewMessageBatch(ctx, nil)
			for j := i; err == nil && j < i+batch; j++ {
				id := fmt.Sprint("id-", j)
				err = b.AddMessage(&sb.Message{MessageID: &id, Body: []byte("x")}, nil)
			}
			if err == nil {
				err = sender.SendMessageBatch(ctx, b, nil)
			}
			if err == nil {
				i += batch
				sent.Store(int64(i))
			}
		}
	})
	seen := map[string]bool{}
	killed := 0
	r := receiver(t, c, "q")
	for len(seen) < n {
		list, err := r.ReceiveMessages(ctx, batch, nil)
		if err != nil {
			t.Fatalf("after %d messages: %v", len(seen), err)
		}
		for _, m := range list {
			seen[m.MessageID] = true
			settling, done := context.WithTimeout(ctx, 200*time.Millisecond)
			_ = r.CompleteMessage(settling, m, nil)
			done()
		}
		if killed < 3 && len(seen) > n*(killed+1)/4 {
			killed++
			s.Kill()
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if killed != 3 {
		t.Errorf("got %d kills, want 3", killed)
	}
}
