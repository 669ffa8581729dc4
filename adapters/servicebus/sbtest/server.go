// Package sbtest is a stand-in for Azure Service Bus in tests: a small AMQP 1.0 server in this
// process, with the semantics of queues, topics and sessions that the azservicebus client relies on,
// and with faults on demand.
//
// It keeps what it has acknowledged across Kill and Start, as the service does. It emulates
// peek-lock with delivery counts, dead-lettering, sessions, duplicate detection, lock renewal,
// batches and settling over the management link. It does not emulate expiry, scheduling, deferral,
// session state, subscription filters, forwarding, transactions, quotas, TLS and access signatures:
// any credentials will do. It was made by measuring the client against what Microsoft documents and
// tests; that the service itself behaves so is not proven here.
package sbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options are those of a queue, or of a topic and its subscriptions.
type Options struct {
	// Topic drops what nobody subscribes to; a queue keeps it.
	Topic bool
	// Lock is how long a message or a session is locked; default 30 s.
	Lock time.Duration
	// DeliveriesMax is how often a message is delivered before it is dead-lettered; default 10.
	DeliveriesMax uint32
	// Dedup is for how long a message id is remembered and not taken again; default never.
	Dedup time.Duration
	// Sessions groups messages by their session id.
	Sessions bool
	// MessageBytesMax is the size of a message, or a batch, that is taken; default 256 KiB, that of the Standard tier.
	MessageBytesMax uint64
}

// Stats count what happened since the start.
type Stats struct {
	Taken, Duplicates, Delivered, Completed, Abandoned, Released, Expired, LocksLost, DeadLettered, Connections int
}

// SendError is an error that a message is refused with; see SetOnSend.
type SendError struct{ Condition, Description string }

func (e *SendError) Error() string { return e.Condition + ": " + e.Description }

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	mu          sync.Mutex // of everything below, and of what hangs on it
	rules       []rule
	entities    map[string]*entity
	locks       map[lockToken]*lock
	sequence    int64
	stats       Stats
	onSend      func(entity, messageID string) error
	dropAck     func(entity string) bool
	refuse      func(entity string) bool
	dropSettle  func(path string) bool
	listener    net.Listener
	address     string
	connections map[*connection]struct{}
	working     sync.WaitGroup // goroutines
	stop        chan struct{}
}

// rule gives the entities that a pattern matches their options.
type rule struct {
	pattern string
	options Options
}

// Start starts a server on a port of its own, and stops it when the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := New()
	if err := s.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// New returns a server that does not listen yet; Dial reaches it. It must be closed.
func New() *Server {
	s := &Server{
		address: "127.0.0.1:0", entities: map[string]*entity{}, locks: map[lockToken]*lock{},
		connections: map[*connection]struct{}{}, stop: make(chan struct{}),
	}
	s.working.Go(s.sweep)
	return s
}

// Configure makes the entities whose name is pattern, or begins with what stands before its last
// character *, with the same options. An entity that no pattern matches does not exist.
// Subscriptions come into being when they are first received from.
func (s *Server) Configure(pattern string, options Options) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, rule{pattern, options})
}

// Start listens: on a new port the first time, and on the same one again after Kill.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("start stand-in: %w", err)
	}
	s.listener, s.address = listener, listener.Addr().String()
	s.working.Go(func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			s.serve(accepted)
		}
	})
	return nil
}

// ConnectionString is what a client connects with.
func (s *Server) ConnectionString() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "Endpoint=sb://" + s.address + ";SharedAccessKeyName=k;SharedAccessKey=v;UseDevelopmentEmulator=true"
}

// Dial returns a connection in memory. As the result of azservicebus.ClientOptions.NewWebSocketConn
// it lets a client use any connection string, also one of production.
func (s *Server) Dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	s.serve(ours)
	return theirs, nil
}

func (s *Server) serve(accepted net.Conn) {
	c := newConnection(s, accepted)
	s.mu.Lock()
	s.connections[c] = struct{}{}
	s.stats.Connections++
	s.mu.Unlock()
	s.working.Go(c.write)
	s.working.Go(func() { c.read(bufio.NewReaderSize(accepted, 64<<10)) })
}

// Stats returns what happened so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Pending counts what waits in a queue, subscription or dead-letter queue, locked messages included.
func (s *Server) Pending(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queueAt(path)
	if q == nil {
		return 0
	}
	return len(q.all())
}

// SetOnSend has f asked about each message; where it returns an error the message is refused, a
// *SendError under its own condition. f must not call the server.
func (s *Server) SetOnSend(f func(entity, messageID string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onSend = f
}

// SetDropAck has f asked after each message, or batch, that was stored: if it returns true, the
// connection is lost instead of the acknowledgement being sent. f must not call the server.
func (s *Server) SetDropAck(f func(entity string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropAck = f
}

// SetRefuse has f asked whether access to an entity is refused from now on. Links that are there
// stay; see DetachAll. f must not call the server.
func (s *Server) SetRefuse(f func(entity string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// SetDropSettle has f asked before a message of a queue, subscription or dead-letter queue is settled: if it returns
// true, the connection is lost instead, and the lock stays until it runs out. f must not call the server.
func (s *Server) SetDropSettle(f func(path string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropSettle = f
}

// DropConnections resets every connection. Entities and locks live on.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		c.reset()
	}
}

// DetachAll closes every link to an entity the way the service does when an entity is changed or a
// link is idle.
func (s *Server) DetachAll(condition, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		for _, session := range c.sessions {
			for _, l := range session.links {
				if !isRequestLink(l.address) {
					l.detach(condition, description)
				}
			}
		}
	}
}

// Kill is a crash: the port closes, connections are reset, locks are forgotten. Messages survive.
func (s *Server) Kill() {
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close()
	}
	var ended []chan struct{}
	for c := range s.connections {
		c.reset()
		ended = append(ended, c.ended)
	}
	s.mu.Unlock()
	for _, end := range ended {
		<-end
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocks()
}

// Close ends everything, and waits until it has ended.
func (s *Server) Close() {
	s.Kill()
	close(s.stop)
	s.working.Wait()
}

// sweep ends locks that run out.
func (s *Server) sweep() {
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.mu.Lock()
			s.expire(now)
			s.mu.Unlock()
		}
	}
}

// errRefused ends the work on a connection.
var errRefused = errors.New("refused")

const (
	deadLetterSuffix = "/$DeadLetterQueue"
	managementSuffix = "/$management"
	claimsNode       = "$cbs"
)

// isRequestLink reports whether an address takes requests and no messages.
func isRequestLink(address string) bool {
	return address == claimsNode || strings.HasSuffix(address, managementSuffix)
}
