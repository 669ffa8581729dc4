package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

func TestDashboard(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		got := f.get(access.Caseworker, "/api/v1/dashboard").want(http.StatusOK)
		for name, want := range map[string]string{
			"total": "3", "listed": "2", "new7Days": "0", "new28Days": "2", "priority": "1", "actionNeeded": "2",
			"dueIn7Days": "1", "overdue": "1", "unallocated": "2", "allocatedToMe": "0", "failedUploads": "0",
		} {
			if have := got.text("open", name); have != want {
				t.Errorf("%s: got %s, want %s", name, have, want)
			}
		}
		if from, to := got.text("upholdRate", "from"), got.text("upholdRate", "to"); from != "2025-06-01" || to != "2026-05-31" {
			t.Errorf("upholdRate: got %s to %s, want 2025-06-01 to 2026-05-31", from, to)
		}
		if rate := got.text("upholdRate", "rate"); rate != "0.5" {
			t.Errorf("upholdRate: got %s, want 0.5", rate)
		}
		// A business that the caller may not see counts as one that does not exist.
		if have := f.get(access.Caseworker, "/api/v1/dashboard?business="+frnB).text("open", "total"); have != "0" {
			t.Errorf("foreign business: got total %s, want 0", have)
		}
		if have := f.get(access.Auditor, "/api/v1/dashboard?business="+frnB).text("open", "total"); have != "1" {
			t.Errorf("auditor: got total %s, want 1", have)
		}
	})
}

func TestUpholdRates(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		base := "/api/v1/uphold-rates?from=2026-01-01&to=2026-06-30"
		all := f.get(access.Caseworker, base).want(http.StatusOK)
		for name, want := range map[string]string{"change": "1", "noChange": "1", "resolved": "2", "newCases": "5", "rate": "0.5"} {
			if have := all.text("rows", 0, name); have != want {
				t.Errorf("%s: got %s, want %s", name, have, want)
			}
		}
		if all.text("definition") != "fos-2023" || all.text("from") != "2026-01-01" || all.at("rows", 1) != nil {
			t.Errorf("got %s", all.body)
		}
		if _, grouped := all.at("rows", 0).(map[string]any)["product"]; grouped {
			t.Errorf("a row without groups has keys: %s", all.body)
		}
		byQuarter := f.get(access.Caseworker, base+"&groupBy=quarter,product").want(http.StatusOK)
		found := map[string]string{}
		for i := 0; byQuarter.at("rows", i) != nil; i++ {
			found[byQuarter.text("rows", i, "quarter")+" "+byQuarter.text("rows", i, "product")] = byQuarter.text("rows", i, "rate")
		}
		if found["2026-Q1 Credit card"] != "1" || found["2026-Q2 Loan"] != "0" {
			t.Errorf("by quarter and product: got %v", found)
		}
		for groupBy, want := range map[string]string{
			"business": frnA, "sector": "Banking and credit", "group": "Cards", "month": "2026-01", "half-year": "2026-H1", "year": "2026",
		} {
			name := map[string]string{"half-year": "halfYear"}[groupBy]
			if name == "" {
				name = groupBy
			}
			if have := f.get(access.Caseworker, base+"&groupBy="+groupBy).text("rows", 0, name); have != want {
				t.Errorf("groupBy %s: got %q, want %q", groupBy, have, want)
			}
		}
		published := f.get(access.Caseworker, base+"&thresholds=published").want(http.StatusOK)
		if published.at("rows", 0, "rate") != nil || published.at("rows", 0, "newCases") != nil || published.text("rows", 0, "newCasesUnder") != "10" {
			t.Errorf("published: got %s, want neither rate nor count", published.body)
		}
		before := f.get(access.Caseworker, base+"&asAt=2020-01-01").want(http.StatusOK)
		if have := before.text("rows", 0, "resolved"); have != "" && have != "0" {
			t.Errorf("as at 2020, recorded: got %s resolved, want none", have)
		}
		source := f.get(access.Caseworker, base+"&asAt=2026-06-01T23:00:00Z&basis=source").want(http.StatusOK)
		if have := source.text("rows", 0, "resolved"); have != "2" {
			t.Errorf("as at the source's June: got %s resolved, want 2", have)
		}
	})
}

func TestBusinesses(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		got := f.get(access.Administrator, "/api/v1/businesses").want(http.StatusOK)
		if got.text("items", 0, "name") != "Specimen Bank" || got.at("items", 1) != nil {
			t.Errorf("administrator: got %s, want Specimen Bank alone", got.body)
		}
		if got := f.get(access.Auditor, "/api/v1/businesses?limit=1"); got.text("items", 0, "frn") != frnA || got.at("next") == nil {
			t.Errorf("auditor: got %s, want a first page of one", got.body)
		} else if next := f.get(access.Auditor, "/api/v1/businesses?limit=1&cursor="+got.text("next")); next.text("items", 0, "frn") != frnB || next.at("next") != nil {
			t.Errorf("auditor: got %s, want the other one, and no more", next.body)
		}
		if got := f.get(access.Operator, "/api/v1/businesses/"+frnB).want(http.StatusOK); got.text("name") != "Sample Insurance" {
			t.Errorf("operator: got %s", got.body)
		}
	})
}

// conditional returns the addresses that the document says may answer 304, for the case C1.
func (f *fixture) conditional() (paths []string) {
	f.t.Helper()
	path := ""
	for line := range strings.Lines(string(f.do(http.MethodGet, "/openapi.yaml", "", "").want(http.StatusOK).body)) {
		switch {
		case strings.HasPrefix(line, "  /"):
			path = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(line), ":"), "{ref}", "C1")
		case strings.TrimSpace(line) == `"304":`:
			paths = append(paths, path)
		}
	}
	return paths
}

func TestConditionalRequests(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		conditional := f.conditional()
		if len(conditional) < 6 {
			t.Errorf("routes with entity tags: got %v, want six or more", conditional)
		}
		tags := map[string]string{}
		for _, path := range conditional {
			first := f.get(access.Caseworker, path).want(http.StatusOK)
			tag := first.header.Get("ETag")
			if len(tag) < 10 || tag[:3] != `W/"` {
				t.Errorf("%s: ETag: got %q, want a weak one", path, tag)
			}
			again := f.get(access.Caseworker, path, "If-None-Match", `"other", `+tag).want(http.StatusNotModified)
			if len(again.body) != 0 || again.header.Get("ETag") != tag || again.header.Get("Casesync-Position") == "" || len(again.header.Values("Cache-Control")) != 1 {
				t.Errorf("%s: 304: got body %q, headers %v", path, again.body, again.header)
			}
			tags[path] = tag
			f.get(access.Caseworker, path, "If-None-Match", `W/"other"`).want(http.StatusOK)
			if other := f.get(access.Supervisor, path).header.Get("ETag"); other == tag {
				t.Errorf("%s: another caller has the same ETag", path)
			}
		}
		tag := f.get(access.Caseworker, "/api/v1/cases").header.Get("ETag")
		one := f.get(access.Caseworker, "/api/v1/cases/C2").header.Get("ETag")
		f.event("C5", "case.stage-changed", data{"stage": "on-hold"}) // of another business
		f.get(access.Caseworker, "/api/v1/cases", "If-None-Match", tag).want(http.StatusNotModified)
		f.event("C1", "case.stage-changed", data{"stage": "on-hold"})
		for _, path := range []string{"/api/v1/cases", "/api/v1/cases/C1", "/api/v1/cases/C1/timeline"} {
			if got := f.get(access.Caseworker, path, "If-None-Match", tags[path]).want(http.StatusOK); got.header.Get("ETag") == tags[path] {
				t.Errorf("%s: the tag is the same after a change", path)
			}
		}
		f.get(access.Caseworker, "/api/v1/cases/C2", "If-None-Match", one).want(http.StatusNotModified)
	})
}
