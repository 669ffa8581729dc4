package outgoing_test

import (
	"errors"
	"testing"

	"casesync/domain"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/outgoing"
)

func TestBars(t *testing.T) {
	t.Parallel()
	open := outgoing.Case{FRN: "123456", Converted: true, Open: true}
	with := func(change func(*outgoing.Case)) outgoing.Case {
		c := open
		change(&c)
		return c
	}
	for _, test := range []struct {
		name     string
		standing outgoing.Case
		onClosed bool
		want     outgoing.Cause
		code     string // of what is told
	}{
		{"open", open, false, "", ""},
		{"unknown", outgoing.Case{}, true, outgoing.CaseUnknown, "case-unknown"},
		{"suppressed", with(func(c *outgoing.Case) { c.Suppressed = true }), true, outgoing.CaseSuppressed, "case-unknown"},
		{"with another business", with(func(c *outgoing.Case) { c.FRN = "7654321" }), true, outgoing.CaseTransferred, "case-unknown"},
		{"erased", with(func(c *outgoing.Case) { c.Open, c.Erased = false, true }), true, outgoing.CaseErased, "case-data-erased"},
		{"erased, and with another business", with(func(c *outgoing.Case) { c.FRN, c.Erased = "7654321", true }), true, outgoing.CaseTransferred, "case-unknown"},
		{"erased, and suppressed", with(func(c *outgoing.Case) { c.Suppressed, c.Erased = true, true }), true, outgoing.CaseSuppressed, "case-unknown"},
		{"closed", with(func(c *outgoing.Case) { c.Open = false }), false, outgoing.CaseClosed, "case-closed"},
		{"closed, and that is no matter", with(func(c *outgoing.Case) { c.Open = false }), true, "", ""},
		{"closed, and suppressed", with(func(c *outgoing.Case) { c.Open, c.Suppressed = false, true }), false, outgoing.CaseSuppressed, "case-unknown"},
	} {
		got := test.standing.Bars("123456", test.onClosed)
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		var refusal *domain.Refusal
		if got != "" && (!errors.As(got.Refusal(), &refusal) || refusal.Code != test.code) {
			t.Errorf("%s: told %v, want code %s", test.name, got.Refusal(), test.code)
		}
	}
}

// TestHiddenCasesAnswerAlike: the words, too, are the same as for a case that does not exist (requirement 47).
func TestHiddenCasesAnswerAlike(t *testing.T) {
	t.Parallel()
	want := outgoing.CaseUnknown.Refusal().Error()
	for _, cause := range []outgoing.Cause{outgoing.CaseSuppressed, outgoing.CaseTransferred} {
		if got := cause.Refusal().Error(); got != want {
			t.Errorf("%s: got %q, want %q", cause, got, want)
		}
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	sealed := outgoing.Seal("1", "x")
	if text, open := sealed.Get(); !open || text != "x" || sealed.Subject() != "casefile-1" {
		t.Errorf("got %v for %s, want it for the case alone", text, sealed.Subject())
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	origin := feed.Origin{Source: "https://cms.example"}
	state := casefile.Initial()
	if got := outgoing.Standing(state); got != (outgoing.Case{}) {
		t.Errorf("of no case: got %+v", got)
	}
	for _, step := range []struct {
		event casefile.Event
		want  outgoing.Case
	}{
		{&casefile.Converted{Origin: origin, FRN: "123456"}, outgoing.Case{FRN: "123456", Converted: true, Open: true}},
		{&casefile.Suppressed{Origin: origin}, outgoing.Case{FRN: "123456", Converted: true, Open: true, Suppressed: true}},
		{&casefile.Unsuppressed{Origin: origin}, outgoing.Case{FRN: "123456", Converted: true, Open: true}},
		{&casefile.SuppressionExecuted{}, outgoing.Case{FRN: "123456", Converted: true, Open: true, Suppressed: true}},
		{&casefile.SuppressionReversed{}, outgoing.Case{FRN: "123456", Converted: true, Open: true}},
		{&casefile.Transferred{Origin: origin, FRN: "7654321"}, outgoing.Case{FRN: "7654321", Converted: true, Open: true}},
		{&casefile.Closed{Origin: origin, Outcome: "change"}, outgoing.Case{FRN: "7654321", Converted: true}},
		{&casefile.DataErased{Day: 1}, outgoing.Case{FRN: "7654321", Converted: true, Erased: true}},
	} {
		state = casefile.Evolve(state, step.event)
		if got := outgoing.Standing(state); got != step.want {
			t.Errorf("after %T: got %+v, want %+v", step.event, got, step.want)
		}
	}
}
