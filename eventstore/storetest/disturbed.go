package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"casesync/eventstore"
)

// Disturbed has callers append through two handles while disturb harms what the log stands on,
// again and again. A caller that gets an error appends again with the same ids, as the contract
// says, until it is told the outcome: each append is there once, and nothing else is.
func Disturbed(t *testing.T, factory Factory, disturb func() error) {
	b := &bench{T: t, factory: factory}
	handles := []Handle{b.open(), b.open()}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const callers, appends = 6, 30
	var mu sync.Mutex
	var kept []acknowledged
	errorsSeen := 0
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for range appends {
				batch, stream := events(1+rand.N(3)), streamName(rand.N(5))
				appended, failures := appendUntilKnown(ctx, handles[i%2], stream, batch)
				mu.Lock()
				kept = append(kept, acknowledged{stream, ids(batch), appended})
				errorsSeen += failures
				mu.Unlock()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	disturbances := 0
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(20 * time.Millisecond):
			if err := disturb(); err != nil {
				t.Errorf("disturb: %v", err)
			}
			disturbances++
		}
	}
	if err := checkComplete(b.all(b.open()), kept); err != nil {
		t.Error(err)
	}
	t.Logf("%d disturbances, %d errors to callers", disturbances, errorsSeen)
}

func appendUntilKnown(ctx context.Context, log eventstore.Log, stream eventstore.StreamName, batch []eventstore.Event) (appended eventstore.Appended, failures int) {
	for {
		appended, err := log.Append(ctx, stream, eventstore.Any, batch...)
		if err == nil || errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			return appended, failures
		}
		failures++
	}
}
