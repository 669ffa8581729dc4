package httpapi_test

import (
	"net/http"
	"sync"
	"testing"

	"casesync/domain/access"
)

// TestAllocation gives a case to people of its business (requirement 57).
func TestAllocation(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		w.found(frnB, "insurer.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		other := w.administrator(frnB, "insurer.example", "blake@insurer.example")
		wren := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		robin := w.join(frnA, admin.token, "Robin Worker", "robin@bank.example", access.Caseworker)
		super := w.join(frnA, admin.token, "Sidney Super", "sidney@bank.example", access.Supervisor)
		stranger := w.join(frnB, other.token, "Sam Stranger", "sam@insurer.example", access.Caseworker)
		w.event("C1", "case.converted", converted(frnA, nil))
		w.event("C2", "case.converted", converted(frnA, nil))
		w.event("C2", "case.suppressed", data{})
		w.event("C3", "case.converted", converted(frnA, nil))
		w.event("C3", "case.closed", data{"outcome": "change", "closedAt": "2026-06-02T09:00:00Z"})
		allocate := func(ref, token string, body data) answer {
			return w.asked(http.MethodPost, "/api/v1/cases/"+ref+"/allocation", token, body)
		}
		for _, check := range []struct {
			name, ref, token string
			body             data
			status           int
			code             string
		}{
			{"a caseworker to himself", "C1", wren.token, data{"to": "me"}, 200, ""},
			{"again", "C1", wren.token, data{"to": "me"}, 200, ""},
			{"another takes it from him", "C1", robin.token, data{"to": "me"}, 403, "forbidden"},
			{"a caseworker to another", "C1", wren.token, data{"to": robin.id}, 403, "forbidden"},
			{"he gives it back", "C1", wren.token, data{"to": "none"}, 200, ""},
			{"a supervisor to another", "C1", super.token, data{"to": robin.id, "from": "none"}, 200, ""},
			{"as he saw it before", "C1", super.token, data{"to": wren.id, "from": "none"}, 409, "allocated-otherwise"},
			{"to an administrator, who works on no case", "C1", super.token, data{"to": admin.id}, 422, "not-caseworker"},
			{"to another business's caseworker", "C1", super.token, data{"to": stranger.id}, 422, "not-caseworker"},
			{"to nobody that there is", "C1", super.token, data{"to": nobody}, 422, "not-caseworker"},
			{"another business's caseworker", "C1", stranger.token, data{"to": "me"}, 404, "not-found"},
			{"a suppressed case", "C2", super.token, data{"to": "me"}, 404, "not-found"},
			{"no case", "C999", super.token, data{"to": "me"}, 404, "not-found"},
			{"a closed case", "C3", super.token, data{"to": "me"}, 409, "case-closed"},
			{"an administrator", "C1", admin.token, data{"to": "me"}, 403, "forbidden"},
			{"an operator", "C1", w.operator(), data{"to": "none"}, 403, "forbidden"},
			{"to whom", "C1", super.token, data{}, 422, "invalid-body"},
		} {
			got := allocate(check.ref, check.token, check.body)
			if got.status != check.status || check.code != "" && got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		hidden, missing := allocate("C2", super.token, data{"to": "me"}), allocate("C999", super.token, data{"to": "me"})
		if string(hidden.body) != string(missing.body) {
			t.Errorf("a suppressed case: got %s, want what none gives: %s", hidden.body, missing.body)
		}
		if got := w.read(robin.token, "/api/v1/cases?allocatedTo=me").refs(); got != "C1" {
			t.Errorf("robin's cases: got %q, want C1", got)
		}
	})
}

// TestTwoTakeACase has two caseworkers take the same case: one gets it, and the other is told.
func TestTwoTakeACase(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		two := []person{
			w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker),
			w.join(frnA, admin.token, "Robin Worker", "robin@bank.example", access.Caseworker),
		}
		w.event("C1", "case.converted", converted(frnA, nil))
		answers := make([]answer, 2)
		var both sync.WaitGroup
		for i, p := range two {
			both.Go(func() {
				answers[i] = w.do(http.MethodPost, "/api/v1/cases/C1/allocation", p.token, `{"to":"me","from":"none"}`, "Content-Type", "application/json")
			})
		}
		both.Wait()
		won := 0
		for _, got := range answers {
			switch {
			case got.status == http.StatusOK:
				won++
			case got.status != http.StatusConflict && got.status != http.StatusForbidden:
				t.Errorf("who was slower: got %d %s, want 409 or 403", got.status, got.body)
			}
		}
		if won != 1 {
			t.Errorf("%d of two got the case, want 1", won)
		}
	})
}

// TestLegalHold places a hold and lifts it (requirement 64).
func TestLegalHold(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.event("C1", "case.converted", converted(frnA, nil))
		give := func(path, token string, body data) answer {
			return w.asked(http.MethodPost, "/api/v1/cases/"+path, token, body)
		}
		for _, step := range []struct{ path, want string }{
			{"C1/legal-hold", "accepted"}, {"C1/legal-hold", "duplicate"}, {"C1/legal-hold/lift", "accepted"}, {"C1/legal-hold/lift", "duplicate"},
		} {
			if got := give(step.path, w.operator(), data{"reason": "a claim in court"}).want(http.StatusOK); got.text("status") != step.want {
				t.Errorf("%s: got %s, want %s", step.path, got.body, step.want)
			}
		}
		give("C1/legal-hold", w.operator(), data{"reason": ""}).want(http.StatusUnprocessableEntity)
		give("C1/legal-hold", w.operator(), data{}).want(http.StatusUnprocessableEntity)
		give("C999/legal-hold", w.operator(), data{"reason": "x"}).want(http.StatusNotFound)
		give("C1/legal-hold", w.as(access.Auditor), data{"reason": "x"}).want(http.StatusForbidden)
	})
}
