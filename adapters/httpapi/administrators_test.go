package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
	"casesync/eventstore/sqldb/sqldbtest"
)

// TestAdministratorsOnRequest asks for administrators and makes them (requirement 22).
func TestAdministratorsOnRequest(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		super := w.join(frnA, admin.token, "Sidney Super", "sidney@bank.example", access.Supervisor)
		worker := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		wish := func(token string, body data) answer {
			return w.asked(http.MethodPost, "/api/v1/administrator-requests", token, body)
		}
		grant := func(body data) answer {
			return w.asked(http.MethodPost, "/api/v1/administrator-requests/grant", w.operator(), body)
		}
		wish(super.token, data{"business": frnA, "user": super.id}).want(http.StatusOK)
		wish(admin.token, data{"business": frnA, "reason": "holidays"}).want(http.StatusOK)
		list := w.read(w.operator(), "/api/v1/administrator-requests").want(http.StatusOK)
		items, _ := list.at("items").([]any)
		asking := []string{list.text("items", 0, "requestedBy"), list.text("items", 1, "requestedBy")}
		if len(items) != 2 || !slices.Equal(sorted(asking...), sorted(admin.id, super.id)) || list.text("items", 0, "requestedAt") == "" {
			t.Errorf("requests: got %s", list.body)
		}
		for _, check := range []struct {
			name   string
			got    answer
			status int
			code   string
		}{
			{"asked by a caseworker", wish(worker.token, data{"business": frnA}), 403, "forbidden"},
			{"asked for another business", wish(admin.token, data{"business": frnB}), 404, "not-found"},
			{"asked for an administrator", wish(super.token, data{"business": frnA, "user": admin.id}), 409, "already-administrator"},
			{"asked for nobody", wish(super.token, data{"business": frnA, "user": nobody}), 404, "not-found"},
			{"asked for no user id", wish(super.token, data{"business": frnA, "user": "x"}), 422, "invalid-body"},
			{"made by the business", w.asked(http.MethodPost, "/api/v1/administrator-requests/grant", admin.token,
				data{"business": frnA, "user": worker.id, "requestedBy": admin.id}), 403, "forbidden"},
			{"made on request of a caseworker", grant(data{"business": frnA, "user": super.id, "requestedBy": worker.id}), 422, "warrant-missing"},
			{"made for nobody", grant(data{"business": frnA, "requestedBy": super.id}), 422, "invalid-body"},
			{"made for two", grant(data{"business": frnA, "requestedBy": super.id, "user": super.id, "name": "A", "email": "a@bank.example"}), 422, "invalid-body"},
		} {
			if check.got.status != check.status || check.got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, check.got.status, check.got.body, check.status, check.code)
			}
		}
		if made := grant(data{"business": frnA, "user": super.id, "requestedBy": super.id}).want(http.StatusOK); made.text("user") != super.id || made.text("status") != "accepted" {
			t.Errorf("grant: got %s", made.body)
		}
		if got := w.read(admin.token, "/api/v1/users/"+super.id).text("memberships", 0, "roles"); got != "[supervisor administrator]" {
			t.Errorf("roles: got %s", got)
		}
		invited := grant(data{"business": frnA, "name": "Alex Another", "email": "alex@bank.example", "requestedBy": admin.id}).want(http.StatusOK)
		if invited.text("invitation") == "" || invited.text("user") == "" {
			t.Errorf("invited: got %s", invited.body)
		}
		if got := w.read(w.operator(), "/api/v1/administrator-requests").text("items"); got != "[]" {
			t.Errorf("requests after the answers: got %s", got)
		}
		// With two administrators nothing warns; with one left it does.
		if got := w.told(http.MethodPost, "/api/v1/users/"+super.id+"/disable", admin.token, data{"business": frnA, "reason": "away"}); got.text("warning") != "one-administrator-left" {
			t.Errorf("one left: got %s", got.body)
		}
		if got := w.do(http.MethodGet, "/api/v1/businesses/"+frnA+"/access", w.operator(), ""); got.text("warning") != "one-administrator-left" || got.text("administrators", 0) != admin.id {
			t.Errorf("access of the business: got %s", got.body)
		}
	})
}

// TestResets resets credentials of a local account, after the answers to the security questions.
func TestResets(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		var tried []string
		w := newWorld(t, address, func(config *httpapi.Config) {
			config.Questions = func(context.Context, string) ([]string, error) { return []string{"What was your first school?"}, nil }
			config.CheckAnswers = func(_ context.Context, person string, answers []string, from string) error {
				tried = append(tried, person)
				if from == "" || !slices.Equal(answers, []string{"Example Primary"}) {
					return httpapi.Refused("credentials-wrong", "the answers are not right", 0)
				}
				return nil
			}
		})
		w.found(frnA, "bank.example")
		w.found(frnB, "insurer.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		other := w.administrator(frnB, "insurer.example", "blake@insurer.example")
		worker := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		w.must(w.people.NoteQuestions(context.Background(), worker.id, 0))
		on := "/api/v1/users/" + worker.id
		w.waitFor(func() bool { return w.read(admin.token, on).text("securityQuestions") == "true" })
		if got := w.read(admin.token, on); got.text("questions", 0) != "What was your first school?" {
			t.Errorf("questions for an administrator: got %s", got.body)
		}
		if got := w.read(w.as(access.Helpdesk), on); got.at("questions") != nil {
			t.Errorf("questions for the helpdesk: got %s", got.body)
		}
		reset := func(token string, body data) answer {
			return w.asked(http.MethodPost, on+"/reset-second-factor", token, body)
		}
		right := data{"business": frnA, "reason": "lost telephone", "answers": []string{"Example Primary"}}
		reset(other.token, right).want(http.StatusNotFound)
		reset(worker.token, right).want(http.StatusForbidden)
		reset(admin.token, data{"business": frnA, "answers": []string{"Example Primary"}}).want(http.StatusUnprocessableEntity)
		if len(tried) > 0 {
			t.Errorf("answers were tried for who may not reset: %v", tried)
		}
		if got := reset(admin.token, data{"business": frnA, "reason": "lost telephone", "answers": []string{"x"}}); got.text("code") != "credentials-wrong" {
			t.Errorf("wrong answers: got %d %s", got.status, got.body)
		}
		if got := w.read(admin.token, on).text("secondFactor"); got != "totp" {
			t.Errorf("second factor after wrong answers: got %q, want totp", got)
		}
		got := w.asked(http.MethodPost, on+"/reset-second-factor", admin.token, right, "Idempotency-Key", "one").want(http.StatusOK)
		again := w.asked(http.MethodPost, on+"/reset-second-factor", admin.token, right, "Idempotency-Key", "one").want(http.StatusOK)
		if got.text("position") != again.text("position") {
			t.Errorf("the same again: got %s, want %s", again.body, got.body)
		}
		if got := w.read(admin.token, on); got.at("secondFactor") != nil {
			t.Errorf("second factor after the reset: got %s", got.body)
		}
		w.told(http.MethodPost, on+"/reset-security-questions", admin.token, data{"business": frnA, "reason": "forgotten"})
		if got := w.read(admin.token, on).text("securityQuestions"); got != "false" {
			t.Errorf("security questions after the reset: got %s", got)
		}
	})
}
