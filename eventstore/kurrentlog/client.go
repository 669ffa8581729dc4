package kurrentlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/metadata"
)

const (
	// pauseShortest and pauseLongest bound the pause after a call that failed for want of a server.
	pauseShortest = 50 * time.Millisecond
	pauseLongest  = 5 * time.Second
	// closeTimeout is how long close waits for the calls under way.
	closeTimeout = 3 * time.Second
)

// errClosed says that the log was closed before the call began.
var errClosed = errors.New("log closed")

// client is esdb.Client behind the work-arounds for its defects. Everything goes through call.
type client struct {
	esdb  *esdb.Client
	slots chan struct{} // a token for each call under way
	idle  chan struct{} // closed when the client is closed and no call is under way

	mu       sync.Mutex
	calls    int // under way
	closed   bool
	failures int       // in a row
	pausedTo time.Time // no call begins before
}

func newClient(config *esdb.Configuration, callsMax int) (*client, error) {
	client := &client{slots: make(chan struct{}, callsMax), idle: make(chan struct{})}
	var err error
	client.esdb, err = esdb.NewClient(config)
	return client, err
}

type outcome[T any] struct {
	value T
	err   error
}

// call runs do in a goroutine of its own and waits for it or for ctx.
//
// Defect: while no server answers, a call of the client waits for as long as that lasts, whatever
// its context says. Here the caller goes on; the goroutine ends when the server is back. CallsMax
// bounds how many can hang about so.
func call[T any](ctx context.Context, c *client, do func(context.Context, *esdb.Client) (T, error)) (T, error) {
	var none T
	if err := c.begin(ctx); err != nil {
		return none, err
	}
	// Defect: the client means to tell the server that it wants the leader, and sends it nowhere.
	// Without it a node that has lost an election answers, and has not what was just appended.
	leading := metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
	done := make(chan outcome[T], 1)
	go func() {
		defer c.end()
		value, err := safely(leading, c.esdb, do)
		if ctx.Err() == nil {
			c.note(err)
		}
		done <- outcome[T]{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// safely turns a panic of the client into an error. Defect: it panics on answers that it does not
// know ("unreachable code") and on trailers that are missing.
func safely[T any](ctx context.Context, client *esdb.Client, do func(context.Context, *esdb.Client) (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the client of KurrentDB panicked: %v", p)
		}
	}()
	return do(ctx, client)
}

// begin waits for a slot and for the end of the pause.
func (c *client) begin(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := c.waitPause(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed {
		err = errClosed
	}
	if err != nil {
		<-c.slots
		return err
	}
	c.calls++
	return nil
}

func (c *client) waitPause(ctx context.Context) error {
	c.mu.Lock()
	pause := time.Until(c.pausedTo)
	c.mu.Unlock()
	return sleep(ctx, pause)
}

// end ends a call, and closes the client with the last one. Defect: a Close while calls are under
// way makes them panic (send on closed channel).
func (c *client) end() {
	<-c.slots
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls--
	c.closeIdle()
}

func (c *client) closeIdle() {
	if c.closed && c.calls == 0 {
		_ = c.esdb.Close() // always nil
		close(c.idle)
	}
}

// close lets no more calls begin, and waits for those under way. Where they hang, since no server
// answers, the last of them closes the client.
func (c *client) close() {
	c.mu.Lock()
	c.closed = true
	c.closeIdle()
	c.mu.Unlock()
	select {
	case <-c.idle:
	case <-time.After(closeTimeout):
	}
}

// note makes the next calls pause after one that found no server, longer each time. Defect: each
// time that the client connects anew it forgets to close the connection before; so it must not be
// let do that often.
func (c *client) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !isUnknown(err) {
		c.failures = 0
		return
	}
	pause := min(pauseShortest<<min(c.failures, 10), pauseLongest)
	if now := time.Now(); now.After(c.pausedTo) { // else another call under way at once was counted
		c.failures++
		c.pausedTo = now.Add(pause)
	}
}

// sleep waits for d or for ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
