package engine

import (
	"context"
	"time"

	"casesync/eventstore"
)

// Progress is how far a rebuild or a verification has come.
type Progress struct {
	Projection string
	// Pass counts from 1 to Passes: a verification may need to read the log several times.
	Pass, Passes int
	// Events of the log were read so far, up to Position; Head is where the log ended when it began.
	Events   int64
	Position eventstore.Position
	Head     eventstore.Position
	// EventsPerSecond is since the start, and Remaining an estimate from it; 0 where nothing is known.
	EventsPerSecond float64
	Remaining       time.Duration
}

// Fraction is how much is done, from 0 to 1, by positions of the log.
func (p Progress) Fraction() float64 {
	if p.Head.Major == 0 {
		return 1
	}
	part := min(1, float64(p.Position.Major)/float64(p.Head.Major))
	return (float64(p.Pass-1) + part) / float64(p.Passes)
}

// meterInterval is how often progress is told.
const meterInterval = 200 * time.Millisecond

// meter tells progress now and then.
type meter struct {
	progress     Progress
	eventsBefore int64
	partBefore   float64
	now          func() time.Time
	started      time.Time
	told         time.Time
	tell         func(Progress)
}

func newMeter(ctx context.Context, config Config, from checkpoint, tell func(Progress)) *meter {
	m := &meter{now: config.Now, started: config.Now(), tell: tell, eventsBefore: from.events}
	m.progress = Progress{Projection: config.Projection.Name, Pass: 1, Passes: 1, Events: from.events, Position: from.at}
	if header, ok := config.Log.(eventstore.Header); ok {
		if head, err := header.Head(ctx); err == nil {
			m.progress.Head = head.Position
		}
	}
	m.partBefore = m.progress.Fraction()
	return m
}

// at tells how far it is, if that was not told just now.
func (m *meter) at(c checkpoint) {
	m.progress.Events, m.progress.Position = c.events, c.at
	now := m.now()
	if now.Sub(m.told) < meterInterval && c.at.Compare(m.progress.Head) < 0 {
		return
	}
	m.told = now
	if elapsed := now.Sub(m.started); elapsed > 0 {
		done := float64(c.events-m.eventsBefore) + float64(m.progress.Pass-1)*float64(c.events)
		m.progress.EventsPerSecond = done / elapsed.Seconds()
		if part := m.progress.Fraction(); part > m.partBefore {
			m.progress.Remaining = time.Duration(float64(elapsed) * (1 - part) / (part - m.partBefore)).Round(time.Second)
		}
	}
	m.tell(m.progress)
}
