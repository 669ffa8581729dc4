package commands_test

import (
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/private"
)

// convert records a case of a business, and returns its reference.
func (w *world) convert(ref, frn string) string {
	w.t.Helper()
	o := origin(ref+"-1", 1)
	w.record(ref, &casefile.Converted{Origin: o, FRN: frn, ConvertedAt: now})
	return ref
}

func (w *world) record(ref string, fact casefile.Event) {
	w.t.Helper()
	o, _ := casefile.OriginOf(fact)
	run := commands.New(commands.Config{Log: w.log, Codec: w.codec})
	if got, err := run.RecordCase(w.t.Context(), system, ref, o, fact, nil); err != nil || got.Status != commands.Accepted {
		w.t.Fatalf("record: got %+v, %v", got, err)
	}
}

func (w *world) allocated(ref string) (person string) {
	w.t.Helper()
	events, err := w.events(w.t.Context(), "casefile-"+ref)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range events {
		switch event := event.Event.(type) {
		case *casefile.Allocated:
			person = event.To
		case *casefile.AllocationReturned:
			person = ""
		}
	}
	return person
}

func TestAllocate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.org")
		cas, dan := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "dan@example.com", access.Caseworker)
		sue := w.join(frn, "sue@example.com", access.Supervisor)
		ada := w.join(frn, "ada@example.com", access.Administrator)
		eve := w.join(otherFRN, "eve@example.org", access.Supervisor)
		ref := w.convert("C-1", frn)
		allocate := func(by, to, from string) error { return second(w.Allocate(ctx, w.by(by), ref, to, from)) }
		step := func(what string, err error, want string) {
			t.Helper()
			if err != nil || w.allocated(ref) != want {
				t.Errorf("%s: got %v, the case with %q, want it with %q", what, err, w.allocated(ref), want)
			}
		}
		step("a caseworker takes it", allocate(cas, commands.Me, ""), cas)
		fails(t, "another takes it", allocate(dan, commands.Me, ""), commands.ErrForbidden)
		fails(t, "he gives it to another", allocate(cas, dan, ""), commands.ErrForbidden)
		fails(t, "an administrator takes it", allocate(ada, commands.Me, ""), commands.ErrForbidden)
		fails(t, "somebody of another business", allocate(eve, commands.Me, ""), commands.ErrUnknown)
		step("a supervisor gives it to another", allocate(sue, dan, cas), dan)
		refused(t, "from who does not have it", allocate(sue, cas, commands.Nobody), casefile.CodeAllocatedOtherwise)
		for _, to := range []string{ada, eve, "no-such", "no such"} {
			refused(t, "to who does not work on cases", allocate(sue, to, ""), "not-caseworker")
		}
		step("he gives it back", allocate(dan, commands.Nobody, commands.Me), "")
		fails(t, "no such case", second(w.Allocate(ctx, w.by(sue), "C-2", commands.Me, "")), commands.ErrUnknown)
		w.record(ref, &casefile.Suppressed{Origin: origin("2", 2), Reason: private.Of("threats")})
		fails(t, "a suppressed case", allocate(sue, commands.Me, ""), commands.ErrUnknown)
	})
}

// Two who take a case at once: one has it.
func TestTwoTakeACase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(frn, "example.com")
		cas, dan := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "dan@example.com", access.Caseworker)
		ref := w.convert("C-1", frn)
		errs := make(chan error, 2)
		for _, person := range []string{cas, dan} {
			ask, people := w.by(person), w.people(w.log)
			go func() { errs <- second(people.Allocate(t.Context(), ask, ref, commands.Me, "")) }()
		}
		one, two := <-errs, <-errs
		if (one == nil) == (two == nil) {
			t.Errorf("got %v and %v, want one of them refused", one, two)
		}
		if got := w.counts()["casefile.allocated.v1"]; got != 1 {
			t.Errorf("got %d allocations, want 1", got)
		}
	})
}

func TestCasesAreReturned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		for _, c := range []struct {
			ref  string
			stop func() (commands.Done, error)
			want casefile.ReturnCause
		}{
			{"C-1", func() (commands.Done, error) { return w.Disable(ctx, byOperator(), frn, cas) }, casefile.HolderDisabled},
			{"C-2", func() (commands.Done, error) { return w.Remove(ctx, byOperator(), frn, cas) }, casefile.HolderRemoved},
			{"C-3", func() (commands.Done, error) { return w.EraseAccount(ctx, byOperator(), cas) }, casefile.HolderErased},
		} {
			ref := w.convert(c.ref, frn)
			if w.standing(cas).Principal.Grants[frn] == nil {
				if _, err := w.Enable(ctx, byOperator(), frn, cas); err != nil {
					id, _ := w.invite(frn, "cas@example.com", access.Caseworker)
					w.do(w.AcceptInvitation(ctx, w.token(frn, id), ""))
				}
			}
			w.do(w.Allocate(ctx, w.by(cas), ref, commands.Me, ""))
			w.do(w.ReturnCases(ctx, ref, cas))
			if got := w.allocated(ref); got != cas {
				t.Errorf("%s, while he works: got it with %q, want %q", ref, got, cas)
			}
			w.do(c.stop())
			w.do(w.ReturnCases(ctx, ref, cas))
			w.do(w.ReturnCases(ctx, ref, cas))
			events, err := w.events(ctx, "casefile-"+ref)
			if err != nil {
				t.Fatal(err)
			}
			last, is := events[len(events)-1].Event.(*casefile.AllocationReturned)
			if !is || last.Cause != c.want || last.From != cas {
				t.Errorf("%s: got %+v, want it returned, since he is %s", ref, events[len(events)-1].Event, c.want)
			}
		}
	})
}

func TestLegalHoldKeepsACase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ref := w.convert("C-1", frn)
		w.record(ref, &casefile.Closed{Origin: origin("2", 2), ClosedAt: now, Outcome: "upheld"})
		w.do(w.PlaceHold(ctx, byOperator(), ref))
		refused(t, "erase a party", second(w.EraseParty(ctx, byOperator(), ref, casefile.Consumer)), casefile.CodeHeld)
		late := calendar.DayOf(now.Add(10 * 366 * 24 * time.Hour))
		if got := w.do(w.TickCase(ctx, ref, late)); !got.Position.IsZero() {
			t.Errorf("held: got it at %v, want nothing", got.Position)
		}
		w.do(w.LiftHold(ctx, byOperator(), ref))
		if got := w.do(w.TickCase(ctx, ref, late)); got.Position.IsZero() {
			t.Error("lifted: got nothing, want the data erased")
		}
		fails(t, "no such case", second(w.PlaceHold(ctx, byOperator(), "C-9")), commands.ErrUnknown)
		fails(t, "no reason", second(w.PlaceHold(ctx, commands.Ask{By: operator}, ref)), commands.ErrNoReason)
	})
}
