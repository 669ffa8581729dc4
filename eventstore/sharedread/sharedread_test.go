package sharedread_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"casesync/eventstore/sharedread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slowRead reads once for each token that the test gives it: the length of each key.
type slowRead struct {
	tokens chan error
	mu     sync.Mutex
	asked  [][]string
}

func (l *slowRead) read(_ context.Context, keys []string) ([]int, error) {
	l.mu.Lock()
	l.asked = append(l.asked, slices.Sorted(slices.Values(keys)))
	l.mu.Unlock()
	values := make([]int, len(keys))
	for i, key := range keys {
		values[i] = len(key)
	}
	return values, <-l.tokens
}

// Who asks while a read is under way waits for the next one, for that one may have begun too early for
// him: they all share it, and each gets his own values.
func TestReadsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowRead{tokens: make(chan error)}
		r := sharedread.New(100, slow.read)
		defer r.Close()
		var group sync.WaitGroup
		ask := func(want []int, keys ...string) {
			group.Go(func() {
				if got, err := r.Read(t.Context(), keys...); !slices.Equal(got, want) || err != nil {
					t.Errorf("values of %q: got %v, %v, want %v", keys, got, err, want)
				}
			})
			synctest.Wait()
		}
		ask([]int{1}, "a")
		ask([]int{1}, "a")
		ask([]int{2, 1, 2}, "bb", "a", "bb")
		ask([]int{3, 2}, "ccc", "bb")
		slow.tokens <- nil
		slow.tokens <- nil
		group.Wait()
		want := [][]string{{"a"}, {"a", "bb", "ccc"}}
		if !slices.EqualFunc(slow.asked, want, slices.Equal) {
			t.Errorf("read were %q, want %q", slow.asked, want)
		}
	})
}

// One caller goes away, and the read of two others fails: neither is anything to those who come after.
func TestFaultsAndCancelledCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowRead{tokens: make(chan error)}
		r := sharedread.New(100, slow.read)
		defer r.Close()
		fault := errors.New("the line went dead")
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		ask := func(ctx context.Context, want error) {
			group.Go(func() {
				if _, err := r.Read(ctx, "a"); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			})
			synctest.Wait()
		}
		ask(ctx, context.Canceled)
		ask(t.Context(), fault)
		ask(t.Context(), fault)
		cancel()
		synctest.Wait()
		slow.tokens <- nil
		slow.tokens <- fault
		group.Wait()
		ask(t.Context(), nil)
		slow.tokens <- nil
		group.Wait()
	})
}
