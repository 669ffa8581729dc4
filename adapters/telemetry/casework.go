package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// CaseworkHealth is what was measured of files on their way, and of messages to case management systems.
// All processes share both, but for what was published and stopped, which is of this one.
type CaseworkHealth struct {
	MeasuredAt time.Time
	// Outbox and Uploads are nil where the process does not work at them.
	Outbox  *OutboxHealth
	Uploads *UploadsHealth
}

// OutboxHealth is how messages to case management systems stand.
type OutboxHealth struct {
	// Parked counts messages that could not be published, of so many cases; Stuck those that wait for an operator.
	Parked, Cases, Stuck int64
	OldestParkedAt       time.Time // zero where none is
	// Published counts messages since the process began, repetitions included; Stopped those that the case barred.
	Published, Stopped int64
}

// UploadsHealth is how files stand that are on their way.
type UploadsHealth struct {
	// Receiving is files of which bytes are to come, Waiting those to be looked at, Scanning those that wait
	// for the scanner.
	Receiving, Waiting, Scanning int64
	OldestScanAt                 time.Time        // zero where none waits for the scanner
	Faults                       map[string]int64 // of files that are tried again, by a stable word
}

// MeasureCasework takes the measures now.
type MeasureCasework func(ctx context.Context) (CaseworkHealth, error)

var (
	outboxParkedGauge      = gauge("casesync_outbox_parked", "Messages to case management systems that could not be published, and what waits behind them.")
	outboxCasesGauge       = gauge("casesync_outbox_parked_cases", "Cases of which messages are parked.")
	outboxStuckGauge       = gauge("casesync_outbox_stuck", "Parked messages that wait for an operator.")
	outboxAgeGauge         = gauge("casesync_outbox_oldest_parked_age_seconds", "Age of the oldest parked message.")
	outboxPublishedCounter = gauge("casesync_outbox_published_total", "Messages that this process has published, repetitions included.")
	outboxStoppedCounter   = gauge("casesync_outbox_stopped_total", "Messages that this process kept back, because the case barred them.")
	uploadsReceivingGauge  = gauge("casesync_uploads_receiving", "Files of which bytes are still to come.")
	uploadsWaitingGauge    = gauge("casesync_uploads_waiting", "Files that are all there and were not looked at yet.")
	uploadsScanningGauge   = gauge("casesync_uploads_scanning", "Files that wait for the scanner.")
	uploadsScanAgeGauge    = gauge("casesync_uploads_oldest_scan_age_seconds", "For how long the oldest of them has waited.")
	uploadsFaultyGauge     = gauge("casesync_uploads_faulty", "Files that are tried again, by what went wrong.", "fault")
	caseworkMeasuredGauge  = gauge("casesync_casework_measured", "0 where the measures of outbox and uploads could not be taken.")
	caseworkDescriptions   = []*prometheus.Desc{
		outboxParkedGauge, outboxCasesGauge, outboxStuckGauge, outboxAgeGauge, outboxPublishedCounter, outboxStoppedCounter,
		uploadsReceivingGauge, uploadsWaitingGauge, uploadsScanningGauge, uploadsScanAgeGauge, uploadsFaultyGauge, caseworkMeasuredGauge,
	}
)

// caseworkCollector turns CaseworkHealth into measures.
type caseworkCollector struct{ measure MeasureCasework }

// WatchCasework adds the measures of files and messages, taken at each scrape. It is called once.
func (m *Metrics) WatchCasework(measure MeasureCasework) {
	m.registry.MustRegister(&caseworkCollector{measure})
}

// Describe says which measures there are.
func (c *caseworkCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range caseworkDescriptions {
		descriptions <- d
	}
}

// Collect takes the measures.
func (c *caseworkCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), measureTimeMax)
	defer cancel()
	h, err := c.measure(ctx)
	set := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	set(caseworkMeasuredGauge, oneIf(err == nil))
	if err != nil {
		return
	}
	if o := h.Outbox; o != nil {
		set(outboxParkedGauge, float64(o.Parked))
		set(outboxCasesGauge, float64(o.Cases))
		set(outboxStuckGauge, float64(o.Stuck))
		set(outboxAgeGauge, seconds(h.MeasuredAt, o.OldestParkedAt))
		metrics <- prometheus.MustNewConstMetric(outboxPublishedCounter, prometheus.CounterValue, float64(o.Published))
		metrics <- prometheus.MustNewConstMetric(outboxStoppedCounter, prometheus.CounterValue, float64(o.Stopped))
	}
	if u := h.Uploads; u != nil {
		set(uploadsReceivingGauge, float64(u.Receiving))
		set(uploadsWaitingGauge, float64(u.Waiting))
		set(uploadsScanningGauge, float64(u.Scanning))
		set(uploadsScanAgeGauge, seconds(h.MeasuredAt, u.OldestScanAt))
		for fault, files := range u.Faults {
			set(uploadsFaultyGauge, float64(files), fault)
		}
	}
}
