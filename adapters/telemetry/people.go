package telemetry

import (
	"context"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"casesync/adapters/commands"
)

// PeopleHealth is what was measured of what is done for people beside answering them, and of the records
// that Security Operations reads. All of it is of this process, but the mails and sweeps, which
// processes share.
type PeopleHealth struct {
	MeasuredAt time.Time
	// Followers are what follows the log: the reactions and mail. None where the process does not.
	Followers []FollowerHealth
	// Mail is nil where the process sends none.
	Mail   *MailHealth
	Sweeps []SweepHealth
	// ActivityLost are the entries that could not be kept, Unrecorded the requests of which nothing could
	// be recorded, both since the process began.
	ActivityLost, Unrecorded int64
}

// FollowerHealth is how something stands that follows the log.
type FollowerHealth struct {
	Name      string
	LagEvents int
	LagAge    time.Duration
	// FailingSince is since when it cannot go on, zero where it can.
	FailingSince time.Time
}

// MailHealth is how the queue of mails stands.
type MailHealth struct {
	Queued, Dead   int64
	OldestQueuedAt time.Time // zero where none is queued
}

// SweepHealth is how one of the sweeps stands that look for what the clock makes due.
type SweepHealth struct {
	Name        string
	SucceededAt time.Time // zero for never
	Failing     bool      // the last run failed
	Overdue     bool
}

// MeasurePeople takes the measures now.
type MeasurePeople func(ctx context.Context) (PeopleHealth, error)

var (
	followerLagGauge     = gauge("casesync_follower_lag_events", "Events of the log that a follower has not taken yet, counted up to a limit.", "follower")
	followerAgeGauge     = gauge("casesync_follower_oldest_untaken_age_seconds", "Age of the oldest event that a follower has not taken.", "follower")
	followerFailingGauge = gauge("casesync_follower_failing_seconds", "For how long a follower of this process has not been able to go on; 0 where it can.", "follower")
	mailQueuedGauge      = gauge("casesync_mails_queued", "Mails that wait to be sent.")
	mailAgeGauge         = gauge("casesync_mails_oldest_queued_age_seconds", "Age of the oldest mail that waits to be sent.")
	mailDeadGauge        = gauge("casesync_mails_dead", "Mails that could not be sent and wait for an operator.")
	sweepAgeGauge        = gauge("casesync_sweep_last_success_age_seconds", "Time since a sweep last did all there was to do; absent if it never did.", "sweep")
	sweepFailingGauge    = gauge("casesync_sweep_failing", "1 where the last run of a sweep failed.", "sweep")
	sweepOverdueGauge    = gauge("casesync_sweep_overdue", "1 where a sweep should have been done meanwhile.", "sweep")
	activityLostCounter  = gauge("casesync_activity_entries_lost_total", "Entries of the activity log that this process could not keep.")
	unrecordedCounter    = gauge("casesync_activity_unrecorded_requests_total", "Requests to this process of which nothing could be recorded in the activity log.")
	peopleMeasuredGauge  = gauge("casesync_people_measured", "0 where the measures of followers, mail and sweeps could not be taken.")
)

// peopleCollector turns PeopleHealth into measures.
type peopleCollector struct{ measure MeasurePeople }

// WatchPeople adds the measures of what is done for people, taken at each scrape. It is called once.
func (m *Metrics) WatchPeople(measure MeasurePeople) {
	m.registry.MustRegister(&peopleCollector{measure})
}

// Describe says which measures there are.
func (c *peopleCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		followerLagGauge, followerAgeGauge, followerFailingGauge, mailQueuedGauge, mailAgeGauge, mailDeadGauge,
		sweepAgeGauge, sweepFailingGauge, sweepOverdueGauge, activityLostCounter, unrecordedCounter, peopleMeasuredGauge,
	} {
		descriptions <- d
	}
}

// Collect takes the measures.
func (c *peopleCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), measureTimeMax)
	defer cancel()
	h, err := c.measure(ctx)
	set := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	// What is counted in the process is known in any case.
	metrics <- prometheus.MustNewConstMetric(activityLostCounter, prometheus.CounterValue, float64(h.ActivityLost))
	metrics <- prometheus.MustNewConstMetric(unrecordedCounter, prometheus.CounterValue, float64(h.Unrecorded))
	set(peopleMeasuredGauge, oneIf(err == nil))
	if err != nil {
		return
	}
	for _, f := range h.Followers {
		set(followerLagGauge, float64(f.LagEvents), f.Name)
		set(followerAgeGauge, f.LagAge.Seconds(), f.Name)
		set(followerFailingGauge, seconds(h.MeasuredAt, f.FailingSince), f.Name)
	}
	if h.Mail != nil {
		set(mailQueuedGauge, float64(h.Mail.Queued))
		set(mailAgeGauge, seconds(h.MeasuredAt, h.Mail.OldestQueuedAt))
		set(mailDeadGauge, float64(h.Mail.Dead))
	}
	for _, sweep := range h.Sweeps {
		if !sweep.SucceededAt.IsZero() {
			set(sweepAgeGauge, seconds(h.MeasuredAt, sweep.SucceededAt), sweep.Name)
		}
		set(sweepFailingGauge, oneIf(sweep.Failing), sweep.Name)
		set(sweepOverdueGauge, oneIf(sweep.Overdue), sweep.Name)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// counting counts what is recorded in an activity log.
type counting struct {
	commands.ActivityLog
	counted *prometheus.CounterVec
}

// Counting returns log with everything that is recorded in it counted, by what it was and why it was
// refused: sign-ins, refusals, reads. Nobody is named. It is called once.
func (m *Metrics) Counting(log commands.ActivityLog) commands.ActivityLog {
	c := counting{log, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "casesync_activities_total",
		Help: "What was done and refused, as it is recorded for Security Operations, by kind and, where it failed, the code of the refusal.",
	}, []string{"kind", "code"})}
	m.registry.MustRegister(c.counted)
	return c
}

// codePattern is what codes of ours look like. What a mail server answers is no code of ours.
var codePattern = regexp.MustCompile(`^[a-z][a-z-]{0,39}$`)

// Record implements commands.ActivityLog.
func (c counting) Record(ctx context.Context, activity commands.Activity) error {
	code := ""
	if activity.Failed {
		code = "other"
		if codePattern.MatchString(activity.Code) {
			code = activity.Code
		}
	}
	c.counted.WithLabelValues(string(activity.Kind), code).Inc()
	return c.ActivityLog.Record(ctx, activity)
}
