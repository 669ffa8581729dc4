package sbtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// The codes of performatives.
const (
	performOpen        = 0x10
	performBegin       = 0x11
	performAttach      = 0x12
	performFlow        = 0x13
	performTransfer    = 0x14
	performDisposition = 0x15
	performDetach      = 0x16
	performEnd         = 0x17
	performClose       = 0x18
	saslMechanisms     = 0x40
	saslOutcome        = 0x44
)

const (
	frameBytesMax = 65536
	// heartbeatEvery keeps clients content, which want a frame a minute.
	heartbeatEvery = 20 * time.Second
)

// connection is a client's connection. What it sends is queued and written by a goroutine of its
// own, so that nobody who holds the server's lock waits for a client.
type connection struct {
	server   *Server
	net      net.Conn
	sessions map[uint16]*session
	replies  map[string]*link // request links by the address that they get replies at
	wake     chan struct{}    // has room for one
	ended    chan struct{}    // closed when nothing is read any more and all locks are cared for

	outgoing sync.Mutex
	queued   []byte
	closing  bool // close once queued is written
}

func newConnection(s *Server, accepted net.Conn) *connection {
	return &connection{
		server: s, net: accepted, sessions: map[uint16]*session{}, replies: map[string]*link{},
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// reset ends the connection without a word.
func (c *connection) reset() {
	if tcp, ok := c.net.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.net.Close()
}

// write writes what is queued until the connection ends.
func (c *connection) write() {
	heartbeat := time.NewTicker(heartbeatEvery)
	defer heartbeat.Stop()
	var spare []byte
	for {
		select {
		case <-c.ended:
			return
		case <-heartbeat.C:
			c.enqueue(func(b []byte) []byte { return append(b, 0, 0, 0, 8, 2, 0, 0, 0) }, false)
		case <-c.wake:
		}
		c.outgoing.Lock()
		b, closing := c.queued, c.closing
		c.queued = spare[:0]
		c.outgoing.Unlock()
		if _, err := c.net.Write(b); err != nil || closing {
			c.net.Close()
			<-c.ended
			return
		}
		spare = b
	}
}

// enqueue appends to what is to be written.
func (c *connection) enqueue(add func([]byte) []byte, closing bool) {
	c.outgoing.Lock()
	c.queued = add(c.queued)
	c.closing = c.closing || closing
	c.outgoing.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
}

// frame sends a performative.
func (c *connection) frame(sasl byte, channel uint16, code uint64, list []any, payload []byte) {
	c.enqueue(func(b []byte) []byte {
		at := len(b)
		b = append(b, 0, 0, 0, 0, 2, sasl, byte(channel>>8), byte(channel))
		b = append(encode(b, described{code, list}), payload...)
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
		return b
	}, code == performClose)
}

// read takes frames until the connection ends. Malformed ones end it.
func (c *connection) read(r *bufio.Reader) {
	defer c.end()
	defer func() {
		if caught := recover(); caught != nil {
			fmt.Println("sbtest: connection aborted:", caught)
		}
	}()
	for c.readFrame(r) == nil {
	}
}

// end forgets the connection.
func (c *connection) end() {
	c.net.Close()
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	delete(c.server.connections, c)
	for _, s := range c.sessions {
		s.end()
	}
	close(c.ended)
}

func (c *connection) readFrame(r *bufio.Reader) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if string(head[:4]) == "AMQP" {
		c.enqueue(func(b []byte) []byte { return append(b, head[:]...) }, false)
		if sasl := head[4] == 3; sasl {
			c.frame(1, 0, saslMechanisms, []any{array{0xa3, []any{symbol("ANONYMOUS")}}}, nil)
		}
		return nil
	}
	size, skip := binary.BigEndian.Uint32(head[:4]), int(head[4])*4-len(head)
	if size < 8 || size > 4<<20 || skip < 0 || skip > int(size)-8 {
		return errors.New("bad frame header")
	}
	body := make([]byte, size-8)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if body = body[skip:]; len(body) == 0 {
		return nil // a heartbeat
	}
	d := &decoder{bytes: body}
	p := d.section()
	list, _ := p.value.([]any)
	if sasl := head[5] == 1; sasl { // any credentials will do
		c.frame(1, 0, saslOutcome, []any{uint8(0)}, nil)
		return nil
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.handle(binary.BigEndian.Uint16(head[6:]), p.code, list, body[d.at:])
}

// handle does what a performative asks for. Like all below it, it runs under the server's lock.
func (c *connection) handle(channel uint16, code uint64, f fields, payload []byte) error {
	switch code {
	case performOpen:
		c.frame(0, 0, performOpen, []any{"sbtest", nil, uint32(frameBytesMax), uint16(65535), uint32(120_000)}, nil)
		return nil
	case performBegin:
		c.sessions[channel] = &session{
			connection: c, channel: channel, nextIn: f.uint32(1), window: f.uint32(2),
			links: map[uint32]*link{}, unsettled: map[uint32]unsettled{},
		}
		c.frame(0, channel, performBegin, []any{channel, uint32(0), windowMax, windowMax, uint32(65535)}, nil)
		return nil
	case performClose:
		c.frame(0, 0, performClose, []any{}, nil)
		return nil
	}
	s := c.sessions[channel]
	if s == nil {
		return nil // late, for a session that has ended
	}
	return s.handle(code, f, payload)
}
