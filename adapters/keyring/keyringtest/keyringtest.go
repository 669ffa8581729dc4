// Package keyringtest is the contract that every key ring passes: eventstore.Keys, and the
// destruction and rotation of keys. Each case opens the ring several times, as several processes
// would.
package keyringtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"casesync/eventstore"
)

// Ring is what the contract asks of a key ring. Destructions must be known to all who have the
// ring open with their next call.
type Ring interface {
	eventstore.Keys
	Destroy(ctx context.Context, subjects ...string) error
	DestroyTree(ctx context.Context, subjects ...string) error
	DestroyTreeOnce(ctx context.Context, order string, subjects ...string) error
	Rotate(ctx context.Context) error
}

// Open opens one ring, again and again, as another process each time.
type Open func(t testing.TB) Ring

// Run runs the contract; fresh returns the opener of a ring that is empty.
func Run(t *testing.T, fresh func(t testing.TB) Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"keys are made once, in the order asked for":          testEnsure,
		"keys are durable and the same for every process":     testDurable,
		"racing processes get the same keys":                  testRacing,
		"keys are found by id, in the order asked for":        testLookup,
		"a destroyed key stays destroyed":                     testDestroy,
		"a tree is destroyed whole, and nothing beside it":    testDestroyTree,
		"an order to destroy is carried out once":             testDestroyOnce,
		"an order that races itself is carried out once":      testDestroyOnceRacing,
		"thousands of keys in one call":                       testMany,
		"subjects that keys cannot have are refused":          testUnfit,
		"a context that has ended ends the call":              testCancelled,
		"rotation changes no key":                             testRotate,
		"rotation under use":                                  testRotateUnderUse,
		"a key destroyed while it is looked up does not stay": testDestroyUnderUse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// Two calls give the same; so does one call that names a subject twice. Secrets have 32 bytes and
// are all different.
func testEnsure(t *testing.T, open Open) {
	ring := open(t)
	keys := ensure(t, ring, "case-2", "case-1/consumer", "case-2", "case-1")
	for i, want := range []string{"case-2", "case-1/consumer", "case-2", "case-1"} {
		if keys[i].ID != want || len(keys[i].Secret) != 32 {
			t.Errorf("key %d is %q of %d bytes, want %q of 32", i, keys[i].ID, len(keys[i].Secret), want)
		}
	}
	if !bytes.Equal(keys[0].Secret, keys[2].Secret) || bytes.Equal(keys[0].Secret, keys[1].Secret) || bytes.Equal(keys[1].Secret, keys[3].Secret) {
		t.Error("secrets are not one per subject")
	}
	same(t, ensure(t, ring, "case-1", "case-2"), []eventstore.Key{keys[3], keys[0]})
	if got := ensure(t, ring); len(got) != 0 {
		t.Errorf("no subjects give %d keys, want none", len(got))
	}
}

func testDurable(t *testing.T, open Open) {
	keys := ensure(t, open(t), "case-1", "case-1/consumer")
	same(t, lookup(t, open(t), "case-1", "case-1/consumer"), keys)
	same(t, ensure(t, open(t), "case-1/consumer", "case-1"), []eventstore.Key{keys[1], keys[0]})
}

// Processes that want overlapping sets of new keys at once agree on all of them.
func testRacing(t *testing.T, open Open) {
	const processes, subjects = 4, 30
	answers := make([][]eventstore.Key, processes*2)
	together(t, len(answers), func() func(int) {
		rings := make([]Ring, processes)
		for i := range rings {
			rings[i] = open(t)
		}
		return func(i int) {
			names := make([]string, subjects)
			for n := range names { // each in an order of its own
				names[n] = fmt.Sprintf("case-%02d", (n*(2*i+1)+i)%subjects)
			}
			keys, err := rings[i%processes].Ensure(t.Context(), names...)
			if err != nil {
				t.Error(err)
			}
			slices.SortFunc(keys, func(a, b eventstore.Key) int { return strings.Compare(a.ID, b.ID) })
			answers[i] = slices.CompactFunc(keys, func(a, b eventstore.Key) bool { return a.ID == b.ID })
		}
	}())
	ring := open(t)
	for _, answer := range answers {
		for _, key := range answer {
			same(t, lookup(t, ring, key.ID), []eventstore.Key{key})
		}
	}
}

func testLookup(t *testing.T, open Open) {
	ring := open(t)
	keys := ensure(t, ring, "case-1", "case-2")
	for _, reader := range []Ring{ring, open(t)} {
		for range 2 { // the second time from memory
			got := lookup(t, reader, "case-2", "never", "case-1", "case-2", "case-1#2")
			same(t, got, []eventstore.Key{keys[1], {ID: "never"}, keys[0], keys[1], {ID: "case-1#2"}})
		}
	}
	ensure(t, ring, "never")
	if got := lookup(t, ring, "never"); got[0].Secret == nil {
		t.Error("a key that was looked up before it was made is not found")
	}
}

// Whoever has the ring open stops giving out a destroyed key; the next generation is another key.
func testDestroy(t *testing.T, open Open) {
	ring, other := open(t), open(t)
	first := ensure(t, ring, "case-1/consumer", "case-1")
	same(t, ensure(t, other, "case-1/consumer"), first[:1])
	for range 2 { // the second time it changes nothing
		if err := ring.Destroy(t.Context(), "case-1/consumer", "never"); err != nil {
			t.Fatal(err)
		}
		for _, r := range []Ring{ring, other, open(t)} {
			same(t, lookup(t, r, "case-1/consumer", "case-1"), []eventstore.Key{{ID: "case-1/consumer"}, first[1]})
		}
	}
	for generation, id := range []string{"case-1/consumer#2", "case-1/consumer#3"} {
		next := ensure(t, other, "case-1/consumer")
		if next[0].ID != id || bytes.Equal(next[0].Secret, first[0].Secret) {
			t.Errorf("after destruction %d the key is %q, want %q and another secret", generation+1, next[0].ID, id)
		}
		for _, r := range []Ring{ring, other, open(t)} {
			same(t, ensure(t, r, "case-1/consumer"), next)
			same(t, lookup(t, r, "case-1/consumer", id), []eventstore.Key{{ID: "case-1/consumer"}, next[0]})
		}
		if err := ring.Destroy(t.Context(), "case-1/consumer"); err != nil {
			t.Fatal(err)
		}
		same(t, lookup(t, other, id), []eventstore.Key{{ID: id}})
	}
}

func testDestroyTree(t *testing.T, open Open) {
	subjects := []string{"case-1", "case-1/consumer", "case-1/consumer/bank", "case-1/consumer2", "case-12", "case-12/consumer", "case-", "Case-1/x", "case-1x"}
	ring, other := open(t), open(t)
	ensure(t, ring, subjects...)
	ensure(t, other, subjects...)
	steps := []struct {
		trees []string
		gone  []string
	}{
		{[]string{"case-1/consumer"}, []string{"case-1/consumer", "case-1/consumer/bank"}},
		{[]string{"case-1", "never"}, []string{"case-1", "case-1/consumer", "case-1/consumer/bank", "case-1/consumer2"}},
	}
	for _, step := range steps {
		if err := ring.DestroyTree(t.Context(), step.trees...); err != nil {
			t.Fatal(err)
		}
		for _, r := range []Ring{ring, other} {
			for _, key := range lookup(t, r, subjects...) {
				if gone := key.Secret == nil; gone != slices.Contains(step.gone, key.ID) {
					t.Errorf("after destroying %v, %s is gone: %v, want %v", step.trees, key.ID, gone, !gone)
				}
			}
		}
	}
}

// An order destroys what is live when it comes first, whoever gives it; given again, nothing, also not
// the generation after. Another order is another matter.
func testDestroyOnce(t *testing.T, open Open) {
	ring, other := open(t), open(t)
	ensure(t, ring, "case-1", "case-1/consumer", "case-2")
	destroy := func(r Ring, order string, subjects ...string) {
		t.Helper()
		if err := r.DestroyTreeOnce(t.Context(), order, subjects...); err != nil {
			t.Fatal(err)
		}
	}
	wantGone := func(when string, want ...string) {
		t.Helper()
		for _, r := range []Ring{ring, other, open(t)} {
			for _, key := range lookup(t, r, "case-1", "case-1/consumer", "case-2", "case-1#2") {
				if gone := key.Secret == nil; gone != slices.Contains(want, key.ID) {
					t.Errorf("%s: %s is gone: %v, want %v", when, key.ID, gone, !gone)
				}
			}
		}
	}
	destroy(ring, "first", "case-1")
	next := ensure(t, other, "case-1", "case-2")
	wantGone("carried out", "case-1", "case-1/consumer")
	for _, r := range []Ring{ring, other, open(t)} {
		destroy(r, "first", "case-1")
	}
	wantGone("given again", "case-1", "case-1/consumer")
	same(t, ensure(t, ring, "case-1", "case-2"), next)
	destroy(other, "second", "case-1")
	wantGone("another", "case-1", "case-1/consumer", "case-1#2")
	if err := ring.DestroyTreeOnce(t.Context(), "", "case-2"); err == nil {
		t.Error("an order without an id: got no error")
	}
	destroy(ring, "of nothing", "never")
	wantGone("of nothing", "case-1", "case-1/consumer", "case-1#2")
}

// Of processes that give one order at once one carries it out; a key that was made after the first of them
// returned stays.
func testDestroyOnceRacing(t *testing.T, open Open) {
	const processes = 4
	rings := make([]Ring, processes)
	for i := range rings {
		rings[i] = open(t)
	}
	for round := range 10 {
		id := fmt.Sprintf("case-%d", round)
		ensure(t, rings[0], id)
		together(t, processes, func(i int) {
			if err := rings[i].DestroyTreeOnce(t.Context(), "of "+id, id); err != nil {
				t.Error(err)
				return
			}
			keys, err := rings[i].Ensure(t.Context(), id)
			if err != nil || keys[0].ID != id+"#2" {
				t.Errorf("the key after the order is %v, %v, want %s#2", keys, err, id)
			}
		})
	}
}

func testMany(t *testing.T, open Open) {
	ring := open(t)
	subjects := make([]string, 10_000)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("case-%05d", (i*7919)%len(subjects))
	}
	keys := ensure(t, ring, subjects...)
	for i, key := range keys {
		if key.ID != subjects[i] {
			t.Fatalf("key %d is %q, want %q", i, key.ID, subjects[i])
		}
	}
	other := open(t)
	same(t, lookup(t, other, subjects...), keys)
	if err := other.Destroy(t.Context(), subjects[:3000]...); err != nil {
		t.Fatal(err)
	}
	for i, key := range lookup(t, ring, subjects...) {
		if gone := key.Secret == nil; gone != (i < 3000) {
			t.Fatalf("key %d is gone: %v, want %v", i, gone, !gone)
		}
	}
}

func testUnfit(t *testing.T, open Open) {
	ring := open(t)
	for _, subject := range []string{"", "case-1#2", "a+b", "a|b", "a\nb", "\xff"} {
		if keys, err := ring.Ensure(t.Context(), "case-1", subject); err == nil {
			t.Errorf("subject %q gets %v, want an error", subject, keys[1].ID)
		}
	}
}

func testCancelled(t *testing.T, open Open) {
	ring := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ring.Ensure(ctx, "case-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Ensure gives %v, want %v", err, context.Canceled)
	}
	if _, err := ring.Lookup(ctx, "case-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lookup gives %v, want %v", err, context.Canceled)
	}
	ensure(t, ring, "case-1")
}
