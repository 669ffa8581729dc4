package eventstore_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"casesync/eventstore"
)

var errRead = errors.New("read failed")

// memory is a log without a Notifier, of which Follow only reads; -1 is an error in place of an event.
type memory struct {
	eventstore.Log
	mu     sync.Mutex
	events []int // sizes in bytes
}

func (m *memory) add(sizes ...int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, sizes...)
}

func (m *memory) all() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.events
}

func (m *memory) ReadAll(_ context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		events := m.all()
		for i := int(after.Major); i < len(events); i++ {
			if events[i] < 0 {
				yield(eventstore.Recorded{}, errRead)
				return
			}
			event := eventstore.Recorded{Position: eventstore.Position{Major: uint64(i + 1)}}
			event.Data = make([]byte, events[i])
			if !yield(event, nil) {
				return
			}
		}
	}
}

// follow returns the sizes of the batches that Follow yields until it ends, and how it ends.
func follow(ctx context.Context, log eventstore.Log, after uint64, stop func(batches []int) bool) (batches []int, err error) {
	for batch, err := range eventstore.Follow(ctx, log, eventstore.Position{Major: after}, 3) {
		if err != nil {
			return batches, err
		}
		batches = append(batches, len(batch))
		if stop(batches) {
			break
		}
	}
	return batches, nil
}

func TestFollow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events []int
		after  uint64
		want   []int // 0 is the empty batch at the end
	}{
		"empty log":            {nil, 0, []int{0}},
		"batches and a rest":   {make([]int, 7), 0, []int{3, 3, 1, 0}},
		"just full":            {make([]int, 6), 0, []int{3, 3, 0}},
		"from the middle":      {make([]int, 7), 5, []int{2, 0}},
		"bounded by bytes":     {[]int{1, 16 << 20, 1, 16 << 20, 1}, 0, []int{2, 2, 1, 0}},
		"behind the log's end": {make([]int, 2), 9, []int{0}},
	} {
		got, err := follow(t.Context(), &memory{events: c.events}, c.after, func(batches []int) bool { return batches[len(batches)-1] == 0 })
		if !slices.Equal(got, c.want) || err != nil {
			t.Errorf("%s: got %v, %v, want %v, nil", name, got, err, c.want)
		}
	}
}

// Without a Notifier it polls, and says each time that it has caught up.
func TestFollowPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &memory{events: []int{1}}
		time.AfterFunc(500*time.Millisecond, func() { log.add(1, 1) })
		start := time.Now()
		got, err := follow(t.Context(), log, 0, func(batches []int) bool { return slices.Contains(batches, 2) })
		if want := []int{1, 0, 0, 0, 2}; !slices.Equal(got, want) || err != nil {
			t.Errorf("got %v, %v, want %v, nil", got, err, want)
		}
		if took := time.Since(start); took != 600*time.Millisecond {
			t.Errorf("took %v, want 600ms", took)
		}
	})
}

// It ends with the first error, after what it had read.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	never := func([]int) bool { return false }
	got, err := follow(t.Context(), &memory{events: []int{1, 1, 1, 1, -1}}, 0, never)
	if want := []int{3}; !slices.Equal(got, want) || !errors.Is(err, errRead) {
		t.Errorf("failed read: got %v, %v, want %v, %v", got, err, want, errRead)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if got, err := follow(ctx, &memory{events: []int{1}}, 0, never); !slices.Equal(got[:2], []int{1, 0}) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended context: got %v, %v, want [1 0 …], %v", got, err, context.DeadlineExceeded)
	}
}
