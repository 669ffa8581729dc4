// Package scheduler gives the commands that only the clock gives (requirements 33, 41, 42 and 64): it
// runs sweeps, each of which finds what is due and has it decided. It promises that a sweep runs at
// the start and then every so often, in one process at a time; that one thing that fails stops
// neither the others nor the other sweeps; and that it is known when each sweep last did all there
// was to do.
//
// A sweep decides nothing. It asks a read model what may be due, and gives a command with today's
// date; whether the step is taken is decided on what the log says at that moment. So a sweep may run
// twice, late, or on a read model that is behind: what was done already is not done again, and what
// was missed is found by the next run. A crash leaves a run that is not noted, and a lease that runs out.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"casesync/domain/calendar"
	"casesync/eventstore/follower"
)

// LeaseName is the lease that the process holds whose sweeps run.
const LeaseName = "scheduler"

// Sweep is something to be done again and again.
type Sweep struct {
	// Name is for people, and for when it last ran; it stays.
	Name string
	// Daily is whether it is done for today once it has succeeded today; else it runs every time.
	Daily bool
	// Run does what is due today. It goes on where single things fail, and returns what failed.
	Run func(ctx context.Context, today calendar.Day) error
}

// Runs keeps when sweeps last ran; a *state.Sweeps.
type Runs interface {
	// Note keeps how a run ended that began at startedAt: fault is "" where it succeeded.
	Note(ctx context.Context, name string, startedAt time.Time, fault string) error
	// Last returns when the last run began, when the last one that succeeded did, and why the last
	// one failed; zero and "" where there is none.
	Last(ctx context.Context, name string) (startedAt, succeededAt time.Time, fault string, err error)
}

// Config is the manual of the scheduler. Sweeps, Leases and Runs are required.
type Config struct {
	Sweeps []Sweep
	Leases follower.Leases
	Runs   Runs
	// Every is how long after a round of sweeps the next one begins; 10 minutes by default.
	Every time.Duration
	// LeaseTTL is after how long without a sign of life another process takes over; 30 s by default.
	LeaseTTL time.Duration
	// Now is the clock, of which the London day is today; time.Now by default. Logger is slog.Default() by default.
	Now    func() time.Time
	Logger *slog.Logger
}

// Scheduler runs sweeps in this process. Several processes may each have one: one works.
type Scheduler struct {
	config Config
	holder string
}

// New returns a scheduler, and an error where the configuration is wrong.
func New(config Config) (*Scheduler, error) {
	if config.Leases == nil || config.Runs == nil {
		return nil, errors.New("configure scheduler: Leases and Runs must be set")
	}
	names := map[string]bool{}
	for _, sweep := range config.Sweeps {
		if sweep.Name == "" || sweep.Run == nil || names[sweep.Name] {
			return nil, fmt.Errorf("configure scheduler: sweep %q lacks its name or what to run, or is there twice", sweep.Name)
		}
		names[sweep.Name] = true
	}
	if config.Every <= 0 {
		config.Every = 10 * time.Minute
	}
	if config.LeaseTTL <= 0 {
		config.LeaseTTL = 30 * time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return &Scheduler{config: config, holder: follower.Holder("")}, nil
}

// Run runs the sweeps, at the start and then every so often, until ctx ends, and then returns nil.
// While another process holds the lease it stands by.
func (s *Scheduler) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		held, err := follower.While(ctx, s.config.Leases, LeaseName, s.holder, s.config.LeaseTTL, func(ctx context.Context, _ int64) error {
			for ctx.Err() == nil {
				// What failed is noted and logged; the next round tries it again.
				_ = s.round(ctx)
				sleep(ctx, s.config.Every)
			}
			return context.Cause(ctx)
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // being stopped is no error
		}
		switch {
		case errors.Is(err, follower.ErrLost):
			s.config.Logger.InfoContext(ctx, "sweeps changed hands")
		case err != nil:
			s.config.Logger.ErrorContext(ctx, "sweeps were stopped, and begin again", slog.Any("error", err))
		case !held:
			s.config.Logger.DebugContext(ctx, "another process sweeps")
		}
		sleep(ctx, s.config.LeaseTTL/4)
	}
	return nil
}

// Once runs one round of sweeps, unless another process holds the lease, and returns what failed.
func (s *Scheduler) Once(ctx context.Context) (held bool, err error) {
	return follower.While(ctx, s.config.Leases, LeaseName, s.holder, s.config.LeaseTTL, func(ctx context.Context, _ int64) error {
		return s.round(ctx)
	})
}

// round runs each sweep that is to run today, one after the other.
func (s *Scheduler) round(ctx context.Context) error {
	var faults []error
	for _, sweep := range s.config.Sweeps {
		if ctx.Err() != nil {
			return errors.Join(append(faults, context.Cause(ctx))...)
		}
		if err := s.run(ctx, sweep); err != nil {
			faults = append(faults, fmt.Errorf("sweep %s: %w", sweep.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (s *Scheduler) run(ctx context.Context, sweep Sweep) error {
	started := s.config.Now()
	today := calendar.DayOf(started)
	logger := s.config.Logger.With(slog.String("sweep", sweep.Name), slog.String("day", today.String()))
	if sweep.Daily {
		_, succeeded, _, err := s.config.Runs.Last(ctx, sweep.Name)
		if err != nil {
			logger.ErrorContext(ctx, "sweep did not begin", slog.Any("error", err))
			return err
		}
		if calendar.DayOf(succeeded) >= today {
			return nil
		}
	}
	fault := ""
	err := sweep.Run(ctx, today)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		fault = err.Error()
		logger.ErrorContext(ctx, "sweep failed, and is tried again in the next round", slog.Any("error", err))
	} else {
		logger.DebugContext(ctx, "sweep succeeded", slog.Duration("took", s.config.Now().Sub(started)))
	}
	// A crash before this leaves the run unknown; the next start has it done again, to no effect.
	return errors.Join(err, s.config.Runs.Note(ctx, sweep.Name, started, fault))
}

// Status is when a sweep last ran, for health.
type Status struct {
	Name string
	// StartedAt is when the last run began, SucceededAt when the last one that did all there was to
	// do began; zero for never. Fault is why the last run failed, "" if it did not.
	StartedAt, SucceededAt time.Time
	Fault                  string
	// Overdue is whether the last success is longer ago than two rounds, or for a daily sweep two days.
	Overdue bool
}

// Statuses tells when each sweep last ran, in whatever process.
func (s *Scheduler) Statuses(ctx context.Context) ([]Status, error) {
	list := make([]Status, len(s.config.Sweeps))
	for i, sweep := range s.config.Sweeps {
		status := Status{Name: sweep.Name}
		var err error
		if status.StartedAt, status.SucceededAt, status.Fault, err = s.config.Runs.Last(ctx, sweep.Name); err != nil {
			return nil, err
		}
		allowed := 2*s.config.Every + s.config.LeaseTTL
		if sweep.Daily {
			allowed = 48 * time.Hour
		}
		status.Overdue = s.config.Now().Sub(status.SucceededAt) > allowed
		list[i] = status
	}
	return list, nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
