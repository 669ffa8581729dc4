package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/identity"
	"casesync/domain/access"
)

// feed hands in some cases that differ in everything that lists filter by:
//
//	C1 open, priority, overdue, Credit card, investigation, represented
//	C2 open, due tomorrow, Loan, converted
//	C3 closed, change, Credit card
//	C4 closed, no-change, Loan
//	C5 open, of another business
//	C6 open, suppressed
func feed(f *fixture) {
	f.event(frnA, "business.updated", data{"frn": frnA, "name": "Specimen Bank", "group": "Specimen Group"})
	f.event(frnB, "business.updated", data{"frn": frnB, "name": "Sample Insurance"})
	f.event("C1", "case.converted", converted(frnA, data{"representative": data{"name": "Sample Claims Ltd"}}))
	f.event("C1", "case.stage-changed", data{"stage": "investigation"})
	f.event("C1", "case.priority-changed", data{"priority": true, "reason": "medical"})
	f.event("C1", "case.action-requested", data{"actionId": "A1", "kind": "file-request", "description": "Send the file.", "dueDate": "2026-06-09"})
	f.event("C1", "case.document-published", data{
		"documentId": "D1", "kind": "view", "title": "The view", "mediaType": "application/pdf", "size": 10,
		"sha256": strings.Repeat("ab", 32), "url": "https://cms.example/d/1", "publishedAt": "2026-06-02T10:00:00Z",
	})
	f.event("C1", "case.document-published", data{
		"documentId": "D2", "kind": "statement", "title": "In confidence", "mediaType": "application/pdf", "size": 11,
		"sha256": strings.Repeat("cd", 32), "url": "https://cms.example/d/2", "publishedAt": "2026-06-03T10:00:00Z", "confidential": true,
	})
	f.event("C2", "case.converted", converted(frnA, data{
		"product": product("Loan"), "issue": "Fees", "convertedAt": "2026-05-01T09:00:00Z", "businessReference": "LN/7",
		"consumer": data{"name": "Zoë Müller"},
	}))
	f.event("C2", "case.action-requested", data{"actionId": "A1", "kind": "reply", "description": "Reply.", "dueDate": "2026-06-11"})
	f.event("C3", "case.converted", converted(frnA, data{"convertedAt": "2026-01-05T09:00:00Z"}))
	f.event("C3", "case.closed", data{"outcome": "change", "closedAt": "2026-03-31T22:59:00Z"})
	f.event("C4", "case.converted", converted(frnA, data{"product": product("Loan"), "convertedAt": "2026-01-06T09:00:00Z"}))
	f.event("C4", "case.closed", data{"outcome": "no-change", "closedAt": "2026-04-01T09:00:00Z"})
	f.event("C5", "case.converted", converted(frnB, nil))
	f.event("C6", "case.converted", converted(frnA, data{"consumer": data{"name": "Hidden Person"}}))
	f.event("C6", "case.suppressed", data{"reason": "asked by the consumer"})
}

func TestCaseFilters(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		for _, test := range []struct{ query, want string }{
			{"sort=reference", "C1 C2 C3 C4"},
			{"", "C1 C2 C3 C4"}, // open ones by due date, then those without
			{"status=open", "C1 C2"},
			{"status=closed", "C4 C3"},
			{"sort=-reference", "C4 C3 C2 C1"},
			{"sort=product,-reference", "C3 C1 C4 C2"},
			{"business=" + frnA + "&sort=reference", "C1 C2 C3 C4"},
			{"business=" + frnB, ""},
			{"not_business=" + frnA, ""},
			{"stage=investigation", "C1"},
			{"stage=investigation&stage=converted&status=open", "C1 C2"},
			{"not_stage=investigation&status=open", "C2"},
			{"product=Loan&sort=reference", "C2 C4"},
			{"not_product=Loan&sort=reference", "C1 C3"},
			{"issue=Fees", "C2"},
			{"not_issue=Fees&status=open", "C1"},
			{"outcome=change&outcome=no-change&sort=reference", "C3 C4"},
			{"not_outcome=change&status=closed", "C4"},
			{"allocatedTo=none&sort=reference", "C1 C2 C3 C4"},
			{"allocatedTo=me", ""},
			{"priority=true", "C1"},
			{"priority=false&sort=reference", "C2 C3 C4"},
			{"actionNeeded=true", "C1 C2"},
			{"overdue=true", "C1"},
			{"overdue=false&status=open", "C2"},
			{"failedUpload=true", ""},
			{"convertedFrom=2026-05-01&convertedTo=2026-05-01", "C2"},
			{"closedFrom=2026-03-31&closedTo=2026-03-31", "C3"}, // 23:59 in London
			{"dueFrom=2026-06-10", "C2"},
			{"dueTo=2026-06-10", "C1"},
			{"q=C1", "C1"},
			{"q=specimen&sort=reference", "C1 C3 C4"},
			{"q=SPEC&sort=reference", "C1 C3 C4"},
			{"q=muller+zoe", "C2"},
			{"q=sample", "C1"}, // the representative
			{"q=LN/7", "C2"},   // the business's reference
			{"q=hidden", ""},   // suppressed
			{"q=nobody", ""},
		} {
			got := f.get(access.Caseworker, "/api/v1/cases?"+test.query)
			if refs := got.refs(); refs != test.want {
				t.Errorf("%s: got %q, want %q", test.query, refs, test.want)
			}
			if total := got.text("total"); total != text(len(strings.Fields(test.want))) || got.text("totalIsExact") != "true" {
				t.Errorf("%s: got total %s, want %d", test.query, total, len(strings.Fields(test.want)))
			}
		}
	})
}

func TestCaseRows(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		page := f.get(access.Supervisor, "/api/v1/cases?priority=true").want(http.StatusOK)
		for path, want := range map[string]string{
			"reference": "C1", "business": frnA, "businessReference": "SB/42", "status": "open", "stage": "investigation",
			"priority": "true", "priorityReason": "medical", "represented": "true", "convertedAt": "2026-06-01T09:00:00Z",
			"actionNeeded": "true", "actionsOpen": "1", "dueDate": "2026-06-09", "overdue": "true", "suppressed": "",
		} {
			if got := page.text("items", 0, path); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		if got := page.text("items", 0, "consumer", "name"); got != "Alex Specimen" {
			t.Errorf("consumer: got %q, want Alex Specimen", got)
		}
		details := f.get(access.Caseworker, "/api/v1/cases/C1").want(http.StatusOK)
		if got := details.text("actions", 0, "description"); got != "Send the file." {
			t.Errorf("action: got %q, want its description", got)
		}
		if got := details.header.Get("Casesync-Position"); got != details.text("asOf", "position") || got == "" {
			t.Errorf("position: header %q, body %q", got, details.text("asOf", "position"))
		}
		documents := f.get(access.Caseworker, "/api/v1/cases/C1/documents").want(http.StatusOK)
		if got := documents.text("items", 0, "title"); got != "The view" || documents.at("items", 1) != nil {
			t.Errorf("documents: got %s, want The view alone", documents.body)
		}
		timeline := f.get(access.Caseworker, "/api/v1/cases/C1/timeline").want(http.StatusOK)
		for i, kind := range []string{"converted", "stage-changed", "priority-changed", "action-requested", "document-published"} {
			if got := timeline.text("items", i, "kind"); got != kind {
				t.Errorf("timeline %d: got %q, want %q", i, got, kind)
			}
		}
		if strings.Contains(string(timeline.body), "In confidence") || strings.Contains(string(timeline.body), "cms.example/d/") {
			t.Errorf("timeline tells what is given in confidence, or an address: %s", timeline.body)
		}
		if got := timeline.text("items", 3, "text"); got != "Send the file." {
			t.Errorf("timeline: got %q, want the action's description", got)
		}
	})
}

func TestPagesAndCursors(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		var want []string
		for i := range 25 {
			ref := "P" + text(100+i)
			want = append(want, ref)
			f.event(ref, "case.converted", converted(frnA, data{"product": product([]string{"Loan", "Mortgage", "Card"}[i%3])}))
		}
		seen := map[string]int{}
		cursor, pages := "", 0
		for {
			page := f.get(access.Caseworker, "/api/v1/cases?limit=10&sort=-product,reference"+cursor)
			for ref := range strings.FieldsSeq(page.refs()) {
				seen[ref]++
			}
			pages++
			if page.at("next") == nil {
				break
			}
			cursor = "&cursor=" + page.text("next")
		}
		if len(seen) != len(want) || pages != 3 {
			t.Errorf("got %d cases on %d pages, want %d on 3", len(seen), pages, len(want))
		}
		for _, ref := range want {
			if seen[ref] != 1 {
				t.Errorf("%s: seen %d times, want once", ref, seen[ref])
			}
		}
		good := strings.TrimPrefix(cursor, "&cursor=")
		flipped := []byte(good)
		flipped[20] ^= 1
		for name, test := range map[string]struct{ query, code string }{
			"tampered":      {"limit=10&sort=-product,reference&cursor=" + string(flipped), "cursor-invalid"},
			"cut":           {"limit=10&sort=-product,reference&cursor=" + good[:30], "cursor-invalid"},
			"invented":      {"cursor=abc", "cursor-invalid"},
			"empty":         {"cursor=", ""},
			"another sort":  {"sort=reference&cursor=" + good, "cursor-mismatch"},
			"other filters": {"sort=-product,reference&status=open&cursor=" + good, "cursor-mismatch"},
			"another limit": {"limit=20&sort=-product,reference&cursor=" + good, ""},
			"another order": {"cursor=" + good + "&sort=-product,reference", ""},
		} {
			got := f.get(access.Caseworker, "/api/v1/cases?"+test.query)
			if code := got.text("code"); code != test.code {
				t.Errorf("%s: got %d %q, want %q", name, got.status, code, test.code)
			}
		}
		// A colleague may follow the link, but sees what he may see.
		stranger := f.issue(identity.Spec{Businesses: map[string][]access.Role{frnB: {access.Caseworker}}})
		got := f.do(http.MethodGet, "/api/v1/cases?sort=-product,reference&cursor="+good, stranger, "")
		if refs := got.refs(); refs != "" {
			t.Errorf("a stranger's page: got %q, want nothing", refs)
		}
	})
}

func TestFacets(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		for _, role := range []access.Role{access.Caseworker, access.Auditor} {
			got := f.get(role, "/api/v1/cases?stage=investigation&facets=stage,product&business="+frnA).want(http.StatusOK)
			stages := map[string]string{}
			for i := range 10 {
				if value := got.at("facets", "stage", i); value != nil {
					stages[got.text("facets", "stage", i, "value")] = got.text("facets", "stage", i, "count")
				}
			}
			// Its own filter is ignored, and the suppressed case is not counted, whoever asks.
			if stages["investigation"] != "1" || stages["converted"] != "3" || len(stages) != 2 {
				t.Errorf("%s: stages: got %v, want investigation 1, converted 3", role, stages)
			}
			if got.text("facets", "product", 0, "value") != "Credit card" || got.at("facets", "product", 1) != nil {
				t.Errorf("%s: products: got %v, want Credit card alone", role, got.at("facets", "product"))
			}
			if got.text("facetsAreExact") != "true" {
				t.Errorf("%s: facetsAreExact: got %v, want true", role, got.at("facetsAreExact"))
			}
		}
	})
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), nil)
	for path, want := range map[string]struct{ code, detail string }{
		"/api/v1/cases?colour=red":                              {"unknown-parameter", `"colour"`},
		"/api/v1/cases?Stage=x":                                 {"unknown-parameter", "actionNeeded"},
		"/api/v1/cases?sort=colour":                             {"invalid-parameter", "convertedAt"},
		"/api/v1/cases?sort=stage,product,issue":                {"invalid-parameter", "at most 2"},
		"/api/v1/cases?sort=stage,-stage":                       {"invalid-parameter", "twice"},
		"/api/v1/cases?sort=":                                   {"invalid-parameter", "sort key"},
		"/api/v1/cases?limit=9":                                 {"invalid-parameter", "10 to 100"},
		"/api/v1/cases?limit=101":                               {"invalid-parameter", "10 to 100"},
		"/api/v1/cases?limit=ten":                               {"invalid-parameter", "10 to 100"},
		"/api/v1/cases?limit=10&limit=20":                       {"invalid-parameter", "once"},
		"/api/v1/cases?status=shut":                             {"invalid-parameter", "open, closed"},
		"/api/v1/cases?priority=yes":                            {"invalid-parameter", "true nor false"},
		"/api/v1/cases?business=12":                             {"invalid-parameter", "FRN"},
		"/api/v1/cases?outcome=won":                             {"invalid-parameter", "no-change"},
		"/api/v1/cases?dueFrom=2026-02-30":                      {"invalid-parameter", "calendar day"},
		"/api/v1/cases?dueFrom=1899-12-31":                      {"invalid-parameter", "1900"},
		"/api/v1/cases?dueFrom=2026-02-02&dueTo=2026-02-01":     {"invalid-parameter", "before"},
		"/api/v1/cases?facets=colour":                           {"invalid-parameter", "allocatedTo"},
		"/api/v1/cases?q=%21%21":                                {"invalid-parameter", "letter"},
		"/api/v1/cases?stage=%ff":                               {"invalid-parameter", "UTF-8"},
		"/api/v1/cases?stage=a%00b":                             {"invalid-parameter", "NUL"},
		"/api/v1/cases?q=%zz":                                   {"bad-request", "escape"},
		"/api/v1/cases?stage=" + strings.Repeat("x", 201):       {"invalid-parameter", "200"},
		"/api/v1/cases?" + strings.Repeat("stage=x&", 101):      {"invalid-parameter", "100"},
		"/api/v1/cases?q=" + strings.Repeat("x", 17<<10):        {"url-too-long", ""},
		"/api/v1/cases/export?format=pdf":                       {"invalid-parameter", "csv, xlsx"},
		"/api/v1/cases/export?cursor=x":                         {"unknown-parameter", "format"},
		"/api/v1/cases/C1?x=1":                                  {"unknown-parameter", "none"},
		"/api/v1/uphold-rates?groupBy=colour":                   {"invalid-parameter", "half-year"},
		"/api/v1/uphold-rates?definition=mine":                  {"invalid-parameter", "fos-2023"},
		"/api/v1/uphold-rates?basis=guess":                      {"invalid-parameter", "recorded"},
		"/api/v1/uphold-rates?asAt=yesterday":                   {"invalid-parameter", "instant"},
		"/api/v1/uphold-rates?from=2026-02-02&to=2026-02-01":    {"invalid-parameter", "before"},
		"/api/v1/businesses?limit=0":                            {"invalid-parameter", "1 to 500"},
		"/api/v1/events?since=1":                                {"unknown-parameter", "since"},
		"/api/v1/nothing":                                       {"not-found", ""},
		"/nothing":                                              {"not-found", ""},
		"/api/v1/dashboard?business=" + frnA + "&business=0x11": {"invalid-parameter", "FRN"},
	} {
		got := f.do(http.MethodGet, path, f.as(access.Caseworker), "")
		if got.text("code") != want.code || !strings.Contains(got.text("detail"), want.detail) {
			t.Errorf("%.60s: got %d %s, want %s with %q", path, got.status, got.body, want.code, want.detail)
		}
		if media := got.header.Get("Content-Type"); media != "application/problem+json" {
			t.Errorf("%.60s: got Content-Type %q, want application/problem+json", path, media)
		}
		if status := got.text("status"); status != text(got.status) {
			t.Errorf("%.60s: got status %s in the body of a %d", path, status, got.status)
		}
	}
	if got := f.do(http.MethodPut, "/api/v1/cases", f.as(access.Caseworker), ""); got.status != http.StatusMethodNotAllowed || got.text("code") != "method-not-allowed" {
		t.Errorf("PUT: got %d %s", got.status, got.body)
	}
}
