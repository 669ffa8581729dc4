package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// seenStreams is a Prepare that notes which streams it was given events of.
type seenStreams struct {
	mu   sync.Mutex
	seen map[eventstore.StreamName]int
}

func (s *seenStreams) prepare(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
	s.mu.Lock()
	for _, r := range recorded {
		s.seen[r.Stream]++
	}
	s.mu.Unlock()
	return decode(ctx, recorded)
}

// TestPrefixesLeaveOthersUndecoded: what a projection does not read is not prepared, whatever it holds,
// by a runner, a rebuild, a verification or a retry; the checkpoint moves over it all the same.
func TestPrefixesLeaveOthersUndecoded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		other := func(n int) {
			for range n {
				_, err := w.log.Append(t.Context(), "box-1", eventstore.Any,
					eventstore.Event{ID: uuid.New(), Type: "toy.marble.v1", Data: []byte("malformed"), Metadata: []byte("{}")})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		seen := &seenStreams{seen: map[eventstore.StreamName]int{}}
		config := w.config()
		config.Prepare, config.Projection.Prefixes = seen.prepare, []string{"jar-", "urn-"}
		other(3)
		w.append(put("a", "red", 1), put("b", "blue", 2))
		other(2)
		w.append(do("poison", "b", ""), do("move", "a", "top"))
		other(40)
		config.BatchEventsMax = 4
		w.catchUp(config)
		want := `
jar a on top 1 false 9
jar b on  1 false 5
marble a red 1 false 0
marble b blue 2 false 0
shelf  1 false 1
shelf top 1 false 1
parked b toy.marble.v1 8 false 1
`
		w.want(want)
		for what, run := range map[string]func(context.Context, engine.Config, engine.Options) (engine.Report, error){
			"rebuild": engine.Rebuild, "verify": engine.Verify} {
			report, err := run(t.Context(), config, engine.Options{})
			if err != nil || !report.Compared || report.Differences != 0 || report.Position != w.head() || report.Events != 49 {
				t.Errorf("%s: got %+v, %v, want no differences, 49 events, up to %s", what, report, err, w.head())
			}
		}
		wholeLog := config
		wholeLog.Projection.Streams = nil // so that a retry reads all there is
		if still, err := engine.Retry(t.Context(), wholeLog, "b"); err != nil || still == nil || still.Attempts != 2 {
			t.Errorf("retry: got %+v, %v, want it parked again", still, err)
		}
		w.want(want)
		for stream := range seen.seen {
			if !strings.HasPrefix(string(stream), "jar-") {
				t.Errorf("got events of %s prepared, want those of jars alone", stream)
			}
		}
	})
}
