package commands_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/upload"
)

// step is a command of casework, by whoever gives it.
type step func(context.Context, *commands.Casework, commands.Ask) error

// steps are commands over several streams, each time for a case of its own.
var steps = map[string]func(o *office, ref string) step{
	"begin": func(_ *office, ref string) step {
		id := uuid.NewString()
		return func(ctx context.Context, desk *commands.Casework, ask commands.Ask) error {
			err := second(desk.BeginUpload(ctx, ask, id, ref, "letter.pdf", fileBytes))
			if code(err) == "upload-begun" { // under another id; nobody was told of the first
				return nil
			}
			return err
		}
	},
	"complete": func(o *office, ref string) step {
		id := o.begun(ref)
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			scan, err := desk.CompleteUpload(ctx, id, pdf("a"), fileBytes)
			return answer(scan, true, err)
		}
	},
	"complete a duplicate": func(o *office, ref string) step {
		o.received(ref, "a")
		id := o.begun(ref)
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			scan, err := desk.CompleteUpload(ctx, id, pdf("a"), fileBytes)
			return answer(scan, false, err)
		}
	},
	"complete what has another size": func(o *office, ref string) step {
		id := o.begun(ref)
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			scan, err := desk.CompleteUpload(ctx, id, pdf("a"), fileBytes+1)
			return answer(scan, false, err)
		}
	},
	"clean":   scanOf(clean),
	"harmful": scanOf(harmful),
	"cancel": func(o *office, ref string) step {
		id := o.received(ref, "a")
		return func(ctx context.Context, desk *commands.Casework, ask commands.Ask) error {
			return second(desk.CancelUpload(ctx, ask, id))
		}
	},
	"retry": func(o *office, ref string) step {
		id := o.rejected(ref, "a")
		o.do(o.desk.CancelUpload(o.t.Context(), o.cas, o.received(ref, "a"))) // which had its place meanwhile
		return func(ctx context.Context, desk *commands.Casework, ask commands.Ask) error {
			return second(desk.RetryUpload(ctx, ask, id))
		}
	},
	"abandon": func(o *office, ref string) step {
		id := o.begun(ref)
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			o.pass(25 * time.Hour)
			over, err := desk.AbandonUpload(ctx, id, ref, time.Time{})
			return answer(over, true, err)
		}
	},
	"stop": func(o *office, ref string) step {
		for _, digit := range []string{"a", "b", "c"} {
			o.scanned(ref, digit, clean)
		}
		o.suppress(ref, 2)
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			return desk.StopUploads(ctx, ref)
		}
	},
	"erase": func(o *office, ref string) step {
		ids := []string{o.begun(ref), o.scanned(ref, "a", clean), o.scanned(ref, "b", harmful)}
		slices.Sort(ids)
		o.forget(ref, 2)
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			got, err := desk.EraseUploads(ctx, ref)
			return answer(slices.Equal(got, ids), true, err)
		}
	},
}

// scanOf is a scan that finds something: begun, and answered, as the worker does that starts next.
func scanOf(finding upload.Finding) func(o *office, ref string) step {
	return func(o *office, ref string) step {
		id := o.received(ref, "a")
		return func(ctx context.Context, desk *commands.Casework, _ commands.Ask) error {
			attempt, wanted, err := desk.BeginScan(ctx, id)
			if err != nil || !wanted {
				return err
			}
			return desk.NoteScan(ctx, id, attempt, finding, "Scanner 1")
		}
	}
}

// answer is an error unless an answer is the one that is wanted.
func answer(got, want bool, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("got the answer %v, want %v", got, want)
	}
	return err
}

// Wherever a process ends, the same step again has the effect that it has undisturbed: no event is missing, and none
// is there twice.
func TestUploadCrashes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o, n := t.Context(), newOffice(w), 0
		prepare := func(name string) step {
			n++
			return steps[name](o, w.convert(fmt.Sprintf("R-%d", n), frn))
		}
		for name := range steps {
			do, before := prepare(name), w.counts()
			if err := do(ctx, o.desk, named(o.cas, uuid.New())); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := since(before, w.counts())
			for at, crashed := 0, true; crashed; at++ {
				for _, kept := range []bool{false, true} {
					crashed = o.crash(fmt.Sprintf("%s, crash at append %d, kept %v", name, at+1, kept), prepare(name), at, kept, want)
				}
			}
		}
	})
}

// crash does a step whose append at fails, does it again, and reports whether it had so many.
func (o *office) crash(name string, do step, at int, kept bool, want map[string]int) bool {
	o.t.Helper()
	ask, before := named(o.cas, uuid.New()), o.counts()
	err := do(o.t.Context(), o.world.desk(&crashing{Log: o.log, left: at, kept: kept}), ask)
	if err == nil {
		return false
	}
	if !errors.Is(err, errCrash) {
		o.t.Fatalf("%s: got %v, want a crash", name, err)
	}
	for _, id := range []uuid.UUID{ask.ID, ask.ID, uuid.New()} { // after the first time nothing is left to do
		if err := do(o.t.Context(), o.world.desk(o.log), named(o.cas, id)); err != nil {
			o.t.Errorf("%s: again: %v", name, err)
		}
		if got := since(before, o.counts()); !maps.Equal(got, want) {
			o.t.Errorf("%s: got events %v, want %v", name, got, want)
		}
	}
	return true
}

// A crash that leaves the place of what is over, and that nobody follows, bars nobody from sending the same file.
func TestPlaceOfWhatIsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		id := o.received(o.ref, "a")
		fails(t, "cancel", second(w.desk(&crashing{Log: w.log, left: 1}).CancelUpload(ctx, o.cas, id)), errCrash)
		o.places("after the crash", o.ref, id)
		again := o.received(o.ref, "a")
		o.stands("the same file", again, upload.StatusReceived)
		o.places("then", o.ref, again)
	})
}

// A crash after the scanner's answer leaves the file clean, and whatever comes next leads it on.
func TestNothingStaysClean(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		for name, on := range map[string]func(id string) error{
			"a": func(id string) error { return o.desk.NoteScan(ctx, id, 1, clean, "Scanner 1") },
			"b": func(id string) error { _, _, err := o.desk.BeginScan(ctx, id); return err },
			"c": func(id string) error { _, err := o.desk.CompleteUpload(ctx, id, pdf("c"), fileBytes); return err },
		} {
			id := o.received(o.ref, name)
			crashed := w.desk(&crashing{Log: w.log, left: 2})
			_, _, err := crashed.BeginScan(ctx, id)
			o.ok("begin scan", err)
			fails(t, "note scan", crashed.NoteScan(ctx, id, 1, clean, "Scanner 1"), errCrash)
			o.stands("after the crash", id, upload.StatusClean)
			o.ok("go on", on(id))
			o.stands("then", id, upload.StatusQueued)
		}
	})
}
