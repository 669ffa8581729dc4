// Package sequencer decides a batch of appends: which are carried out, at which revisions and
// positions, and what each caller is answered. It is the one place with the rules of Log.Append; it
// does no I/O. A log gathers what has to be known, in the transaction in which it then writes what
// was planned.
//
// Looking up every event id before it is written is dear, and it is nearly always new. So a log may
// leave the ids out, write under a unique index, and plan again with the ids where the index objects
// or Plan says that it is Unsure.
package sequencer

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
	"casesync/eventstore/groupcommit"
)

// Append is one caller's append.
type Append struct {
	Stream   eventstore.StreamName
	Expected eventstore.ExpectedRevision
	Events   []eventstore.Event
}

// Place is where an event stands in the log.
type Place struct {
	Stream   eventstore.StreamName
	Revision eventstore.Revision
	Position eventstore.Position
}

// Known is what is known of the log when a batch is planned.
type Known struct {
	Head eventstore.Head
	// Revisions are the revisions of the appends' streams, -1 for one that does not exist.
	Revisions map[eventstore.StreamName]eventstore.Revision
	// Places are the places of those of the appends' events whose ids are in the log; nil if they
	// were not looked up.
	Places map[uuid.UUID]Place
}

// Result is the answer to one append.
type Result = groupcommit.Result[eventstore.Appended]

// Plan is what to write, and what to answer once it is written.
type Plan struct {
	// Rows are the events to write, in the order of their positions.
	Rows []eventstore.Recorded
	// Results answer the appends, in their order.
	Results []Result
	// Head is the head of the log when the rows are written.
	Head eventstore.Head
	// Revisions are those of the appends' streams when the rows are written.
	Revisions map[eventstore.StreamName]eventstore.Revision
	// Unsure: an answer depends on ids that were not looked up. The plan must not be carried out.
	Unsure bool
}

// Make plans a batch, in order: an append sees the ones before it. The rows are recorded at now, or
// at the time of the last event where the clock has gone back.
func Make(appends []Append, known Known, now time.Time) Plan {
	p := planner{places: make(map[uuid.UUID]Place), looked: known.Places}
	p.Head = known.Head
	p.Revisions = make(map[eventstore.StreamName]eventstore.Revision, len(appends))
	for _, a := range appends {
		p.Revisions[a.Stream] = known.Revisions[a.Stream]
	}
	p.recordedAt = now.UTC().Truncate(time.Microsecond)
	if p.recordedAt.Before(p.Head.RecordedAt) {
		p.recordedAt = p.Head.RecordedAt
	}
	for _, a := range appends {
		appended, err := p.append(a)
		if err != nil {
			err = fmt.Errorf("append to %s: %w", a.Stream, err)
		}
		p.Results = append(p.Results, Result{Answer: appended, Err: err})
	}
	return p.Plan
}

// Failed answers every one of n appends with err.
func Failed(n int, err error) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i].Err = err
	}
	return results
}

type planner struct {
	Plan
	places     map[uuid.UUID]Place // of this plan's rows
	looked     map[uuid.UUID]Place
	recordedAt time.Time
}

func (p *planner) append(a Append) (eventstore.Appended, error) {
	if appended, there, err := p.repeated(a); there {
		return appended, err
	}
	current := p.Revisions[a.Stream]
	if !a.Expected.Matches(current) {
		p.Unsure = p.Unsure || p.looked == nil
		return eventstore.Appended{}, fmt.Errorf("%w: expected %s, it is at %d", eventstore.ErrWrongExpectedRevision, a.Expected, current)
	}
	for _, event := range a.Events {
		p.row(a.Stream, event)
	}
	return eventstore.Appended{Revision: p.Revisions[a.Stream], Position: p.Head.Position}, nil
}

func (p *planner) row(stream eventstore.StreamName, event eventstore.Event) {
	p.Revisions[stream]++
	p.Head.Position.Major++
	p.Head.RecordedAt = p.recordedAt
	p.places[event.ID] = Place{Stream: stream, Revision: p.Revisions[stream], Position: p.Head.Position}
	p.Rows = append(p.Rows, eventstore.Recorded{
		Event: event, Stream: stream, Revision: p.Revisions[stream], Position: p.Head.Position, RecordedAt: p.recordedAt,
	})
}

// repeated finds out whether any of the events is there already; if so it returns the first answer,
// or ErrEventIDTaken where they are not there as this same append.
func (p *planner) repeated(a Append) (appended eventstore.Appended, there bool, err error) {
	var first, last Place
	found := 0
	for i, event := range a.Events {
		place, ok := p.place(event.ID)
		if !ok {
			continue
		}
		found++
		if i == 0 {
			first = place
		}
		last = place
		if place.Stream != a.Stream || place.Revision != first.Revision+eventstore.Revision(i) {
			found = -1
			break
		}
	}
	switch found {
	case 0:
		return eventstore.Appended{}, false, nil
	case len(a.Events):
		return eventstore.Appended{Revision: last.Revision, Position: last.Position, Repeated: true}, true, nil
	}
	p.Unsure = p.Unsure || p.looked == nil
	return eventstore.Appended{}, true, eventstore.ErrEventIDTaken
}

func (p *planner) place(id uuid.UUID) (Place, bool) {
	if place, ok := p.places[id]; ok {
		return place, true
	}
	place, ok := p.looked[id]
	return place, ok
}
