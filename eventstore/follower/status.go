package follower

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"casesync/eventstore"
)

// Status is how a subscription stands, for health and for people.
type Status struct {
	Name string
	// Holding is whether this process is the one at work; Position is then what it has taken, else
	// where the checkpoint is.
	Holding  bool
	Position eventstore.Position
	// LagEvents is how many events of the log come after Position, counted up to LagEventsMax, and
	// LagAge the age of the oldest of them.
	LagEvents int
	LagAge    time.Duration
	// Err is why this process cannot go on, nil where it can; FailingSince since when, and Attempts
	// how often it has tried.
	Err          error
	FailingSince time.Time
	Attempts     int
}

// LagEventsMax is how far a lag is counted.
const LagEventsMax = 1_000

// Status tells how the subscription stands. It reads the log after the checkpoint.
func (f *Follower) Status(ctx context.Context) (Status, error) {
	f.mu.Lock()
	s := Status{Name: f.config.Name, Holding: f.holding, Position: f.place.At, Err: f.err, FailingSince: f.since, Attempts: f.attempts}
	f.mu.Unlock()
	if !s.Holding {
		place, err := f.config.Checkpoints.Place(ctx, f.config.Name)
		if err != nil {
			return s, fmt.Errorf("read checkpoint of %s: %w", f.config.Name, err)
		}
		s.Position = place.At
	}
	for event, err := range f.config.Log.ReadAll(ctx, s.Position) {
		if err != nil {
			return s, fmt.Errorf("read lag of %s: %w", f.config.Name, err)
		}
		if s.LagEvents == 0 {
			s.LagAge = max(f.config.Now().Sub(event.RecordedAt), 0)
		}
		if s.LagEvents++; s.LagEvents == LagEventsMax {
			break
		}
	}
	return s, nil
}

// waitPoll is how often WaitFor looks: the follower may be another process's.
const waitPoll = 50 * time.Millisecond

// WaitFor returns nil as soon as the follower name has taken the event at position, in whatever
// process it runs, and the context's error if that ends first.
func WaitFor(ctx context.Context, checkpoints Checkpoints, name string, position eventstore.Position) error {
	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		place, err := checkpoints.Place(ctx, name)
		if err != nil {
			return fmt.Errorf("read checkpoint of %s: %w", name, err)
		}
		if place.At.Compare(position) >= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to reach %s, it is at %s: %w", name, position, place.At, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func (f *Follower) note(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// failed notes that the follower cannot go on, and since when.
func (f *Follower) failed(err error) {
	f.note(func() {
		if f.err == nil {
			f.since = f.config.Now()
		}
		f.err, f.attempts = err, f.attempts+1
	})
}

// worked notes that the follower can go on.
func (f *Follower) worked() {
	f.note(func() {
		if f.err != nil {
			f.config.Logger.Info("subscription works again", slog.Int("attempts", f.attempts))
		}
		f.err, f.since, f.attempts = nil, time.Time{}, 0
	})
}
