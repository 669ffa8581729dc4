package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

// ask sends a request for suppression, and returns its id.
func (o *office) ask(token, ref string) string {
	o.t.Helper()
	sent := o.notify(token, "suppress-case", data{"ground": "colleague", "reason": "It concerns a colleague of ours."}, ref)
	wantList(o.t, "request", sent.statuses(), ref+" sent")
	return sent.text("results", 0, "id")
}

// TestOperatorSuppresses: a business asks, an operator reads and executes, and then the case is gone for the
// business, wherever it could show (requirements 46 to 48), until an operator lifts it.
func TestOperatorSuppresses(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		o.notify(o.robin.token, "general-update", data{"message": "x"}, "C1").want(http.StatusOK)
		request := o.ask(o.wren.token, "C1")
		waiting := o.read(o.operator(), "/api/v1/suppressions").want(http.StatusOK)
		wantList(t, "requests", waiting.values("requests", "id"), request)
		if waiting.text("requests", 0, "fields", "reason") != "It concerns a colleague of ours." || waiting.text("requests", 0, "case") != "C1" {
			t.Errorf("got %s, want what was written", waiting.body)
		}
		suppress := data{"case": "C1", "request": request, "reason": "The colleague handles complaints."}
		o.asked(http.MethodPost, "/api/v1/suppressions", o.operator(), data{"case": "C1", "request": request}).want(http.StatusUnprocessableEntity)
		for _, token := range []string{o.super.token, o.admin.token, o.as(access.Auditor), o.as(access.Helpdesk)} {
			o.asked(http.MethodPost, "/api/v1/suppressions", token, suppress).want(http.StatusForbidden)
			o.read(token, "/api/v1/suppressions").want(http.StatusForbidden)
		}
		if got := o.asked(http.MethodPost, "/api/v1/suppressions", o.operator(), suppress).want(http.StatusOK); got.text("status") != "accepted" {
			t.Errorf("got %s, want accepted", got.body)
		}
		if got := o.asked(http.MethodPost, "/api/v1/suppressions", o.operator(), suppress).want(http.StatusOK); got.text("status") != "duplicate" {
			t.Errorf("again: got %s, want duplicate", got.body)
		}
		o.wantGone(t, request)
		hidden := o.read(o.operator(), "/api/v1/suppressions?kind=cases")
		wantList(t, "hidden", hidden.values("cases", "case"), "C1", "C6")
		wantList(t, "by operators", hidden.values("cases", "byOperator"), "true", "false")
		wantList(t, "by the source", hidden.values("cases", "bySource"), "false", "true")
		wantList(t, "requests after it", o.read(o.operator(), "/api/v1/suppressions?kind=requests").values("requests", "id"))
		o.asked(http.MethodPost, "/api/v1/suppressions/C1/lift", o.operator(), data{}).want(http.StatusUnprocessableEntity)
		o.asked(http.MethodPost, "/api/v1/suppressions/C1/lift", o.operator(), data{"reason": "It was a mistake."}).want(http.StatusOK)
		o.read(o.wren.token, "/api/v1/cases/C1").want(http.StatusOK)
		o.wantTrail(t)
	})
}

// wantGone: for the people of the business the case C1 does not exist, and what they sent about it neither.
func (o *office) wantGone(t *testing.T, request string) {
	t.Helper()
	missing := map[string]answer{
		"/api/v1/cases/%": {}, "/api/v1/cases/%/timeline": {}, "/api/v1/cases/%/documents": {}, "/api/v1/notifications/%": {},
	}
	for path := range missing {
		id := "C1"
		if strings.Contains(path, "notifications") {
			id = request
		}
		got := o.read(o.wren.token, strings.Replace(path, "%", id, 1)).want(http.StatusNotFound)
		none := o.read(o.wren.token, strings.Replace(path, "%", nobody, 1)).want(http.StatusNotFound)
		if string(got.body) != string(none.body) {
			t.Errorf("%s: got %s, want what none gives, %s", path, got.body, none.body)
		}
	}
	for _, path := range []string{
		"/api/v1/cases?sort=reference", "/api/v1/cases?q=C1", "/api/v1/cases?facets=stage", "/api/v1/cases/export?format=csv&q=C1",
		"/api/v1/notifications", "/api/v1/notifications?case=C1", "/api/v1/uploads", "/api/v1/me/changes",
	} {
		if got := o.read(o.super.token, path); got.status == http.StatusOK && (strings.Contains(string(got.body), `"C1"`) || strings.Contains(string(got.body), "\nC1,")) {
			t.Errorf("%s: got %s, want nothing of C1", path, got.body)
		}
	}
	about := []answer{
		o.notify(o.wren.token, "general-update", data{"message": "x"}, "C1"),
		o.asked(http.MethodPost, "/api/v1/allocations", o.super.token, data{"to": "me", "cases": []string{"C1"}}),
	}
	for _, got := range about {
		wantList(t, "acted on", got.statuses(), "C1 skipped case-unknown")
	}
	o.asked(http.MethodPost, "/api/v1/cases/C1/looked", o.wren.token, data{}).want(http.StatusNotFound)
	if got := o.read(o.as(access.Auditor), "/api/v1/notifications?case=C1").values("items", "id"); len(got) != 2 {
		t.Errorf("auditor: got %v, want both notifications", got)
	}
}

// wantTrail: auditors see request, execution and reversal with their reasons; business users see none of the two.
func (o *office) wantTrail(t *testing.T) {
	t.Helper()
	text := map[string]string{}
	for _, token := range []string{o.wren.token, o.as(access.Auditor)} {
		timeline := o.read(token, "/api/v1/cases/C1/timeline").want(http.StatusOK)
		items, _ := timeline.at("items").([]any)
		for i := range items {
			kind := timeline.text("items", i, "kind")
			if strings.HasPrefix(kind, "suppression-") && token == o.wren.token {
				t.Errorf("a caseworker's timeline has %s", kind)
			}
			text[kind] = timeline.text("items", i, "text")
		}
	}
	if text["suppression-executed"] != "The colleague handles complaints." || text["suppression-reversed"] != "It was a mistake." {
		t.Errorf("got %v, want both reasons", text)
	}
}

// TestOperatorDeclines answers a request without hiding anything, once.
func TestOperatorDeclines(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		request := o.ask(o.wren.token, "C1")
		decline := func(id string, body data) answer {
			return o.asked(http.MethodPost, "/api/v1/suppressions/requests/"+id+"/decline", o.operator(), body)
		}
		decline(request, data{}).want(http.StatusUnprocessableEntity)
		decline(request, data{"reason": "Nobody is concerned."}).want(http.StatusOK)
		if got := decline(request, data{"reason": "Still nobody."}).want(http.StatusOK); got.text("status") != "duplicate" {
			t.Errorf("again: got %s, want duplicate", got.body)
		}
		if got := o.read(o.wren.token, "/api/v1/notifications/"+request).want(http.StatusOK); got.text("answer") != "declined" {
			t.Errorf("got %s, want the answer", got.body)
		}
		update := o.notify(o.wren.token, "general-update", data{"message": "x"}, "C1").text("results", 0, "id")
		for _, check := range []struct {
			name   string
			body   data
			status int
			code   string
		}{
			{"a request that was declined", data{"case": "C1", "request": request, "reason": "x"}, 409, "suppression-answered"},
			{"no request", data{"case": "C1", "request": update, "reason": "x"}, 422, "no-suppression-request"},
			{"of another case", data{"case": "C2", "request": request, "reason": "x"}, 422, "no-suppression-request"},
			{"none that there is", data{"case": "C1", "request": nobody, "reason": "x"}, 404, "not-found"},
			{"no case that there is", data{"case": "C999", "reason": "x"}, 404, "not-found"},
			{"nonsense", data{"case": "../C1", "reason": "x"}, 404, "not-found"},
			{"no id", data{"case": "C1", "request": "nonsense", "reason": "x"}, 422, "invalid-body"},
		} {
			got := o.asked(http.MethodPost, "/api/v1/suppressions", o.operator(), check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		decline(nobody, data{"reason": "x"}).want(http.StatusNotFound)
		decline("nonsense", data{"reason": "x"}).want(http.StatusNotFound)
		o.read(o.wren.token, "/api/v1/cases/C1").want(http.StatusOK)
		o.asked(http.MethodPost, "/api/v1/suppressions/C999/lift", o.operator(), data{"reason": "x"}).want(http.StatusNotFound)
	})
}

// TestSuppressionPages reads both lists page by page.
func TestSuppressionPages(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		for _, ref := range []string{"C1", "C2", "C3"} {
			o.ask(o.wren.token, ref)
		}
		for _, ref := range []string{"C1", "C2"} { // as if they had been asked for by e-mail: the requests stay open
			o.told(http.MethodPost, "/api/v1/suppressions", o.operator(), data{"case": ref, "reason": "x"})
		}
		for kind, list := range map[string]string{"requests": "id", "cases": "case"} {
			path := "/api/v1/suppressions?kind=" + kind + "&limit=2"
			first := o.read(o.operator(), path)
			second := o.read(o.operator(), path+"&cursor="+first.text("next"))
			got := append(first.values(kind, list), second.values(kind, list)...)
			if len(got) != 3 || second.at("next") != nil {
				t.Errorf("%s: got %v, want three on two pages", kind, got)
			}
			o.read(o.operator(), "/api/v1/suppressions?limit=2&cursor="+first.text("next")).want(http.StatusBadRequest)
		}
		o.read(o.operator(), "/api/v1/suppressions?kind=all").want(http.StatusBadRequest)
	})
}

// TestStreamForgetsSuppressed: whoever follows changes is told nothing of a case from the moment it is hidden.
func TestStreamForgetsSuppressed(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		listener := o.listen(o.wren.token, "")
		listener.next("id")
		o.notify(o.robin.token, "general-update", data{"message": "x"}, "C1").want(http.StatusOK)
		if got, want := listener.next("case-changed"), "case-changed "+o.position+" C1"; got != want {
			t.Errorf("after a notification: got %q, want %q", got, want)
		}
		o.told(http.MethodPost, "/api/v1/suppressions", o.operator(), data{"case": "C1", "reason": "x"})
		o.event("C1", "case.stage-changed", data{"stage": "on-hold"})
		o.event("C2", "case.stage-changed", data{"stage": "on-hold"})
		if got, want := listener.next("case-changed"), "case-changed "+o.position+" C2"; got != want {
			t.Errorf("after a suppression: got %q, want %q", got, want)
		}
	})
}
