package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"casesync/eventstore"
)

// Status is how a projection stands, by measures that do not depend on each other: the log's own
// head, the age of an event in the log, a runner's sign of life, what is parked.
type Status struct {
	Projection string
	// Version is of the live tables, Generation their number; 0 where there are none yet.
	Version    int
	Generation int64
	Position   eventstore.Position // of the last event folded
	RecordedAt time.Time           // when it was recorded
	Events     int64               // of the log up to there
	Head       eventstore.Position // of the log
	// LagEvents is how many events the log is ahead, LagAge the age of the oldest event that is not
	// folded yet. Where positions do not count events (KurrentDB) it is counted up to lagCountMax.
	LagEvents int64
	LagAge    time.Duration
	// Holder is the process whose runner is at work, "" where none is, and Heartbeat how long ago it
	// last showed that it lives.
	Holder    string
	Heartbeat time.Duration
	Parked    int64 // keys
	// Rebuild is what a rebuild has reached, nil where none is under way.
	Rebuild *RebuildStatus
}

// RebuildStatus is how far a rebuild has come.
type RebuildStatus struct {
	Holder     string
	Version    int
	Generation int64
	Position   eventstore.Position
	Events     int64
	StartedAt  time.Time
}

// Statuses tells how projections stand, in their order. It reads the log at one event for each.
func Statuses(ctx context.Context, store Store, log eventstore.Log, now time.Time, projections ...string) ([]Status, error) {
	list := make([]Status, len(projections))
	for i, name := range projections {
		s := &list[i]
		s.Projection = name
		if err := store.View(ctx, func(snapshot Snapshot) error { return s.read(ctx, snapshot, now) }); err != nil {
			return nil, fmt.Errorf("read status of %s: %w", name, err)
		}
	}
	head, err := headOf(ctx, log)
	if err != nil {
		return nil, fmt.Errorf("read head of the log: %w", err)
	}
	for i := range list {
		if err := list[i].measure(ctx, log, head, now); err != nil {
			return nil, fmt.Errorf("read lag of %s: %w", list[i].Projection, err)
		}
	}
	return list, nil
}

// headOf is zero where the log does not know its end.
func headOf(ctx context.Context, log eventstore.Log) (eventstore.Position, error) {
	header, ok := log.(eventstore.Header)
	if !ok {
		return eventstore.Position{}, nil
	}
	head, err := header.Head(ctx)
	return head.Position, err
}

func (s *Status) read(ctx context.Context, snapshot Snapshot, now time.Time) error {
	live, err := readLive(ctx, snapshot, s.Projection)
	if err != nil && !errors.Is(err, ErrNotBuilt) {
		return err
	}
	if err == nil {
		s.Version, s.Generation = live.version, live.number
		s.Position, s.RecordedAt, s.Events = live.checkpoint.at, live.checkpoint.recordedAt, live.checkpoint.events
		table := (Projection{Name: s.Projection}).table(parkedTable, live.number)
		if _, err := queryRow(ctx, snapshot, `SELECT count(*) FROM `+table, nil, &s.Parked); err != nil {
			return err
		}
	}
	if s.Holder, s.Heartbeat, err = holderOf(ctx, snapshot, runnerLease(s.Projection), now); err != nil {
		return err
	}
	holder, _, err := holderOf(ctx, snapshot, rebuildLease(s.Projection), now)
	if err != nil || holder == "" {
		return err
	}
	var number, startedAt int64
	found, err := queryRow(ctx, snapshot, `SELECT generation, started_at FROM engine_generations
		WHERE projection = $1 AND NOT built ORDER BY generation DESC LIMIT 1`, []any{s.Projection}, &number, &startedAt)
	if err != nil || !found {
		return err
	}
	building, err := readGeneration(ctx, snapshot, s.Projection, number)
	s.Rebuild = &RebuildStatus{Holder: holder, Version: building.version, Generation: number,
		Position: building.checkpoint.at, Events: building.checkpoint.events, StartedAt: fromMicros(startedAt)}
	return err
}

// holderOf returns who holds a lease now, "" for nobody, and the age of the last sign of life.
func holderOf(ctx context.Context, snapshot Snapshot, name string, now time.Time) (holder string, heartbeat time.Duration, err error) {
	var renewedAt, expiresAt int64
	_, err = queryRow(ctx, snapshot, `SELECT holder, renewed_at, expires_at FROM engine_leases WHERE name = $1`,
		[]any{name}, &holder, &renewedAt, &expiresAt)
	if err != nil {
		return "", 0, err
	}
	if expiresAt <= micros(now) {
		holder = ""
	}
	return holder, age(now, fromMicros(renewedAt)), nil
}

// lagCountMax bounds how many events are read to be counted.
const lagCountMax = 1000

// measure looks in the log for what is not folded yet.
func (s *Status) measure(ctx context.Context, log eventstore.Log, head eventstore.Position, now time.Time) error {
	s.Head = s.Position
	for e, err := range log.ReadAll(ctx, s.Position) {
		if err != nil {
			return err
		}
		if s.LagEvents == 0 {
			s.LagAge = age(now, e.RecordedAt)
		}
		s.Head = e.Position
		if s.LagEvents++; e.Position.Minor == 0 || s.LagEvents == lagCountMax {
			break
		}
	}
	if head.Compare(s.Head) > 0 {
		s.Head = head
		if head.Minor == 0 {
			s.LagEvents = int64(head.Major - s.Position.Major)
		}
	}
	return nil
}

// age is how long ago then was; 0 where there is no such time.
func age(now, then time.Time) time.Duration {
	if then.IsZero() {
		return 0
	}
	return max(0, now.Sub(then))
}
