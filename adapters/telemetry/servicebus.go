package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// FeedHealth is how one queue or subscription of Service Bus stands that this process takes events from.
type FeedHealth struct {
	// Name is that of the queue, or TOPIC/SUBSCRIPTION; Source is who may speak there.
	Name, Source string
	// DeadLetters is true of its dead-letter queue.
	DeadLetters bool
	// Cause is why nothing can be received, a stable word; "" where it works. FailingSince is since when.
	Cause        string
	FailingSince time.Time
	// Messages counts messages since the process began, by what became of them.
	Messages map[string]int64
}

var (
	feedFailingGauge    = gauge("casesync_servicebus_failing_seconds", "For how long this process has not been able to receive from a queue or subscription of Service Bus; 0 where it can.", "entity", "dead_letters", "source", "cause")
	feedMessagesCounter = gauge("casesync_servicebus_messages_total", "Messages of Service Bus that this process received, by what became of them.", "entity", "dead_letters", "source", "outcome")
)

// feedCollector turns FeedHealth into measures.
type feedCollector struct {
	measure func() []FeedHealth
	now     func() time.Time
}

// WatchFeeds adds the measures of what events are taken from, read at each scrape. It is called once.
func (m *Metrics) WatchFeeds(measure func() []FeedHealth, now func() time.Time) {
	m.registry.MustRegister(&feedCollector{measure, now})
}

// Describe says which measures there are.
func (c *feedCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- feedFailingGauge
	descriptions <- feedMessagesCounter
}

// Collect takes the measures.
func (c *feedCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, f := range c.measure() {
		dead := "false"
		if f.DeadLetters {
			dead = "true"
		}
		metrics <- prometheus.MustNewConstMetric(feedFailingGauge, prometheus.GaugeValue, seconds(c.now(), f.FailingSince), f.Name, dead, f.Source, f.Cause)
		for outcome, n := range f.Messages {
			metrics <- prometheus.MustNewConstMetric(feedMessagesCounter, prometheus.CounterValue, float64(n), f.Name, dead, f.Source, outcome)
		}
	}
}
