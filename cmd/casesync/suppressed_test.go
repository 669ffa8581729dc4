package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
)

// A suppressed case is nowhere to be found by business users, and counted in totals and rates
// (requirements 46, 47, 49).
func TestSuppressedIsCountedAndNeverListed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		frn := demo.FRN(1)
		a, _ := w.serve()
		a.publish(suppressedFeed(frn))
		w.caughtUp()
		const who = "caseworker"

		before := a.object(who, "/api/v1/dashboard")
		if total, listed := figure(before, "total"), figure(before, "listed"); total != 2.0 || listed != 2.0 {
			t.Fatalf("before: total %v, listed %v, want 2 and 2", total, listed)
		}
		changes := a.follow(t, who)
		a.publish([]map[string]any{
			fact("cms.case.suppressed.v1", "SUP-1", 6, map[string]any{}),
			fact("cms.case.suppressed.v1", "SUP-3", 4, map[string]any{}),
			fact("cms.case.stage-changed.v1", "SUP-1", 7, map[string]any{"stage": "investigation"}),
			fact("cms.case.stage-changed.v1", "SUP-2", 2, map[string]any{"stage": "investigation"}),
		})
		w.caughtUp()

		// Absent from list, search, facets, export, detail, timeline, documents.
		for _, path := range []string{
			"/api/v1/cases", "/api/v1/cases?status=closed", "/api/v1/cases?q=SUP-1", "/api/v1/cases?q=Zuleika", "/api/v1/cases?priority=true",
			"/api/v1/cases?actionNeeded=true", "/api/v1/cases?facets=issue&facets=stage", "/api/v1/cases/export?format=csv",
		} {
			status, _, body := a.get(who, path)
			if status != http.StatusOK {
				t.Fatalf("GET %s: %d %s", path, status, body)
			}
			for _, trace := range []string{"SUP-1", "SUP-3", "Zuleika", "secret issue"} {
				if strings.Contains(strings.ReplaceAll(body, url.QueryEscape(path), ""), `"reference":"`+trace) || strings.Contains(body, trace) && !strings.Contains(path, trace) {
					t.Errorf("GET %s as %s mentions %q: %s", path, who, trace, body)
				}
			}
		}
		for _, part := range []string{"", "/timeline", "/documents"} {
			status, _, body := a.get(who, "/api/v1/cases/SUP-1"+part)
			unknown, _, unknownBody := a.get(who, "/api/v1/cases/NOT-1"+part)
			if status != http.StatusNotFound || status != unknown || strings.ReplaceAll(body, "SUP-1", "NOT-1") != unknownBody {
				t.Errorf("SUP-1%s answers %d %s, an unknown case %d %s", part, status, body, unknown, unknownBody)
			}
		}
		// Absent from the stream of events, which goes on with what may be seen.
		for change := range changes {
			if strings.Contains(change, "SUP-1") || strings.Contains(change, "SUP-3") {
				t.Errorf("the events stream mentions a suppressed case: %s", change)
			}
			if strings.Contains(change, "SUP-2") {
				break
			}
		}
		// Counted in totals and rates, in nothing that leads to a list.
		after := a.object(who, "/api/v1/dashboard")
		for name, want := range map[string]float64{"total": 2, "listed": 1, "priority": 0, "actionNeeded": 0, "overdue": 0, "unallocated": 1} {
			if got := figure(after, name); got != want {
				t.Errorf("dashboard %s is %v, want %v", name, got, want)
			}
		}
		rates := a.object(who, "/api/v1/uphold-rates?from=2026-01-01&to=2026-12-31")
		row := rates["rows"].([]any)[0].(map[string]any)
		if row["change"] != 1.0 || row["resolved"] != 1.0 || row["newCases"] != 3.0 {
			t.Errorf("rates are %v, want the suppressed closed case in them", row)
		}
		// Marked for the auditor.
		if seen := a.object("auditor", "/api/v1/cases/SUP-1"); seen["suppressed"] != true {
			t.Errorf("the auditor sees %v, want it marked suppressed", seen)
		}
	})
}

func figure(dashboard map[string]any, name string) any {
	return dashboard["open"].(map[string]any)[name] // a float64
}

// suppressedFeed is of three cases of one business: SUP-1 with everything that could show, SUP-2
// plain, SUP-3 closed in favour of the complainant.
func suppressedFeed(frn string) []map[string]any {
	converted := func(ref, name, issue string) map[string]any {
		return fact("cms.case.converted.v1", ref, 1, map[string]any{
			"frn": frn, "product": map[string]any{"sector": "Banking and payments", "group": "Cards", "product": "Credit cards"},
			"issue": issue, "consumer": map[string]any{"name": name}, "convertedAt": "2026-02-03T10:00:00Z",
		})
	}
	return []map[string]any{
		converted("SUP-1", "Zuleika Exampleton", "secret issue"),
		fact("cms.case.stage-changed.v1", "SUP-1", 2, map[string]any{"stage": "file-requested"}),
		fact("cms.case.priority-changed.v1", "SUP-1", 3, map[string]any{"priority": true, "reason": "medical"}),
		fact("cms.case.action-requested.v1", "SUP-1", 4, map[string]any{"actionId": "a1", "kind": "file", "description": "Send the file", "dueDate": "2026-02-17"}),
		fact("cms.case.document-published.v1", "SUP-1", 5, map[string]any{
			"documentId": "d1", "kind": "view", "title": "The view", "mediaType": "application/pdf", "size": 10,
			"sha256": strings.Repeat("ab", 32), "url": "https://cms.example/d1", "publishedAt": "2026-02-04T10:00:00Z",
		}),
		converted("SUP-2", "Plain Exampleton", "plain issue"),
		converted("SUP-3", "Closed Exampleton", "closed issue"),
		fact("cms.case.stage-changed.v1", "SUP-3", 2, map[string]any{"stage": "final-decision"}),
		fact("cms.case.closed.v1", "SUP-3", 3, map[string]any{"outcome": "change", "closedAt": "2026-03-03T10:00:00Z"}),
	}
}

func fact(kind, subject string, sequence int, data map[string]any) map[string]any {
	return map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("%s-%d", subject, sequence), "source": demo.Source, "type": kind, "subject": subject,
		"time": "2026-03-04T09:00:00Z", "sequence": fmt.Sprint(sequence), "datacontenttype": "application/json", "data": data,
	}
}

// publish posts events as the case management system; every one has to be accepted.
func (a *api) publish(events []map[string]any) {
	a.t.Helper()
	body, err := json.Marshal(events)
	if err != nil {
		a.t.Fatal(err)
	}
	status, _, answer := a.do(http.MethodPost, "cms", "/cms/v1/events", string(body), "Content-Type", "application/cloudevents-batch+json")
	if status != http.StatusAccepted || strings.Count(answer, `"accepted"`) != len(events) {
		a.t.Fatalf("publish: %d %s", status, answer)
	}
}

// follow opens the stream of events and yields its data until the test ends.
func (a *api) follow(t *testing.T, as string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token[as])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET /api/v1/events: %s", response.Status)
	}
	lines := make(chan string, 100)
	go func() {
		defer response.Body.Close()
		defer close(lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			if data, ok := strings.CutPrefix(scanner.Text(), "data:"); ok {
				lines <- data
			}
		}
	}()
	return lines
}
