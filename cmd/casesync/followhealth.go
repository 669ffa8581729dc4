package main

import (
	"context"
	"fmt"
	"time"

	"casesync/adapters/httpapi"
	"casesync/eventstore/follower"
)

// failingMax is how long a follower may fail before the process says that it is not ready. Reads go on
// all the same, so nothing is taken away from people; but an erasure or a mail waits.
const failingMax = time.Minute

// followed is how what follows the log stands.
func (s *serving) followed(ctx context.Context) ([]httpapi.Finding, error) {
	if s.follows == nil {
		return nil, nil
	}
	statuses, err := s.follows.reactions.Statuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure health of reactions: %w", err)
	}
	queue, err := s.follows.queue.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure health of mail: %w", err)
	}
	var list []httpapi.Finding
	for _, status := range append(statuses, queue) {
		list = append(list, s.followerFinding(status))
	}
	health, err := s.follows.mails.Health(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure health of mail: %w", err)
	}
	list = append(list,
		httpapi.Finding{Name: "mail: queued", Ready: true, Value: health.Queued},
		httpapi.Finding{Name: "mail: dead", Ready: true, Value: health.Dead, Help: helpIf(health.Dead > 0, "casesync mail list shows them")},
	)
	sweeps, err := s.follows.scheduler.Statuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure health of sweeps: %w", err)
	}
	for _, sweep := range sweeps {
		list = append(list, httpapi.Finding{
			Name: "sweep of " + sweep.Name + ": last done", Ready: true, Value: moment(sweep.SucceededAt),
			Help: helpIf(sweep.Fault != "", "the last run failed; the log lines of this process say why"),
		})
	}
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
