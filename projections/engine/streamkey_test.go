package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// parcel is a stream of marbles for several jars: each of its events says which jar it is for.
const parcel = "jar-parcel"

// keyOfJar is the key of a jar's own stream.
func keyOfJar(stream eventstore.StreamName) (string, bool) {
	jar, ours := strings.CutPrefix(string(stream), "jar-")
	return jar, ours && stream != parcel
}

// mixed is toy with marbles that come in parcels too.
func mixed() engine.Projection {
	p := toy()
	p.Streams, p.StreamKey = nil, keyOfJar
	own := p.Key
	p.Key = func(e engine.Event) (string, bool) {
		m, known := e.Event.(*marble)
		if e.Stream != parcel || !known {
			return own(e)
		}
		jar, _, _ := strings.Cut(m.Name, "/")
		return jar, true
	}
	p.Fold = func(rows *engine.Rows, e engine.Event) error {
		if m := e.Event.(*marble); strings.Contains(m.Name, "/") {
			jar, name, _ := strings.Cut(m.Name, "/")
			e.Stream, e.Event = eventstore.StreamName("jar-"+jar), &marble{m.Op, name, m.Weight}
		}
		return foldMarble(rows, e)
	}
	return p
}

// TestKeysOfSeveralStreams: a key's events are folded in the order of the log, whichever stream they are in;
// parked by one of them it is retried with all of them; a rebuild and a verification in many parts come to the
// same rows; and where the stream says so, events of other keys are not even decoded.
func TestKeysOfSeveralStreams(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 99), put("parcel", "a/blue", 3), put("parcel", "b/red", 1), do("take", "a", "blue"),
			do("poison", "parcel", "a/x"), put("a", "green", 2), put("c", "red", 1))
		config := w.config()
		config.Projection = mixed()
		w.catchUp(config)
		w.want(`
jar a on  1 true 4
jar b on  1 false 3
jar c on  1 false 7
marble a red 99 true 0
marble b red 1 false 0
marble c red 1 false 0
shelf  2 false 2
shelf  1 true 1
parked a toy.marble.v1 5 false 2
`)
		cured, decoded := config, &decodedStreams{prepare: config.Prepare}
		cured.Prepare = decoded.note
		fold := cured.Projection.Fold
		cured.Projection.Fold = func(rows *engine.Rows, e engine.Event) error {
			if m := e.Event.(*marble); m.Op == "poison" {
				e.Event = &marble{Op: "put", Name: m.Name, Weight: 5}
			}
			return fold(rows, e)
		}
		if still, err := engine.Retry(t.Context(), cured, "a"); err != nil || still != nil {
			t.Fatalf("got %+v, %v, want it parked no more", still, err)
		}
		if decoded.streams["jar-c"] > 0 || decoded.streams["jar-a"] != 3 || decoded.streams[parcel] != 3 {
			t.Errorf("decoded %v, want those of the jar and of the parcel alone", decoded.streams)
		}
		for what, run := range map[string]func(context.Context, engine.Config, engine.Options) (engine.Report, error){
			"verify": engine.Verify, "rebuild": engine.Rebuild} {
			cured.BatchEventsMax = 2
			report, err := run(t.Context(), cured, engine.Options{MemoryMiB: 1})
			if err != nil || !report.Compared || report.Differences != 0 {
				t.Errorf("%s: got %d differences, %v: %v", what, report.Differences, err, report.List)
			}
		}
	})
}

// decodedStreams counts by stream which events are decoded.
type decodedStreams struct {
	mu      sync.Mutex
	prepare engine.Prepare
	streams map[eventstore.StreamName]int
}

func (d *decodedStreams) note(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.streams == nil {
		d.streams = map[eventstore.StreamName]int{}
	}
	for _, r := range recorded {
		d.streams[r.Stream]++
	}
	return d.prepare(ctx, recorded)
}
