package main

import (
	"context"
	"fmt"
	"time"

	"casesync/adapters/documents/uploads"
	"casesync/adapters/httpapi"
	"casesync/adapters/outbox"
	"casesync/adapters/telemetry"
)

// scanWaitMax is how long a file may wait for the scanner before the process says so. People see the
// file wait all the while.
const scanWaitMax = 5 * time.Minute

// caseworkHealth is how files and messages stand.
type caseworkHealth struct {
	outbox  outbox.Status
	uploads uploads.Status
}

func (f *follows) measureCasework(ctx context.Context) (h caseworkHealth, err error) {
	if h.outbox, err = f.outbox.Status(ctx); err != nil {
		return h, fmt.Errorf("measure health of outbox: %w", err)
	}
	if h.uploads, err = f.uploads.Status(ctx); err != nil {
		return h, fmt.Errorf("measure health of uploads: %w", err)
	}
	return h, nil
}

// caseworkFindings is how files and messages stand, for readiness. What waits for somebody else, a scanner or a case
// management system, takes nothing away from who asks here: it is shown, and the process is ready all the same.
func (s *serving) caseworkFindings(ctx context.Context) ([]httpapi.Finding, error) {
	health, err := s.follows.measureCasework(ctx)
	if err != nil {
		return nil, err
	}
	parked, files := health.outbox.Parked, health.uploads
	there := s.openedDocuments.Ready(ctx)
	waits := !files.OldestScan.IsZero() && s.now().Sub(files.OldestScan) > scanWaitMax
	return []httpapi.Finding{
		s.followerFinding(health.outbox.Status),
		{Name: "outbox: parked", Ready: true, Value: parked.Messages, Help: helpIf(parked.Messages > 0, "casesync outbox list shows them")},
		{Name: "outbox: stuck", Ready: true, Value: parked.Stuck, Help: helpIf(parked.Stuck > 0, "casesync outbox list shows them: retry or skip")},
		{Name: "documents: reachable", Ready: true, Value: there == nil, Help: helpIf(there != nil, "see that the place of --documents is there; files wait until then")},
		{Name: "uploads: waiting for the scanner", Ready: true, Value: files.Scanning, Help: helpIf(waits, "see that the scanner of --scanner answers")},
		{Name: "uploads: tried again", Ready: true, Value: sum(files.Faults), Help: helpIf(sum(files.Faults) > 0, "the metric casesync_uploads_faulty and the log lines say why")},
	}, nil
}

func sum(counts map[string]int64) (total int64) {
	for _, n := range counts {
		total += n
	}
	return total
}

// caseworkHealth is the same for the metrics.
func (s *serving) caseworkHealth(ctx context.Context) (telemetry.CaseworkHealth, error) {
	measured := telemetry.CaseworkHealth{MeasuredAt: s.now()}
	if s.follows == nil {
		return measured, nil
	}
	health, err := s.follows.measureCasework(ctx)
	if err != nil {
		return measured, err
	}
	o, u := health.outbox, health.uploads
	measured.Outbox = &telemetry.OutboxHealth{
		Parked: o.Parked.Messages, Cases: o.Parked.Cases, Stuck: o.Parked.Stuck, OldestParkedAt: o.Parked.Oldest, Published: o.Published, Stopped: o.Stopped,
	}
	measured.Uploads = &telemetry.UploadsHealth{
		Receiving: u.Receiving, Waiting: u.Waiting, Scanning: u.Scanning, OldestScanAt: u.OldestScan, Faults: u.Faults,
	}
	return measured, nil
}
