package httpapi_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/httpapi"
)

// TestReadinessIsMeasuredOnceAtATime: many who ask at once have the measures taken a few times, one
// after another, and all get an answer.
func TestReadinessIsMeasuredOnceAtATime(t *testing.T) {
	t.Parallel()
	var measuring, measured, together atomic.Int64
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.Health = func(context.Context) ([]httpapi.Finding, error) {
			if measuring.Add(1) > 1 {
				together.Add(1)
			}
			defer measuring.Add(-1)
			time.Sleep(20 * time.Millisecond) // what the measures of a busy service take
			return []httpapi.Finding{{Name: "one", Ready: true, Value: measured.Add(1)}}, nil
		}
	})
	const asking = 50
	var group sync.WaitGroup
	for range asking {
		group.Go(func() {
			if got := f.do(http.MethodGet, "/readyz", "", ""); got.status != http.StatusOK || got.text("ready") != "true" {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	group.Wait()
	if together.Load() > 0 || measured.Load() > asking/2 {
		t.Errorf("measured %d times for %d who asked, %d times together; want few, and one at a time", measured.Load(), asking, together.Load())
	}
}
