package commands_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/eventstore"
)

const update = notification.TypeID("general-update")

var message = map[string]string{"message": "The file follows on Monday."}

// notices are the notifications in the log, by id.
func (w *world) notices() map[string]*notification.Sent {
	w.t.Helper()
	events, err := w.events(w.t.Context(), "notification-")
	w.ok("read", err)
	notices := map[string]*notification.Sent{}
	for _, event := range events {
		if sent, is := event.Event.(*notification.Sent); is {
			notices[strings.TrimPrefix(string(event.Stream), "notification-")] = sent
		}
	}
	return notices
}

// One notification is sent once, goes out once, and is withdrawn where its case bars it meanwhile.
func TestNotify(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		ask := named(o.cas, uuid.New())
		id, done, err := o.desk.Notify(ctx, ask, o.ref, update, message)
		o.ok("notify", err)
		again, position, err := o.desk.Notify(ctx, ask, o.ref, update, message)
		if again != id || position != done || err != nil {
			t.Errorf("again: got %s, %v, %v, want %s, %v", again, position, err, id, done)
		}
		sent := w.notices()[id]
		if sent == nil || sent.Case != o.ref || sent.FRN != frn || sent.Person != o.cas.By.Person() || sent.Type != update || sent.Bulk != "" {
			t.Fatalf("got %+v, want it from its sender", sent)
		}
		if got := eventstore.SubjectsOf(sent.Content.Envelope()); !slices.Equal(got, []string{"casefile-" + o.ref}) {
			t.Errorf("got its words sealed for %q, want the case alone", got)
		}
		for _, want := range []bool{true, false} {
			if goes, err := o.desk.CheckNotification(ctx, id, 1); goes != want || err != nil {
				t.Errorf("check: got %v, %v, want %v", goes, err, want)
			}
			o.ok("note delivered", o.desk.NoteNotificationDelivered(ctx, id, 1))
		}
		o.happened("the first", "notification-"+id, "sent", "delivered")
		late, _, err := o.desk.Notify(ctx, o.cas, o.ref, update, message)
		o.ok("notify", err)
		other, _, err := o.desk.Notify(ctx, o.cas, o.ref, update, message)
		o.ok("notify", err)
		o.ok("stop what nothing bars", o.desk.StopNotification(ctx, other))
		w.suppress(o.ref, 2)
		if goes, err := o.desk.CheckNotification(ctx, late, 1); goes || err != nil {
			t.Errorf("suppressed: got it gone %v, %v, want it withdrawn", goes, err)
		}
		for range 2 {
			o.ok("stop", o.desk.StopNotification(ctx, other))
		}
		o.happened("by the check", "notification-"+late, "sent", "withdrawn")
		o.happened("by the reaction", "notification-"+other, "sent", "withdrawn")
		if _, err := o.desk.CheckNotification(ctx, uuid.NewString(), 1); !errors.Is(err, commands.ErrUnknown) {
			t.Errorf("check none: got %v, want %v", err, commands.ErrUnknown)
		}
	})
}

// No reason that is given with a notification outlives the case that it may name.
func TestNotifyWithoutReason(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		id, _, err := o.desk.Notify(t.Context(), o.cas, o.ref, update, message)
		o.ok("notify", err)
		events, err := w.events(t.Context(), "notification-"+id)
		if err != nil || len(events) != 1 || o.cas.Reason == "" || events[0].Meta.Reason != "" || events[0].Meta.Actor != o.cas.By.ID {
			t.Errorf("got %+v, %v, want it without a reason", events, err)
		}
	})
}

func TestNotifyRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		ada := w.by(w.join(frn, "ada@example.com", access.Administrator))
		w.configure(otherFRN, "example.org")
		eve := w.by(w.join(otherFRN, "eve@example.org", access.Supervisor))
		w.convert("closed", frn)
		w.record("closed", &casefile.Closed{Origin: factOf("closed", 2), ClosedAt: now, Outcome: "change"})
		w.convert("hidden", frn)
		w.suppress("hidden", 2)
		notify := func(ask commands.Ask, ref string, kind notification.TypeID, fields map[string]string) error {
			_, _, err := o.desk.Notify(ctx, ask, ref, kind, fields)
			return err
		}
		o.unchanged(t, "refused", func() {
			for _, ref := range []string{"hidden", "no-such", "../x"} {
				fails(t, ref, notify(o.cas, ref, update, message), commands.ErrUnknown)
			}
			fails(t, "somebody of another business", notify(eve, o.ref, update, message), commands.ErrUnknown)
			fails(t, "an administrator", notify(ada, o.ref, update, message), commands.ErrForbidden)
			refused(t, "about a closed case", notify(o.cas, "closed", "accept-view", nil), "case-closed")
			refused(t, "without a field", notify(o.cas, o.ref, update, nil), "field-required")
			refused(t, "of no type", notify(o.cas, o.ref, "x", message), "notification-type-unknown")
			many := func(ask commands.Ask, refs []string, kind notification.TypeID, fields map[string]string) error {
				return third(o.desk.NotifyMany(ctx, ask, refs, kind, fields))
			}
			fails(t, "an administrator", many(ada, []string{o.ref}, update, message), commands.ErrForbidden)
			fails(t, "an operator", many(byOperator(), []string{o.ref}, update, message), commands.ErrForbidden)
			refused(t, "without a field", many(o.cas, []string{o.ref, "no-such"}, update, nil), "field-required")
			refused(t, "too long", many(o.cas, []string{o.ref}, update, map[string]string{"message": strings.Repeat("x", 10_001)}), "field-invalid")
			refused(t, "of no type", many(o.cas, []string{o.ref}, "x", message), "notification-type-unknown")
			refused(t, "about none", many(o.cas, nil, update, message), "cases-count")
			refused(t, "about too many", many(o.cas, make([]string, commands.CasesMax+1), update, message), "cases-count")
		})
		if err := notify(o.cas, "closed", update, message); err != nil {
			t.Errorf("a type for closed cases: got %v, want it sent", err)
		}
	})
}

// Each case of many is decided by itself, in whatever order, and answered in that of the list. Whatever somebody
// may not know of is answered in one way.
func TestNotifyMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		w.configure(otherFRN, "example.com")
		id, _ := w.invite(otherFRN, "cas@example.com", access.Administrator) // who sees no cases there
		w.do(w.AcceptInvitation(ctx, w.token(otherFRN, id), ""))
		ask := named(w.by(o.cas.By.Person()), uuid.New())
		for _, ref := range []string{"C-2", "closed", "hidden", "erased", "moved"} {
			w.convert(ref, frn)
		}
		w.convert("foreign", otherFRN)
		w.record("closed", &casefile.Closed{Origin: factOf("closed", 2), ClosedAt: now, Outcome: "change"})
		w.suppress("hidden", 2)
		w.transfer("moved", otherFRN, 2)
		w.forget("erased", 2)
		refs := []string{"moved", o.ref, "foreign", "C-2", o.ref, "closed", "no-such", "hidden", "../x", "", "erased"}
		want := []string{
			"moved skipped case-unknown", "C-1 done ", "foreign skipped case-unknown", "C-2 done ", "C-1 skipped repeated",
			"closed skipped case-closed", "no-such skipped case-unknown", "hidden skipped case-unknown", "../x skipped case-unknown",
			" skipped case-unknown", "erased skipped case-data-erased",
		}
		var first []commands.Result
		for range 2 { // the same command again has the same answer
			results, done, err := o.desk.NotifyMany(ctx, ask, refs, "more-time-requested", map[string]string{"until": "2026-06-01", "reason": "Archive."})
			if err != nil || done.Position.IsZero() || !slices.Equal(told(results), want) {
				t.Errorf("got %q, %v, %v, want %q", told(results), done, err, want)
			}
			if first != nil && !slices.Equal(results, first) {
				t.Errorf("again: got %+v, want %+v", results, first)
			}
			first = results
		}
		o.answersAlike(first)
		notices := w.notices()
		one, two := notices[first[1].ID], notices[first[3].ID]
		if len(notices) != 2 || one == nil || two == nil || one.Case != o.ref || one.Bulk == "" || one.Bulk != two.Bulk || first[1].Bulk != one.Bulk {
			t.Errorf("got %+v for %+v, want one for each case, of one bulk", notices, first)
		}
		alone, _, err := o.desk.NotifyMany(ctx, o.cas, []string{o.ref}, update, message)
		if err != nil || alone[0].Bulk != "" || w.notices()[alone[0].ID].Bulk != "" {
			t.Errorf("one alone: got %+v, %v, want it of no bulk", alone, err)
		}
	})
}

// answersAlike fails unless all that may not be known of is told in the same words.
func (o *office) answersAlike(results []commands.Result) {
	o.t.Helper()
	reasons := map[string]bool{}
	for _, result := range results {
		if result.Code == casefile.CodeUnknownCase {
			reasons[result.Reason] = true
		}
		if result.Status != commands.ResultDone && result.Reason == "" {
			o.t.Errorf("%s: got no reason, want one", result.Case)
		}
	}
	if len(reasons) != 1 {
		o.t.Errorf("got %q of what may not be known of, want one and the same", slices.Collect(maps.Keys(reasons)))
	}
}

// A crash in the middle leaves some sent and some in doubt; the same command again is the same notifications.
func TestNotifyManyCrash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), newOffice(w)
		var refs []string
		for n := range 30 {
			refs = append(refs, w.convert(fmt.Sprintf("R-%d", n), frn))
		}
		for _, kept := range []bool{false, true} {
			ask, before := named(o.cas, uuid.New()), len(w.notices())
			crashed, _, err := w.desk(&crashing{Log: w.log, left: 11, kept: kept}).NotifyMany(ctx, ask, refs, update, message)
			done := map[string]string{}
			for _, result := range crashed {
				if result.Status == commands.ResultDone {
					done[result.Case] = result.ID
				} else if result.Status != commands.ResultFailed || result.Reason == "" || result.ID != "" {
					t.Errorf("got %+v, want it done, or failed with a sentence", result)
				}
			}
			if err != nil || len(done) != 11 {
				t.Fatalf("crash: got %d done, %v, want 11", len(done), err)
			}
			for range 2 {
				results, _, err := w.desk(w.log).NotifyMany(ctx, ask, refs, update, message)
				o.ok("again", err)
				for i, result := range results {
					if result.Case != refs[i] || result.Status != commands.ResultDone || done[result.Case] != "" && done[result.Case] != result.ID {
						t.Errorf("again: got %+v, want %s done, as %q", result, refs[i], done[refs[i]])
					}
				}
				if got := len(w.notices()) - before; got != len(refs) {
					t.Errorf("got %d notifications, want %d", got, len(refs))
				}
			}
		}
	})
}
