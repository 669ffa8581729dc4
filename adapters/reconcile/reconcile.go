// Package reconcile compares an extract of a case management system, one snapshot of each of its cases,
// with what is known of them here, and mends what differs.
//
// It promises that each case of the extract, and each case here for which a source of the extract speaks, is
// counted once, under one status; that what differs is named field by field, and nothing that is personal is
// ever told, only that it differs; and that nothing changes but by Repair, which hands snapshots to the same
// code that takes them from anywhere else. What is missing there is told, and never touched.
//
// # How
//
// The extract is read once, as a stream in any order, in batches of some hundred lines. The cases of a batch
// are looked up in the read model by reference, their envelopes opened together, and compared in memory.
// Nearly all are in sync, and that is all that is done about them. Of each other one the log decides: its
// stream is read and folded as the read model folds it, and
//
//   - where the log says what the extract says, the read model is waited for, and looked at again: it was
//     behind, or it is wrong (ReadModelDiffers: rebuild it; there is nothing to mend in the log);
//   - where another source speaks for the case it is AnotherSource, and the extract has no say in it;
//   - where the log knows of more than the snapshot stands for (a later sequence of its source; without
//     sequences a later time) the case has moved on since the extract was taken, and does not differ;
//   - else it is Different, or MissingHere.
//
// So no one position of the read model has to be held for the whole run: each batch reads a snapshot of its
// own, and a case that changes meanwhile is in sync or has moved on.
//
// What is left of a case after that is a hash of its reference and what became of it, 30 to 60 bytes of memory,
// whatever is in the case. With it the references of the read model are walked, in their order, at
// the end: what is not there, and for which a source of the extract speaks, is MissingThere; unless it was
// converted after the latest snapshot of the extract, when it has moved on, or its data is erased here, when
// nobody expects it there. Two references with one 64-bit hash are taken for one: of two million cases that is
// one run in ten million, and the hash is another one in each run.
//
// A case that is there twice counts by its last line, and is told. A line that is no snapshot is told and
// counted; where it names its case, that one is not missing there.
//
// # What is not compared
//
// Suppression by an operator is nothing that a source knows of; its own is compared. Of a case whose data is
// erased the decision and basic data alone are compared (requirement 64), and of a person who was erased
// nothing. Such a case is never repaired, for a snapshot would bring back what was erased: that is for a person
// to decide, who imports its line.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// Reason is why a correction is recorded, in its metadata.
const Reason = "reconciliation"

// Log is where the events are that decide in doubt.
type Log interface {
	eventstore.Log
	eventstore.Header
}

// Config says what is compared, and how.
type Config struct {
	// Read reads the extract, and hands its lines to yield in order, some hundreds at a time.
	Read func(ctx context.Context, yield func([]Line) error) error
	// Store holds the read models, Log the events, and Codec opens both.
	Store engine.Store
	Log   Log
	Codec *eventstore.Codec
	// Repair hands the snapshots of what differs or is missing here to their Correct.
	Repair bool
	// OpenOnly says that the extract holds open cases alone: closed ones here are not missing there.
	OpenOnly bool
	// DifferencesMax is how many differences, faults and duplicates the report tells, each; default 1,000.
	DifferencesMax int
	// Wait is how long the read model is waited for where it is behind; default 30 s.
	Wait time.Duration
	// Progress is told how many lines and bytes of the extract are done; it may be nil.
	Progress func(lines, bytes int64)
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// A Line is one line of an extract.
type Line struct {
	// Number counts from 1; Bytes is the line's length.
	Number, Bytes int64
	// Ref is the case's reference, "" where the line does not tell it.
	Ref string
	// Snapshot is nil for a line with a fault.
	Snapshot *casefile.SnapshotTaken
	// Code and Reason say what is wrong with the line; "" for nothing.
	Code, Reason string
	// Correct records the snapshot as a correction; see commands.CorrectCase.
	Correct func(context.Context, commands.Correction) (commands.Verdict, error)
}

func (l *Line) origin() feed.Origin { return l.Snapshot.Origin }

// Errors of Run.
var (
	// ErrBehind: the read model has not reached the log's end in time.
	ErrBehind = errors.New("the read model of cases is behind the log: start a serve with the role project, or give casesync projections rebuild cases")
	// ErrSources: the extract names too many sources to be one of case management systems.
	ErrSources = fmt.Errorf("the extract names more than %d sources: it is none of case management systems", sourcesMax)
)

const (
	differencesMax = 1_000
	waitMax        = 30 * time.Second
	sourcesMax     = 100
	// lookupsAtOnceMax is how many streams of the log are read at the same time.
	lookupsAtOnceMax = 8
	// repairsAtOnceMax is how many cases are corrected at the same time: the log writes what waits at the
	// same time in one transaction.
	repairsAtOnceMax = 256
)

// scope sees every case: a comparison is the system's own.
var scope = projections.AuditorScope("system:reconciliation")

// Run compares, and repairs if it is asked to. An error says that not all was compared; corrections that were
// recorded before it stay, and the same run again finds their cases in order.
func Run(ctx context.Context, config Config) (*Report, error) {
	r := newRun(config)
	built := func(engine.View) error { return nil }
	if err := engine.Read(ctx, config.Store, projections.CasesName, built); err != nil {
		return nil, fmt.Errorf("reconcile: %w", err) // not waited for: nobody may be building it
	}
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	if err := r.config.Read(ctx, func(lines []Line) error { return r.take(ctx, lines) }); err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	if err := r.walk(ctx); err != nil {
		return nil, fmt.Errorf("reconcile: look for what is missing there: %w", err)
	}
	r.report.EndedAt = r.config.Now().UTC()
	return r.report, nil
}

// run is a comparison at work.
type run struct {
	config  Config
	prepare engine.Prepare
	report  *Report
	seen    *seen
	sources map[string]bool
	// latest is when the newest snapshot of the extract was taken.
	latest time.Time
	bytes  int64
}

func newRun(config Config) *run {
	if config.DifferencesMax == 0 {
		config.DifferencesMax = differencesMax
	}
	if config.Wait == 0 {
		config.Wait = waitMax
	}
	if config.Progress == nil {
		config.Progress = func(int64, int64) {}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &run{
		config: config, prepare: engine.NewPrepare(config.Codec, func(string) []string { return nil }),
		report: newReport(config), seen: newSeen(), sources: map[string]bool{},
	}
}

// catchUp waits until the read model has folded all that the log holds now.
func (r *run) catchUp(ctx context.Context) error {
	head, err := r.config.Log.Head(ctx)
	if err != nil {
		return fmt.Errorf("reconcile: %w", err)
	}
	if r.report.Position == "" {
		r.report.Position = head.Position.String()
	}
	waiting, cancel := context.WithTimeout(ctx, r.config.Wait)
	defer cancel()
	err = engine.WaitFor(waiting, r.config.Store, projections.CasesName, head.Position)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, engine.ErrBehind):
		return ErrBehind
	}
	return fmt.Errorf("reconcile: %w", err)
}

// progress tells how far the extract is done.
func (r *run) progress(bytes int64) {
	r.bytes += bytes
	r.config.Progress(r.report.Lines, r.bytes)
}
