package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/demo"
)

// A notification to 500 cases has 500 results, and each is published, once by its id, in the order of its case,
// though the server is killed between publishing and noting it (requirements 6, 55 and 68).
func TestBulkNotificationsComeOutOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hook := w.receive()
		s := w.start("--outbox", hook.url)
		refs := s.manyCases(demo.FRN(1), commands.CasesMax, "bulk")
		w.caughtUp()
		kills := make(chan struct{}, 8)
		hook.after = func(count int) {
			if count == 40 || count == 333 || count == 700 {
				s.kill() // the message was taken, and nobody knows
				kills <- struct{}{}
			}
		}
		ids := map[string]string{} // of notifications, by case and round
		for round := range 2 {
			for {
				status := s.notifyAll(refs, fmt.Sprint("round ", round), ids)
				if status == http.StatusOK {
					break
				}
				if status != 0 {
					t.Fatalf("got %d, want 200, or that the server went away", status)
				}
				<-kills // the very same again, under the same key
				s.restart()
			}
		}
		for len(ids) < 2*len(refs) || len(hook.first()) < 2*len(refs) {
			select {
			case <-kills:
				s.restart()
			default:
			}
			hook.until("the next message", func([]delivery) bool { return len(kills) > 0 || len(hook.first()) >= 2*len(refs) })
		}
		rounds := map[string]int{}
		for _, message := range hook.first() {
			ref, text := fmt.Sprint(message.Data["caseReference"]), fmt.Sprint(message.Data["fields"].(map[string]any)["message"])
			if text != fmt.Sprint("round ", rounds[ref]) {
				t.Errorf("case %s: got %q first, want round %d", ref, text, rounds[ref])
			}
			rounds[ref]++
			if want := ids[ref+" "+text]; message.Subject != want {
				t.Errorf("case %s: got notification %s, want %s", ref, message.Subject, want)
			}
		}
		for _, ref := range refs {
			if rounds[ref] != 2 {
				t.Errorf("case %s: got %d messages, want 2", ref, rounds[ref])
			}
		}
		t.Logf("%d messages came, %d of them again", len(hook.messages()), len(hook.messages())-len(hook.first()))
	})
}

// notifyAll notifies about all cases at once, notes the ids, and returns the status: 0 where nobody answered.
func (s *service) notifyAll(refs []string, text string, ids map[string]string) int {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"type": "general-update", "fields": map[string]string{"message": text}, "cases": refs})
	if err != nil {
		s.t.Fatal(err)
	}
	status, answer := s.try(http.MethodPost, "caseworker", "/api/v1/notifications", string(body),
		"Content-Type", "application/json", "Idempotency-Key", strings.ReplaceAll(text, " ", "-"))
	if status != http.StatusOK {
		s.t.Logf("POST /api/v1/notifications: %d %s", status, answer)
		return status
	}
	var got struct {
		Results []struct{ Case, Status, ID, Code string }
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		s.t.Fatalf("%v: %s", err, answer)
	}
	if len(got.Results) != len(refs) {
		s.t.Fatalf("got %d results, want %d", len(got.Results), len(refs))
	}
	for i, result := range got.Results {
		if result.Case != refs[i] || result.Status != "sent" || result.ID == "" {
			s.t.Errorf("got %+v, want %s sent", result, refs[i])
		}
		ids[result.Case+" "+text] = result.ID
	}
	return status
}

// try sends a request, and returns the status, 0 where the server went away.
func (s *service) try(method, who, path, body string, headers ...string) (status int, answer string) {
	s.t.Helper()
	request := s.request(method, who, path, body, headers...)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	var text json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&text); err != nil {
		return 0, ""
	}
	return response.StatusCode, string(text)
}

// manyCases publishes n cases of a business with an issue, and returns their references.
func (a *api) manyCases(frn string, n int, issue string) (refs []string) {
	a.t.Helper()
	var events []map[string]any
	for i := range n {
		ref := fmt.Sprintf("BULK-%04d", i)
		refs = append(refs, ref)
		events = append(events, fact("cms.case.converted.v1", ref, 1, map[string]any{
			"frn": frn, "product": map[string]any{"sector": "Banking and payments", "group": "Cards", "product": "Credit cards"},
			"issue": issue, "consumer": map[string]any{"name": "Bulka Exampleton"}, "convertedAt": "2026-02-03T10:00:00Z",
		}))
		if len(events) == 500 || i == n-1 {
			a.publish(events)
			events = nil
		}
	}
	return refs
}
