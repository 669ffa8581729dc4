package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"casesync/projections"
	"casesync/projections/engine"
)

// feedLimits bound what comes from case management systems. They are the same for whatever takes
// or shows it.
type feedLimits struct {
	EventKiBMax   int           `name:"event-kib-max" help:"Largest event that is taken, in KiB; at most 1024, as in the log." default:"1024" group:"Limits"`
	HeldEventsMax int64         `help:"How many events a case may hold for a gap in their sequence before it is reported. Nothing is dropped." default:"1000" group:"Limits"`
	HeldAgeMax    time.Duration `help:"How long an event may be held before its case is reported. Nothing is dropped." default:"24h" group:"Limits"`
}

// logEventKiBMax is how much the log takes of one event: eventstore.Limits by default.
const logEventKiBMax = 1024

func (l *feedLimits) checkLimits() error {
	switch {
	case l.EventKiBMax < 1 || l.EventKiBMax > logEventKiBMax:
		return fmt.Errorf("--event-kib-max is %d: want 1 to %d", l.EventKiBMax, logEventKiBMax)
	case l.HeldEventsMax < 1:
		return fmt.Errorf("--held-events-max is %d: want 1 or more", l.HeldEventsMax)
	case l.HeldAgeMax <= 0:
		return fmt.Errorf("--held-age-max is %s: want more than 0", l.HeldAgeMax)
	}
	return nil
}

// held are the limits of what is held.
func (l *feedLimits) held() projections.HeldLimits {
	return projections.HeldLimits{EventsMax: l.HeldEventsMax, AgeMax: l.HeldAgeMax}
}

// The rhythm of the report on what is held past the limits.
const (
	heldCheckInterval = time.Minute
	// heldReportInterval is how long a stream that was named is not named again.
	heldReportInterval = time.Hour
	// heldNamesMax is how many streams one log line names.
	heldNamesMax = 10
)

// heldReport tells the log of this process which cases and businesses are over the limits of what
// is held: each once, and again every hour while it is.
type heldReport struct {
	*system
	named map[string]time.Time // when a stream was last named
}

// run reports until ctx ends. It needs the store to be open.
func (r *heldReport) run(ctx context.Context) error {
	ticker := time.NewTicker(heldCheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := r.report(ctx); err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "could not look for cases that hold too much", "error", err)
		}
	}
}

// report writes at most one line. Where many streams are over the limits, those that hold the oldest
// events are named, and the others are counted.
func (r *heldReport) report(ctx context.Context) error {
	now, limits, scope := r.now(), r.settings.held(), projections.OperatorScope("system:health")
	var over []projections.FeedRow
	var count projections.HeldCount
	err := engine.Read(ctx, r.openedStore, projections.FeedsName, func(view engine.View) (err error) {
		if count, err = projections.CountHeld(ctx, view, scope, limits, now); err != nil || count.StreamsOver == 0 {
			return err
		}
		over, err = projections.ListHeldOver(ctx, view, scope, limits, now, projections.PageRowsMax)
		return err
	})
	if err != nil {
		if errors.Is(err, engine.ErrNotBuilt) {
			return nil
		}
		return fmt.Errorf("report what is held: %w", err)
	}
	if streams := r.toName(over, now); len(streams) > 0 {
		r.logger.WarnContext(ctx, "cases hold events past the limits: casesync held list shows what they wait for",
			"streams_over_limit", count.StreamsOver, "streams", streams, "held_events_max", limits.EventsMax, "held_age_max", limits.AgeMax)
	}
	return nil
}

// toName returns the streams that were not named within the interval, and notes that they are now.
func (r *heldReport) toName(over []projections.FeedRow, now time.Time) (streams []string) {
	for stream, at := range r.named {
		if now.Sub(at) >= heldReportInterval {
			delete(r.named, stream)
		}
	}
	for _, feed := range over {
		if _, named := r.named[feed.Stream]; named || len(streams) == heldNamesMax {
			continue
		}
		r.named[feed.Stream] = now
		streams = append(streams, feed.Stream)
	}
	return streams
}
