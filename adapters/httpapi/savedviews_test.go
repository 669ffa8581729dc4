package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

// TestSavedViews keeps, changes and removes views, which are nobody else's to see (requirement 66).
func TestSavedViews(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		const path = "/api/v1/saved-views"
		list := func(who person) answer { return o.do(http.MethodGet, path, who.token, "").want(http.StatusOK) }
		first := o.asked(http.MethodPost, path, o.wren.token, data{"name": "  Late   ones ", "query": "overdue=true&allocatedTo=none"}).want(http.StatusCreated).text("id")
		second := o.asked(http.MethodPost, path, o.wren.token, data{"name": "Loans", "query": "?product=Loan"[1:]}).want(http.StatusCreated).text("id")
		wantList(t, "names", list(o.wren).values("items", "name"), "Late ones", "Loans")
		wantList(t, "queries", list(o.wren).values("items", "query"), "allocatedTo=none&overdue=true", "product=Loan")
		if got := o.read(o.wren.token, "/api/v1/cases?"+list(o.wren).text("items", 1, "query")+"&sort=reference").refs(); got != "C2 C4" {
			t.Errorf("followed: got %q, want C2 C4", got)
		}
		o.asked(http.MethodPut, path+"/"+first, o.wren.token, data{"name": "Late", "query": "overdue=true"}).want(http.StatusOK)
		wantList(t, "after a change", list(o.wren).values("items", "name"), "Late", "Loans")
		wantList(t, "another person's", list(o.robin).values("items", "name"))
		o.asked(http.MethodPut, path+"/"+first, o.robin.token, data{"name": "Mine", "query": ""}).want(http.StatusNotFound)
		o.asked(http.MethodPut, path+"/nonsense", o.wren.token, data{"name": "Mine", "query": ""}).want(http.StatusNotFound)
		if got := o.do(http.MethodDelete, path+"/"+first, o.robin.token, "").want(http.StatusOK); got.text("status") != "duplicate" {
			t.Errorf("somebody else removes it: got %s, want that nothing was there", got.body)
		}
		o.do(http.MethodDelete, path+"/"+second, o.wren.token, "").want(http.StatusOK)
		wantList(t, "after one was removed", list(o.wren).values("items", "id"), first)
		for query, code := range map[string]string{"cursor=x": "view-parameter-unknown", "%zz": "view-invalid", "q=a%00": "view-invalid", "limit=10": "view-parameter-unknown"} {
			if got := o.asked(http.MethodPost, path, o.wren.token, data{"name": "X", "query": query}).want(http.StatusUnprocessableEntity); got.text("code") != code {
				t.Errorf("%s: got %s, want %s", query, got.body, code)
			}
		}
		for _, body := range []data{{}, {"name": "", "query": ""}, {"name": strings.Repeat("x", 81), "query": ""}, {"name": "a\x01", "query": ""}, {"name": "  ", "query": ""}} {
			o.asked(http.MethodPost, path, o.wren.token, body).want(http.StatusUnprocessableEntity)
		}
		o.do(http.MethodGet, path, o.as(access.Auditor), "").want(http.StatusForbidden)
	})
}

// TestSavedViewsAreBounded: under one key a view is saved once, and nobody saves more than fifty.
func TestSavedViewsAreBounded(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		const path = "/api/v1/saved-views"
		save := func(i int) answer {
			return o.asked(http.MethodPost, path, o.wren.token, data{"name": fmt.Sprint("View ", i), "query": ""}, "Idempotency-Key", fmt.Sprint(i))
		}
		for i := range 50 {
			save(i).want(http.StatusCreated)
		}
		if first := save(0).want(http.StatusCreated).text("id"); first != o.do(http.MethodGet, path, o.wren.token, "").text("items", 0, "id") {
			t.Errorf("the first again: got %s, want the first", first)
		}
		if got := save(50).want(http.StatusConflict); got.text("code") != "views-limit" {
			t.Errorf("the 51st: got %s, want views-limit", got.body)
		}
		if got := o.do(http.MethodGet, path, o.wren.token, "").values("items", "id"); len(got) != 50 {
			t.Errorf("got %d views, want 50", len(got))
		}
	})
}
