package telemetry

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCaseworkMetrics(t *testing.T) {
	t.Parallel()
	health := CaseworkHealth{
		MeasuredAt: now,
		Outbox:     &OutboxHealth{Parked: 5, Cases: 2, Stuck: 1, OldestParkedAt: now.Add(-time.Minute), Published: 70, Stopped: 3},
		Uploads:    &UploadsHealth{Receiving: 4, Waiting: 3, Scanning: 2, OldestScanAt: now.Add(-time.Hour), Faults: map[string]int64{"scanner-unreachable": 2}},
	}
	var fault error
	m := NewMetrics("v1", func(context.Context) (Health, error) { return healthy(), nil })
	m.WatchCasework(func(context.Context) (CaseworkHealth, error) { return health, fault })
	wants(t, scrape(t, m), `casesync_outbox_parked 5`, `casesync_outbox_parked_cases 2`, `casesync_outbox_stuck 1`,
		`casesync_outbox_oldest_parked_age_seconds 60`, `casesync_outbox_published_total 70`, `casesync_outbox_stopped_total 3`,
		`casesync_uploads_receiving 4`, `casesync_uploads_waiting 3`, `casesync_uploads_scanning 2`,
		`casesync_uploads_oldest_scan_age_seconds 3600`, `casesync_uploads_faulty{fault="scanner-unreachable"} 2`, `casesync_casework_measured 1`)
	fault = errors.New("the database is down")
	if text := scrape(t, m); strings.Contains(text, "casesync_outbox_parked ") || !strings.Contains(text, "casesync_casework_measured 0") {
		t.Error("measures are shown that could not be taken, or it is not said")
	}
}
