package keyringtest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"casesync/eventstore"
)

func testRotate(t *testing.T, open Open) {
	ring, other := open(t), open(t)
	subjects := make([]string, 700)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("case-%d", i)
	}
	keys := ensure(t, ring, subjects...)
	if err := ring.Destroy(t.Context(), subjects[0]); err != nil {
		t.Fatal(err)
	}
	keys[0].Secret = nil
	for range 3 {
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range []Ring{ring, other, open(t)} {
			same(t, lookup(t, r, subjects...), keys)
		}
		made := ensure(t, other, fmt.Sprintf("new-%d", len(keys)))
		same(t, lookup(t, ring, made[0].ID), made)
		keys, subjects = append(keys, made...), append(slices.Clip(subjects), made[0].ID)
	}
}

// Keys are made, looked up and destroyed by two processes while a third rotates.
func testRotateUnderUse(t *testing.T, open Open) {
	rotator, rings := open(t), [2]Ring{open(t), open(t)}
	const workers, rounds = 4, 12
	var made sync.Map // id → secret, nil where destroyed
	done := make(chan struct{})
	var rotations sync.WaitGroup
	rotations.Go(func() {
		for {
			if err := rotator.Rotate(t.Context()); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	together(t, workers, func(worker int) {
		for round := range rounds {
			ring := rings[(worker+round)%2]
			doomed, kept := fmt.Sprintf("doomed-%d-%d", worker, round), fmt.Sprintf("kept-%d-%d", worker, round)
			keys, err := ring.Ensure(t.Context(), doomed, kept)
			if err == nil {
				err = rings[round%2].Destroy(t.Context(), doomed)
			}
			if err != nil {
				t.Error(err)
				return
			}
			made.Store(doomed, []byte(nil))
			made.Store(kept, keys[1].Secret)
		}
	})
	close(done)
	rotations.Wait()
	fresh := open(t)
	made.Range(func(id, secret any) bool {
		for _, ring := range []Ring{fresh, rings[0], rings[1], rotator} {
			same(t, lookup(t, ring, id.(string)), []eventstore.Key{{ID: id.(string), Secret: secret.([]byte)}})
		}
		return !t.Failed()
	})
}

// A reader that has just read a key when it is destroyed must not keep it in memory.
func testDestroyUnderUse(t *testing.T, open Open) {
	ring := open(t)
	for round := range 50 {
		id := fmt.Sprintf("case-%d", round)
		ensure(t, open(t), id) // so that ring itself has yet to read it
		together(t, 3, func(worker int) {
			var err error
			switch worker {
			case 0:
				err = ring.Destroy(t.Context(), id)
			default:
				_, err = ring.Lookup(t.Context(), id)
			}
			if err != nil {
				t.Error(err)
			}
		})
		same(t, lookup(t, ring, id), []eventstore.Key{{ID: id}})
	}
}

// together runs n calls of f at once and waits for them.
func together(tb testing.TB, n int, f func(int)) {
	tb.Helper()
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	group.Wait()
}

func ensure(tb testing.TB, ring Ring, subjects ...string) []eventstore.Key {
	tb.Helper()
	keys, err := ring.Ensure(tb.Context(), subjects...)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func lookup(tb testing.TB, ring Ring, ids ...string) []eventstore.Key {
	tb.Helper()
	keys, err := ring.Lookup(tb.Context(), ids...)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func same(tb testing.TB, got, want []eventstore.Key) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("got %d keys, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].ID != want[i].ID || !bytes.Equal(got[i].Secret, want[i].Secret) {
			tb.Errorf("key %d is %q (secret: %v), want %q (secret: %v), the same secret", i, got[i].ID, got[i].Secret != nil, want[i].ID, want[i].Secret != nil)
			return
		}
	}
}
