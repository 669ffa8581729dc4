package httpapi_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/httpapi"
)

// TestHelpdeskHours: anybody is told whether the helpdesk answers now and when it opens next, by London's clocks,
// on the days on which these change, and at Christmas.
func TestHelpdeskHours(t *testing.T) {
	t.Parallel()
	var at atomic.Pointer[time.Time]
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) { config.Now = func() time.Time { return *at.Load() } })
	for _, check := range []struct {
		at, until, opens string // until is "" where it is closed
	}{
		{"2026-01-05T07:59:59Z", "", "2026-01-05T08:00:00Z"}, // a Monday in winter
		{"2026-01-05T08:00:00Z", "2026-01-05T22:00:00Z", "2026-01-06T08:00:00Z"},
		{"2026-01-09T22:00:00Z", "", "2026-01-10T12:00:00Z"}, // Friday night, to Saturday noon
		{"2026-06-10T12:00:00Z", "2026-06-10T21:00:00Z", "2026-06-11T07:00:00Z"},
		{"2026-03-29T10:59:00Z", "", "2026-03-29T11:00:00Z"}, // Sunday, the clocks went forward that night
		{"2026-03-28T16:00:00Z", "", "2026-03-29T11:00:00Z"},
		{"2026-10-25T11:59:00Z", "", "2026-10-25T12:00:00Z"}, // Sunday, the clocks went back
		{"2026-10-24T15:00:00Z", "", "2026-10-25T12:00:00Z"},
		{"2026-12-24T21:59:00Z", "2026-12-24T22:00:00Z", "2026-12-26T12:00:00Z"}, // over Christmas Day, a Friday
		{"2026-12-25T12:00:00Z", "", "2026-12-26T12:00:00Z"},
		{"2026-12-28T08:00:00Z", "2026-12-28T22:00:00Z", "2026-12-29T08:00:00Z"}, // a bank holiday
	} {
		now, err := time.Parse(time.RFC3339, check.at)
		f.must(err)
		at.Store(&now)
		got := f.do(http.MethodGet, "/api/v1/helpdesk", "", "").want(http.StatusOK)
		if open := got.text("open") == "true"; open != (check.until != "") || got.text("until") != check.until || got.text("opens") != check.opens {
			t.Errorf("at %s: got %s, want it open until %q, and to open next at %s", check.at, got.body, check.until, check.opens)
		}
	}
	got := f.do(http.MethodGet, "/api/v1/helpdesk", "", "")
	if len(got.values("hours", "day")) != 7 || got.text("hours", 0, "day") != "monday" || got.text("hours", 0, "from") != "08:00" || got.text("hours", 6, "to") != "16:00" ||
		got.text("timeZone") != "Europe/London" || got.text("closed") != "[2027-12-25]" ||
		got.text("text") != "Monday to Friday 08:00 to 22:00, Saturday and Sunday 12:00 to 16:00, London time, bank holidays included. Closed on Christmas Day." {
		t.Errorf("hours: got %s", got.body)
	}
	f.do(http.MethodGet, "/api/v1/helpdesk?x=1", "", "").want(http.StatusBadRequest)
}
