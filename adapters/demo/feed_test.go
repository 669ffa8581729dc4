package demo

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *Register {
	t.Helper()
	r, err := Open()
	if err != nil {
		t.Fatalf("open the register: %v", err)
	}
	return r
}

func TestFeedIsTheWholeRegister(t *testing.T) {
	t.Parallel()
	businesses, cases := map[string]bool{}, map[string][]Event{}
	last := time.Time{}
	for e := range open(t).Feed(Options{Seed: 1, Now: now}) {
		if e.Time.Before(last) {
			t.Fatalf("event %s is of %v, want none before %v", e.ID, e.Time, last)
		}
		last = e.Time
		if e.Type == "cms.business.updated.v1" {
			businesses[e.Subject] = true
		} else {
			cases[e.Subject] = append(cases[e.Subject], e)
		}
	}
	if len(businesses) != 491 || len(cases) != 3186 {
		t.Errorf("got %d businesses and %d cases, want 491 and 3186", len(businesses), len(cases))
	}
	if last.After(now) {
		t.Errorf("the last event is of %v, want none after %v", last, now)
	}
	for ref, events := range cases {
		checkCase(t, ref, events, businesses)
	}
}

func checkCase(t *testing.T, ref string, events []Event, businesses map[string]bool) {
	t.Helper()
	if len(events) < caseEventsMin || len(events) > caseEventsMax {
		t.Errorf("%s: got %d events, want %d to %d", ref, len(events), caseEventsMin, caseEventsMax)
	}
	converted, ok := events[0].Data.(convertedData)
	if !ok || !businesses[converted.FRN] {
		t.Errorf("%s: begins with %+v, want a conversion of a known business", ref, events[0])
	}
	for i, e := range events {
		sequence := strconv.Itoa(i + 1)
		if e.Sequence != sequence || e.ID != ref+"-"+sequence {
			t.Errorf("%s: event %d has id %s and sequence %s, want sequence %s", ref, i, e.ID, e.Sequence, sequence)
		}
	}
}

func TestFeedIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	r := open(t)
	var first, second, other bytes.Buffer
	for _, c := range []struct {
		to   *bytes.Buffer
		seed uint64
	}{{&first, 1}, {&second, 1}, {&other, 2}} {
		if _, err := Write(c.to, r.Feed(Options{Seed: c.seed, Now: now})); err != nil {
			t.Fatalf("write feed: %v", err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two feeds of one seed differ, want the same bytes")
	}
	if bytes.Equal(first.Bytes(), other.Bytes()) {
		t.Error("feeds of two seeds are the same, want others")
	}
}

func TestNewestComplaintIsAboutAWeekOld(t *testing.T) {
	t.Parallel()
	r := open(t)
	for days := range 14 {
		now := now.AddDate(0, 0, days)
		age := now.Sub(r.last.Add(r.shift(now)))
		if age < 5*day || age >= 13*day {
			t.Errorf("at %v the newest complaint is %v old, want 5 to 12 days", now, age)
		}
	}
}

func TestFeedHasEverything(t *testing.T) {
	t.Parallel()
	kinds, stages, outcomes := map[string]int{}, map[string]int{}, map[string]int{}
	var representatives, small, running, total int
	for e := range open(t).Feed(Options{Seed: 1, Now: now}) {
		kinds[e.Type]++
		switch d := e.Data.(type) {
		case convertedData:
			total++
			running++
			if d.Representative != nil {
				representatives++
			}
			if d.SmallBusiness {
				small++
			}
		case stageData:
			stages[d.Stage]++
		case closedData:
			outcomes[d.Outcome]++
			running--
		case reopenedData:
			running++
		}
	}
	for _, kind := range []string{
		"cms.case.priority-changed.v1", "cms.case.action-extended.v1", "cms.case.action-closed.v1", "cms.case.details-changed.v1",
		"cms.case.recategorised.v1", "cms.case.transferred.v1", "cms.case.document-published.v1", "cms.case.reopened.v1", "cms.case.suppressed.v1",
	} {
		if kinds[kind] < 5 {
			t.Errorf("got %d events %s, want some", kinds[kind], kind)
		}
	}
	for _, outcome := range []string{"change", "no-change", "proactively-settled", "dismissed", "out-of-jurisdiction", "withdrawn", "abandoned"} {
		if outcomes[outcome] == 0 {
			t.Errorf("got no case closed with %s, want some", outcome)
		}
	}
	rate := float64(outcomes["change"]) / float64(outcomes["change"]+outcomes["no-change"])
	if rate < 0.25 || rate > 0.40 {
		t.Errorf("got an uphold rate of %.2f, want about a third", rate)
	}
	if share := float64(running) / float64(total); share < 0.2 || share > 0.8 {
		t.Errorf("got %.2f of the cases open, want a fair share", share)
	}
	if representatives == 0 || small == 0 || stages["on-hold"] == 0 {
		t.Errorf("got %d represented, %d small businesses, %d holds, want some of each", representatives, small, stages["on-hold"])
	}
}

// TestNoRealFirmIsNamed: no name of the register's companies gets into the feed.
func TestNoRealFirmIsNamed(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for i, company := range open(t).companies {
		name := businessName(i, company)
		if !strings.HasSuffix(name, " (invented)") || names[name] {
			t.Errorf("business %d is named %q, want a name of its own that says it is invented", i, name)
		}
		names[name] = true
	}
	var feed bytes.Buffer
	if _, err := Write(&feed, open(t).Feed(Options{Seed: 1, Now: now})); err != nil {
		t.Fatalf("write feed: %v", err)
	}
	for _, firm := range []string{"Equifax", "Wells Fargo", "Bank of America", "Experian", "Citibank", "Ocwen", "Capital One"} {
		if bytes.Contains(feed.Bytes(), []byte(firm)) {
			t.Errorf("the feed names %s, want no real firm", firm)
		}
	}
	if frn := regexp.MustCompile(`^[0-9]{6,7}$`); !frn.MatchString(FRN(0)) || !frn.MatchString(FRN(490)) {
		t.Errorf("got FRNs %s and %s, want 6 or 7 digits", FRN(0), FRN(490))
	}
}

func TestScaleIsExactAndNeverRepeats(t *testing.T) {
	t.Parallel()
	const want = 120_000
	ids := make(map[string]bool, want)
	for e := range open(t).Scale(Options{Seed: 1, Now: now}, want) {
		if ids[e.ID+e.Source] {
			t.Fatalf("event id %s occurs twice", e.ID)
		}
		ids[e.ID+e.Source] = true
	}
	if len(ids) != want {
		t.Errorf("got %d events, want %d", len(ids), want)
	}
	cases := map[string]int{}
	for e := range open(t).Scale(Options{Seed: 1, Now: now, Brief: true}, 4000) {
		switch cases[e.Subject]++; {
		case e.Type == "cms.business.updated.v1":
		case cases[e.Subject] == 1 && e.Type != CaseConverted, cases[e.Subject] == 2 && e.Type != CaseClosed, cases[e.Subject] > 2:
			t.Fatalf("event %d of brief case %s is %s, want a conversion, then perhaps a closing", cases[e.Subject], e.Subject, e.Type)
		}
	}
}
