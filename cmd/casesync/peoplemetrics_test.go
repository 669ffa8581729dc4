package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestPeopleAreMeasured: the metrics say what follows the log, what mail and sweeps do, and how often
// somebody was refused, and name nobody.
func TestPeopleAreMeasured(t *testing.T) {
	t.Parallel()
	o := sqliteWorld(t).open(&clock{})
	b := o.browser()
	b.refused(http.StatusUnauthorized, "token-missing", http.MethodGet, "/api/v1/me", nil)
	for range 2 {
		b.refused(http.StatusUnauthorized, "credentials-wrong", http.MethodPost, "/sign-in/password",
			map[string]any{"email": "nobody.known@local.example", "password": "a long wrong password"})
	}
	_, _, metrics := o.get("operator", "/metrics")
	for _, want := range []string{
		`casesync_activities_total{code="token-missing",kind="access-refused"} 1`,
		`kind="sign-in-refused"} 2`,
		`casesync_follower_lag_events{follower="mail"} `,
		`casesync_follower_failing_seconds{follower="mail"} 0`,
		`casesync_mails_queued `, `casesync_mails_dead 0`,
		`casesync_sweep_overdue{sweep="`,
		`casesync_activity_entries_lost_total 0`, `casesync_activity_unrecorded_requests_total 0`, `casesync_people_measured 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics: want %s", want)
		}
	}
	for line := range strings.SplitSeq(metrics, "\n") {
		if strings.Contains(line, "nobody.known") || strings.Contains(line, "127.0.0.1") {
			t.Errorf("metrics name somebody: %s", line)
		}
	}
	if t.Failed() {
		for line := range strings.SplitSeq(metrics, "\n") {
			if strings.HasPrefix(line, "casesync_") {
				t.Log(line)
			}
		}
	}
}
