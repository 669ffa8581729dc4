package engine_test

import (
	"testing"

	"casesync/projections/engine"
)

func TestRunnerFolds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 10), do("move", "a", "top"), put("a", "blue", 99), put("b", "red", 1), do("take", "b", "red"))
		w.catchUp(w.config())
		w.want(`
jar a on top 2 true 3
jar b on  0 false 5
marble a blue 99 true 0
marble a red 10 false 0
shelf  1 false 0
shelf top 1 true 2
`)
		w.append(do("move", "b", "top"), do("take", "a", "blue"))
		w.catchUp(w.config())
		w.want(`
jar a on top 1 false 7
jar b on top 0 false 6
marble a red 10 false 0
shelf top 2 false 1
`)
		w.verify()
	})
}

func TestRunnerFollowsWhatIsAppended(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		stop := w.run(w.config())
		for i := range 20 {
			w.append(put("a", string(rune('a'+i)), 1))
			w.wait()
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.verify()
	})
}

func TestAPoisonousEventParksItsKeyAlone(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"poison", "panic", "text", "stray", "panic in key"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.append(put("a", "red", 10), put("b", "red", 1), do(op, "a", "red"), put("a", "blue", 99), put("b", "blue", 2))
				w.catchUp(w.config())
				w.append(put("a", "green", 1), put("b", "green", 3))
				w.catchUp(w.config())
				w.want(`
jar a on  1 false 1
jar b on  3 false 7
marble a red 10 false 0
marble b blue 2 false 0
marble b green 3 false 0
marble b red 1 false 0
shelf  2 false 4
parked a toy.marble.v1 3 false 3
`)
				w.verify()
			})
		})
	}
}

func TestWhatCannotBeDecodedParksItsKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 10))
		w.appendRaw("a", "toy.unknown.v2", "{}")
		w.appendRaw("b", "toy.marble.v1", "no JSON")
		w.append(put("a", "blue", 10), put("c", "red", 10))
		w.catchUp(w.config())
		w.want(`
jar a on  1 false 1
jar c on  1 false 5
marble a red 10 false 0
marble c red 10 false 0
shelf  2 false 2
parked a toy.unknown.v2 2 false 2
parked b toy.marble.v1 3 false 1
`)
		parked, err := engine.ListParked(t.Context(), w.store, "toys", "a", 10)
		if err != nil || len(parked) != 1 || parked[0].Key != "b" || parked[0].Attempts != 1 || parked[0].Reason == "" {
			t.Errorf("got parked %+v, %v, want b with a reason", parked, err)
		}
	})
}
