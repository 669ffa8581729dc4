package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"casesync/eventstore"
	"casesync/projections/engine"
)

type verifyCommand struct {
	Names     []string `arg:"" optional:"" help:"Which read models; all if none is named." placeholder:"NAME"`
	MemoryMiB int      `name:"memory-mib-max" help:"Memory that the comparison may use, in MiB; with less it reads the log several times." default:"256"`
	SkipLog   bool     `help:"Compare the read models only."`
}

// Help is shown below the command's flags.
func (verifyCommand) Help() string {
	return `Reads the whole log, looking for gaps, times that go backwards, events that cannot be decoded, and private values that were altered or moved.
Then it computes each read model again and compares it row by row. What differs is named, and the exit code is 1;
casesync projections rebuild mends a read model, a damaged log is restored from its backup. It may run while a serve does.`
}

// Run verifies the log, then the read models.
func (c verifyCommand) Run(ctx context.Context, p *program) error {
	list, err := chosen(c.Names)
	if err != nil {
		return err
	}
	s := p.installed()
	defer s.close()
	sound := true
	if !c.SkipLog {
		if sound, err = s.verifyLog(ctx); err != nil {
			return err
		}
	}
	for _, projection := range list {
		config, err := s.engineConfig(ctx, projection)
		if err != nil {
			return err
		}
		show := p.fractions("verifying " + projection.Name)
		report, err := engine.Verify(ctx, config, engine.Options{MemoryMiB: c.MemoryMiB, Progress: show.at})
		show.end()
		if err != nil {
			return err
		}
		if report.Differences == 0 {
			fmt.Fprintf(p.stdout, "%s: equals the replay of %d events, up to position %s (%s)\n", projection.Name, report.Events, report.Position, report.Took.Round(time.Millisecond))
			continue
		}
		sound = false
		fmt.Fprintf(p.stdout, "%s: %d rows differ from the replay of %d events; casesync projections rebuild %s mends it\n",
			projection.Name, report.Differences, report.Events, projection.Name)
		printDifferences(p.stdout, report)
	}
	if !sound {
		return errSilent
	}
	return nil
}

// logFindingsMax is how many findings in the log are named, and logBatchEvents how many events are opened
// together: their keys are looked up at once.
const (
	logFindingsMax = 20
	logBatchEvents = 2_000
)

// verifyLog reads the log from end to end. It is sound where positions and times ascend, each
// stream's revisions count 0, 1, 2 …, and every event decodes and opens.
func (s *system) verifyLog(ctx context.Context) (sound bool, err error) {
	log, err := s.log(ctx)
	if err != nil {
		return false, err
	}
	codec, err := s.codec(ctx)
	if err != nil {
		return false, err
	}
	check := &logCheck{prepare: engine.NewPrepare(codec, nil), out: s.stdout, revisions: map[eventstore.StreamName]eventstore.Revision{}}
	batch := make([]eventstore.Recorded, 0, logBatchEvents)
	for e, err := range log.ReadAll(ctx, eventstore.Position{}) {
		if err != nil {
			return false, err
		}
		if batch = append(batch, e); len(batch) == cap(batch) {
			if err := check.look(ctx, batch); err != nil {
				return false, err
			}
			batch = batch[:0]
		}
	}
	if err := check.look(ctx, batch); err != nil {
		return false, err
	}
	if check.findings > 0 {
		fmt.Fprintf(s.stdout, "log: %d of %d events are not as they should be; restore the log from a backup\n", check.findings, check.events)
		return false, nil
	}
	fmt.Fprintf(s.stdout, "log: %d events of %d streams are intact\n", check.events, len(check.revisions))
	return true, nil
}

// logCheck is what a pass over the log remembers: of each stream its last revision.
type logCheck struct {
	prepare   engine.Prepare
	out       io.Writer
	last      eventstore.Recorded
	revisions map[eventstore.StreamName]eventstore.Revision
	events    int64
	findings  int64
}

// look tells what is wrong with the events of a batch.
func (c *logCheck) look(ctx context.Context, batch []eventstore.Recorded) error {
	opened, err := c.prepare(ctx, batch)
	if err != nil {
		return fmt.Errorf("open events of the log: %w", err)
	}
	for _, e := range opened {
		finding := c.place(e.Recorded)
		switch {
		case finding != "":
		case e.Err != nil:
			finding = e.Err.Error()
		case e.Event == nil:
			finding = fmt.Sprintf("%v %q: verify with a version of casesync that knows it", eventstore.ErrUnknownType, e.Type)
		default:
			continue
		}
		if c.findings++; c.findings <= logFindingsMax {
			fmt.Fprintf(c.out, "log: event %s at position %s: %s\n", e.ID, e.Position, finding)
		}
	}
	return nil
}

// place returns what is wrong with the place of an event in the log, "" if nothing is.
func (c *logCheck) place(e eventstore.Recorded) string {
	last := c.last
	c.last = e
	c.events++
	want := eventstore.Revision(0)
	if before, known := c.revisions[e.Stream]; known {
		want = before + 1
	}
	c.revisions[e.Stream] = e.Revision
	switch {
	case e.Position.Compare(last.Position) <= 0:
		return fmt.Sprintf("it comes after position %s", last.Position)
	case e.RecordedAt.Before(last.RecordedAt):
		return fmt.Sprintf("it was recorded at %s, before the event in front of it", e.RecordedAt)
	case e.Revision != want:
		return fmt.Sprintf("it has revision %d in stream %s, want %d: events are missing or out of order", e.Revision, e.Stream, want)
	}
	return ""
}
