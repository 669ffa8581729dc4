package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"casesync/domain/access"
)

// ids are the user ids of a list, sorted as it is.
func (a answer) ids() []string {
	a.t.Helper()
	a.want(http.StatusOK)
	items, _ := a.at("items").([]any)
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = a.text("items", i, "id")
	}
	return ids
}

func sorted(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }

// TestUsersAreSeenPerBusiness reads the users of two businesses as everybody who might.
func TestUsersAreSeenPerBusiness(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		w.found(frnB, "insurer.example")
		alpha := w.administrator(frnA, "bank.example", "addison@bank.example")
		beta := w.administrator(frnB, "insurer.example", "blake@insurer.example")
		worker := w.join(frnA, alpha.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		list := w.read(alpha.token, "/api/v1/users?business="+frnA)
		if got, want := list.ids(), sorted(alpha.id, worker.id); !slices.Equal(got, want) {
			t.Errorf("users of A as its administrator: got %v, want %v", got, want)
		}
		if list.text("asOf", "position") == "" || list.header.Get("Casesync-Position") == "" {
			t.Errorf("positions: got %s", list.body)
		}
		shown := w.read(alpha.token, "/api/v1/users/"+worker.id).want(http.StatusOK)
		for path, want := range map[string]string{
			"name": "Wren Worker", "email": "wren@bank.example", "status": "active", "method": "local", "secondFactor": "totp",
			"lastActiveOn": "2026-06-10",
		} {
			if got := shown.text(path); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		if got := shown.text("memberships", 0, "roles") + shown.text("memberships", 0, "status") + shown.text("acceptances", 0, "version"); got != "[caseworker]active2026-01" {
			t.Errorf("membership: got %s", shown.body)
		}
		for name, check := range map[string]struct {
			token, path string
			want        []string
		}{
			"all that A's may read": {alpha.token, "/api/v1/users", sorted(alpha.id, worker.id)},
			"B as A's":              {alpha.token, "/api/v1/users?business=" + frnB, nil},
			"a business of nobody":  {alpha.token, "/api/v1/users?business=999999", nil},
			"A as B's":              {beta.token, "/api/v1/users?business=" + frnA, nil},
			"B as operator":         {w.operator(), "/api/v1/users?business=" + frnB, sorted(beta.id)},
			"all as operator":       {w.operator(), "/api/v1/users", sorted(alpha.id, beta.id, worker.id)},
			"all as helpdesk":       {w.as(access.Helpdesk), "/api/v1/users", sorted(alpha.id, beta.id, worker.id)},
		} {
			if got := w.read(check.token, check.path).ids(); !slices.Equal(got, check.want) {
				t.Errorf("%s: got %v, want %v", name, got, check.want)
			}
		}
		unknown := w.read(beta.token, "/api/v1/users/"+nobody).want(http.StatusNotFound)
		for _, path := range []string{worker.id, "nonsense", strings.ToUpper(worker.id)} {
			if got := w.read(beta.token, "/api/v1/users/"+path).want(http.StatusNotFound); string(got.body) != string(unknown.body) {
				t.Errorf("%s: got %s, want what nobody gives: %s", path, got.body, unknown.body)
			}
		}
		w.read(worker.token, "/api/v1/users").want(http.StatusForbidden)
		w.read(w.as(access.Security), "/api/v1/users").want(http.StatusForbidden)
		for _, query := range []string{"business=12", "business=1234567&business=123456", "limit=0", "limit=501", "cursor=x", "q=Wren"} {
			if got := w.read(alpha.token, "/api/v1/users?"+query); got.status != http.StatusBadRequest {
				t.Errorf("%s: got %d, want 400", query, got.status)
			}
		}
		w.pages(alpha.token, "/api/v1/users", sorted(alpha.id, worker.id))
		w.pages(w.operator(), "/api/v1/invitations", nil)
		if text := w.logged.String(); strings.Contains(text, "Wren") || strings.Contains(text, "bank.example") {
			t.Errorf("the log tells of a person: %s", text)
		}
	})
}

// pages reads a list one by one, and compares the ids with those wanted, or with the whole list.
func (w *world) pages(token, path string, want []string) {
	w.t.Helper()
	if want == nil {
		want = w.read(token, path).ids()
	}
	var got []string
	for cursor := ""; ; {
		page := w.read(token, path+"?limit=1"+cursor)
		got = append(got, page.ids()...)
		next := page.text("next")
		if next == "" {
			break
		}
		cursor = "&cursor=" + next
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s by pages of one: got %v, want %v", path, got, want)
	}
}

// TestMemberCommands gives each command on a member, and reads what came of it.
func TestMemberCommands(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		worker := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		on := "/api/v1/users/" + worker.id
		of := func(path ...any) string {
			return w.read(admin.token, on).want(http.StatusOK).text(append([]any{"memberships", 0}, path...)...)
		}
		granted := w.told(http.MethodPost, on+"/grant", admin.token, data{"business": frnA, "roles": []string{"supervisor"}})
		if granted.text("status") != "accepted" || granted.text("position") != granted.header.Get("Casesync-Position") || granted.at("warning") != nil {
			t.Errorf("grant: got %s", granted.body)
		}
		if got := of("roles"); got != "[caseworker supervisor]" {
			t.Errorf("roles after grant: got %s", got)
		}
		if again := w.told(http.MethodPost, on+"/grant", admin.token, data{"business": frnA, "roles": []string{"supervisor"}}); again.text("status") != "duplicate" {
			t.Errorf("grant again: got %s", again.body)
		}
		revoked := w.told(http.MethodPost, on+"/revoke", admin.token, data{"business": frnA, "roles": []string{"supervisor"}, "reason": "moved on"})
		if revoked.text("warning") != "one-administrator-left" {
			t.Errorf("revoke with one administrator: got %s, want the warning", revoked.body)
		}
		w.told(http.MethodPost, on+"/disable", admin.token, data{"business": frnA, "reason": "on leave"})
		if got := of("status") + of("disabledFor"); got != "disabled[administrator]" {
			t.Errorf("after disable: got %s", got)
		}
		w.waitFor(func() bool {
			return w.do(http.MethodGet, "/api/v1/cases", worker.token, "").status == http.StatusForbidden
		})
		w.told(http.MethodPost, on+"/enable", admin.token, data{"business": frnA})
		if got := of("status"); got != "active" {
			t.Errorf("after enable: got %s", got)
		}
		w.told(http.MethodPut, on+"/details", admin.token, data{"business": frnA, "name": "Wren Newname", "email": "wren.newname@bank.example"})
		if got := w.read(admin.token, on); got.text("name")+" "+got.text("email") != "Wren Newname wren.newname@bank.example" {
			t.Errorf("after change of details: got %s", got.body)
		}
		w.told(http.MethodPost, on+"/remove", admin.token, data{"business": frnA, "reason": "left"})
		w.read(admin.token, on).want(http.StatusNotFound)
	})
}

// TestMemberRefusals gives commands that are refused, each with its code, and finds nothing changed.
func TestMemberRefusals(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		w.found(frnB, "insurer.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		other := w.administrator(frnB, "insurer.example", "blake@insurer.example")
		worker := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		before := w.read(w.operator(), "/api/v1/users").want(http.StatusOK)
		a, roles := data{"business": frnA, "reason": "why"}, func(list ...string) data { return data{"business": frnA, "roles": list, "reason": "why"} }
		for _, check := range []struct {
			name, token, path string
			body              any
			status            int
			code              string
		}{
			{"the last administrator", admin.token, admin.id + "/disable", a, 409, "last-administrator"},
			{"the last administrator, by an operator", w.operator(), admin.id + "/remove", a, 409, "last-administrator"},
			{"the last role", admin.token, worker.id + "/revoke", roles("caseworker"), 409, "last-role"},
			{"an administrator by one", admin.token, worker.id + "/grant", roles("administrator"), 403, "administrator-by-operator"},
			{"an administrator without a warrant", w.operator(), worker.id + "/grant", roles("administrator"), 422, "warrant-missing"},
			{"another business's person", other.token, worker.id + "/disable", data{"business": frnB, "reason": "why"}, 404, "not-found"},
			{"nobody", other.token, nobody + "/disable", data{"business": frnB, "reason": "why"}, 404, "not-found"},
			{"at another business", other.token, worker.id + "/disable", a, 404, "not-found"},
			{"at a business of nobody", other.token, worker.id + "/disable", data{"business": "999999", "reason": "why"}, 404, "not-found"},
			{"by a caseworker", worker.token, worker.id + "/grant", roles("supervisor"), 403, "forbidden"},
			{"no reason", admin.token, worker.id + "/disable", data{"business": frnA}, 422, "invalid-body"},
			{"a blank reason", admin.token, worker.id + "/remove", data{"business": frnA, "reason": " \t"}, 422, "invalid-body"},
			{"an unknown role", admin.token, worker.id + "/grant", roles("root"), 422, "invalid-body"},
			{"no role", admin.token, worker.id + "/grant", roles(), 422, "invalid-body"},
			{"an operator's role", admin.token, worker.id + "/grant", roles("operator"), 422, "invalid-body"},
			{"an unknown field", admin.token, worker.id + "/disable", data{"business": frnA, "reason": "why", "force": true}, 422, "invalid-body"},
			{"a wrong type", admin.token, worker.id + "/disable", data{"business": 123456, "reason": "why"}, 422, "invalid-body"},
			{"a long reason", admin.token, worker.id + "/disable", data{"business": frnA, "reason": strings.Repeat("x", 501)}, 422, "invalid-body"},
			{"a NUL", admin.token, worker.id + "/disable", data{"business": frnA, "reason": "a\x00b"}, 422, "invalid-body"},
			{"no FRN", admin.token, worker.id + "/disable", data{"business": "12", "reason": "why"}, 422, "invalid-body"},
			{"no JSON", admin.token, worker.id + "/disable", "{", 400, "bad-request"},
			{"no body", admin.token, worker.id + "/disable", "", 400, "bad-request"},
			{"a parameter", admin.token, worker.id + "/disable?dry=1", a, 400, "unknown-parameter"},
			{"no user id", admin.token, "nonsense/disable", a, 404, "not-found"},
		} {
			got := w.asked(http.MethodPost, "/api/v1/users/"+check.path, check.token, check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		after := w.read(w.operator(), "/api/v1/users").want(http.StatusOK)
		for i := range 3 {
			if got, want := after.text("items", i, "memberships"), before.text("items", i, "memberships"); got != want {
				t.Errorf("what was refused changed something: got %v, want %v", got, want)
			}
		}
	})
}

// TestTwoAdministratorsAtOnce has two administrators disable each other: one wins, and the other is
// told so (the roles of a business are in one stream).
func TestTwoAdministratorsAtOnce(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		first := w.administrator(frnA, "bank.example", "addison@bank.example")
		second := w.join(frnA, first.token, "Sidney Second", "sidney@bank.example", access.Supervisor)
		w.told(http.MethodPost, "/api/v1/administrator-requests", first.token, data{"business": frnA, "user": second.id})
		w.told(http.MethodPost, "/api/v1/administrator-requests/grant", w.operator(), data{"business": frnA, "user": second.id, "requestedBy": first.id})
		statuses := make([]int, 2)
		codes := make([]string, 2)
		var both sync.WaitGroup
		for i, pair := range [][2]person{{first, second}, {second, first}} {
			both.Go(func() {
				got := w.do(http.MethodPost, "/api/v1/users/"+pair[1].id+"/disable", pair[0].token,
					`{"business":"`+frnA+`","reason":"a quarrel"}`, "Content-Type", "application/json")
				statuses[i], codes[i] = got.status, got.text("code")
			})
		}
		both.Wait()
		won, lost := 0, 0
		for _, status := range statuses {
			switch status / 100 {
			case 2:
				won++
			case 4:
				lost++
			}
		}
		if won != 1 || lost != 1 {
			t.Errorf("two who disable each other: got %v %v, want one 2xx and one 4xx", statuses, codes)
		}
	})
}
