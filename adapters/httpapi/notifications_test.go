package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"casesync/domain/access"
	"casesync/domain/notification"
)

// TestNotify sends one notification, and finds it again wherever it is to be seen (requirement 55).
func TestNotify(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		sent := o.notify(o.wren.token, "general-update", data{"message": "The file follows on Friday."}, "C1")
		wantList(t, "results", sent.statuses(), "C1 sent")
		if sent.at("bulk") != nil || sent.text("status") != "accepted" || sent.text("position") == "" {
			t.Errorf("got %s, want a position, and no bulk for one case", sent.body)
		}
		id := sent.text("results", 0, "id")
		for _, token := range []string{o.wren.token, o.super.token, o.as(access.Auditor)} {
			shown := o.read(token, "/api/v1/notifications/"+id).want(http.StatusOK)
			if shown.text("case") != "C1" || shown.text("business") != frnA || shown.text("sentBy") != o.wren.id || shown.text("status") != "sent" ||
				shown.text("label") != "General update" || shown.text("fields", "message") != "The file follows on Friday." {
				t.Errorf("got %s, want what was sent", shown.body)
			}
			wantList(t, "of the case", o.read(token, "/api/v1/notifications?case=C1").values("items", "id"), id)
		}
		timeline := o.read(o.super.token, "/api/v1/cases/C1/timeline").want(http.StatusOK)
		items, _ := timeline.at("items").([]any)
		last := len(items) - 1
		if timeline.text("items", last, "kind") != "notification-sent" || timeline.text("items", last, "about") != id ||
			timeline.text("items", last, "data", "person") != o.wren.id || timeline.text("items", last, "fields", "message") != "The file follows on Friday." {
			t.Errorf("timeline: got %v, want the notification last", items[last])
		}
		if got := o.read(o.wren.token, "/api/v1/cases/C1").text("notifications"); got != "1" {
			t.Errorf("notifications of the case: got %s, want 1", got)
		}
		missing := o.read(o.stranger.token, "/api/v1/notifications/"+nobody).want(http.StatusNotFound)
		for _, path := range []string{id, "nonsense", "%00"} {
			if got := o.read(o.stranger.token, "/api/v1/notifications/"+path).want(http.StatusNotFound); string(got.body) != string(missing.body) {
				t.Errorf("another business's, %s: got %s, want what none gives", path, got.body)
			}
		}
		wantList(t, "another business's list", o.read(o.stranger.token, "/api/v1/notifications?case=C1").values("items", "id"))
		o.do(http.MethodGet, "/api/v1/notifications", o.operator(), "").want(http.StatusForbidden)
		o.do(http.MethodGet, "/api/v1/notifications", o.admin.token, "").want(http.StatusForbidden)
	})
}

// TestNotifyMany sends the same about cases of which some may not be known of: each has its own result
// (requirement 68), and under the same key it is sent once.
func TestNotifyMany(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		refs := []string{"C1", "C2", "C3", "C5", "C6", "C999", "C1", "../C1", ""}
		body := data{"type": "accept-view", "fields": data{"note": "Agreed."}, "cases": refs}
		send := func(body data) answer {
			return o.asked(http.MethodPost, "/api/v1/notifications", o.wren.token, body, "Idempotency-Key", "key-1")
		}
		sent := send(body)
		wantList(t, "results", sent.statuses(), "C1 sent", "C2 sent", "C3 skipped case-closed", "C5 skipped case-unknown",
			"C6 skipped case-unknown", "C999 skipped case-unknown", "C1 skipped repeated", "../C1 skipped case-unknown", "skipped case-unknown")
		for _, i := range []int{3, 4, 7, 8} {
			if got, want := sent.text("results", i, "reason"), sent.text("results", 5, "reason"); got != want || want == "" {
				t.Errorf("result %d: got the reason %q, want the one of a case that does not exist, %q", i, got, want)
			}
		}
		if again := send(body).want(http.StatusOK); !sameResults(sent, again) {
			t.Errorf("under the same key: got %s, want %s", again.body, sent.body)
		}
		listed := o.read(o.super.token, "/api/v1/notifications?bulk="+sent.text("bulk")).values("items", "case")
		slices.Sort(listed)
		wantList(t, "of the bulk", listed, "C1", "C2")
		// Another body under the same key is another command.
		other := send(data{"type": "accept-view", "fields": data{"note": "Agreed, too."}, "cases": []string{"C1"}})
		wantList(t, "another body", other.statuses(), "C1 sent")
		if other.text("results", 0, "id") == sent.text("results", 0, "id") {
			t.Error("another body under the same key: got the same notification")
		}
		o.filterNotifications(t)
	})
}

func sameResults(a, b answer) bool {
	first, _ := json.Marshal([]any{a.at("results"), a.at("bulk")})
	second, _ := json.Marshal([]any{b.at("results"), b.at("bulk")})
	return string(first) == string(second)
}

// filterNotifications asks for parts of the three that were sent, and page by page.
func (o *office) filterNotifications(t *testing.T) {
	t.Helper()
	const path = "/api/v1/notifications"
	for query, want := range map[string]int{
		"": 3, "?type=accept-view": 3, "?type=general-update": 0, "?type=general-update&type=accept-view": 3, "?status=sent": 3,
		"?status=rejected": 0, "?status=sent&status=rejected&case=C1": 2, "?mine=true": 0, "?mine=false": 3, "?case=C5": 0, "?case=..%2F": 0, "?bulk=none": 0,
	} {
		if got := o.read(o.super.token, path+query).values("items", "id"); len(got) != want {
			t.Errorf("%s: got %d, want %d", query, len(got), want)
		}
	}
	if got := o.read(o.wren.token, path+"?mine=true").values("items", "id"); len(got) != 3 {
		t.Errorf("wren's own: got %d, want 3", len(got))
	}
	whole := o.read(o.super.token, path).values("items", "id")
	var paged []string
	for query := "?limit=2"; query != ""; {
		page := o.read(o.super.token, path+query)
		paged = append(paged, page.values("items", "id")...)
		if query = ""; page.at("next") != nil {
			query = "?limit=2&cursor=" + page.text("next")
		}
	}
	wantList(t, "page by page", paged, whole...)
	for _, query := range []string{"?type=nonsense", "?status=missing", "?mine=yes", "?limit=0", "?sort=id", "?cursor=x"} {
		o.read(o.super.token, path+query).want(http.StatusBadRequest)
	}
}

// TestNotifyRefuses tries what no notification can be made of: nothing is sent.
func TestNotifyRefuses(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		update := func(message string) data { return data{"message": message} }
		many := make([]string, 501)
		for i := range many {
			many[i] = fmt.Sprintf("M%d", i)
		}
		for _, check := range []struct {
			name, token, kind string
			fields            data
			cases             []string
			header            []string
			status            int
			code              string
		}{
			{"no such type", o.wren.token, "nonsense", nil, []string{"C1"}, nil, 422, "notification-type-unknown"},
			{"no such field", o.wren.token, "general-update", data{"message": "x", "more": "y"}, []string{"C1"}, nil, 422, "field-unknown"},
			{"a field is missing", o.wren.token, "general-update", nil, []string{"C1"}, nil, 422, "field-required"},
			{"too long", o.wren.token, "general-update", update(strings.Repeat("é", 10_001)), []string{"C1"}, nil, 422, "field-invalid"},
			{"a control character", o.wren.token, "general-update", update("a\x00b"), []string{"C1"}, nil, 422, "field-invalid"},
			{"in a reference", o.wren.token, "general-update", update("x"), []string{"C\x001"}, nil, 422, "invalid-body"},
			{"no case", o.wren.token, "general-update", update("x"), []string{}, nil, 422, "invalid-body"},
			{"501 cases", o.wren.token, "general-update", update("x"), many, nil, 422, "invalid-body"},
			{"too much", o.wren.token, "general-update", update(strings.Repeat("x", 300_000)), []string{"C1"}, nil, 413, "body-too-large"},
			{"a revision", o.wren.token, "general-update", update("x"), []string{"C1"}, []string{"If-Match", `"1"`}, 400, "bad-request"},
			{"no key", o.wren.token, "general-update", update("x"), []string{"C1"}, []string{"Idempotency-Key", "a b"}, 400, "bad-request"},
			{"an administrator", o.admin.token, "general-update", update("x"), []string{"C1"}, nil, 403, "forbidden"},
			{"an operator", o.operator(), "general-update", update("x"), []string{"C1"}, nil, 403, "forbidden"},
			{"an auditor", o.as(access.Auditor), "general-update", update("x"), []string{"C1"}, nil, 403, "forbidden"},
		} {
			got := o.asked(http.MethodPost, "/api/v1/notifications", check.token, data{"type": check.kind, "fields": check.fields, "cases": check.cases}, check.header...)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %.300s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		for _, body := range []string{"", "[]", `{"type":"general-update","cases":["C1"],"sent":true}`, `{"type":"general-update","fields":{"message":1},"cases":["C1"]}`} {
			if got := o.asked(http.MethodPost, "/api/v1/notifications", o.wren.token, body); got.status/100 != 4 {
				t.Errorf("body %q: got %d, want a refusal", body, got.status)
			}
		}
		wantList(t, "sent", o.read(o.super.token, "/api/v1/notifications").values("items", "id"))
	})
}

// TestNotifyFiveHundred sends as many as may be sent at once, each once.
func TestNotifyFiveHundred(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		refs, events := make([]string, 500), make([]any, 500)
		for i := range refs {
			refs[i] = fmt.Sprintf("MANY-%d", i)
			events[i] = data{
				"specversion": "1.0", "id": refs[i], "source": "https://cms.example/one", "type": "cms.case.converted.v1",
				"subject": refs[i], "sequence": "1", "time": "2026-06-01T10:00:00Z", "data": converted(frnA, nil),
			}
		}
		text, err := json.Marshal(events)
		o.must(err)
		o.do(http.MethodPost, "/cms/v1/events", o.cms, string(text), "Content-Type", "application/cloudevents-batch+json").want(http.StatusAccepted)
		body := data{"type": "general-update", "fields": data{"message": "We moved: write to our new address."}, "cases": refs}
		sent := o.asked(http.MethodPost, "/api/v1/notifications", o.wren.token, body, "Idempotency-Key", "once")
		for i, result := range sent.statuses() {
			if want := refs[i] + " sent"; result != want {
				t.Fatalf("result %d: got %q, want %q", i, result, want)
			}
		}
		again := o.asked(http.MethodPost, "/api/v1/notifications", o.wren.token, body, "Idempotency-Key", "once")
		if !sameResults(sent, again) {
			t.Error("under the same key: got another answer")
		}
		ids := o.read(o.super.token, "/api/v1/notifications?limit=500&bulk="+sent.text("bulk"))
		if got := ids.values("items", "id"); len(got) != 500 || ids.at("next") != nil {
			t.Errorf("got %d notifications and next %v, want 500", len(got), ids.at("next"))
		}
	})
}

// TestNotificationTypes shows the forms to everybody who signed in.
func TestNotificationTypes(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		for _, role := range []access.Role{access.Caseworker, access.Operator, access.Auditor} {
			got := w.do(http.MethodGet, "/api/v1/notification-types", w.as(role), "").want(http.StatusOK)
			if items, _ := got.at("items").([]any); len(items) != len(notification.Types().Types) {
				t.Fatalf("as %s: got %d types, want %d", role, len(items), len(notification.Types().Types))
			}
			for i, kind := range notification.Types().Types {
				if got.text("items", i, "id") != string(kind.ID) || got.text("items", i, "label") != kind.Label {
					t.Errorf("type %d: got %v, want %s", i, got.at("items", i), kind.ID)
				}
				for j, field := range kind.Fields {
					if got.text("items", i, "fields", j, "name") != field.Name || got.text("items", i, "fields", j, "required") != fmt.Sprint(field.Required) {
						t.Errorf("field %d of %s: got %v, want %s", j, kind.ID, got.at("items", i, "fields", j), field.Name)
					}
				}
			}
		}
		w.do(http.MethodGet, "/api/v1/notification-types", "", "").want(http.StatusUnauthorized)
	})
}
