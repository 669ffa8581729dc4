package demo

import (
	"reflect"
	"strings"
	"testing"

	"casesync/domain/notification"
)

// TestAnswers: given a case and a notification, what the simulated system does.
func TestAnswers(t *testing.T) {
	t.Parallel()
	file := action{"A1", askFile, "2026-11-30"}
	reply := action{"A2", askReply, "2026-11-25"}
	comments := action{"A3", askComments, "2026-12-01"}
	closes := func(id string) fact { return fact{actionClosed, actionClosedData{id, "completed"}} }
	extends := func(id, due string) fact { return fact{actionExtended, actionExtendedData{id, due}} }
	becomes := func(stage string) fact { return fact{stageChanged, stageData{stage}} }
	with := func(pairs ...string) map[string]string {
		fields := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			fields[pairs[i]] = pairs[i+1]
		}
		return fields
	}
	for name, c := range map[string]struct {
		given   standing
		kind    string
		fields  map[string]string
		refused string
		want    []fact
	}{
		"a file":                       {standing{Stage: "file-requested", Actions: []action{reply, file}}, "file-submitted", with("complete", "yes"), "", []fact{closes("A1"), becomes("file-received")}},
		"a file that nobody asked for": {standing{Stage: "investigation"}, "file-submitted", with("complete", "yes"), "", nil},
		"a part of a file":             {standing{Stage: "file-requested", Actions: []action{file}}, "file-submitted", with("complete", "no"), "", nil},
		"more time":                    {standing{Actions: []action{file, reply}}, "more-time-requested", with("until", "2026-12-05"), "", []fact{extends("A2", "2026-12-05")}},
		"more time for one":            {standing{Actions: []action{file, reply}}, "more-time-requested", with("until", "2026-12-05", "actionId", "A1"), "", []fact{extends("A1", "2026-12-05")}},
		"more time for nothing":        {standing{}, "more-time-requested", with("until", "2026-12-05"), "Nothing", nil},
		"more time for another":        {standing{Actions: []action{file}}, "more-time-requested", with("until", "2026-12-05", "actionId", "A9"), "Nothing", nil},
		"less time":                    {standing{Actions: []action{file}}, "more-time-requested", with("until", "2026-11-30"), "It is due on 2026-11-30", nil},
		"as much time as is given":     {standing{Actions: []action{file}}, "more-time-requested", with("until", "2026-12-28"), "", []fact{extends("A1", "2026-12-28")}},
		"too much time":                {standing{Actions: []action{file}}, "more-time-requested", with("until", "2026-12-29"), "More than 28 days", nil},
		"no date":                      {standing{Actions: []action{file}}, "more-time-requested", with("until", "soon"), "The new date is no date", nil},
		"a view accepted":              {standing{Stage: "view-issued", Actions: []action{file, reply}}, "accept-view", nil, "", []fact{closes("A2")}},
		"a view rejected":              {standing{Stage: "view-issued", Actions: []action{reply}}, "disagree-with-view", with("ombudsman", "no"), "", []fact{closes("A2")}},
		"an ombudsman asked for":       {standing{Stage: "view-issued", Actions: []action{reply}}, "disagree-with-view", with("ombudsman", "yes"), "", []fact{closes("A2"), becomes("ombudsman-referral")}},
		"one who has it already":       {standing{Stage: "final-decision"}, "disagree-with-view", with("ombudsman", "yes"), "", nil},
		"comments":                     {standing{Actions: []action{comments, file}}, "provisional-decision-comments", nil, "", []fact{closes("A3")}},
		"what a person has to read":    {standing{Actions: []action{file}}, "general-update", with("message", "…"), "", nil},
		"about a case that is closed":  {standing{Closed: true}, "more-time-requested", with("until", "2026-12-05"), "", nil},
		"a type that is newer":         {standing{Actions: []action{file}}, "something-else", nil, "", nil},
	} {
		got := answerTo(c.given, c.kind, c.fields)
		if !reflect.DeepEqual(got.Then, c.want) || c.refused == "" != (got.Refused == refusal{}) || !strings.HasPrefix(got.Refused.Reason, c.refused) {
			t.Errorf("%s: got %+v, want %+v, refused %q", name, got, c.want, c.refused)
		}
	}
}

// TestAnswersAreToTypesThereAre: what is answered by name is in the catalogue of notifications.
func TestAnswersAreToTypesThereAre(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, kind := range notification.Types().Types {
		known[string(kind.ID)] = true
	}
	for kind := range answers {
		if !known[kind] {
			t.Errorf("%s is no type of notification", kind)
		}
	}
}

// TestStandingFollowsTheFeed: folded over every case of the feed, a standing agrees with what the events say.
func TestStandingFollowsTheFeed(t *testing.T) {
	t.Parallel()
	r, options := open(t), Options{Seed: 1, Now: now}
	open, stages, closed := map[string]map[string]string{}, map[string]string{}, map[string]bool{}
	counts := map[string]int{}
	for e := range r.Feed(options) {
		if e.Type != "cms.business.updated.v1" {
			counts[e.Subject]++
		}
		switch d := e.Data.(type) {
		case convertedData:
			open[e.Subject] = map[string]string{}
		case stageData:
			stages[e.Subject] = d.Stage
		case actionRequestedData:
			open[e.Subject][d.ActionID] = d.DueDate
		case actionExtendedData:
			open[e.Subject][d.ActionID] = d.DueDate
		case actionClosedData:
			delete(open[e.Subject], d.ActionID)
		case closedData:
			closed[e.Subject], open[e.Subject] = true, map[string]string{}
		case reopenedData:
			closed[e.Subject] = false
		}
	}
	for ref := range open {
		var s standing
		events := r.history(options, ref)
		for _, e := range events {
			s.apply(e)
		}
		waiting := map[string]string{}
		for _, a := range s.Actions {
			waiting[a.ID] = a.Due
		}
		if len(events) != counts[ref] || s.Stage != stages[ref] || s.Closed != closed[ref] || !reflect.DeepEqual(waiting, open[ref]) {
			t.Errorf("%s: got %+v of %d events, want stage %s, closed %v, open %v of %d", ref, s, len(events), stages[ref], closed[ref], open[ref], counts[ref])
		}
	}
	for _, ref := range []string{"", "DEMO-", "DEMO-0", "DEMO-000000", "DEMO-1", "DEMO-999999", "DEMO-1-000001", "LIVE-ABC-1", "999001"} {
		if events := r.history(options, ref); events != nil {
			t.Errorf("%q: got %d events, want none", ref, len(events))
		}
	}
}

// TestOpenCases: what is told of the cases of a business agrees with the feed.
func TestOpenCases(t *testing.T) {
	t.Parallel()
	r, options := open(t), Options{Seed: 1, Now: now}
	owner, gone := map[string]string{}, map[string]bool{}
	for e := range r.Feed(options) {
		switch d := e.Data.(type) {
		case convertedData:
			owner[e.Subject] = d.FRN
		case transferredData:
			owner[e.Subject] = d.FRN
		case closedData:
			gone[e.Subject] = true
		case reopenedData:
			gone[e.Subject] = false
		case reasonData:
			owner[e.Subject] = "" // suppressed
		}
	}
	want := 0
	for ref, frn := range owner {
		if frn == FRN(1) && !gone[ref] {
			want++
		}
	}
	cases := r.OpenCases(options, FRN(1))
	if len(cases) != want || want == 0 {
		t.Errorf("got %d open cases, want %d", len(cases), want)
	}
	for _, c := range cases {
		if owner[c.Reference] != FRN(1) || gone[c.Reference] || c.Stage == "" {
			t.Errorf("got %+v, want an open case of the business", c)
		}
	}
}
