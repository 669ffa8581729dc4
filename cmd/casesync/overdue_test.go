package main

import (
	"testing"
	"time"

	"casesync/adapters/demo"
)

// A case becomes overdue at midnight in London, in winter and in summer time, in lists, filters, facets and on the
// dashboard, and nothing is recorded for it (requirement 3).
func TestOverdueAtMidnightInLondon(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		london, err := time.LoadLocation("Europe/London")
		if err != nil {
			t.Fatal(err)
		}
		winter := time.Date(2028, 1, 14, 23, 59, 50, 0, london)
		summer := time.Date(2028, 7, 14, 23, 59, 50, 0, london) // 22:59:50 in UTC
		clock := &clock{}
		o := w.open(clock, "--sweep-every", "1h")
		o.publish([]map[string]any{converted("DUE-WINTER"), converted("DUE-SUMMER"), converted("DUE-NEVER")})
		o.publish([]map[string]any{actionDue("DUE-WINTER", winter), actionDue("DUE-SUMMER", summer)})
		w.caughtUp()
		overdue := 0
		for _, midnight := range []time.Time{winter, summer} {
			ref := map[time.Month]string{time.January: "DUE-WINTER", time.July: "DUE-SUMMER"}[midnight.Month()]
			clock.move(midnight.Sub(clock.now()))
			head := w.head()
			o.overdueIs(ref, false, overdue)
			clock.move(15 * time.Second)
			overdue++
			o.overdueIs(ref, true, overdue)
			if now := w.head(); now != head {
				t.Errorf("the log went on from %v to %v", head, now)
			}
		}
	})
}

func actionDue(ref string, day time.Time) map[string]any {
	return fact("cms.case.action-requested.v1", ref, 2, map[string]any{
		"actionId": "a1", "kind": "file", "description": "Send the file", "dueDate": day.Format(time.DateOnly),
	})
}

// overdueIs fails unless a case is overdue, or not, wherever it is shown, and so many are altogether.
func (o *office) overdueIs(ref string, want bool, total int) {
	t := o.api.t
	t.Helper()
	const who = "caseworker"
	business := "business=" + demo.FRN(1)
	if got := o.object(who, "/api/v1/cases/"+ref)["overdue"]; got != want {
		t.Errorf("%s: overdue is %v, want %v", ref, got, want)
	}
	for _, filter := range []bool{true, false} {
		list := o.object(who, "/api/v1/cases?"+business+"&overdue="+map[bool]string{true: "true", false: "false"}[filter])
		listed := false
		for _, item := range list["items"].([]any) {
			item := item.(map[string]any)
			listed = listed || item["reference"] == ref
			if item["reference"] == ref && item["overdue"] != want {
				t.Errorf("list: %s is overdue: %v, want %v", ref, item["overdue"], want)
			}
		}
		if listed != (filter == want) {
			t.Errorf("list with overdue=%v: %s is in it: %v, want %v", filter, ref, listed, filter == want)
		}
	}
	if got := figure(o.object(who, "/api/v1/dashboard?"+business), "overdue"); got != float64(total) {
		t.Errorf("dashboard: %v are overdue, want %d", got, total)
	}
	counted := 0.0
	list := o.object(who, "/api/v1/cases?"+business+"&overdue=true&facets=stage")
	for _, facet := range list["facets"].(map[string]any)["stage"].([]any) {
		counted += facet.(map[string]any)["count"].(float64)
	}
	if counted != float64(total) {
		t.Errorf("facets: %v are overdue, want %d: %v", counted, total, list["facets"])
	}
}
