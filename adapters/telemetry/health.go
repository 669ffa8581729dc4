package telemetry

import (
	"context"
	"fmt"
	"time"
)

// Health is what was measured of a process and its storage at one time. The measures are
// independent: none is derived from another, so that a runner that stopped without noticing shows
// as an old heartbeat and a growing age.
type Health struct {
	MeasuredAt    time.Time
	LogHead       uint64 // position of the last event in the log
	LogRecordedAt time.Time
	Projections   []ProjectionHealth
	HeldFacts     int64 // waiting for a gap in their sequence to close
	OldestHeldAt  time.Time
	HeldOverLimit int64 // cases and businesses that hold more, or for longer, than the limits say
	DeadLetters   int64 // neither retried nor discarded
}

// ProjectionHealth is what was measured of one read model.
type ProjectionHealth struct {
	Name       string
	Checkpoint uint64 // position of the last event taken
	// OldestUnprocessedAt is when the oldest event after the checkpoint was recorded; zero if there is none.
	OldestUnprocessedAt time.Time
	// HeartbeatAt is when a runner last said that it is alive; zero if none ever did.
	HeartbeatAt time.Time
	ParkedKeys  int64
	// Stopped is why the projection stands still until somebody acts; "" if it does not.
	Stopped string
}

// Measure takes the measures now. What it cannot find out is an error as a whole: then the
// process is not ready.
type Measure func(ctx context.Context) (Health, error)

// Limits say when a process is not ready to answer.
type Limits struct {
	// LagMax is how old the oldest event that a read model has not taken may be.
	LagMax time.Duration
	// HeartbeatMax is how long a projection's runner may be silent.
	HeartbeatMax time.Duration
}

// Problems returns a sentence for everything that makes the process not ready. Held facts, parked
// keys and dead letters are no such thing: they wait for an operator, and stop no other case.
func (h Health) Problems(limits Limits) []string {
	var problems []string
	for _, p := range h.Projections {
		switch {
		case p.Stopped != "":
			problems = append(problems, fmt.Sprintf("projection %s stands still: %s", p.Name, p.Stopped))
		case p.HeartbeatAt.IsZero():
			problems = append(problems, fmt.Sprintf("projection %s has no runner: start one with serve --roles project", p.Name))
		case h.MeasuredAt.Sub(p.HeartbeatAt) > limits.HeartbeatMax:
			problems = append(problems, fmt.Sprintf("projection %s has been silent for %s: see that a serve --roles project is running", p.Name, age(h.MeasuredAt, p.HeartbeatAt)))
		case !p.OldestUnprocessedAt.IsZero() && h.MeasuredAt.Sub(p.OldestUnprocessedAt) > limits.LagMax:
			problems = append(problems, fmt.Sprintf("projection %s is %s behind the log", p.Name, age(h.MeasuredAt, p.OldestUnprocessedAt)))
		}
	}
	return problems
}

func age(now, then time.Time) time.Duration { return now.Sub(then).Round(time.Second) }

// Behind is the age of the oldest event that the projection has not taken, 0 if there is none.
func (p ProjectionHealth) Behind(now time.Time) time.Duration {
	if p.OldestUnprocessedAt.IsZero() {
		return 0
	}
	return max(0, now.Sub(p.OldestUnprocessedAt))
}
