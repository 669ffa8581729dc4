package telemetry

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
)

// kept is an activity log that keeps everything, but for what it was told to refuse.
type kept struct {
	list  []commands.Activity
	fault error
}

func (k *kept) Record(_ context.Context, activity commands.Activity) error {
	k.list = append(k.list, activity)
	return k.fault
}

func TestPeopleMetrics(t *testing.T) {
	t.Parallel()
	health := PeopleHealth{
		MeasuredAt:   now,
		Followers:    []FollowerHealth{{Name: "mail", LagEvents: 7, LagAge: 3 * time.Second, FailingSince: now.Add(-time.Minute)}, {Name: "reactions"}},
		Mail:         &MailHealth{Queued: 4, Dead: 2, OldestQueuedAt: now.Add(-10 * time.Second)},
		Sweeps:       []SweepHealth{{Name: "accounts", SucceededAt: now.Add(-time.Hour), Failing: true, Overdue: true}, {Name: "cases"}},
		ActivityLost: 5, Unrecorded: 6,
	}
	var fault error
	m := NewMetrics("v1", func(context.Context) (Health, error) { return healthy(), nil })
	m.WatchPeople(func(context.Context) (PeopleHealth, error) { return health, fault })
	wants(t, scrape(t, m), `casesync_follower_lag_events{follower="mail"} 7`, `casesync_follower_oldest_untaken_age_seconds{follower="mail"} 3`,
		`casesync_follower_failing_seconds{follower="mail"} 60`, `casesync_follower_failing_seconds{follower="reactions"} 0`,
		`casesync_mails_queued 4`, `casesync_mails_oldest_queued_age_seconds 10`, `casesync_mails_dead 2`,
		`casesync_sweep_last_success_age_seconds{sweep="accounts"} 3600`, `casesync_sweep_failing{sweep="accounts"} 1`,
		`casesync_sweep_overdue{sweep="accounts"} 1`, `casesync_sweep_overdue{sweep="cases"} 0`,
		`casesync_activity_entries_lost_total 5`, `casesync_activity_unrecorded_requests_total 6`, `casesync_people_measured 1`)
	if text := scrape(t, m); strings.Contains(text, `casesync_sweep_last_success_age_seconds{sweep="cases"}`) {
		t.Error("a sweep that was never done has an age")
	}
	health, fault = PeopleHealth{MeasuredAt: now, ActivityLost: 9}, errors.New("the database is down")
	text := scrape(t, m)
	wants(t, text, `casesync_people_measured 0`, `casesync_activity_entries_lost_total 9`)
	if strings.Contains(text, "casesync_mails_queued ") || strings.Contains(text, "casesync_follower_lag_events{") {
		t.Error("measures are shown that could not be taken")
	}
}

// TestActivitiesAreCounted: by kind and code, and nothing of whom they are about is a label.
func TestActivitiesAreCounted(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v1", func(context.Context) (Health, error) { return healthy(), nil })
	log := &kept{}
	counted := m.Counting(log)
	record := func(activity commands.Activity) error {
		activity.Actor, activity.Account, activity.Address, activity.Subject = "user:secret-person", "secret-digest", "192.0.2.77", "account-secret"
		return counted.Record(t.Context(), activity)
	}
	for range 2 {
		if err := record(commands.Activity{Kind: commands.SignedIn}); err != nil {
			t.Fatal(err)
		}
	}
	log.fault = errors.New("the disk is full")
	for _, code := range []string{"credentials-wrong", "smtp-550 <ada@example.com>", ""} {
		if err := record(commands.Activity{Kind: commands.SignInRefused, Failed: true, Code: code}); !errors.Is(err, log.fault) {
			t.Errorf("got %v, want the log's own answer", err)
		}
	}
	text := scrape(t, m)
	wants(t, text, `casesync_activities_total{code="",kind="signed-in"} 2`, `casesync_activities_total{code="credentials-wrong",kind="sign-in-refused"} 1`,
		`casesync_activities_total{code="other",kind="sign-in-refused"} 2`)
	for _, word := range []string{"secret", "192.0.2.77", "ada@"} {
		if strings.Contains(text, word) {
			t.Errorf("the metrics show %q", word)
		}
	}
	if len(log.list) != 5 {
		t.Errorf("recorded: got %d, want 5", len(log.list))
	}
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
}
