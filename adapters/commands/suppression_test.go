package commands_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/eventstore"
)

// sent records a notification about a case, and returns its id.
func (w *world) sent(ref, person string, kind notification.TypeID, fields map[string]string) (id string) {
	w.t.Helper()
	id = uuid.NewString()
	handler := eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*notification.State, notification.Command, notification.Event]{
		Initial: notification.Initial, Decide: notification.Decide, Evolve: notification.Evolve,
	}, 1)
	_, err := handler.Handle(w.t.Context(), eventstore.Request{
		Stream: eventstore.StreamName("notification-" + id), CommandID: uuid.New(), Actor: "user:" + person, OccurredAt: now, Expected: eventstore.NoStream,
	}, notification.Send{
		Case: ref, Standing: outgoing.Case{FRN: frn, Converted: true, Open: true}, FRN: frn, Person: person, Type: kind, Fields: fields, At: now,
	})
	if err != nil {
		w.t.Fatalf("send notification: %v", err)
	}
	return id
}

// request asks for the suppression of a case.
func (w *world) request(ref, person string) (id string) {
	w.t.Helper()
	return w.sent(ref, person, notification.SuppressCase, map[string]string{"ground": "colleague"})
}

// An operator suppresses a case on request and shows it again; who may not act on it meanwhile is told that there is none.
func TestSuppress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		ref := w.convert("C-1", frn)
		request := w.request(ref, cas)
		take := func() error { return second(w.Allocate(ctx, w.by(cas), ref, commands.Me, commands.Nobody)) }
		w.do(desk.Suppress(ctx, byOperator(), ref, request))
		fails(t, "suppressed", take(), commands.ErrUnknown)
		if done := w.do(desk.Suppress(ctx, byOperator(), ref, request)); !done.Position.IsZero() {
			t.Error("suppressed twice: got an event, want nothing")
		}
		refused(t, "declined after it", second(desk.DeclineSuppression(ctx, byOperator(), request)), "suppression-answered")
		w.do(desk.Unsuppress(ctx, byOperator(), ref))
		if done := w.do(desk.Unsuppress(ctx, byOperator(), ref)); !done.Position.IsZero() {
			t.Error("shown twice: got an event, want nothing")
		}
		if err := take(); err != nil {
			t.Errorf("shown again: got %v, want it taken", err)
		}
		w.do(desk.Suppress(ctx, byOperator(), ref, ""))
		fails(t, "suppressed because of an e-mail", take(), commands.ErrUnknown)
		w.wantSuppression(ref, request)
	})
}

// wantSuppression fails unless the case was suppressed because of a request, with the reasons of operators in the log.
func (w *world) wantSuppression(ref, request string) {
	w.t.Helper()
	events, err := w.events(w.t.Context(), "casefile-"+ref)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range events {
		executed, is := event.Event.(*casefile.SuppressionExecuted)
		if !is {
			continue
		}
		reasons, err := w.codec.OpenEnvelopes(w.t.Context(), event.Meta.Reason)
		if err != nil || string(reasons[0]) != `"as the rules say"` || event.Meta.Actor != operator.ID || executed.Request != request {
			w.t.Errorf("got it suppressed for %q by %s, because %s, %v", executed.Request, event.Meta.Actor, reasons, err)
		}
		return
	}
	w.t.Error("got no suppression in the log")
}

// A case of a source that suppressed it is shown again, too.
func TestUnsuppressWhatTheSourceSuppressed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		ref := w.convert("C-1", frn)
		w.record(ref, &casefile.Suppressed{Origin: origin("2", 2), Reason: private.Of("threats")})
		w.do(desk.Unsuppress(ctx, byOperator(), ref))
		w.do(w.Allocate(ctx, w.by(cas), ref, commands.Me, ""))
	})
}

// What is no open request of the case changes nothing, nor does who may not, nor who says no reason.
func TestSuppressRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		sue := w.join(frn, "sue@example.com", access.Supervisor)
		ref, other := w.convert("C-1", frn), w.convert("C-2", frn)
		declined, elsewhere := w.request(ref, sue), w.request(other, sue)
		update := w.sent(ref, sue, "general-update", map[string]string{"message": "The file is on its way."})
		w.do(desk.DeclineSuppression(ctx, byOperator(), declined))
		before := w.counts()
		refused(t, "a declined request", second(desk.Suppress(ctx, byOperator(), ref, declined)), "suppression-answered")
		refused(t, "a request of another case", second(desk.Suppress(ctx, byOperator(), ref, elsewhere)), "no-suppression-request")
		refused(t, "no request", second(desk.Suppress(ctx, byOperator(), ref, update)), "no-suppression-request")
		refused(t, "no request to decline", second(desk.DeclineSuppression(ctx, byOperator(), update)), "no-suppression-request")
		for _, none := range []string{uuid.NewString(), "no such"} {
			fails(t, "no notification", second(desk.Suppress(ctx, byOperator(), ref, none)), commands.ErrUnknown)
			fails(t, "nothing to decline", second(desk.DeclineSuppression(ctx, byOperator(), none)), commands.ErrUnknown)
			fails(t, "no case", second(desk.Suppress(ctx, byOperator(), none, "")), commands.ErrUnknown)
			fails(t, "no case to show", second(desk.Unsuppress(ctx, byOperator(), none)), commands.ErrUnknown)
		}
		for want, ask := range map[error]commands.Ask{
			commands.ErrNoReason:  {By: operator},
			commands.ErrForbidden: w.by(sue),
		} {
			fails(t, "suppress", second(desk.Suppress(ctx, ask, ref, elsewhere)), want)
			fails(t, "show again", second(desk.Unsuppress(ctx, ask, ref)), want)
			fails(t, "decline", second(desk.DeclineSuppression(ctx, ask, elsewhere)), want)
		}
		if got := since(before, w.counts()); len(got) > 0 {
			t.Errorf("got events %v, want none", got)
		}
	})
}

// A crash between the case and the request leaves the case suppressed and the request open; the same command
// again, under the same id or another, answers it.
func TestSuppressCrash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		want := map[string]int{"casefile.suppression-executed.v1": 1, "notification.suppression-answered.v1": 1}
		for left := range 2 {
			for _, kept := range []bool{false, true} {
				for _, same := range []bool{false, true} {
					ref := w.convert("C-"+uuid.NewString(), frn)
					request, ask, before := w.request(ref, "u"), named(byOperator(), uuid.New()), w.counts()
					if err := second(w.desk(&crashing{Log: w.log, left: left, kept: kept}).Suppress(ctx, ask, ref, request)); !errors.Is(err, errCrash) {
						t.Fatalf("append %d: got %v, want a crash", left, err)
					}
					if !same {
						ask.ID = uuid.New()
					}
					for range 2 {
						w.do(w.desk(w.log).Suppress(ctx, ask, ref, request))
						if got := since(before, w.counts()); !maps.Equal(got, want) {
							t.Errorf("append %d, kept %v, same %v: got %v, want %v", left, kept, same, got, want)
						}
					}
				}
			}
		}
	})
}

// Why an operator answered a request goes with the case: nothing is sealed under a key of the notification's own.
func TestReasonsOfAnswersGoWithTheCase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		ref := w.convert("C-1", frn)
		executed, declined := w.request(ref, "u"), w.request(ref, "u")
		w.do(desk.DeclineSuppression(ctx, byOperator(), declined))
		w.do(desk.Suppress(ctx, byOperator(), ref, executed))
		opened := func() (reasons []string) {
			for _, id := range []string{executed, declined} {
				events, err := w.events(ctx, "notification-"+id)
				if err != nil {
					t.Fatal(err)
				}
				reason, err := w.codec.OpenEnvelopes(ctx, events[len(events)-1].Meta.Reason)
				if err != nil {
					t.Fatal(err)
				}
				reasons = append(reasons, string(reason[0]))
			}
			return reasons
		}
		if got, want := opened(), []string{`"as the rules say"`, `"as the rules say"`}; !slices.Equal(got, want) {
			t.Errorf("got reasons %q, want %q", got, want)
		}
		if err := w.ring.DestroyTree(ctx, "casefile-"+ref); err != nil {
			t.Fatal(err)
		}
		if got := opened(); !slices.Equal(got, []string{"", ""}) {
			t.Errorf("without the key of the case: got reasons %q, want none", got)
		}
	})
}
