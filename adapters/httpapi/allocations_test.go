package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAllocateMany gives many cases at once, each with its own result (requirements 57 and 68).
func TestAllocateMany(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		allocate := func(token, to string, refs ...string) answer {
			return o.asked(http.MethodPost, "/api/v1/allocations", token, data{"to": to, "cases": refs})
		}
		wantList(t, "a caseworker takes what nobody has", allocate(o.wren.token, "me", "C1", "C3", "C5", "C6", "C999", "C1", "a b").statuses(),
			"C1 updated", "C3 skipped case-closed", "C5 skipped case-unknown", "C6 skipped case-unknown", "C999 skipped case-unknown",
			"C1 skipped repeated", "a b skipped case-unknown")
		wantList(t, "again", allocate(o.wren.token, "me", "C1").statuses(), "C1 skipped nothing-to-do")
		wantList(t, "another caseworker", allocate(o.robin.token, "me", "C1", "C2").statuses(), "C1 skipped forbidden", "C2 updated")
		wantList(t, "a caseworker to another", allocate(o.wren.token, o.robin.id, "C1").statuses(), "C1 skipped forbidden")
		wantList(t, "a supervisor to an administrator", allocate(o.super.token, o.admin.id, "C1").statuses(), "C1 skipped not-caseworker")
		wantList(t, "a supervisor", allocate(o.super.token, o.robin.id, "C1", "C2").statuses(), "C1 updated", "C2 skipped nothing-to-do")
		if got := o.read(o.robin.token, "/api/v1/cases?allocatedTo=me&sort=reference").refs(); got != "C1 C2" {
			t.Errorf("robin's cases: got %q, want C1 C2", got)
		}
		for _, body := range []data{{"to": "me"}, {"to": "me", "cases": []string{}}, {"cases": []string{"C1"}}, {"to": "me", "cases": make([]string, 501)}, {"to": strings.Repeat("x", 37), "cases": []string{"C1"}}} {
			o.asked(http.MethodPost, "/api/v1/allocations", o.super.token, body).want(http.StatusUnprocessableEntity)
		}
		for _, token := range []string{o.admin.token, o.operator()} {
			o.asked(http.MethodPost, "/api/v1/allocations", token, data{"to": "none", "cases": []string{"C1"}}).want(http.StatusForbidden)
		}
		o.asked(http.MethodPost, "/api/v1/allocations", o.super.token, data{"to": "none", "cases": []string{"C1"}}, "If-Match", `"1"`).want(http.StatusBadRequest)
	})
}

// TestAllocateAsSeen: the tag of a case's details is good as If-Match, and names the revision of its stream: who
// saw the case before it changed gets 412, and a notification about it, in a stream of its own, changes nothing.
func TestAllocateAsSeen(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		allocate := func(to, tag string) answer {
			return o.asked(http.MethodPost, "/api/v1/cases/C1/allocation", o.super.token, data{"to": to}, "If-Match", tag)
		}
		tagOf := func() string {
			return o.read(o.super.token, "/api/v1/cases/C1").want(http.StatusOK).header.Get("ETag")
		}
		first := tagOf()
		o.notify(o.wren.token, "general-update", data{"message": "x"}, "C1").want(http.StatusOK)
		second := tagOf()
		if first == second {
			t.Errorf("after a notification: got the tag %s again, want another", first)
		}
		allocate(o.wren.id, first).want(http.StatusOK)
		if got := allocate(o.robin.id, second).want(http.StatusPreconditionFailed); got.text("code") != "precondition-failed" {
			t.Errorf("as it was before: got %s, want precondition-failed", got.body)
		}
		allocate(o.robin.id, tagOf()).want(http.StatusOK)
		for _, tag := range []string{"*", `"x"`, `"1", "2"`, `W/"1.`, `"1.` + strings.Repeat("x", 50) + `"`} {
			allocate(o.wren.id, tag).want(http.StatusPreconditionFailed)
		}
		if got := o.read(o.super.token, "/api/v1/cases/C1").text("allocatedTo"); got != o.robin.id {
			t.Errorf("allocated to %s, want %s", got, o.robin.id)
		}
		o.do(http.MethodGet, "/api/v1/cases/C1", o.super.token, "", "If-None-Match", tagOf()).want(http.StatusNotModified)
	})
}
