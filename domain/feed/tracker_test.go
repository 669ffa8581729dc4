package feed

import (
	"errors"
	"reflect"
	"strconv"
	"testing"
	"unsafe"

	"casesync/domain"
)

// seen returns the arrival of a fact of a source whose content is told by its sequence.
func seen(source string, sequence int64) Arrival {
	return Arrival{Origin: Origin{Source: source, Sequence: sequence, Digest: strconv.FormatInt(sequence, 10)}}
}

// TestTake is about what the deciders' tables do not show: verdicts, and the facts to record.
func TestTake(t *testing.T) {
	t.Parallel()
	var tracker Tracker[string]
	tracker.Pass(seen("a", 1))
	tracker.Hold(seen("a", 3), "a3")
	tracker.Hold(seen("a", 4), "a4")
	tracker.Hold(seen("b", 2), "b2")
	snapshot := seen("a", 3)
	snapshot.Form, snapshot.Digest = Snapshot, "snapshot"
	unsequenced := seen("a", 0)

	for name, test := range map[string]struct {
		arrival Arrival
		want    Taken[string]
	}{
		"in turn":              {seen("a", 2), Taken[string]{Due, []string{"fact", "a3", "a4"}}},
		"known":                {seen("a", 1), Taken[string]{Verdict: Known}},
		"held":                 {seen("a", 3), Taken[string]{Verdict: Known}},
		"early":                {seen("a", 5), Taken[string]{Verdict: Early}},
		"snapshot":             {snapshot, Taken[string]{Due, []string{"fact", "a4"}}},
		"no sequence":          {unsequenced, Taken[string]{Due, []string{"fact"}}},
		"another source":       {seen("b", 1), Taken[string]{Due, []string{"fact", "b2"}}},
		"a source not heard":   {seen("c", 1), Taken[string]{Due, []string{"fact"}}},
		"early, first message": {seen("c", 2), Taken[string]{Verdict: Early}},
	} {
		got, err := tracker.Take(test.arrival, "fact", ReleaseMax)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, test.want)
		}
	}
	conflicting := seen("a", 1)
	conflicting.Digest = "another"
	var refusal *domain.Refusal
	if _, err := tracker.Take(conflicting, "fact", ReleaseMax); !errors.As(err, &refusal) || refusal.Code != CodeSequenceConflict {
		t.Errorf("conflict: got %v, want %s", err, CodeSequenceConflict)
	}
}

// A correction counts at the sequence of what is known, whatever came under it, and never before it.
func TestTakeCorrection(t *testing.T) {
	t.Parallel()
	var tracker Tracker[string]
	known := seen("a", 3)
	known.Form = Snapshot
	tracker.Pass(known)
	other, older := known, known
	other.Digest, older.Sequence = "another", 2
	for name, test := range map[string]struct {
		arrival Arrival
		want    Verdict
	}{"the same": {known, Due}, "other content": {other, Due}, "older": {older, Known}} {
		test.arrival.Correction = true
		if got, err := tracker.Take(test.arrival, "fact", ReleaseMax); err != nil || got.Verdict != test.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, test.want)
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	var tracker Tracker[string]
	if got := tracker.Waiting(); got != nil {
		t.Errorf("of nothing: got %v, want none", got)
	}
	tracker.Pass(seen("a", 1))
	tracker.Hold(seen("b", 4), "b4")
	tracker.Hold(seen("b", 3), "b3")
	want := []Waiting{{Source: "b", Next: 1, Held: []int64{3, 4}}}
	if got := tracker.Waiting(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	tracker.GiveUp("b", Span{1, 2})
	if got := tracker.Next("b"); got != 3 {
		t.Errorf("next after giving up: got %d, want 3", got)
	}
}

// TestMemory: what a passed fact leaves behind is small, for busy cases are kept in memory.
func TestMemory(t *testing.T) {
	t.Parallel()
	if got, want := unsafe.Sizeof(mark{}), uintptr(16); got > want {
		t.Errorf("bytes per passed fact: got %d, want at most %d", got, want)
	}
	var tracker Tracker[string]
	for sequence := int64(1); sequence <= 1000; sequence++ {
		tracker.Hold(seen("a", sequence+1), "fact")
		tracker.Pass(seen("a", sequence))
	}
	late := seen("a", 7)
	late.Form = Unrecognised
	tracker.Pass(late)
	tracker.Pass(seen("a", 7)) // the same content, now that its type is known
	l := tracker.look("a")
	if len(l.passed) != 1000 || len(l.held) != 1 || len(l.skipped)+len(l.unrecognised) != 0 {
		t.Errorf("got %d passed, %d held, %d skipped, want 1000, 1, 0", len(l.passed), len(l.held), len(l.skipped))
	}
}
