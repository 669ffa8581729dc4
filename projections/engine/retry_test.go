package engine_test

import (
	"context"
	"errors"
	"testing"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// mended is the toy projection as of a version that can fold what poisoned this one.
func mended() engine.Projection {
	p := toy()
	fold := p.Fold
	p.Fold = func(rows *engine.Rows, e engine.Event) error {
		if m := e.Event.(*marble); m.Op == "poison" {
			e.Event = &marble{Op: "put", Name: "cured", Weight: 5}
		}
		return fold(rows, e)
	}
	return p
}

func TestRetryFoldsAParkedKeyAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 99), do("move", "a", "top"), put("b", "red", 1), do("poison", "a", ""), do("take", "a", "red"), do("move", "a", "low"))
		w.catchUp(w.config())
		w.want(`
jar a on top 1 true 2
jar b on  1 false 3
marble a red 99 true 0
marble b red 1 false 0
shelf  1 false 1
shelf top 1 true 1
parked a toy.marble.v1 4 false 3
`)
		before := w.rows()
		still, err := engine.Retry(t.Context(), w.config(), "a")
		if err != nil || still == nil || still.Attempts != 2 || still.Waiting != 3 {
			t.Fatalf("retry without a cure: got %+v, %v, want it parked still", still, err)
		}
		w.want(before)

		cured := w.config()
		cured.Projection = mended()
		still, err = engine.Retry(t.Context(), cured, "a")
		if err != nil || still != nil {
			t.Fatalf("retry with a cure: got %+v, %v, want it parked no more", still, err)
		}
		w.want(`
jar a on low 1 false 6
jar b on  1 false 3
marble a cured 5 false 0
marble b red 1 false 0
shelf  1 false 1
shelf low 1 false 1
`)
		w.append(do("move", "a", "end"))
		w.catchUp(cured)
		report, err := engine.Verify(t.Context(), cured, engine.Options{})
		if err != nil || report.Differences != 0 {
			t.Errorf("got %d differences, %v: %v", report.Differences, err, report.List)
		}
	})
}

func TestRetryWithoutStreamsReadsTheWholeLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 99), put("b", "red", 1), do("poison", "a", ""), put("b", "blue", 3))
		w.catchUp(w.config())
		cured := w.config()
		cured.Projection = mended()
		cured.Projection.Streams = nil
		cured.BatchEventsMax = 1
		if still, err := engine.Retry(t.Context(), cured, "a"); err != nil || still != nil {
			t.Fatalf("got %+v, %v, want it parked no more", still, err)
		}
		report, err := engine.Verify(t.Context(), cured, engine.Options{})
		if err != nil || report.Differences != 0 {
			t.Errorf("got %d differences, %v: %v", report.Differences, err, report.List)
		}
	})
}

func TestSkipLeavesAnEventOutForGood(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 99), do("poison", "a", ""), put("a", "blue", 3), do("panic", "a", ""), put("a", "green", 4))
		w.catchUp(w.config())
		skip := func(position uint64) (*engine.Parked, error) {
			return engine.Skip(t.Context(), w.config(), "a", eventstore.Position{Major: position}, "token:1", "known to be wrong")
		}
		if _, err := skip(4); !errors.Is(err, engine.ErrNotParked) {
			t.Errorf("skip another event: got %v, want %v", err, engine.ErrNotParked)
		}
		still, err := skip(2)
		if err != nil || still == nil || still.Position.Major != 4 {
			t.Fatalf("got %+v, %v, want it parked at the next bad event", still, err)
		}
		if still, err = skip(4); err != nil || still != nil {
			t.Fatalf("got %+v, %v, want it parked no more", still, err)
		}
		if _, err := skip(4); !errors.Is(err, engine.ErrNotParked) {
			t.Errorf("skip twice: got %v, want %v", err, engine.ErrNotParked)
		}
		want := `
jar a on  3 true 5
marble a blue 3 false 0
marble a green 4 false 0
marble a red 99 true 0
shelf  1 true 3
`
		w.want(want)
		w.verify()
		if _, err := engine.Rebuild(t.Context(), w.config(), engine.Options{}); err != nil {
			t.Fatal(err)
		}
		w.want(want)
	})
}

func TestRetryWhileARunnerIsAtWork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 1), do("poison", "a", ""))
		config := w.config()
		config.Projection = mended()
		w.catchUp(w.config())
		stop := w.run(config)
		for i := range 30 {
			w.append(put("a", "m"+string(rune('a'+i)), int64(i)), put("b", "m"+string(rune('a'+i)), 1))
			if i == 15 {
				if still, err := engine.Retry(t.Context(), config, "a"); err != nil || still != nil {
					t.Fatalf("got %+v, %v, want it parked no more", still, err)
				}
			}
		}
		w.wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		report, err := engine.Verify(t.Context(), config, engine.Options{})
		if err != nil || report.Differences != 0 {
			t.Errorf("got %d differences, %v: %v", report.Differences, err, report.List)
		}
	})
}

func TestRetryRefusesRowsThatAreNotTheKeysOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 99), do("poison", "a", ""))
		w.catchUp(w.config())
		w.exec("UPDATE marbles_1 SET weight = 7 WHERE jar = 'a'")
		if _, err := engine.Retry(t.Context(), w.config(), "a"); err == nil {
			t.Error("got no error for rows that the key's events do not come to")
		}
		if _, err := engine.Retry(t.Context(), w.config(), "zzz"); !errors.Is(err, engine.ErrNotParked) {
			t.Errorf("got %v, want %v", err, engine.ErrNotParked)
		}
	})
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx engine.Tx) error {
		n, err := tx.Exec(context.Background(), query, args...)
		if err == nil && n == 0 {
			err = errors.New("it touched no row")
		}
		return err
	})
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}
