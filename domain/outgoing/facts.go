package outgoing

import (
	"fmt"
	"slices"

	"casesync/domain"
	"casesync/domain/feed"
)

// CodeForeignSource is the code of the refusal of a fact whose source does not speak for the case.
const CodeForeignSource = "foreign-source"

// What an answer may contradict, as Origin.Contradicts names it. The answer is recorded all the same.
const (
	// DifferentCase: it names another case than the one that this was sent about.
	DifferentCase = "different-case"
	// NotSent: it answers what did not go out, or was not sent again yet.
	NotSent = "not-sent"
	// AlreadyAnswered: the source said the opposite before; this corrects it.
	AlreadyAnswered = "already-answered"
	// RecordedLate: it was recorded by a retry after facts that follow it in its source.
	RecordedLate = "recorded-late"
)

// Record takes a fact of a case management system; see casefile.Record.
type Record[Event any] struct {
	Fact Event
	// Owner is the source that speaks for the case, as the case's stream has it; "" where every source
	// is heard. The fact of another one is refused.
	Owner string
	Retry bool
	Alone bool
}

// Skip gives up waiting for the sequences From to To of Source; see casefile.Skip.
type Skip struct {
	Source string
	From   int64
	To     int64
	Alone  bool
}

// Judge is a copy of what a decider knows, to be asked in turn about facts that are recorded together.
type Judge[Event any] interface {
	// Contradicted returns what a fact contradicts.
	Contradicted(fact Event) []string
	// Apply takes a fact into the copy.
	Apply(fact Event)
}

// Facts says of the events of a decider which are facts of a source, and takes these by the rules of
// package feed.
type Facts[Event any] struct {
	// Name is that of the decider's vocabulary.
	Name func(event any) (string, bool)
	// Origin returns where an event came from, to be completed; nil for one that is no fact of a source.
	Origin func(event Event) *feed.Origin
	// Fact returns a new empty fact that may be held, by its stored name.
	Fact func(name string) (Event, bool)
	// Unrecognised reports whether a fact stands for a message of an unknown type.
	Unrecognised func(fact Event) bool
	// Held and Skipped make the events that hold a fact, and that give up sequences.
	Held    func(origin feed.Origin, name string, fact Event) Event
	Skipped func(source string, run feed.Span) Event
}

// Arrival returns what the tracker sees of a fact with the given origin.
func (f Facts[Event]) Arrival(fact Event, origin feed.Origin) feed.Arrival {
	if f.Unrecognised(fact) {
		return feed.Arrival{Origin: origin, Form: feed.Unrecognised}
	}
	return feed.Arrival{Origin: origin}
}

// Record decides what becomes of a fact. An error is a *domain.Refusal, or the fault of the caller.
func (f Facts[Event]) Record(tracker *feed.Tracker[Event], judge Judge[Event], r Record[Event]) ([]Event, error) {
	name, _ := f.Name(r.Fact)
	if _, fact := f.Fact(name); !fact {
		return nil, fmt.Errorf("record %T: not a fact of a source", r.Fact)
	}
	seen := f.Arrival(r.Fact, *f.Origin(r.Fact))
	seen.Retry = r.Retry
	taken, err := tracker.Take(seen, r.Fact, releaseMax(r.Alone))
	switch {
	case err != nil:
		return nil, err
	case taken.Verdict == feed.Known:
		return nil, nil
	case r.Owner != "" && r.Owner != seen.Source:
		return nil, &domain.Refusal{
			Code:   CodeForeignSource,
			Reason: "another case management system speaks for this case: let that one hand it over, then retry",
		}
	case taken.Verdict == feed.Early:
		return []Event{f.Held(seen.Origin, name, feed.Clone(r.Fact))}, nil
	}
	return f.judged(judge, taken.Facts, taken.Verdict == feed.Late), nil
}

// Skip decides what becomes of giving sequences up. An error is a *domain.Refusal.
func (f Facts[Event]) Skip(tracker *feed.Tracker[Event], judge Judge[Event], s Skip) ([]Event, error) {
	missing, released, err := tracker.Skip(s.Source, feed.SpanOf(s.From, s.To), releaseMax(s.Alone))
	if err != nil {
		return nil, err
	}
	var events []Event
	for _, run := range missing {
		events = append(events, f.Skipped(s.Source, run))
	}
	return append(events, f.judged(judge, released, false)...), nil
}

// Release records at most factsMax held facts whose turn has come; 0 stands for feed.ReleaseMax.
func (f Facts[Event]) Release(tracker *feed.Tracker[Event], judge Judge[Event], factsMax int) []Event {
	if factsMax <= 0 {
		factsMax = feed.ReleaseMax
	}
	return f.judged(judge, tracker.Release(factsMax), false)
}

// judged returns copies of facts that say what each contradicts, once those before it apply.
func (f Facts[Event]) judged(judge Judge[Event], facts []Event, late bool) []Event {
	var events []Event
	for _, fact := range facts {
		event := feed.Clone(fact)
		contradicted := slices.Clone(judge.Contradicted(fact))
		if late {
			contradicted = append(contradicted, RecordedLate)
		}
		slices.Sort(contradicted)
		f.Origin(event).Contradicts = contradicted
		judge.Apply(event)
		events = append(events, event)
	}
	return events
}

// releaseMax is how many held facts a command releases at most, alone or not.
func releaseMax(alone bool) int {
	if alone {
		return 0
	}
	return feed.ReleaseMax
}
