package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

// TestChangedSinceLooked tells each person what is new since he looked, and nobody else's business.
func TestChangedSinceLooked(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		look := func(token, ref string, body data) answer {
			return o.asked(http.MethodPost, "/api/v1/cases/"+ref+"/looked", token, body)
		}
		details := o.read(o.wren.token, "/api/v1/cases/C1").want(http.StatusOK)
		if details.at("changedSince") != nil || details.at("changed") != nil {
			t.Errorf("before any look: got %s, want nothing of changes", details.body)
		}
		newest := look(o.wren.token, "C1", data{}).want(http.StatusOK)
		o.wantChanged(t, o.wren.token, "0")
		o.event("C1", "case.stage-changed", data{"stage": "view-issued"})
		o.event("C1", "case.action-requested", data{"actionId": "A2", "kind": "reply", "description": "Reply.", "dueDate": "2026-06-20"})
		o.notify(o.robin.token, "accept-view", nil, "C1").want(http.StatusOK)
		o.wantChanged(t, o.wren.token, "3")
		if got := o.read(o.robin.token, "/api/v1/cases/C1").want(http.StatusOK); got.at("changedSince") != nil {
			t.Errorf("somebody who never looked: got %s", got.body)
		}
		// A mark does not go backwards, nor beyond what there is.
		if got := look(o.wren.token, "C1", data{"entry": 1}).want(http.StatusOK); got.text("entry") != newest.text("entry") {
			t.Errorf("an earlier entry: got %s, want %s", got.body, newest.text("entry"))
		}
		o.wantChanged(t, o.wren.token, "3")
		if got := look(o.wren.token, "C1", data{"entry": 1_000_000}).want(http.StatusOK); got.text("entry") == "1000000" {
			t.Errorf("beyond the end: got %s", got.body)
		}
		o.wantChanged(t, o.wren.token, "0")
		missing := look(o.wren.token, "C999", data{}).want(http.StatusNotFound)
		for _, ref := range []string{"C5", "C6", "a%20b", "%00"} {
			if got := look(o.wren.token, ref, data{}).want(http.StatusNotFound); string(got.body) != string(missing.body) {
				t.Errorf("%s: got %s, want what none gives", ref, got.body)
			}
		}
		for _, body := range []data{{"entry": 0}, {"entry": -1}, {"entry": "1"}, {"at": "now"}} {
			look(o.wren.token, "C1", body).want(http.StatusUnprocessableEntity)
		}
		look(o.as(access.Auditor), "C6", data{}).want(http.StatusOK)
		look(o.operator(), "C1", data{}).want(http.StatusForbidden)
	})
}

// TestLookedTag: an answer that a client has is not good any more once the person has looked.
func TestLookedTag(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		for _, path := range []string{"/api/v1/cases/C2", "/api/v1/cases?status=open"} {
			ref := "C2"
			if strings.Contains(path, "?") {
				ref = "C1"
			}
			first := o.read(o.wren.token, path).want(http.StatusOK).header.Get("ETag")
			o.do(http.MethodGet, path, o.wren.token, "", "If-None-Match", first).want(http.StatusNotModified)
			o.asked(http.MethodPost, "/api/v1/cases/"+ref+"/looked", o.robin.token, data{}).want(http.StatusOK)
			o.do(http.MethodGet, path, o.wren.token, "", "If-None-Match", first).want(http.StatusNotModified)
			o.asked(http.MethodPost, "/api/v1/cases/"+ref+"/looked", o.wren.token, data{}).want(http.StatusOK)
			o.do(http.MethodGet, path, o.wren.token, "", "If-None-Match", first).want(http.StatusOK)
		}
	})
}

// TestOfferClocks shows by when a proactive offer is to be told of and made, 14 and 21 days after the file was
// asked for (requirement 62), as long as it is not too late for one.
func TestOfferClocks(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		shown := func() string {
			got := o.read(o.wren.token, "/api/v1/cases/C2").want(http.StatusOK)
			listed := o.read(o.wren.token, "/api/v1/cases?q=C2").want(http.StatusOK)
			if got.text("offerTellBy") != listed.text("items", 0, "offerTellBy") || got.text("offerMakeBy") != listed.text("items", 0, "offerMakeBy") {
				t.Errorf("the list has %s, and the details %s", listed.body, got.body)
			}
			return got.text("offerTellBy") + " " + got.text("offerMakeBy")
		}
		if got := shown(); got != " " {
			t.Errorf("before the file was asked for: got %q, want no clock", got)
		}
		o.event("C2", "case.stage-changed", data{"stage": "file-requested"}) // on 1 June
		if got, want := shown(), "2026-06-15 2026-06-22"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		o.event("C2", "case.stage-changed", data{"stage": "view-issued"})
		if got := shown(); got != " " {
			t.Errorf("after the view: got %q, want no clock", got)
		}
	})
}

// wantChanged compares how much of C1 is new to somebody, in its details and in the list.
func (o *office) wantChanged(t *testing.T, token, want string) {
	t.Helper()
	details := o.read(token, "/api/v1/cases/C1").want(http.StatusOK)
	if got := details.text("changedSince", "count"); got != want || details.text("changedSince", "at") == "" {
		t.Errorf("details: got %s changes since %s, want %s", got, details.text("changedSince", "at"), want)
	}
	list := o.read(token, "/api/v1/cases?sort=reference").want(http.StatusOK)
	if got := list.text("items", 0, "changed"); list.text("items", 0, "reference") != "C1" || got != want {
		t.Errorf("list: got %s changes, want %s", got, want)
	}
	if got := list.at("items", 1, "changed"); got != nil {
		t.Errorf("a case that was never looked at: got %v changes, want none told", got)
	}
}

// TestMyChanges lists what changed of what one looked at or has, and no case that one may not see any more.
func TestMyChanges(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		changes := func() answer { return o.read(o.wren.token, "/api/v1/me/changes").want(http.StatusOK) }
		wantList(t, "nothing looked at", changes().values("items", "reference"))
		for _, ref := range []string{"C1", "C3"} {
			o.asked(http.MethodPost, "/api/v1/cases/"+ref+"/looked", o.wren.token, data{}).want(http.StatusOK)
		}
		wantList(t, "nothing changed", changes().values("items", "reference"))
		o.event("C1", "case.stage-changed", data{"stage": "on-hold"})
		o.told(http.MethodPost, "/api/v1/cases/C2/allocation", o.super.token, data{"to": o.wren.id})
		got := changes()
		wantList(t, "references", got.values("items", "reference"), "C1", "C2")
		wantList(t, "mine", got.values("items", "allocatedToMe"), "false", "true")
		if got.text("items", 0, "changed") != "1" || got.at("items", 0, "lookedAt") == nil || got.at("items", 1, "lookedAt") != nil || got.text("total") != "2" {
			t.Errorf("got %s, want one change of C1, and C2 as never looked at", got.body)
		}
		cut := o.read(o.wren.token, "/api/v1/me/changes?limit=1").want(http.StatusOK)
		wantList(t, "cut off", cut.values("items", "reference"), "C1")
		if cut.text("total") != "2" {
			t.Errorf("cut off: got %s, want a total of 2", cut.body)
		}
		o.event("C1", "case.suppressed", data{})
		wantList(t, "after a suppression", changes().values("items", "reference"), "C2")
		o.event("C2", "case.transferred", data{"frn": frnB})
		wantList(t, "after a transfer", changes().values("items", "reference"))
		o.read(o.wren.token, "/api/v1/me/changes?limit=501").want(http.StatusBadRequest)
		o.read(o.admin.token, "/api/v1/me/changes").want(http.StatusForbidden)
	})
}
