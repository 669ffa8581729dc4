package telemetry

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the measures of a process for Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	ingested *prometheus.CounterVec
	requests *prometheus.HistogramVec
}

// measureTimeMax bounds what a scrape waits for the health measures.
const measureTimeMax = 5 * time.Second

// NewMetrics returns metrics that take their health measures from measure at each scrape.
func NewMetrics(version string, measure Measure) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		ingested: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "casesync_ingest_events_total", Help: "Events received from case management systems, by what became of them.",
		}, []string{"status"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds", Help: "Duration of HTTP server requests.",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10},
		}, []string{"http_request_method", "http_route", "http_response_status_code"}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "casesync_build_info", Help: "Constantly 1, with the version of the running binary.",
		ConstLabels: prometheus.Labels{"service_version": version},
	}, func() float64 { return 1 })
	m.registry.MustRegister(m.ingested, m.requests, build, &healthCollector{measure: measure},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Ingested counts an event by the status that it was answered with.
func (m *Metrics) Ingested(status string) {
	m.ingested.WithLabelValues(status).Inc()
}

// observe counts a request that was answered.
func (m *Metrics) observe(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// healthCollector turns Health into gauges. Each is an absolute measure: ages are seconds at the
// time of the scrape, so that an alert needs no knowledge of other clocks.
type healthCollector struct{ measure Measure }

var (
	headGauge       = gauge("casesync_log_head_position", "Position of the last event in the log.")
	heldGauge       = gauge("casesync_held_facts", "Facts that wait for a gap in their sequence to close.")
	heldAgeGauge    = gauge("casesync_held_oldest_age_seconds", "Age of the oldest held fact.")
	heldOverGauge   = gauge("casesync_held_streams_over_limit", "Cases and businesses that hold more facts, or for longer, than the limits say.")
	deadGauge       = gauge("casesync_dead_letters", "Dead letters neither retried nor discarded.")
	checkpointGauge = gauge("casesync_projection_checkpoint_position", "Position of the last event that a projection took.", "projection")
	lagGauge        = gauge("casesync_projection_oldest_unprocessed_age_seconds", "Age of the oldest event that a projection has not taken.", "projection")
	heartbeatGauge  = gauge("casesync_projection_heartbeat_age_seconds", "Time since a projection's runner was last heard of; absent if none ever was.", "projection")
	parkedGauge     = gauge("casesync_projection_parked_keys", "Keys whose events a projection could not take.", "projection")
	stoppedGauge    = gauge("casesync_projection_stopped", "1 where a projection stands still until somebody acts.", "projection")
	measuredGauge   = gauge("casesync_health_measured", "0 where the health measures could not be taken.")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe says which gauges there are.
func (c *healthCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		headGauge, heldGauge, heldAgeGauge, heldOverGauge, deadGauge, checkpointGauge, lagGauge, heartbeatGauge, parkedGauge, stoppedGauge, measuredGauge,
	} {
		descriptions <- d
	}
}

// Collect takes the measures.
func (c *healthCollector) Collect(metrics chan<- prometheus.Metric) {
	set := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), measureTimeMax)
	defer cancel()
	h, err := c.measure(ctx)
	if err != nil {
		set(measuredGauge, 0)
		return
	}
	set(measuredGauge, 1)
	set(headGauge, float64(h.LogHead))
	set(heldGauge, float64(h.HeldFacts))
	set(heldAgeGauge, seconds(h.MeasuredAt, h.OldestHeldAt))
	set(heldOverGauge, float64(h.HeldOverLimit))
	set(deadGauge, float64(h.DeadLetters))
	for _, p := range h.Projections {
		set(checkpointGauge, float64(p.Checkpoint), p.Name)
		set(lagGauge, seconds(h.MeasuredAt, p.OldestUnprocessedAt), p.Name)
		set(parkedGauge, float64(p.ParkedKeys), p.Name)
		if p.Stopped == "" {
			set(stoppedGauge, 0, p.Name)
		} else {
			set(stoppedGauge, 1, p.Name)
		}
		if !p.HeartbeatAt.IsZero() {
			set(heartbeatGauge, seconds(h.MeasuredAt, p.HeartbeatAt), p.Name)
		}
	}
}

// seconds is the age of something at now; 0 if it never was.
func seconds(now, then time.Time) float64 {
	if then.IsZero() {
		return 0
	}
	return max(0, now.Sub(then).Seconds())
}
