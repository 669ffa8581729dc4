package ends_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"casesync/eventstore"
	"casesync/eventstore/ends"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slowLog answers one question for each token that the test gives it, with the length of each name.
type slowLog struct {
	tokens chan error
	mu     sync.Mutex
	asked  [][]eventstore.StreamName
}

func (l *slowLog) ask(_ context.Context, streams []eventstore.StreamName) ([]eventstore.Revision, error) {
	l.mu.Lock()
	l.asked = append(l.asked, slices.Sorted(slices.Values(streams)))
	l.mu.Unlock()
	revisions := make([]eventstore.Revision, len(streams))
	for i, stream := range streams {
		revisions[i] = eventstore.Revision(len(stream))
	}
	return revisions, <-l.tokens
}

// Who asks while a question is under way waits for the next one, for the answer may have been read
// before: they all share that one, and each gets its own ends.
func TestQuestionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{tokens: make(chan error)}
		a := ends.New(log.ask)
		defer a.Close()
		var group sync.WaitGroup
		ask := func(want []eventstore.Revision, streams ...eventstore.StreamName) {
			group.Go(func() {
				if got, err := a.Ends(t.Context(), streams...); !slices.Equal(got, want) || err != nil {
					t.Errorf("ends of %q: got %v, %v, want %v", streams, got, err, want)
				}
			})
			synctest.Wait()
		}
		ask([]eventstore.Revision{1}, "a")
		ask([]eventstore.Revision{1}, "a")
		ask([]eventstore.Revision{2, 1, 2}, "bb", "a", "bb")
		ask([]eventstore.Revision{3, 2}, "ccc", "bb")
		log.tokens <- nil
		log.tokens <- nil
		group.Wait()
		want := [][]eventstore.StreamName{{"a"}, {"a", "bb", "ccc"}}
		if !slices.EqualFunc(log.asked, want, slices.Equal) {
			t.Errorf("the log was asked %q, want %q", log.asked, want)
		}
	})
}

// One caller goes away and the log fails another: the question of the first is still answered, and
// nobody else hears of either.
func TestFaultsAndCancelledCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{tokens: make(chan error)}
		a := ends.New(log.ask)
		defer a.Close()
		fault := errors.New("the line went dead")
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		ask := func(ctx context.Context, want error) {
			group.Go(func() {
				if _, err := a.Ends(ctx, "a"); !errors.Is(err, want) {
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
		log.tokens <- nil
		log.tokens <- fault
		group.Wait()
		ask(t.Context(), nil)
		log.tokens <- nil
		group.Wait()
	})
}
