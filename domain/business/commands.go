package business

// Command is something asked of a business.
type Command interface{ businessCommand() }

// Record takes a fact of a case management system; see casefile.Record.
type Record struct {
	Fact  Event
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

// Release records held facts whose turn has come; see casefile.Release.
type Release struct {
	FactsMax int
}

func (Record) businessCommand()  {}
func (Skip) businessCommand()    {}
func (Release) businessCommand() {}
