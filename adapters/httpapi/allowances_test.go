package httpapi_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// TestAllowances: who has sent as much as is taken of him is told when to come back, and nothing of it is kept; what
// others have left is their own.
func TestAllowances(t *testing.T) {
	t.Parallel()
	var strangersLeft, ticketsLeft, casesLeft atomic.Int64 // nothing, until they are set
	strangersLeft.Store(1000)
	take := func(left *atomic.Int64, n int) (time.Duration, bool) {
		if left.Load() < int64(n) {
			return 90 * time.Second, false
		}
		left.Add(int64(-n))
		return 0, true
	}
	d := openDesk(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.Allowances = httpapi.Allowances{
			Strangers:     func(*http.Request) (time.Duration, bool) { return take(&strangersLeft, 1) },
			Tickets:       func(string) (time.Duration, bool) { return take(&ticketsLeft, 1) },
			Notifications: func(_ string, cases int) (time.Duration, bool) { return take(&casesLeft, cases) },
		}
	})
	strangersLeft.Store(2)
	ticketsLeft.Store(1)
	casesLeft.Store(3)
	send := func(path, token string, body data, want int) {
		t.Helper()
		got := d.asked(http.MethodPost, path, token, body).want(want)
		if want == http.StatusTooManyRequests && (got.text("code") != "too-many-requests" || got.header.Get("Retry-After") != "90") {
			t.Errorf("%s: got %s, back after %q seconds, want too-many-requests and 90", path, got.body, got.header.Get("Retry-After"))
		}
	}
	send("/api/v1/support-requests", "", strangers(nil), http.StatusAccepted)
	send("/api/v1/access-requests", "", requestForm(frnB, "insurer.example", "blake@insurer.example"), http.StatusCreated)
	send("/api/v1/support-requests", "", strangers(nil), http.StatusTooManyRequests)
	send("/api/v1/access-requests", "", requestForm(frnB, "insurer.example", "blake@insurer.example"), http.StatusTooManyRequests)
	question := data{"type": "technical", "subject": "A question", "text": "How?"}
	send("/api/v1/tickets", d.wren.token, question, http.StatusCreated)
	send("/api/v1/tickets", d.wren.token, question, http.StatusTooManyRequests)
	update := func(cases ...string) data {
		return data{"type": "general-update", "fields": data{"message": "News."}, "cases": cases}
	}
	send("/api/v1/notifications", d.wren.token, update("C1", "C2"), http.StatusOK)
	send("/api/v1/notifications", d.wren.token, update("C1", "C2"), http.StatusTooManyRequests)
	send("/api/v1/notifications", d.wren.token, update("C1"), http.StatusOK)
	if kept := len(d.read(d.as(access.Helpdesk), "/api/v1/tickets").values("items", "id")); kept != 2 {
		t.Errorf("got %d tickets, want the 2 that were taken", kept)
	}
	if kept := len(d.read(d.wren.token, "/api/v1/notifications").values("items", "id")); kept != 3 {
		t.Errorf("got %d notifications, want the 3 that were taken", kept)
	}
}
