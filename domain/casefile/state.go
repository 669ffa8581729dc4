package casefile

import (
	"maps"
	"time"

	"casesync/domain/feed"
)

// State is what decisions about a case need to know of it.
type State struct {
	feed feed.Tracker[Event]
	file file
	desk desk
}

// FRN returns the FRN of the business that the case is with, "" where nobody has converted it.
func (s *State) FRN() string { return s.file.frn }

// Owner returns the source that speaks for the case, "" where every source is heard.
func (s *State) Owner() string { return s.file.owner }

// Converted reports whether a conversion or a snapshot was recorded.
func (s *State) Converted() bool { return s.file.converted }

// Open reports whether the case was converted and is not closed.
func (s *State) Open() bool { return s.file.converted && !s.file.closed }

// Suppressed reports whether the case is hidden from all business users, by its source or by an operator.
func (s *State) Suppressed() bool { return s.file.hidden() }

// Waiting returns the sources of which facts are held, and what they wait for.
func (s *State) Waiting() []feed.Waiting { return s.feed.Waiting() }

// Due reports whether facts are held whose turn has come: then a Release is due.
func (s *State) Due() bool { return s.feed.Due() }

// Next returns the sequence of source that is waited for.
func (s *State) Next(source string) int64 { return s.feed.Next(source) }

// file is what facts say of the case, as far as later facts can contradict it, and what operators decided
// that facts can lift.
type file struct {
	owner, frn        string
	converted, closed bool
	// suppressed: the source said so; suppressedHere: an operator did. Either hides the case.
	suppressed, suppressedHere bool
	convertedAt, closedAt      time.Time
	outcome                    string          // where closed
	actions                    map[string]bool // by id, true where open
}

// hears reports whether source may speak of the case.
func (f *file) hears(source string) bool { return f.owner == "" || f.owner == source }

// Apply takes a recorded fact into f.
func (f *file) Apply(fact Event) {
	switch fact := fact.(type) {
	case *Converted:
		f.own(fact.Origin.Source)
		f.frn, f.convertedAt = fact.FRN, fact.ConvertedAt
	case *Transferred:
		f.frn = fact.FRN
	case *HandedOver:
		f.owner = fact.ToSource
	case *Closed:
		f.closed, f.closedAt, f.outcome = true, fact.ClosedAt, fact.Outcome
	case *Reopened:
		f.closed = false
	case *Suppressed:
		f.suppressed = true
	case *Unsuppressed:
		f.show()
	case *ActionRequested:
		f.setAction(fact.ActionID, true)
	case *ActionClosed:
		f.setAction(fact.ActionID, false)
	case *SnapshotTaken:
		f.own(fact.Origin.Source)
		f.applySnapshot(fact)
	}
}

func (f *file) applySnapshot(fact *SnapshotTaken) {
	f.frn, f.suppressed = fact.FRN, fact.Suppressed
	f.convertedAt, f.closedAt = fact.ConvertedAt, fact.ClosedAt
	f.closed, f.outcome = fact.Closed(), fact.Outcome
	f.actions = nil
	for _, action := range fact.Actions {
		f.setAction(action.ActionID, action.Result == "")
	}
}

// own makes source the owner of a case that has none.
func (f *file) own(source string) {
	f.converted = true
	if f.owner == "" {
		f.owner = source
	}
}

func (f *file) setAction(id string, open bool) {
	if f.actions == nil {
		f.actions = make(map[string]bool)
	}
	f.actions[id] = open
}

// Copy returns a copy of f that can be changed without a change to f.
func (f *file) Copy() feed.Judge[Event] {
	copied := *f
	copied.actions = maps.Clone(f.actions)
	return &copied
}
