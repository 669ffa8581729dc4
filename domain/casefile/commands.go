package casefile

// Command is something asked of a case file.
type Command interface{ casefileCommand() }

// Record takes a fact of a case management system. It is never refused for business reasons:
// the source wins (requirement 9). It is recorded, or held until a gap in its source's sequence
// closes, or ignored as already known; then no event comes of it.
type Record struct {
	// Fact is one of the events that have an Origin; its Origin is complete but for Contradicts.
	Fact Event
	// Retry is true where a dead letter is tried again: a fact whose place in the sequence was
	// passed unrecognised or skipped is then recorded late, out of its order.
	Retry bool
}

// Skip gives up waiting for the sequences of Source before the first held one, or for the one
// sequence To where nothing is held: an operator's decision, with a reason.
type Skip struct {
	Source string
	// To is the last sequence given up, at least the next one that is waited for.
	To int64
}

func (Record) casefileCommand() {}
func (Skip) casefileCommand()   {}
