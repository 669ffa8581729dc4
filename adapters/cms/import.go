package cms

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/eventstore"
)

// CodeTruncated is the code of a last line that ends in the middle.
const CodeTruncated = "truncated-line"

// ImportOptions say how a file is imported.
type ImportOptions struct {
	// Sender is who imports.
	Sender Sender
	// BytesInFlightMax bounds the text that was read and is not decided; parsed it takes about
	// five times as much memory. Default 16 MiB.
	BytesInFlightMax int
	// RejectionsMax is how many rejections the summary tells; default 20.
	RejectionsMax int
	// Progress is called after every few hundred lines with what is done, by one goroutine at a
	// time; it should return quickly. It may be nil.
	Progress func(lines, bytes int64)
}

// A Summary says what became of a file.
type Summary struct {
	// Lines and Bytes are what was decided; empty lines count for neither.
	Lines, Bytes int64
	// The lines by what became of them.
	Accepted, Duplicate, Held, Rejected int64
	// Rejections are the first ones, in the order of the file.
	Rejections []Rejection
	// Truncated is true where the last line ends in the middle: the file is not whole.
	Truncated bool
	// Position is where the log ended after what was recorded.
	Position eventstore.Position
}

// A Rejection says why a line was rejected.
type Rejection struct {
	Line         int64
	ID           string
	Code, Reason string
}

// Import takes a file of JSON lines, one event in CloudEvents' JSON format each. It parses on all
// processors and decides many cases side by side, each case in the order of the file. A line that
// is rejected does not stop the others. The same file again has no effect on what is there, so an
// import that was cut short, in whatever way, is simply repeated.
//
// An error says that not the whole file was taken; the summary says how much surely was.
// ErrNotLines says that nothing was.
func Import(ctx context.Context, in *Ingester, r io.Reader, options ImportOptions) (Summary, error) {
	if err := commands.Allow(options.Sender.By, access.PublishEvents); err != nil {
		return Summary{}, err
	}
	lines, err := newLineReader(r, in.limits.BodyBytesMax)
	if err != nil {
		return Summary{}, err
	}
	group, ctx := errgroup.WithContext(ctx)
	i := &importing{
		Ingester: in, options: options, lines: lines, group: group, seed: maphash.MakeSeed(),
		budgetBytes: int64(orDefault(options.BytesInFlightMax, 16<<20)),
		parsing:     make(chan *chunk), ordered: make(chan *chunk, 1024),
		lanes: make([]chan lineMessage, in.casesAtOnceMax),
	}
	i.budget = semaphore.NewWeighted(i.budgetBytes)
	i.summary.max = orDefault(options.RejectionsMax, 20)
	i.start(ctx)
	err = group.Wait()
	return i.summary.Summary, err
}

// importing is an import at work. Its goroutines hand on in this order:
//
//	read (one)    → chunks of lines, within a budget of bytes
//	parse (cores) → the chunks' messages
//	route (one)   → in the file's order, each message to the lane of its subject
//	decide (lanes) → results, and the chunk's bytes back to the budget
type importing struct {
	*Ingester
	options     ImportOptions
	lines       *lineReader
	group       *errgroup.Group
	budget      *semaphore.Weighted
	budgetBytes int64
	seed        maphash.Seed
	parsing     chan *chunk // to whichever parser is free
	ordered     chan *chunk // the same, in the file's order
	lanes       []chan lineMessage
	summary     tally
	progress    sync.Mutex
}

// A chunk is some lines of the file.
type chunk struct {
	lines    []line
	bytes    int64 // of the file
	weight   int64 // of the budget
	messages []Message
	parsed   chan struct{} // closed when messages is there
	left     atomic.Int64  // messages that are not decided
}

// lineMessage is a line on its way to its lane.
type lineMessage struct {
	chunk *chunk
	index int
}

func (i *importing) start(ctx context.Context) {
	i.group.Go(func() error { return i.read(ctx) })
	for range runtime.GOMAXPROCS(0) {
		i.group.Go(func() error {
			for c := range i.parsing {
				i.parse(c)
			}
			return nil
		})
	}
	for n := range i.lanes {
		i.lanes[n] = make(chan lineMessage, 64)
		i.group.Go(func() error { return i.decideLane(ctx, i.lanes[n]) })
	}
	i.group.Go(func() error { return i.route(ctx) })
}

// read reads the file in chunks.
func (i *importing) read(ctx context.Context) error {
	defer close(i.parsing)
	defer close(i.ordered)
	for {
		c, err := i.readChunk()
		if len(c.lines) > 0 {
			if err := i.budget.Acquire(ctx, c.weight); err != nil {
				return err
			}
			// Both sends come before the next chunk, so that both channels have one order.
			if err := errors.Join(send(ctx, i.ordered, c), send(ctx, i.parsing, c)); err != nil {
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

func (i *importing) readChunk() (*chunk, error) {
	c := &chunk{parsed: make(chan struct{})}
	for len(c.lines) < chunkLinesMax && c.weight < chunkBytesMax {
		l, err := i.lines.next()
		if err != nil {
			return c, err
		}
		c.lines = append(c.lines, l)
		c.bytes += l.bytes
		c.weight = min(c.weight+int64(len(l.text)), i.budgetBytes)
	}
	return c, nil
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *importing) parse(c *chunk) {
	c.messages = make([]Message, len(c.lines))
	for n, l := range c.lines {
		c.messages[n] = i.parseLine(l)
	}
	close(c.parsed)
}

func (i *importing) parseLine(l line) Message {
	if i.lines.tooLong(l) {
		text := l.text[:min(beginningBytes, len(l.text))]
		return Message{Original: text, Fault: &Fault{CodeTooLarge, fmt.Sprintf(
			"The line has %d bytes, at most %d are read; only the first %d are kept. Correct the line and import the file again.",
			l.bytes, i.limits.BodyBytesMax, len(text))}}
	}
	m := i.Parse(l.text)
	if l.last && m.Fault != nil && m.Fault.Code == CodeJSON {
		m.Fault = &Fault{CodeTruncated, "The last line ends in the middle: the file was cut off. Get it whole and import it again; " +
			"what was imported before has no effect the second time."}
	}
	return m
}

// route hands messages to their lanes, in the file's order.
func (i *importing) route(ctx context.Context) error {
	defer func() {
		for _, lane := range i.lanes {
			close(lane)
		}
	}()
	for c := range i.ordered {
		select {
		case <-c.parsed:
		case <-ctx.Done():
			return ctx.Err()
		}
		c.left.Store(int64(len(c.messages)))
		for n := range c.messages {
			lane := maphash.String(i.seed, string(c.messages[n].stream())) % uint64(len(i.lanes))
			if err := send(ctx, i.lanes[lane], lineMessage{c, n}); err != nil {
				return err
			}
		}
	}
	return nil
}

// decideLane takes the messages of one lane one after the other.
func (i *importing) decideLane(ctx context.Context, lane <-chan lineMessage) error {
	for l := range lane {
		m := &l.chunk.messages[l.index]
		result, err := i.takeLine(ctx, *m)
		if err != nil {
			return fmt.Errorf("import line %d: %w", l.chunk.lines[l.index].number, err)
		}
		*m = Message{} // what is decided need not wait for the rest of its chunk
		i.finish(l.chunk, l.index, result)
	}
	return nil
}

// takeLine takes a message. Half an event is not kept: the whole one is still in the file.
func (i *importing) takeLine(ctx context.Context, m Message) (Result, error) {
	if m.Fault != nil && m.Fault.Code == CodeTruncated {
		return Result{Verdict: commands.Verdict{Status: commands.Rejected, Code: m.Fault.Code, Reason: m.Fault.Reason}}, nil
	}
	return i.take(ctx, i.options.Sender, m)
}

// finish counts a result, and gives the chunk's bytes back after its last one.
func (i *importing) finish(c *chunk, index int, result Result) {
	i.summary.add(c.lines[index], result)
	if c.left.Add(-1) > 0 {
		return
	}
	i.budget.Release(c.weight)
	lines, bytes := i.summary.done(c)
	if i.options.Progress != nil {
		i.progress.Lock()
		defer i.progress.Unlock()
		i.options.Progress(lines, bytes)
	}
}

// tally is a summary that many goroutines add to.
type tally struct {
	sync.Mutex
	Summary
	max int
}

func (t *tally) add(l line, result Result) {
	t.Lock()
	defer t.Unlock()
	if result.Position.Compare(t.Position) > 0 {
		t.Position = result.Position
	}
	switch result.Status {
	case commands.Accepted:
		t.Accepted++
	case commands.Duplicate:
		t.Duplicate++
	case commands.Held:
		t.Held++
	case commands.Rejected:
		t.Rejected++
		t.Truncated = t.Truncated || result.Code == CodeTruncated
		t.reject(Rejection{l.number, result.ID, result.Code, result.Reason})
	}
}

// done counts a chunk as done, and returns what is done so far.
func (t *tally) done(c *chunk) (lines, bytes int64) {
	t.Lock()
	defer t.Unlock()
	t.Lines += int64(len(c.lines))
	t.Bytes += c.bytes
	return t.Lines, t.Bytes
}

// reject keeps the first rejections of the file, which are not the first to be decided.
func (t *tally) reject(r Rejection) {
	at, _ := slices.BinarySearchFunc(t.Rejections, r.Line, func(kept Rejection, number int64) int { return int(kept.Line - number) })
	t.Rejections = slices.Insert(t.Rejections, at, r)
	t.Rejections = t.Rejections[:min(len(t.Rejections), t.max)]
}
