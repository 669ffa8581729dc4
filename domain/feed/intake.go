package feed

import (
	"fmt"
	"slices"

	"casesync/domain"
)

// CodeForeignSource is the code of the refusal of a fact whose source does not speak for the case, and
// of the contradiction of one that was held when its source handed the case over.
const CodeForeignSource = "foreign-source"

// RecordedLate is what a fact contradicts, as Origin.Contradicts names it, that was recorded by a retry
// after facts that follow it in its source.
const RecordedLate = "recorded-late"

// Intake takes the facts of sources into a decider by the rules of this package: one for each decider,
// that says which of its events are facts.
type Intake[Event any] struct {
	// Name and New are those of the decider's vocabulary.
	Name func(event any) (string, bool)
	New  func(name string) (Event, bool)
	// Origin returns where an event came from, to be completed; nil for one that is no fact of a source.
	Origin func(event Event) *Origin
	// Form returns how a fact counts; false for an event that holds a fact, which is none itself.
	Form func(event Event) (Form, bool)
	// Held and Skipped make the events that hold a fact, and that give up sequences.
	Held    func(origin Origin, name string, fact Event) Event
	Skipped func(source string, run Span) Event
}

// Judge is what a decider knows, as far as facts can contradict it.
type Judge[Event any] interface {
	// Contradicted returns what a fact contradicts.
	Contradicted(fact Event) []string
	// Copy returns a copy, which alone Apply is asked of, for the facts that are recorded after it.
	Copy() Judge[Event]
	// Apply takes a fact in.
	Apply(fact Event)
}

// Record asks to take a fact.
type Record[Event any] struct {
	Fact Event
	// Owner is the source that speaks for the case; "" where every source is heard. The fact of another
	// one is refused.
	Owner string
	// Retry is true where a dead letter is tried again.
	Retry bool
	// Correction is true where Fact, a snapshot, is to mend what was found to differ from it.
	Correction bool
	// Alone is true where no held facts are to be released with it.
	Alone bool
}

// Skip asks to give up waiting for the sequences From to To of Source; see Tracker.Skip.
type Skip struct {
	Source string
	From   int64
	To     int64
	Alone  bool
}

// Fact returns a new empty fact for a stored name; false for a name that no fact has.
func (i Intake[Event]) Fact(name string) (Event, bool) {
	event, known := i.New(name)
	if !known || !i.isFact(event) {
		var none Event
		return none, false
	}
	return event, true
}

func (i Intake[Event]) isFact(event Event) bool {
	_, fact := i.Form(event)
	return fact && i.Origin(event) != nil
}

// Arrival returns what the tracker sees of a fact with the given origin.
func (i Intake[Event]) Arrival(fact Event, origin Origin) Arrival {
	form, _ := i.Form(fact)
	return Arrival{Origin: origin, Form: form}
}

// Record decides what becomes of a fact. Where judge is nil facts contradict nothing. An error is a
// *domain.Refusal, or the fault of the caller.
func (i Intake[Event]) Record(tracker *Tracker[Event], judge Judge[Event], r Record[Event]) ([]Event, error) {
	name, known := i.Name(r.Fact)
	if !known || !i.isFact(r.Fact) {
		return nil, fmt.Errorf("record %T: not a fact of a source", r.Fact)
	}
	seen := i.Arrival(r.Fact, *i.Origin(r.Fact))
	seen.Retry, seen.Correction = r.Retry, r.Correction
	taken, err := tracker.Take(seen, r.Fact, releaseMax(r.Alone))
	switch {
	case err != nil:
		return nil, err
	case taken.Verdict == Known:
		return nil, nil
	case r.Owner != "" && r.Owner != seen.Source:
		return nil, &domain.Refusal{
			Code:   CodeForeignSource,
			Reason: "another case management system speaks for this case: let that one hand it over, then retry",
		}
	case taken.Verdict == Early:
		return []Event{i.Held(seen.Origin, name, Clone(r.Fact))}, nil
	}
	return i.judged(judge, taken.Facts, taken.Verdict == Late), nil
}

// Skip decides what becomes of giving sequences up. An error is a *domain.Refusal.
func (i Intake[Event]) Skip(tracker *Tracker[Event], judge Judge[Event], s Skip) ([]Event, error) {
	missing, released, err := tracker.Skip(s.Source, SpanOf(s.From, s.To), releaseMax(s.Alone))
	if err != nil {
		return nil, err
	}
	var events []Event
	for _, run := range missing {
		events = append(events, i.Skipped(s.Source, run))
	}
	return append(events, i.judged(judge, released, false)...), nil
}

// Release records at most factsMax held facts whose turn has come; 0 stands for ReleaseMax.
func (i Intake[Event]) Release(tracker *Tracker[Event], judge Judge[Event], factsMax int) []Event {
	if factsMax <= 0 {
		factsMax = ReleaseMax
	}
	return i.judged(judge, tracker.Release(factsMax), false)
}

// judged returns copies of facts that say, in order of the alphabet, what each contradicts, once those
// before it apply.
func (i Intake[Event]) judged(judge Judge[Event], facts []Event, late bool) []Event {
	if judge != nil && len(facts) > 1 {
		judge = judge.Copy()
	}
	var events []Event
	for n, fact := range facts {
		event := Clone(fact)
		events = append(events, event)
		if judge == nil {
			continue
		}
		contradicted := judge.Contradicted(fact)
		if late {
			contradicted = append(contradicted, RecordedLate)
		}
		slices.Sort(contradicted)
		i.Origin(event).Contradicts = contradicted
		if n+1 < len(facts) {
			judge.Apply(event)
		}
	}
	return events
}

// releaseMax is how many held facts a command releases at most, alone or not.
func releaseMax(alone bool) int {
	if alone {
		return 0
	}
	return ReleaseMax
}
