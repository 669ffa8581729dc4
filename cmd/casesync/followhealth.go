package main

import (
	"context"
	"fmt"
	"time"

	"casesync/adapters/httpapi"
	"casesync/adapters/mail"
	"casesync/adapters/scheduler"
	"casesync/adapters/telemetry"
	"casesync/eventstore/follower"
)

// failingMax is how long a follower may fail before the process says that it is not ready. Reads go on
// all the same, so nothing is taken away from people; but an erasure or a mail waits.
const failingMax = time.Minute

// followHealth is how what follows the log stands.
type followHealth struct {
	followers []follower.Status
	mail      mail.Health
	sweeps    []scheduler.Status
}

// measure takes the measures of what follows the log.
func (f *follows) measure(ctx context.Context) (h followHealth, err error) {
	if h.followers, err = f.reactions.Statuses(ctx); err != nil {
		return h, fmt.Errorf("measure health of reactions: %w", err)
	}
	queue, err := f.queue.Status(ctx)
	if err != nil {
		return h, fmt.Errorf("measure health of mail: %w", err)
	}
	h.followers = append(h.followers, queue)
	if h.mail, err = f.mails.Health(ctx); err != nil {
		return h, fmt.Errorf("measure health of mail: %w", err)
	}
	if h.sweeps, err = f.scheduler.Statuses(ctx); err != nil {
		return h, fmt.Errorf("measure health of sweeps: %w", err)
	}
	return h, nil
}

// followed is how what follows the log stands, for readiness.
func (s *serving) followed(ctx context.Context) ([]httpapi.Finding, error) {
	if s.follows == nil {
		return nil, nil
	}
	health, err := s.follows.measure(ctx)
	if err != nil {
		return nil, err
	}
	var list []httpapi.Finding
	for _, status := range health.followers {
		list = append(list, s.followerFinding(status))
	}
	list = append(list,
		httpapi.Finding{Name: "mail: queued", Ready: true, Value: health.mail.Queued},
		httpapi.Finding{Name: "mail: dead", Ready: true, Value: health.mail.Dead, Help: helpIf(health.mail.Dead > 0, "casesync mail list shows them")},
	)
	for _, sweep := range health.sweeps {
		list = append(list, httpapi.Finding{
			Name: "sweep of " + sweep.Name + ": last done", Ready: true, Value: moment(sweep.SucceededAt),
			Help: helpIf(sweep.Fault != "", "the last run failed; the log lines of this process say why"),
		})
	}
	casework, err := s.caseworkFindings(ctx)
	if err != nil {
		return nil, err
	}
	list = append(list, casework...)
	lost := s.openedActivity.Lost()
	return append(list, httpapi.Finding{
		Name: "activity log: entries lost", Ready: true, Value: lost, Help: helpIf(lost > 0, "the log lines say why: see that the state database is up and its disk has room"),
	}), nil
}

func (s *serving) followerFinding(status follower.Status) httpapi.Finding {
	stuck := status.Err != nil && s.now().Sub(status.FailingSince) > failingMax
	finding := httpapi.Finding{Name: status.Name + ": events behind", Ready: !stuck, Value: status.LagEvents}
	if status.Err != nil {
		finding.Help = "it fails and is tried again; the log lines of this process say why"
	}
	return finding
}

// peopleHealth is the same for the metrics, with what was not recorded for Security Operations.
func (s *serving) peopleHealth(ctx context.Context, unrecorded int64) (telemetry.PeopleHealth, error) {
	measured := telemetry.PeopleHealth{MeasuredAt: s.now(), ActivityLost: s.openedActivity.Lost(), Unrecorded: unrecorded}
	if s.follows == nil {
		return measured, nil
	}
	health, err := s.follows.measure(ctx)
	if err != nil {
		return measured, err
	}
	casework, err := s.follows.outbox.Status(ctx)
	if err != nil {
		return measured, err
	}
	for _, status := range append(health.followers, casework.Status) {
		f := telemetry.FollowerHealth{Name: status.Name, LagEvents: status.LagEvents, LagAge: status.LagAge}
		if status.Err != nil {
			f.FailingSince = status.FailingSince
		}
		measured.Followers = append(measured.Followers, f)
	}
	measured.Mail = &telemetry.MailHealth{Queued: health.mail.Queued, Dead: health.mail.Dead, OldestQueuedAt: health.mail.OldestQueued}
	for _, sweep := range health.sweeps {
		measured.Sweeps = append(measured.Sweeps, telemetry.SweepHealth{
			Name: sweep.Name, SucceededAt: sweep.SucceededAt, Failing: sweep.Fault != "", Overdue: sweep.Overdue,
		})
	}
	return measured, nil
}
