// Package groupcommit lets many callers share one commit. Each submits a request and waits for its
// own answer; one goroutine takes all requests that wait and hands them to a commit function as one
// batch. Nobody waits on purpose: the requests that come while one batch commits are the next
// batch. So a lone caller is as fast as without it, and many share the price of a disk flush.
//
// Requests are committed in the order in which they were submitted. A request whose context ends
// while it waits is withdrawn and never committed; once it was handed over, its outcome is unknown
// to a caller who stops waiting.
package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// ErrClosed says that the writer was closed before the request was taken. It was not committed.
var ErrClosed = errors.New("writer closed")

// Result is the answer to one request, or why there is none.
type Result[Answer any] struct {
	Answer Answer
	Err    error
}

// Config says how batches are made and committed.
type Config[Request, Answer any] struct {
	// Commit commits a batch and returns one result for each request, in their order. It is called
	// by one goroutine at a time. One request's failure should not be another's.
	Commit func(batch []Request) []Result[Answer]
	// Size returns the bytes of a request, as counted in BatchBytesMax.
	Size func(Request) int
	// BatchRequestsMax is the most requests of a batch.
	BatchRequestsMax int
	// BatchBytesMax is the most bytes of a batch. A request that is larger is a batch of its own.
	BatchBytesMax int
}

// Writer coalesces requests into batches.
type Writer[Request, Answer any] struct {
	config Config[Request, Answer]
	wake   chan struct{} // holds one token when there may be work
	done   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	waiting []*call[Request, Answer]
	closed  bool
}

type call[Request, Answer any] struct {
	request Request
	result  chan Result[Answer] // of one, so that nobody waits for a caller who went away
}

// New returns a running writer, to be closed with Close.
func New[Request, Answer any](config Config[Request, Answer]) *Writer[Request, Answer] {
	w := &Writer[Request, Answer]{config: config, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Submit waits until request is committed and returns its answer. If ctx ends first it returns the
// context's error, and says whether the outcome is unknown or nothing was committed.
func (w *Writer[Request, Answer]) Submit(ctx context.Context, request Request) (Answer, error) {
	var none Answer
	if err := ctx.Err(); err != nil {
		return none, err
	}
	c := &call[Request, Answer]{request: request, result: make(chan Result[Answer], 1)}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return none, ErrClosed
	}
	w.waiting = append(w.waiting, c)
	w.mu.Unlock()
	w.signal()
	select {
	case result := <-c.result:
		return result.Answer, result.Err
	case <-ctx.Done():
		if w.withdraw(c) {
			return none, ctx.Err()
		}
		return none, fmt.Errorf("%w while the commit was under way: the outcome is unknown", ctx.Err())
	}
}

// Close commits what waits, then ends the writer. Later requests get ErrClosed.
func (w *Writer[Request, Answer]) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}

func (w *Writer[Request, Answer]) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // a token is there already
	}
}

func (w *Writer[Request, Answer]) withdraw(c *call[Request, Answer]) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.waiting, c)
	if i < 0 {
		return false
	}
	w.waiting = slices.Delete(w.waiting, i, i+1)
	return true
}

func (w *Writer[Request, Answer]) run() {
	defer close(w.done)
	for range w.wake {
		// Callers that were just answered and are about to submit again get their turn first.
		runtime.Gosched()
		for {
			batch, closed := w.take()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			w.commit(batch)
			runtime.Gosched()
		}
	}
}

// take removes the next batch from the front of those that wait.
func (w *Writer[Request, Answer]) take() (batch []*call[Request, Answer], closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, bytes := 0, 0
	for n < len(w.waiting) && n < w.config.BatchRequestsMax {
		bytes += w.config.Size(w.waiting[n].request)
		if n > 0 && bytes > w.config.BatchBytesMax {
			break
		}
		n++
	}
	batch = slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	return batch, w.closed
}

func (w *Writer[Request, Answer]) commit(batch []*call[Request, Answer]) {
	requests := make([]Request, len(batch))
	for i, c := range batch {
		requests[i] = c.request
	}
	for i, result := range w.config.Commit(requests) {
		batch[i].result <- result
	}
}
