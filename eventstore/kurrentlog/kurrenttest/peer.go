// Package kurrenttest is a wire-compatible peer of KurrentDB for tests: it speaks what this
// project's client speaks, over the client's generated server stubs, and keeps the events in an
// sqlitelog. It is made to fail: it is cut off, killed, refuses early, is not the leader, or writes
// and loses the answer.
//
// It is no KurrentDB, and a test that passes on it shows what our side does, not what a server
// does. The semantics on the wire are KurrentDB's as documented and as its clients expect them:
// expected revisions; idempotency at the expected revision alone; ids that are not unique over
// streams; positions of two numbers with gaps; forward reads that include their position, and
// subscriptions that do not; the trailers of refusals; system events among the others. It has no
// users, TLS, links, deletion, persistent subscriptions or cluster of its own.
package kurrenttest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// Config is how a peer behaves. The zero Config is a server as installed.
type Config struct {
	// Path is the file of the events; one in a temporary directory by default.
	Path string
	// Address is where to listen; a free port of 127.0.0.1 by default.
	Address string
	// AppendBytesMax is MaxAppendSize; 1 MiB by default.
	AppendBytesMax int
	// Leader returns the address of the leader of whom this peer is a follower, "" while it leads
	// itself. What asks for the leader is sent there; the rest is answered, from events that lag
	// behind for ever. By default it leads itself.
	Leader func() string
	// Fault is called for each append and read that comes in, and may make it fail.
	Fault func(Request) Fault
}

// Request is an append or a read that came in.
type Request struct {
	Method string // "append", "read" or "subscribe"
	Stream string // "" for all
}

// Fault is how a request fails.
type Fault int

// The faults that there are.
const (
	// NoFault lets the request pass.
	NoFault Fault = iota
	// RefuseEarly refuses before the request was read to its end.
	RefuseEarly
	// Unavailable fails at once, as a server that is starting does.
	Unavailable
	// LoseAnswer does the work and then fails.
	LoseAnswer
)

// Peer is a running peer.
type Peer struct {
	config Config

	mu      sync.Mutex
	server  *grpc.Server
	service *service
}

// Start starts a peer that is stopped when the test ends.
func Start(tb testing.TB, config Config) *Peer {
	tb.Helper()
	if config.Path == "" {
		config.Path = filepath.Join(tb.TempDir(), "peer.db")
	}
	p, err := serve(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Stop)
	return p
}

func serve(config Config) (*Peer, error) {
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	if config.Leader == nil {
		config.Leader = func() string { return "" }
	}
	if config.AppendBytesMax == 0 {
		config.AppendBytesMax = 1 << 20
	}
	p := &Peer{config: config}
	if err := p.Restart(); err != nil {
		return nil, err
	}
	return p, nil
}

// Address returns where the peer listens; it stays the same over restarts.
func (p *Peer) Address() string { return p.config.Address }

// URL returns the peer's address for kurrentlog.Open.
func (p *Peer) URL() string {
	return fmt.Sprintf("kurrentdb://%s?tls=false&maxAppendSize=%d", p.config.Address, p.config.AppendBytesMax)
}

// Stop cuts all connections off and stops the peer. What was being appended may be kept or not.
func (p *Peer) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return
	}
	p.server.Stop()
	p.service.close()
	p.server = nil
}

// Restart stops the peer if it runs, and starts it at the same address with the same events.
func (p *Peer) Restart() error {
	p.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, err := net.Listen("tcp", p.config.Address)
	if err != nil {
		return fmt.Errorf("start peer: %w", err)
	}
	p.config.Address = listener.Addr().String()
	if p.service, err = openService(context.Background(), p.config); err != nil {
		listener.Close()
		return fmt.Errorf("start peer: %w", err)
	}
	// Clients ping every ten seconds; a server that is asked more often than it allows cuts them off.
	p.server = grpc.NewServer(grpc.MaxRecvMsgSize(17<<20), grpc.MaxSendMsgSize(17<<20),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}))
	streams.RegisterStreamsServer(p.server, p.service)
	serverfeatures.RegisterServerFeaturesServer(p.server, p.service)
	gossip.RegisterGossipServer(p.server, gossiping{service: p.service})
	server := p.server
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	return nil
}
