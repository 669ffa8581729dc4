package cms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/commands"
	"casesync/domain/casefile"
)

// TypeSnapshot is the type of an event that tells the whole state of a case.
const TypeSnapshot = "cms.case.snapshot.v1"

// A ParsedLine is a line of a file that was read to be looked at, and not to be recorded.
type ParsedLine struct {
	Message
	// Number counts the file's lines from 1; Bytes is the line's length.
	Number, Bytes int64
}

// Snapshot returns the state of a case that a message tells; false for every other message, and for one
// with a fault.
func (m *Message) Snapshot() (*casefile.SnapshotTaken, bool) {
	if m.Fault != nil {
		return nil, false
	}
	snapshot, is := m.caseFact.(*casefile.SnapshotTaken)
	return snapshot, is
}

// Scan reads a file of JSON lines as Import does, parses and checks it on all processors, and hands its
// lines to yield, some hundreds at a time, in the order of the file; it records nothing, and keeps no line
// after yield has returned. While yield works the next lines are parsed. An error of yield ends it and is
// returned as it is. ErrNotLines is returned for a file that is not JSON lines at all.
func Scan(ctx context.Context, in *Ingester, r io.Reader, yield func([]ParsedLine) error) error {
	lines, err := newLineReader(r, in.limits.BodyBytesMax)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan []ParsedLine)
	group.Go(func() error {
		defer close(ready)
		return scan(ctx, &importing{Ingester: in, lines: lines, budgetBytes: chunkBytesMax}, ready)
	})
	group.Go(func() error {
		for parsed := range ready {
			if err := yield(parsed); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// scan reads and parses chunk after chunk.
func scan(ctx context.Context, i *importing, ready chan<- []ParsedLine) error {
	for {
		c, err := i.readChunk()
		if len(c.lines) > 0 {
			if err := send(ctx, ready, i.parseLines(c)); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (i *importing) parseLines(c *chunk) []ParsedLine {
	parsed := make([]ParsedLine, len(c.lines))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for n, l := range c.lines {
		group.Go(func() error {
			parsed[n] = ParsedLine{Message: i.parseLine(l), Number: l.number, Bytes: l.bytes}
			return nil
		})
	}
	_ = group.Wait() // parsing has no errors, only faults
	return parsed
}

// errNoSnapshot is returned where something else is to correct a case.
var errNoSnapshot = errors.New("only a snapshot corrects a case")

// Correct records a snapshot, as Take does, because what is known of its case was found to differ from it;
// see commands.CorrectCase. What is rejected is not kept as a dead letter: who asks has it, and is told.
func (in *Ingester) Correct(ctx context.Context, sender Sender, m Message, correction commands.Correction) (commands.Verdict, error) {
	if m.Fault == nil {
		m.Fault = sourceFault(sender, &m)
	}
	if m.Fault != nil {
		return commands.Verdict{Status: commands.Rejected, Code: m.Fault.Code, Reason: m.Fault.Reason}, nil
	}
	snapshot, is := m.Snapshot()
	if !is {
		return commands.Verdict{}, fmt.Errorf("correct case %s by %s: %w", m.Subject, m.Type, errNoSnapshot)
	}
	return in.commands.CorrectCase(ctx, sender.By, m.Subject, m.origin, snapshot, correction)
}
