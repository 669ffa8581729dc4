package groupcommit_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"casesync/eventstore/groupcommit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a commit function that waits for the test before each batch, and keeps the batches.
type gate struct {
	open    chan struct{}
	mu      sync.Mutex
	batches [][]int
}

var errOdd = errors.New("odd")

func (g *gate) commit(batch []int) []groupcommit.Result[int] {
	<-g.open
	g.mu.Lock()
	g.batches = append(g.batches, slices.Clone(batch))
	g.mu.Unlock()
	results := make([]groupcommit.Result[int], len(batch))
	for i, request := range batch {
		results[i] = groupcommit.Result[int]{Answer: request * 10}
		if request%2 == 1 {
			results[i] = groupcommit.Result[int]{Err: errOdd}
		}
	}
	return results
}

func newWriter(g *gate) *groupcommit.Writer[int, int] {
	return groupcommit.New(groupcommit.Config[int, int]{
		Commit:           g.commit,
		Size:             func(request int) int { return request },
		BatchRequestsMax: 3,
		BatchBytesMax:    100,
	})
}

// Those who come while one batch commits are the next one, in their order, within both limits; each
// gets its own answer.
func TestSubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		w := newWriter(g)
		var group sync.WaitGroup
		for _, request := range []int{2, 4, 5, 6, 8, 60, 60, 200, 10} {
			group.Go(func() {
				got, err := w.Submit(t.Context(), request)
				if request == 5 {
					if !errors.Is(err, errOdd) {
						t.Errorf("answer to 5: got %v, want %v", err, errOdd)
					}
				} else if got != request*10 || err != nil {
					t.Errorf("answer to %d: got %d, %v, want %d, nil", request, got, err, request*10)
				}
			})
			synctest.Wait()
		}
		close(g.open)
		group.Wait()
		w.Close()
		want := [][]int{{2}, {4, 5, 6}, {8, 60}, {60}, {200}, {10}}
		if !slices.EqualFunc(g.batches, want, slices.Equal[[]int]) {
			t.Errorf("batches: got %v, want %v", g.batches, want)
		}
	})
}

// A caller whose context ends while waiting is withdrawn; one whose request is being committed is
// told that the outcome is unknown, and it is committed all the same.
func TestSubmitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		w := newWriter(g)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for _, request := range []int{2, 4} {
			group.Go(func() {
				if _, err := w.Submit(ctx, request); !errors.Is(err, context.Canceled) {
					t.Errorf("%d: got %v, want %v", request, err, context.Canceled)
				}
			})
			synctest.Wait()
		}
		cancel()
		group.Wait()
		if _, err := w.Submit(ctx, 6); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: got %v, want %v", err, context.Canceled)
		}
		close(g.open)
		w.Close()
		if want := [][]int{{2}}; !slices.EqualFunc(g.batches, want, slices.Equal[[]int]) {
			t.Errorf("batches: got %v, want %v", g.batches, want)
		}
	})
}

// Close commits what waits.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		w := newWriter(g)
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if got, err := w.Submit(t.Context(), 2); got != 20 || err != nil {
					t.Errorf("got %d, %v, want 20, nil", got, err)
				}
			})
		}
		synctest.Wait()
		group.Go(w.Close)
		synctest.Wait()
		if _, err := w.Submit(t.Context(), 2); !errors.Is(err, groupcommit.ErrClosed) {
			t.Errorf("after Close: got %v, want %v", err, groupcommit.ErrClosed)
		}
		close(g.open)
		group.Wait()
	})
}
