package engine_test

import (
	"context"
	"testing"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// newer prepares events as a version that knows one type more, which is a marble by another name.
func newer(ctx context.Context, recorded []eventstore.Recorded) ([]engine.Event, error) {
	renamed := make([]eventstore.Recorded, len(recorded))
	for i, r := range recorded {
		if r.Type == "toy.unknown.v2" {
			r.Type = "toy.marble.v1"
		}
		renamed[i] = r
	}
	events, err := decode(ctx, renamed)
	for i := range events {
		events[i].Recorded = recorded[i]
	}
	return events, err
}

// What an older binary parked, for it did not know an event, goes on by itself once a newer one takes over;
// what was parked for anything else waits for an operator.
func TestNewerVersionTakesUpWhatAnOlderOneParked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 10), put("b", "red", 1))
		w.appendRaw("a", "toy.unknown.v2", `{"op":"put","name":"new","weight":99}`)
		w.appendRaw("b", "toy.unknown.v3", `{}`)
		w.append(put("a", "blue", 10), put("c", "red", 1), do("poison", "c", ""))
		w.catchUp(w.config())
		w.want(`
jar a on  1 false 1
jar b on  1 false 2
jar c on  1 false 6
marble a red 10 false 0
marble b red 1 false 0
marble c red 1 false 0
shelf  3 false 3
parked a toy.unknown.v2 3 false 2
parked b toy.unknown.v3 4 false 1
parked c toy.marble.v1 7 false 1
`)
		cured := w.config()
		cured.Prepare, cured.Projection = newer, mended()
		w.append(put("d", "red", 1))
		w.catchUp(cured)
		w.want(`
jar a on  3 true 5
jar b on  1 false 2
jar c on  1 false 6
jar d on  1 false 8
marble a blue 10 false 0
marble a new 99 true 0
marble a red 10 false 0
marble b red 1 false 0
marble c red 1 false 0
marble d red 1 false 0
shelf  3 false 3
shelf  1 true 3
parked b toy.unknown.v3 4 false 1
parked c toy.marble.v1 7 false 1
`)
	})
}
