package reconcile

import (
	"slices"
	"time"
)

// Status is what a comparison finds of a case.
type Status string

// The statuses.
const (
	// InSync: nothing differs.
	InSync Status = "in-sync"
	// Different: the extract says something else than the log.
	Different Status = "different"
	// MissingHere: the extract has a case that is not known here.
	MissingHere Status = "missing-here"
	// MissingThere: a case is known here, and a source of the extract speaks for it, which is not in it.
	MissingThere Status = "missing-there"
	// ReadModelDiffers: the log says what the extract says, and the read model something else.
	ReadModelDiffers Status = "read-model-differs"
	// MovedOn: more is known here than what the extract knew of when it was taken.
	MovedOn Status = "moved-on"
	// AnotherSource: another source than that of the snapshot speaks for the case.
	AnotherSource Status = "another-source"
)

// statuses gives each status its number.
var statuses = []Status{InSync, Different, MissingHere, MissingThere, ReadModelDiffers, MovedOn, AnotherSource}

type statusCode uint8

func (s Status) code() statusCode { return statusCode(slices.Index(statuses, s)) }

// differs reports whether somebody has to do something about a case with the status.
func (s Status) differs() bool {
	return s == Different || s == MissingHere || s == MissingThere || s == ReadModelDiffers
}

// repairCode is what came of a repair.
type repairCode uint8

const (
	noRepair repairCode = iota
	repaired
	notRepaired
)

// Report says what a comparison found.
type Report struct {
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	// Position is where the log ended when the comparison began.
	Position string `json:"position"`
	// Sources are those of the extract's snapshots, sorted.
	Sources []string `json:"sources"`
	Lines   int64    `json:"lines"`
	// Counts are of cases, by what was found.
	Counts Counts `json:"counts"`
	// Fields says in how many cases each field differs; fields that differ in none are left out.
	Fields map[string]int64 `json:"fields"`
	// Differences are the first ones found; DifferencesMax is how many are told, of each list here.
	Differences    []Difference `json:"differences"`
	Faults         []Fault      `json:"faults"`
	Duplicates     []Duplicate  `json:"duplicates"`
	DifferencesMax int          `json:"differencesMax"`
}

// Counts counts cases but for Faults, which are lines, and Duplicates, which are lines that a later one of
// the same case replaced.
type Counts struct {
	InSync           int64 `json:"inSync"`
	Different        int64 `json:"different"`
	MissingHere      int64 `json:"missingHere"`
	MissingThere     int64 `json:"missingThere"`
	ReadModelDiffers int64 `json:"readModelDiffers"`
	MovedOn          int64 `json:"movedOn"`
	AnotherSource    int64 `json:"anotherSource"`
	// Repaired and NotRepaired are of Different and MissingHere, where a repair was asked for.
	Repaired    int64 `json:"repaired"`
	NotRepaired int64 `json:"notRepaired"`
	Faults      int64 `json:"faults"`
	Duplicates  int64 `json:"duplicates"`
}

// Difference is a case about which something is to be done.
type Difference struct {
	Case   string `json:"case"`
	Source string `json:"source"`
	// Line is that of the extract, 0 for a case that is missing there.
	Line   int64             `json:"line,omitzero"`
	Status Status            `json:"status"`
	Fields []FieldDifference `json:"fields,omitempty"`
	// Repair is what came of it, "" where none was asked for or none is possible: accepted, or a code.
	Repair string `json:"repair,omitzero"`
	// RepairReason says why it was not repaired.
	RepairReason string `json:"repairReason,omitzero"`
}

// Fault is a line that is no snapshot.
type Fault struct {
	Line   int64  `json:"line"`
	Case   string `json:"case,omitzero"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Duplicate is a case that an extract has again; its last line counts.
type Duplicate struct {
	Line int64  `json:"line"`
	Case string `json:"case"`
}

// Found is how many cases differ.
func (r *Report) Found() int64 {
	c := &r.Counts
	return c.Different + c.MissingHere + c.MissingThere + c.ReadModelDiffers
}

// Left is how many cases still differ, and how many lines could not be compared: what is left to be done.
func (r *Report) Left() int64 { return r.Found() - r.Counts.Repaired + r.Counts.Faults }

func newReport(config Config) *Report {
	return &Report{
		StartedAt: config.Now().UTC(), Fields: map[string]int64{}, DifferencesMax: config.DifferencesMax,
		Sources: []string{}, Differences: []Difference{}, Faults: []Fault{}, Duplicates: []Duplicate{},
	}
}

func (r *Report) fault(f Fault) {
	r.Counts.Faults++
	r.Faults = first(r.Faults, f, r.DifferencesMax)
}

func (r *Report) duplicate(d Duplicate) {
	r.Counts.Duplicates++
	r.Duplicates = first(r.Duplicates, d, r.DifferencesMax)
}

func first[T any](list []T, one T, most int) []T {
	if len(list) < most {
		list = append(list, one)
	}
	return list
}

// tell takes a difference into the list.
func (r *Report) tell(d Difference) { r.Differences = first(r.Differences, d, r.DifferencesMax) }

// forget takes back what was found of a case by an earlier line.
func (r *Report) forget(ref string, o outcome) {
	r.count(o, -1)
	if statuses[o.status].differs() {
		r.Differences = slices.DeleteFunc(r.Differences, func(d Difference) bool { return d.Case == ref })
	}
}

// count adds by, 1 or -1, to the counts of an outcome.
func (r *Report) count(o outcome, by int64) {
	*r.counter(statuses[o.status]) += by
	switch o.repair {
	case repaired:
		r.Counts.Repaired += by
	case notRepaired:
		r.Counts.NotRepaired += by
	}
	for i, name := range fields {
		if o.fields&(1<<i) == 0 {
			continue
		}
		if r.Fields[name] += by; r.Fields[name] == 0 {
			delete(r.Fields, name)
		}
	}
}

func (r *Report) counter(status Status) *int64 {
	return map[Status]*int64{
		InSync: &r.Counts.InSync, Different: &r.Counts.Different, MissingHere: &r.Counts.MissingHere,
		MissingThere: &r.Counts.MissingThere, ReadModelDiffers: &r.Counts.ReadModelDiffers,
		MovedOn: &r.Counts.MovedOn, AnotherSource: &r.Counts.AnotherSource,
	}[status]
}
