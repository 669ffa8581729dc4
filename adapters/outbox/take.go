package outbox

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"casesync/eventstore"
	"casesync/eventstore/follower"
)

// preparingMax is how many events are prepared at the same time: most of that is computing.
var preparingMax = 2 * runtime.GOMAXPROCS(0)

// waveEventsMin is how many events are prepared while those before them are published, at least.
const waveEventsMin = 1_000

// take publishes a batch of events; it is the Take of the follower. Events of one case follow each
// other, and of several cases go at the same time. Where some fail, the others are dealt with all the same.
func (o *Outbox) take(ctx context.Context, batch []eventstore.Recorded) error {
	if !wait(ctx, o.notBeforeIn()) {
		return ctx.Err()
	}
	cases, aside, err := o.parked.cases(ctx)
	if err != nil {
		return fmt.Errorf("look for parked messages: %w", err)
	}
	t := &taking{outbox: o, parked: cases, aside: aside}
	for wave := range o.prepareWaves(ctx, o.undone(batch)) {
		if wave.err != nil {
			t.fail(wave.err)
		}
		if t.failed() {
			break
		}
		t.publish(ctx, wave.items)
	}
	return o.taken(batch, t.err)
}

// publish deals with items, those of several cases at the same time.
func (t *taking) publish(ctx context.Context, items []item) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(t.outbox.config.LanesMax)
	for _, lane := range t.outbox.lanes(items) {
		group.Go(func() error { return t.lane(ctx, lane) })
	}
	if err := group.Wait(); err != nil {
		t.fail(err)
	}
}

// undone returns the events of batch that were not dealt with.
func (o *Outbox) undone(batch []eventstore.Recorded) []eventstore.Recorded {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.done) == 0 {
		return batch
	}
	var events []eventstore.Recorded
	for _, recorded := range batch {
		if !o.done[recorded.Position] {
			events = append(events, recorded)
		}
	}
	return events
}

// taken returns what take is to return after err, and remembers what was done only as long as it may be
// given again.
func (o *Outbox) taken(batch []eventstore.Recorded, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		clear(o.done)
		return nil
	}
	n := 0
	for n < len(batch) && o.done[batch[n].Position] {
		delete(o.done, batch[n].Position)
		n++
	}
	return &follower.PartialError{Taken: n, Err: err}
}

// wave is a part of a batch, prepared, or why it could not be.
type wave struct {
	items []item
	err   error
}

// prepareWaves yields events prepared, in their order, a wave at a time: the next one is being prepared
// while one is published.
func (o *Outbox) prepareWaves(ctx context.Context, events []eventstore.Recorded) iter.Seq[wave] {
	return func(yield func(wave) bool) {
		waves := make(chan wave)
		ctx, stop := context.WithCancel(ctx)
		defer func() {
			stop()
			for range waves { // until nothing is being prepared any more
			}
		}()
		go func() {
			defer close(waves)
			for part := range slices.Chunk(events, max(waveEventsMin, o.config.BatchMessagesMax)) {
				items, err := o.prepareAll(ctx, part)
				select {
				case waves <- wave{items, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		for prepared := range waves {
			if !yield(prepared) {
				return
			}
		}
	}
}

// prepareAll prepares events, in their order.
func (o *Outbox) prepareAll(ctx context.Context, events []eventstore.Recorded) ([]item, error) {
	items := make([]item, len(events))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(preparingMax)
	share := 1 + len(events)/preparingMax
	for from := 0; from < len(events); from += share {
		group.Go(func() (err error) {
			for i := from; i < min(from+share, len(events)) && err == nil; i++ {
				items[i], err = o.prepare(ctx, events[i])
			}
			return err
		})
	}
	return items, group.Wait()
}

var laneSeed = maphash.MakeSeed()

// lanes divides items so that those of a case are in one lane, in their order: where messages go one by one a
// lane for each case, so that none waits for another; where many go at once as many lanes as there may be.
func (o *Outbox) lanes(items []item) [][]item {
	if o.config.BatchMessagesMax > 1 {
		lanes := make([][]item, min(o.config.LanesMax, 1+len(items)/o.config.BatchMessagesMax))
		for _, it := range items {
			lane := int(maphash.String(laneSeed, it.key) % uint64(len(lanes)))
			lanes[lane] = append(lanes[lane], it)
		}
		return lanes
	}
	var lanes [][]item
	of := map[string]int{}
	for _, it := range items {
		lane, known := of[it.key]
		if !known {
			lane = len(lanes)
			of[it.key], lanes = lane, append(lanes, nil)
		}
		lanes[lane] = append(lanes[lane], it)
	}
	return lanes
}

// taking is a batch being taken.
type taking struct {
	outbox *Outbox

	mu sync.Mutex
	// parked are the cases of which something is parked, and aside how many of these are for what may pass.
	parked map[string]bool
	aside  int
	err    error // why no more is taken now
}

// fail notes why no more is taken; the first reason counts.
func (t *taking) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

func (t *taking) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err != nil
}

// lane deals with items of one or more cases. Its error is one of the state database.
func (t *taking) lane(ctx context.Context, items []item) error {
	for len(items) > 0 && !t.failed() {
		n := t.free(items)
		if n == 0 {
			if err := t.park(ctx, items[0], errBehind); err != nil {
				return err
			}
			items = items[1:]
			continue
		}
		dealt, err := t.outbox.send(ctx, items[:n])
		t.outbox.note(items[:dealt])
		items = items[dealt:]
		if err == nil {
			continue
		}
		if err := t.blame(ctx, items[0], err); err != nil {
			return err
		}
	}
	return nil
}

// free returns how many of the first items are of cases of which nothing is parked.
func (t *taking) free(items []item) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n < len(items) && !t.parked[items[n].key] {
		n++
	}
	return n
}

// blame parks an item that could not be published, or has all wait, as its fault says.
func (t *taking) blame(ctx context.Context, it item, err error) error {
	fault := faultOf(err)
	switch {
	case fault.Blame == Refused, fault == errNewerNeeded:
		return t.park(ctx, it, fault)
	case fault.Blame == Temporary && ctx.Err() == nil && t.setAside():
		return t.park(ctx, it, fault)
	}
	t.outbox.leaveAlone(fault.RetryAfter)
	t.fail(err)
	return nil
}

// setAside reports whether one more case may be parked for what may pass.
func (t *taking) setAside() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.aside >= t.outbox.config.SetAsideMax {
		return false
	}
	t.aside++
	return true
}

// park parks an item, and with it its case. A crash after it, before the checkpoint, has it taken again:
// then its case is parked, and it is there already.
func (t *taking) park(ctx context.Context, it item, fault *Fault) error {
	o := t.outbox
	if err := o.parked.add(ctx, it, fault, o.config.Now(), o.pauseAfter(1, fault)); err != nil {
		return fmt.Errorf("park message of %s: %w", it.Stream, err)
	}
	if fault != errBehind {
		o.config.Logger.ErrorContext(ctx, "message is parked, and what follows in its case behind it", faultAttributes(it, fault)...)
	}
	t.mu.Lock()
	t.parked[it.key] = true
	t.mu.Unlock()
	o.note([]item{it})
	return nil
}

// faultAttributes say of which message there is a fault, and which, without anything of the case.
func faultAttributes(it item, fault *Fault) []any {
	return []any{slog.String("event", it.ID.String()), slog.String("type", it.Type), slog.String("fault", fault.Code), slog.Any("error", fault.Err)}
}

// note remembers that items were dealt with.
func (o *Outbox) note(items []item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, it := range items {
		o.done[it.Position] = true
	}
}
