package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"casesync/eventstore"
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

// longLog says that it is longer than it is.
type longLog struct{ eventstore.Log }

func (l longLog) Head(context.Context) (eventstore.Head, error) {
	return eventstore.Head{Position: eventstore.Position{Major: 1 << 30}}, nil
}

func TestEmptyTablesOfALongLogAreFilledByARebuild(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill(100)
		config := w.config()
		config.Log = longLog{w.log}
		stop := w.run(config)
		w.wait()
		w.append(put("a", "late", 1))
		w.wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.verify()
		report, err := engine.Rebuild(t.Context(), config, engine.Options{})
		if err != nil || report.Differences > 0 || report.Generation != 2 {
			t.Errorf("got %+v, %v, want generation 2 without differences", report, err)
		}
	})
}

func TestStatusesTellLagAndParkedKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		status := func(now time.Time) engine.Status {
			t.Helper()
			list, err := engine.Statuses(t.Context(), w.store, w.log, now, "toys")
			if err != nil {
				t.Fatal(err)
			}
			return list[0]
		}
		w.append(put("a", "red", 1))
		if s := status(time.Now()); s.Version != 0 || s.LagEvents != 1 || s.Head.Major != 1 {
			t.Errorf("before the first runner: got %+v, want one event behind", s)
		}
		w.append(do("poison", "a", ""))
		stop := w.run(w.config())
		w.wait()
		s := status(time.Now())
		if s.LagEvents != 0 || s.LagAge != 0 || s.Parked != 1 || s.Holder != "a" || s.Heartbeat > time.Second || s.Events != 2 {
			t.Errorf("at work: got %+v, want no lag, one parked key and holder a", s)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.append(put("b", "red", 1), put("c", "red", 1), put("d", "red", 1))
		s = status(time.Now().Add(time.Hour))
		if s.LagEvents != 3 || s.LagAge < 59*time.Minute || s.Holder != "" || s.Heartbeat < 59*time.Minute {
			t.Errorf("an hour after it stopped: got %+v, want 3 events and an hour behind, no holder", s)
		}
	})
}

func TestMistakesInAProjectionAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:"+t.TempDir()+"/model.db")
	for name, mistake := range map[string]func(*engine.Config){
		"name":     func(c *engine.Config) { c.Projection.Name = "Robert'); DROP TABLE" },
		"version":  func(c *engine.Config) { c.Projection.Version = 0 },
		"fold":     func(c *engine.Config) { c.Projection.Fold = nil },
		"twice":    func(c *engine.Config) { c.Projection.Tables = append(c.Projection.Tables, jars) },
		"no store": func(c *engine.Config) { c.Store = nil },
		"prefix":   func(c *engine.Config) { c.Projection.Prefixes = []string{"jar-", ""} },
		"no columns": func(c *engine.Config) {
			c.Projection.Tables = []engine.AnyTable{&engine.Table[jarRow]{Spec: engine.Spec{Name: "x"}}}
		},
		"number as the projection's key": func(c *engine.Config) {
			c.Projection.Tables = []engine.AnyTable{&engine.Table[jarRow]{Spec: engine.Spec{Name: "x", Key: 1, Columns: []engine.Column{{Name: "n", Type: engine.BigInt}}}}}
		},
	} {
		config := w.config()
		mistake(&config)
		if _, err := engine.NewRunner(config); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// lookedAt calls then after each look.
type lookedAt struct {
	engine.Store
	then func()
}

func (l lookedAt) View(ctx context.Context, f func(engine.Snapshot) error) error {
	defer l.then()
	return l.Store.View(ctx, f)
}

func TestWaitForGivesUpWithTheLag(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.append(put("a", "red", 1))
		w.catchUp(w.config())
		ctx, cancel := context.WithCancel(t.Context())
		err := engine.WaitFor(ctx, lookedAt{w.store, cancel}, "toys", eventstore.Position{Major: 2})
		if !errors.Is(err, engine.ErrBehind) || !strings.Contains(err.Error(), "it is at 1") {
			t.Errorf("got %v, want %v and where it is", err, engine.ErrBehind)
		}
		if err := engine.Read(t.Context(), w.store, "nothing", func(engine.View) error { return nil }); !errors.Is(err, engine.ErrNotBuilt) {
			t.Errorf("got %v, want %v", err, engine.ErrNotBuilt)
		}
	})
}
