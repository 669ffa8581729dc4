package engine

import (
	"time"

	"casesync/eventstore"
)

// Options are what a rebuild, a roll-back or a verification can be told.
type Options struct {
	// MemoryMiB bounds, roughly, the memory that rows take; 512 if 0.
	MemoryMiB int
	// Progress is called now and then with how far it has come; nil for nobody.
	Progress func(Progress)
	// DifferencesMax bounds the list of differences in the report, not their count; 100 if 0.
	DifferencesMax int
}

func (o Options) withDefaults() Options {
	if o.MemoryMiB <= 0 {
		o.MemoryMiB = 512
	}
	if o.DifferencesMax <= 0 {
		o.DifferencesMax = 100
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// Report says what a rebuild or a verification found.
type Report struct {
	Projection string
	Generation int64 // that was built, or verified
	Position   eventstore.Position
	Events     int64 // of the log up to there
	Parked     int64 // keys
	Took       time.Duration
	// Compared is false where there was nothing to compare with: no live tables, or those of another
	// version or another log, or they moved too fast.
	Compared bool
	// Differences counts the rows that differ, exactly; List says in which columns, and is cut at
	// DifferencesMax.
	Differences int64
	List        []Difference
}

// add takes what differs in one row: nothing, where only what is never compared does.
func (r *Report) add(row []Difference, listMax int) {
	if len(row) > 0 {
		r.Differences++
	}
	r.List = append(r.List, row[:min(len(row), listMax-len(r.List))]...)
}
