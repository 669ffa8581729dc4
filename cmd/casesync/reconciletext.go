package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"casesync/adapters/reconcile"
)

// tellReconciliation tells a report to people: figures first, then case by case, then what to do.
func (p *program) tellReconciliation(report *reconcile.Report, repaired bool) {
	c, out := &report.Counts, p.stdout
	took := report.EndedAt.Sub(report.StartedAt)
	fmt.Fprintf(out, "%d lines in %s (%.0f a second): %d in sync, %d different, %d missing here, %d missing there, %d moved on\n",
		report.Lines, took.Round(time.Millisecond), float64(report.Lines)/max(took.Seconds(), 0.001),
		c.InSync, c.Different, c.MissingHere, c.MissingThere, c.MovedOn)
	for _, line := range []struct {
		n    int64
		text string
	}{
		{c.ReadModelDiffers, "cases of which the log agrees with the extract, and the read model does not: casesync verify names the rows, casesync projections rebuild cases mends them"},
		{c.AnotherSource, "cases for which another source speaks: this extract has no say in them"},
		{c.Duplicates, "lines were replaced by a later one of the same case"},
		{c.Faults, "lines are no snapshots, and were not compared"},
	} {
		if line.n > 0 {
			fmt.Fprintf(out, "%d %s\n", line.n, line.text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(report.Fields)) {
		fmt.Fprintf(out, "  %s differs in %d\n", name, report.Fields[name])
	}
	tellDifferences(out, report)
	tellRest(out, report, repaired)
}

// tellDifferences tells case by case what differs.
func tellDifferences(out io.Writer, report *reconcile.Report) {
	for _, d := range report.Differences {
		fmt.Fprintf(out, "%s %s", d.Case, strings.ReplaceAll(string(d.Status), "-", " "))
		if d.Line > 0 {
			fmt.Fprintf(out, " (line %d)", d.Line)
		}
		if d.Repair != "" {
			fmt.Fprintf(out, ", repair: %s", strings.TrimSpace(d.Repair+" "+d.RepairReason))
		}
		fmt.Fprintln(out)
		for _, field := range d.Fields {
			if field.Personal {
				fmt.Fprintf(out, "  %s: differs (not shown)\n", field.Field)
				continue
			}
			fmt.Fprintf(out, "  %s: here %q, there %q\n", field.Field, field.Here, field.There)
		}
	}
	if more := report.Found() - int64(len(report.Differences)); more > 0 {
		fmt.Fprintf(out, "and %d more: --differences-max\n", more)
	}
	for _, fault := range report.Faults {
		fmt.Fprintf(out, "line %d: %s: %s\n", fault.Line, fault.Code, fault.Reason)
	}
	if more := report.Counts.Faults - int64(len(report.Faults)); more > 0 {
		fmt.Fprintf(out, "and %d more lines: --differences-max\n", more)
	}
}

// tellRest tells what to do next.
func tellRest(out io.Writer, report *reconcile.Report, repaired bool) {
	c := &report.Counts
	switch {
	case len(report.Sources) == 0:
		fmt.Fprintln(out, "the extract holds no snapshot: nothing was compared")
	case repaired:
		fmt.Fprintf(out, "%d repaired, %d could not be repaired\n", c.Repaired, c.NotRepaired)
	case c.Different+c.MissingHere > 0:
		fmt.Fprintln(out, "the same command with --repair records what differs or is missing here")
	}
	if c.MissingThere > 0 {
		fmt.Fprintln(out, "what is missing there is left as it is: ask its source, or fetch the whole extract")
	}
}
