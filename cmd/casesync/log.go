package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"casesync/eventstore"
)

type logCommand struct {
	Tail   logTailCommand   `cmd:"" help:"Print the last events, and go on with those that come (--follow)."`
	Show   logShowCommand   `cmd:"" help:"Print the events of a stream, opened as far as their keys exist."`
	Export logExportCommand `cmd:"" help:"Write the whole log as JSON lines, sealed as it is stored."`
}

// logLine is an event as the log holds it, for people and programs. Data is sealed unless it was opened.
type logLine struct {
	Position   string          `json:"position"`
	RecordedAt time.Time       `json:"recordedAt"`
	Stream     string          `json:"stream"`
	Revision   int64           `json:"revision"`
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Metadata   json.RawMessage `json:"metadata"`
	Data       json.RawMessage `json:"data"`
}

func lineOf(e eventstore.Recorded) logLine {
	return logLine{
		Position: e.Position.String(), RecordedAt: e.RecordedAt, Stream: string(e.Stream), Revision: int64(e.Revision),
		ID: e.ID.String(), Type: e.Type, Metadata: e.Metadata, Data: e.Data,
	}
}

type logTailCommand struct {
	Events int  `help:"How many of the last events are printed." default:"10"`
	Follow bool `help:"Go on with the events that come, until stopped." short:"f"`
}

// Run prints one line an event: nothing personal stands in it, so it may go to a screen.
func (c logTailCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	log, err := s.log(ctx)
	if err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	count := max(0, c.Events)
	var after eventstore.Position
	if head.Position.Minor == 0 { // positions count events; else the whole log has to be read
		after.Major = head.Position.Major - min(head.Position.Major, uint64(count))
	}
	last, after, err := lastOf(log.ReadAll(ctx, after), after, count)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(p.stdout)
	for _, e := range last {
		printEvent(out, e)
	}
	if err := out.Flush(); err != nil || !c.Follow {
		return err
	}
	for batch, err := range eventstore.Follow(ctx, log, after, 1000) {
		if errors.Is(err, context.Canceled) {
			return nil // stopped, which is how this ends
		}
		if err != nil {
			return err
		}
		for _, e := range batch {
			printEvent(out, e)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// lastOf returns the last events, at most count of them, and the position up to which it read.
func lastOf(events iter.Seq2[eventstore.Recorded, error], after eventstore.Position, count int) ([]eventstore.Recorded, eventstore.Position, error) {
	var last []eventstore.Recorded
	for e, err := range events {
		if err != nil {
			return nil, after, err
		}
		after = e.Position
		if last = append(last, e); len(last) > 2*count {
			last = slices.Clone(last[len(last)-count:])
		}
	}
	return last[max(0, len(last)-count):], after, nil
}

func printEvent(w io.Writer, e eventstore.Recorded) {
	fmt.Fprintf(w, "%-10s %s  %-32s %-6d %s\n", e.Position, e.RecordedAt.UTC().Format(time.RFC3339Nano), e.Stream, e.Revision, e.Type)
}

type logShowCommand struct {
	Stream string `arg:"" help:"The stream: casefile-1234, business-123456, upload-ID …"`
	Sealed bool   `help:"Print what is stored, without opening what is private."`
}

// Run prints a stream as JSON lines.
func (c logShowCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	log, err := s.log(ctx)
	if err != nil {
		return err
	}
	open := func(e eventstore.Recorded) (logLine, error) { return lineOf(e), nil }
	if !c.Sealed {
		codec, err := s.codec(ctx)
		if err != nil {
			return err
		}
		open = func(e eventstore.Recorded) (logLine, error) { return openLine(ctx, codec, e) }
	}
	found, err := writeLines(p.stdout, log.ReadStream(ctx, eventstore.StreamName(c.Stream), 0), open)
	if err == nil && found == 0 {
		return fmt.Errorf("there is no stream %s: streams are named casefile-REFERENCE, business-FRN, upload-ID and the like: casesync log tail shows them", c.Stream)
	}
	return err
}

// openLine opens the private values of an event, in its stored form: so that events of every
// version are shown as they are.
func openLine(ctx context.Context, codec *eventstore.Codec, e eventstore.Recorded) (logLine, error) {
	line := lineOf(e)
	var err error
	if line.Data, err = openJSON(ctx, codec, e, "", e.Data); err != nil {
		return line, err
	}
	return line, nil
}

// openJSON opens the sealed texts in an object and in the objects in it. A value whose key was
// destroyed is shown as null.
func openJSON(ctx context.Context, codec *eventstore.Codec, e eventstore.Recorded, path string, data json.RawMessage) (json.RawMessage, error) {
	if len(data) > 0 && data[0] == '{' {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(data, &object); err != nil {
			return nil, err
		}
		for name, value := range object {
			opened, err := openJSON(ctx, codec, e, path+"."+name, value)
			if err != nil {
				return nil, err
			}
			object[name] = opened
		}
		return json.Marshal(object)
	}
	if !bytes.HasPrefix(data, []byte(`"v1.`)) {
		return data, nil
	}
	var sealed string
	if err := json.Unmarshal(data, &sealed); err != nil {
		return nil, err
	}
	envelope := fmt.Sprintf("%s|%s|%s|%s", e.Stream, e.ID, strings.TrimPrefix(path, "."), sealed)
	opened, err := codec.OpenEnvelopes(ctx, envelope)
	if err != nil {
		return nil, err
	}
	if opened[0] == nil {
		return json.RawMessage("null"), nil
	}
	return opened[0], nil
}

type logExportCommand struct {
	After string `help:"Begin after this position." default:"0" placeholder:"POSITION"`
}

// Run writes the log as it is stored. The export holds no personal data in clear, and is worth
// nothing without the key ring.
func (c logExportCommand) Run(ctx context.Context, p *program) error {
	after, err := eventstore.ParsePosition(c.After)
	if err != nil {
		return usage("--after: %w", err)
	}
	s := p.installed()
	defer s.close()
	log, err := s.log(ctx)
	if err != nil {
		return err
	}
	_, err = writeLines(p.stdout, log.ReadAll(ctx, after), func(e eventstore.Recorded) (logLine, error) { return lineOf(e), nil })
	return err
}

func writeLines(w io.Writer, events iter.Seq2[eventstore.Recorded, error], line func(eventstore.Recorded) (logLine, error)) (written int, err error) {
	out := bufio.NewWriterSize(w, 1<<20)
	encoder := json.NewEncoder(out)
	for e, err := range events {
		if err != nil {
			return written, err
		}
		l, err := line(e)
		if err != nil {
			return written, fmt.Errorf("event %s at position %s: %w", e.ID, e.Position, err)
		}
		if err := encoder.Encode(l); err != nil {
			return written, err
		}
		written++
	}
	return written, out.Flush()
}
