package notification_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/domaintest"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
)

var decider = domaintest.Decider[*notification.State, notification.Command, notification.Event]{
	Initial: notification.Initial, Decide: notification.Decide, Evolve: notification.Evolve,
}

type row = domaintest.Case[notification.Command, notification.Event]

const (
	ref    = "FOS-1"
	frn    = "123456"
	person = "b1f0"
	cms    = "https://cms.example"
)

var (
	noon       = time.Date(2025, time.January, 6, 12, 0, 0, 0, time.UTC)
	standing   = outgoing.Case{FRN: frn, Converted: true, Open: true}
	closed     = outgoing.Case{FRN: frn, Converted: true}
	suppressed = outgoing.Case{FRN: frn, Converted: true, Open: true, Suppressed: true}
	moved      = outgoing.Case{FRN: "7654321", Converted: true, Open: true}
)

// events stamps them as Decide does.
func events(events ...notification.Event) []notification.Event {
	for _, event := range events {
		outgoing.Stamp(event, ref)
		if held, is := event.(*notification.FactHeld); is {
			outgoing.Stamp(held.Fact, ref)
		}
	}
	return events
}

func after(history []notification.Event, more ...notification.Event) []notification.Event {
	return append(slices.Clip(history), events(more...)...)
}

func sentAs(kind notification.TypeID, fields map[string]string) []notification.Event {
	return events(&notification.Sent{
		About: outgoing.About{Case: ref}, FRN: frn, Person: person, Type: kind, Bulk: "bulk-1", At: noon,
		Content: outgoing.Seal(ref, notification.Content{Fields: fields}),
	})
}

func origin(sequence int64, contradicts ...string) feed.Origin {
	return feed.Origin{
		Source: cms, ID: fmt.Sprint("m", sequence), Sequence: sequence, Time: noon,
		Digest: fmt.Sprint("digest of ", sequence), Contradicts: contradicts,
	}
}

func acknowledge(sequence int64, contradicts ...string) *notification.Acknowledged {
	return &notification.Acknowledged{Origin: origin(sequence, contradicts...), Named: ref}
}

func reject(sequence int64, contradicts ...string) *notification.Rejected {
	return &notification.Rejected{
		Origin: origin(sequence, contradicts...), Named: ref, Code: "too-late", Reason: outgoing.Seal(ref, "Decided meanwhile."),
	}
}

var (
	sent         = sentAs("proactive-offer-intended", map[string]string{"offerBy": "2025-01-20"})
	update       = sentAs("general-update", map[string]string{"message": "Hello."})
	request      = sentAs(notification.SuppressCase, map[string]string{"ground": "colleague"})
	delivered    = after(sent, &notification.Delivered{At: noon})
	withdrawn    = after(sent, &notification.Withdrawn{Cause: outgoing.CaseSuppressed, At: noon})
	acknowledged = after(delivered, acknowledge(1))
	rejected     = after(delivered, reject(1))
)

func TestSend(t *testing.T) {
	t.Parallel()
	send := func(change func(*notification.Send)) notification.Command {
		c := notification.Send{
			Case: ref, Standing: standing, FRN: frn, Person: person, Type: "proactive-offer-intended", Bulk: "bulk-1",
			Fields: map[string]string{"offerBy": "2025-01-20"}, At: noon,
		}
		change(&c)
		return c
	}
	general := func(c *notification.Send) {
		c.Type, c.Fields = "general-update", map[string]string{"message": "Hello."}
	}
	domaintest.Run(t, decider, []row{
		{Name: "sent", When: send(func(*notification.Send) {}), Then: sent},
		{Name: "sent twice", Given: sent, When: send(func(*notification.Send) {}), Refused: "notification-sent"},
		{Name: "about no case", When: send(func(c *notification.Send) { c.Standing = outgoing.Case{} }), Refused: "case-unknown"},
		{Name: "about a suppressed case", When: send(func(c *notification.Send) { c.Standing = suppressed }), Refused: "case-unknown"},
		{Name: "about a case of another business", When: send(func(c *notification.Send) { c.Standing = moved }), Refused: "case-unknown"},
		{Name: "about a closed case", When: send(func(c *notification.Send) { c.Standing = closed }), Refused: "case-closed"},
		{Name: "about a closed case, of a type that may be", When: send(func(c *notification.Send) { general(c); c.Standing = closed }), Then: update},
		{Name: "about an erased case", When: send(func(c *notification.Send) { general(c); c.Standing = closed; c.Standing.Erased = true }), Refused: "case-data-erased"},
		{Name: "of no type", When: send(func(c *notification.Send) { c.Type = "greeting" }), Refused: "notification-type-unknown"},
		{Name: "without a field", When: send(func(c *notification.Send) { general(c); c.Fields = nil }), Refused: "field-required"},
		{Name: "with a field too many", When: send(func(c *notification.Send) { c.Fields = map[string]string{"message": "x"} }), Refused: "field-unknown"},
		{Name: "with a date that is none", When: send(func(c *notification.Send) { c.Fields = map[string]string{"offerBy": "2025-02-30"} }), Refused: "field-invalid"},
	})
	for _, lacking := range []notification.Command{
		send(func(c *notification.Send) { c.Case = "" }), send(func(c *notification.Send) { c.Person = "" }),
		send(func(c *notification.Send) { c.FRN = "" }), send(func(c *notification.Send) { c.At = time.Time{} }),
	} {
		if got, err := notification.Decide(notification.Initial(), lacking); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", lacking, got, err)
		}
	}
}

func TestGoingOut(t *testing.T) {
	t.Parallel()
	check := func(c outgoing.Case) notification.Command { return notification.Check{Standing: c, At: noon} }
	withdraw := func(cause outgoing.Cause) []notification.Event {
		return events(&notification.Withdrawn{Cause: cause, At: noon})
	}
	domaintest.Run(t, decider, []row{
		{Name: "checked: nothing happens", Given: sent, When: check(standing)},
		{Name: "suppressed meanwhile", Given: sent, When: check(suppressed), Then: withdrawn[1:]},
		{Name: "transferred meanwhile", Given: sent, When: check(moved), Then: withdraw(outgoing.CaseTransferred)},
		{Name: "closed meanwhile", Given: sent, When: check(closed), Then: withdraw(outgoing.CaseClosed)},
		{Name: "closed meanwhile, and that is no matter: nothing happens", Given: update, When: check(closed)},
		{Name: "of a type that is not known here, closed meanwhile", Given: sentAs("new-type", nil), When: check(closed), Then: withdraw(outgoing.CaseClosed)},
		{Name: "withdrawn already: nothing happens", Given: withdrawn, When: check(suppressed)},
		{Name: "suppressed after it was delivered: nothing happens", Given: delivered, When: check(suppressed)},
		{Name: "checked, of none", When: check(standing), Refused: "notification-unknown"},

		{Name: "delivered", Given: sent, When: notification.NoteDelivered{At: noon}, Then: delivered[1:]},
		{Name: "delivered twice: nothing happens", Given: delivered, When: notification.NoteDelivered{At: noon}},
		{Name: "delivered and answered: nothing happens", Given: acknowledged, When: notification.NoteDelivered{At: noon}},
		{
			Name: "delivered while it was withdrawn", Given: withdrawn, When: notification.NoteDelivered{At: noon},
			Then: events(&notification.Delivered{Overtook: notification.StatusWithdrawn, At: noon}),
		},
	})
}

func TestSuppressionRequest(t *testing.T) {
	t.Parallel()
	answer := func(a notification.Answer) notification.Command {
		return notification.AnswerSuppression{Answer: a, At: noon}
	}
	answered := func(a notification.Answer) notification.Event {
		return &notification.SuppressionAnswered{Answer: a, At: noon}
	}
	gone := after(request, &notification.Withdrawn{Cause: outgoing.CaseSuppressed, At: noon})
	executed := after(request, answered(notification.Executed))
	domaintest.Run(t, decider, []row{
		{Name: "executed", Given: request, When: answer(notification.Executed), Then: executed[1:]},
		{Name: "executed, the notification withdrawn by it", Given: gone, When: answer(notification.Executed), Then: executed[1:]},
		{Name: "declined", Given: request, When: answer(notification.Declined), Then: events(answered(notification.Declined))},
		{Name: "executed twice: nothing happens", Given: executed, When: answer(notification.Executed)},
		{Name: "declined when executed", Given: executed, When: answer(notification.Declined), Refused: "suppression-answered"},
		{Name: "executed, and not asked for", Given: sent, When: answer(notification.Executed), Refused: "no-suppression-request"},
		{Name: "executed, of none", When: answer(notification.Executed), Refused: "notification-unknown"},
	})
	if got, err := notification.Decide(decider.State(request...), answer("perhaps")); err == nil || got != nil {
		t.Errorf("answered perhaps: got %v, %v, want an error", got, err)
	}
	for _, test := range []struct {
		history []notification.Event
		want    bool
	}{{request, true}, {gone, true}, {executed, false}, {sent, false}, {nil, false}} {
		if got := decider.State(test.history...).AsksOperators(); got != test.want {
			t.Errorf("asks operators after %s: got %v, want %v", domaintest.Describe(test.history), got, test.want)
		}
	}
}

func record(fact notification.Event) notification.Command {
	return notification.Record{Fact: fact, Owner: cms}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	held := func(sequence int64) *notification.FactHeld {
		return &notification.FactHeld{Origin: origin(sequence), Type: "notification.acknowledged.v1", Fact: acknowledge(sequence)}
	}
	elsewhere := acknowledge(1)
	elsewhere.Named = "FOS-2"
	contradicting := acknowledge(1, outgoing.DifferentCase)
	contradicting.Named = "FOS-2"
	foreign := acknowledge(1)
	foreign.Origin.Source = "https://other.example"
	inWords := func(reason private.Value[string]) *notification.Acknowledged {
		fact := acknowledge(1)
		fact.Reason = reason
		return fact
	}
	refusedInWords := reject(1)
	refusedInWords.Reason = private.Of("Decided meanwhile.")
	unknown := &notification.FactUnrecognised{Origin: origin(1), Type: "cms.notification.read.v1"}
	domaintest.Run(t, decider, []row{
		{Name: "acknowledged", Given: delivered, When: record(acknowledge(1)), Then: acknowledged[2:]},
		{Name: "acknowledged before it was noted as delivered", Given: sent, When: record(acknowledge(1)), Then: acknowledged[2:]},
		{Name: "rejected", Given: delivered, When: record(reject(1)), Then: rejected[2:]},
		{Name: "acknowledged, in words", Given: delivered, When: record(inWords(private.Of("Thanks."))), Then: events(inWords(outgoing.Seal(ref, "Thanks.")))},
		{Name: "rejected, in words", Given: delivered, When: record(refusedInWords), Then: rejected[2:]},
		{Name: "the same again: nothing happens", Given: acknowledged, When: record(acknowledge(1))},
		{Name: "confirmed", Given: acknowledged, When: record(acknowledge(2)), Then: events(acknowledge(2))},
		{Name: "rejected after all", Given: acknowledged, When: record(reject(2)), Then: events(reject(2, outgoing.AlreadyAnswered))},
		{Name: "acknowledged after all", Given: rejected, When: record(acknowledge(2)), Then: events(acknowledge(2, outgoing.AlreadyAnswered))},
		{Name: "acknowledged though it was withdrawn", Given: withdrawn, When: record(acknowledge(1)), Then: events(acknowledge(1, outgoing.NotSent))},
		{Name: "acknowledged, of none", When: record(acknowledge(1)), Refused: "notification-unknown"},
		{Name: "given up, of none: nothing is waited for", When: notification.Skip{Source: cms, From: 1, To: 2}},
		{Name: "released, of none", When: notification.Release{}},
		{Name: "acknowledged for another case", Given: sent, When: record(elsewhere), Then: events(contradicting)},
		{Name: "from a source that does not speak for the case", Given: sent, When: record(foreign), Refused: feed.CodeForeignSource},
		{Name: "before its turn", Given: sent, When: record(acknowledge(2)), Then: events(held(2))},
		{Name: "with what waited for it", Given: after(sent, held(2)), When: record(reject(1)), Then: events(reject(1), acknowledge(2, outgoing.AlreadyAnswered))},
		{Name: "released", Given: after(sent, held(2), reject(1)), When: notification.Release{FactsMax: 1}, Then: events(acknowledge(2, outgoing.AlreadyAnswered))},
		{
			Name: "given up", Given: after(sent, held(2)), When: notification.Skip{Source: cms, To: 1},
			Then: events(&notification.SequenceSkipped{Source: cms, From: 1, To: 1}, acknowledge(2)),
		},
		{Name: "of an unknown type", Given: sent, When: record(unknown), Then: events(unknown)},
	})
	for _, command := range []notification.Command{record(sent[0]), record(held(1)), record(nil), nil} {
		if got, err := notification.Decide(decider.State(sent...), command); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", command, got, err)
		}
	}
	s := decider.State(after(sent, &notification.SequenceSkipped{Source: cms, From: 1, To: 1}, held(3))...)
	if got := fmt.Sprint(s.Waiting(), s.Due(), s.Next(cms)); got != "[{"+cms+" 2 [3]}] false 2" {
		t.Errorf("waiting: got %s", got)
	}
	if _, fact := notification.OriginOf(sent[0]); fact {
		t.Error("origin: got one of what is no fact")
	}
	if got, fact := notification.OriginOf(acknowledge(3)); !fact || got.Sequence != 3 {
		t.Errorf("origin: got %v, %v", got, fact)
	}
	if err := json.Unmarshal([]byte(`{"type":"notification.sent.v1","fact":{}}`), new(notification.FactHeld)); err == nil {
		t.Error("decoded a held fact that is none")
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		history     []notification.Event
		want        notification.Status
		deliverable bool
	}{
		{nil, notification.StatusMissing, false}, {sent, notification.StatusSent, true}, {delivered, notification.StatusDelivered, false},
		{withdrawn, notification.StatusWithdrawn, false}, {acknowledged, notification.StatusAcknowledged, false}, {rejected, notification.StatusRejected, false},
	} {
		if s := decider.State(test.history...); s.Status() != test.want || s.Deliverable() != test.deliverable {
			t.Errorf("after %d events: got %s, deliverable %v, want %s, %v", len(test.history), s.Status(), s.Deliverable(), test.want, test.deliverable)
		}
	}
	s := decider.State(request...)
	content, _ := s.Content().Get()
	if s.Case() != ref || s.FRN() != frn || s.Person() != person || s.Type() != notification.SuppressCase || !s.SentAt().Equal(noon) ||
		content.Fields["ground"] != "colleague" || s.Answer() != "" {
		t.Errorf("got %+v, want what was sent", s)
	}
}

// TestWhateverIsAsked: a notification is sent once and delivered once; nothing is withdrawn that went out; and
// of a request for suppression there is one answer.
func TestWhateverIsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := notification.Initial(), notification.Initial()
		counts := map[string]int{}
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			c := rapid.SampledFrom([]outgoing.Case{standing, closed, suppressed, moved}).Draw(t, "case")
			sequence := int64(rapid.IntRange(1, 4).Draw(t, "sequence"))
			command := rapid.SampledFrom([]notification.Command{
				notification.Send{Case: ref, Standing: c, FRN: frn, Person: person, Type: notification.SuppressCase, Fields: map[string]string{"ground": "other"}, At: noon},
				notification.Check{Standing: c, At: noon}, notification.NoteDelivered{At: noon},
				notification.AnswerSuppression{Answer: notification.Executed, At: noon}, notification.AnswerSuppression{Answer: notification.Declined, At: noon},
				record(acknowledge(sequence)), record(reject(sequence + 10)),
			}).Draw(t, "command")
			decided, err := decider.Check(state, same, command)
			if err != nil {
				continue
			}
			for _, event := range decided {
				if _, withdrawn := event.(*notification.Withdrawn); withdrawn && state.Status() != notification.StatusSent {
					t.Fatalf("withdrawn when %s", state.Status())
				}
				counts[fmt.Sprintf("%T", event)]++
				state, same = notification.Evolve(state, event), notification.Evolve(same, event)
			}
		}
		for _, event := range []notification.Event{
			new(notification.Sent), new(notification.Delivered), new(notification.Withdrawn), new(notification.SuppressionAnswered),
		} {
			if got := counts[fmt.Sprintf("%T", event)]; got > 1 {
				t.Fatalf("%T: got %d, want at most one", event, got)
			}
		}
	})
}
