package casefile

// Command is something asked of a case file.
type Command interface{ casefileCommand() }

// Record takes a fact of a case management system. It is never refused for business reasons:
// the source wins (requirement 9). It is recorded, or held until a gap in its source's sequence
// closes, or ignored as already known; then no event comes of it.
//
// That one message, by source and id, is decided once is the command loop's promise, not the
// decider's: the command's id is derived from both.
type Record struct {
	// Fact is one of the events that have an Origin, but no FactHeld; its Origin is complete but
	// for Contradicts. A message of an unknown type is recorded as FactUnrecognised.
	Fact Event
	// Retry is true where a dead letter is tried again: a fact whose place in the sequence was
	// passed unrecognised or skipped is then recorded late, out of its order. Each retry is a
	// command with an id of its own.
	Retry bool
	// Alone is true where no held facts are to be released with it, because they are too large for
	// one append. They stay held, for Release.
	Alone bool
}

// Skip gives up waiting for sequences of Source: an operator's decision, with a reason. What came
// under them before, and is held, is not given up. What comes under them later is refused, so
// that it is kept as a dead letter, until it is retried.
type Skip struct {
	Source string
	// From is the first sequence given up; 0 stands for To alone.
	From int64
	// To is the last sequence given up. A range may end only before a held fact; a single
	// sequence may be ahead of what is waited for, and is then passed when its turn comes.
	To int64
	// Alone is as in Record.
	Alone bool
}

// Release records held facts whose turn has come, that earlier commands left: one releases only
// so many (feed.ReleaseMax). Nothing comes of it where there are none; State.Due tells.
type Release struct {
	// FactsMax bounds how many; 0 stands for feed.ReleaseMax.
	FactsMax int
}

func (Record) casefileCommand()  {}
func (Skip) casefileCommand()    {}
func (Release) casefileCommand() {}
