package commands_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/private"
	"casesync/eventstore"
)

// told is what results say, in order: the case, what became of it, and why.
func told(results []commands.Result) (list []string) {
	for _, result := range results {
		list = append(list, fmt.Sprintf("%s %s %s", result.Case, result.Status, result.Code))
	}
	return list
}

// Each case of many is decided by itself. Whatever somebody may not know of is answered in one way.
func TestAllocateMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.org")
		cas, sue := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "sue@example.com", access.Supervisor)
		for _, ref := range []string{"C-1", "C-2", "closed", "hidden", "his"} {
			w.convert(ref, frn)
		}
		w.convert("foreign", otherFRN)
		w.record("closed", &casefile.Closed{Origin: origin("2", 2), ClosedAt: now, Outcome: "change"})
		w.record("hidden", &casefile.Suppressed{Origin: origin("3", 2), Reason: private.Of("threats")})
		w.do(w.Allocate(ctx, w.by(cas), "his", commands.Me, ""))
		refs := []string{"C-1", "foreign", "C-2", "C-1", "closed", "no-such", "hidden", "../x", "his"}
		want := []string{
			"C-1 done ", "foreign skipped case-unknown", "C-2 done ", "C-1 skipped repeated", "closed skipped " + casefile.CaseClosed,
			"no-such skipped case-unknown", "hidden skipped case-unknown", "../x skipped case-unknown", "his skipped nothing-to-do",
		}
		ask := named(w.by(sue), uuid.New())
		for range 2 { // the same command again has the same answer
			results, done, err := desk.AllocateMany(ctx, ask, refs, cas)
			if err != nil || done.Position.IsZero() || !slices.Equal(told(results), want) {
				t.Errorf("got %q, %v, %v, want %q", told(results), done, err, want)
			}
			reasons := map[string]bool{}
			for _, result := range results {
				if result.Code == casefile.CodeUnknownCase {
					reasons[result.Reason] = true
				}
			}
			if len(reasons) != 1 {
				t.Errorf("got %q of what may not be known of, want one and the same", slices.Collect(maps.Keys(reasons)))
			}
		}
		if got := w.counts()["casefile.allocated.v1"]; got != 3 || w.allocated("C-1") != cas || w.allocated("C-2") != cas {
			t.Errorf("got %d allocations, C-1 with %q, want 3, with %q", got, w.allocated("C-1"), cas)
		}
	})
}

// To whom cases go is looked at at the business of each, and what the giver may do as well.
func TestAllocateManyToWhom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.com")
		cas, dan := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "dan@example.com", access.Caseworker)
		ada := w.join(frn, "ada@example.com", access.Administrator)
		sue := w.join(frn, "sue@example.com", access.Supervisor)
		id, _ := w.invite(otherFRN, "sue@example.com", access.Supervisor)
		w.do(w.AcceptInvitation(ctx, w.token(otherFRN, id), ""))
		w.convert("C-1", frn)
		w.convert("D-1", otherFRN)
		try := func(what, by, to string, want ...string) {
			t.Helper()
			results, _, err := desk.AllocateMany(ctx, w.by(by), []string{"C-1", "D-1"}, to)
			if err != nil || !slices.Equal(told(results), want) {
				t.Errorf("%s: got %q, %v, want %q", what, told(results), err, want)
			}
		}
		try("who works for one of two businesses", sue, cas, "C-1 done ", "D-1 skipped not-caseworker")
		try("taken by another caseworker", dan, commands.Me, "C-1 skipped forbidden", "D-1 skipped case-unknown")
		try("given away by a caseworker", cas, dan, "C-1 skipped forbidden", "D-1 skipped case-unknown")
		try("given back", cas, commands.Nobody, "C-1 done ", "D-1 skipped case-unknown")
		w.do(w.Disable(ctx, byOperator(), frn, cas))
		try("who is disabled", sue, cas, "C-1 skipped not-caseworker", "D-1 skipped not-caseworker")
		try("by himself", sue, commands.Me, "C-1 done ", "D-1 done ")

		many := func(by commands.Ask, refs []string, to string) error {
			return third(desk.AllocateMany(ctx, by, refs, to))
		}
		fails(t, "an administrator", many(w.by(ada), []string{"C-1"}, cas), commands.ErrForbidden)
		fails(t, "an operator", many(byOperator(), []string{"C-1"}, cas), commands.ErrForbidden)
		refused(t, "none", many(w.by(sue), nil, cas), "cases-count")
		refused(t, "too many", many(w.by(sue), make([]string, commands.CasesMax+1), cas), "cases-count")
	})
}

// A crash between cases leaves results in doubt; the same command again finishes them.
func TestAllocateManyCrash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		sue := w.join(frn, "sue@example.com", access.Supervisor)
		var refs []string
		for n := range 20 {
			refs = append(refs, w.convert(fmt.Sprintf("C-%d", n), frn))
		}
		ask := named(w.by(sue), uuid.New())
		results, _, err := w.desk(&crashing{Log: w.log, left: 7, kept: true}).AllocateMany(ctx, ask, refs, commands.Me)
		statuses := map[commands.ResultStatus]int{}
		for _, result := range results {
			statuses[result.Status]++
		}
		if err != nil || statuses[commands.ResultDone] != 7 || statuses[commands.ResultFailed] != 13 {
			t.Fatalf("got %v, %v, want 7 done and 13 in doubt", statuses, err)
		}
		results, _, err = w.desk(w.log).AllocateMany(ctx, ask, refs, commands.Me)
		if err != nil || slices.ContainsFunc(results, func(r commands.Result) bool { return r.Status != commands.ResultDone }) {
			t.Errorf("again: got %q, %v, want all done", told(results), err)
		}
		if got := w.counts()["casefile.allocated.v1"]; got != len(refs) {
			t.Errorf("got %d allocations, want %d", got, len(refs))
		}
	})
}

// A revision that the case has left behind refuses an allocation; what was done under it is not refused
// when it is repeated.
func TestAllocateExpectsRevision(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		cas, sue := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "sue@example.com", access.Supervisor)
		ref := w.convert("C-1", frn)
		seen := named(w.by(cas), uuid.New())
		seen.Expected = new(eventstore.Revision(0))
		w.do(w.Allocate(ctx, seen, ref, commands.Me, ""))
		late := w.by(sue)
		late.Expected = new(eventstore.Revision(0))
		fails(t, "by who saw it before", second(w.Allocate(ctx, late, ref, sue, "")), eventstore.ErrWrongExpectedRevision)
		if got := w.allocated(ref); got != cas {
			t.Errorf("got it with %q, want %q", got, cas)
		}
		late.Expected = new(eventstore.Revision(1))
		w.do(w.Allocate(ctx, late, ref, sue, ""))
		w.do(w.Allocate(ctx, seen, ref, commands.Me, ""))
		if got := w.allocated(ref); got != sue {
			t.Errorf("repeated: got it with %q, want it left with %q", got, sue)
		}
	})
}
