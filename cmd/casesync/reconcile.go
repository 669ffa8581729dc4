package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"casesync/adapters/cms"
	"casesync/adapters/commands"
	"casesync/adapters/reconcile"
	"casesync/domain/access"
)

type reconcileCommand struct {
	Extract        string        `arg:"" help:"The extract, JSON lines of cms.case.snapshot.v1; - for standard input." placeholder:"EXTRACT"`
	Repair         bool          `help:"Record the snapshots of what differs or is missing here. What is missing there is only told."`
	OpenOnly       bool          `help:"The extract holds open cases alone: closed cases here are not missing there."`
	Report         string        `help:"File that the whole report is written to, in JSON." placeholder:"FILE" type:"path"`
	DifferencesMax int           `help:"How many differences, faulty lines and duplicates are told, each." default:"1000"`
	Wait           time.Duration `help:"How long to wait for the read model where it is behind the log." default:"30s"`
}

// Help is shown below the command's flags.
func (reconcileCommand) Help() string {
	return `Compares each case of an extract with the read model, field by field, and tells what is missing here, missing there, and
different. Personal fields are compared, and never told. A case that changed here after the extract was taken has moved on, and
does not differ. It may run while a serve does, and can be repeated. Exit code 0 if all is in sync, or all that differed
was repaired; 1 if differences are left, or lines could not be read; 2 for wrong usage.

Examples:
  casesync reconcile extract.jsonl --report report.json
  zcat extract.jsonl.gz | casesync reconcile - --repair`
}

// reconciler is the principal that corrects cases. Whoever can run the command on the storage could do anything.
var reconciler = access.Principal{ID: "system:reconciliation", Name: "reconcile", Kind: access.Machine, Roles: []access.Role{access.CMS}}

// Run compares an extract, and repairs.
func (c reconcileCommand) Run(ctx context.Context, p *program) error {
	if c.DifferencesMax < 1 {
		return usage("--differences-max %d: tell at least one", c.DifferencesMax)
	}
	file, size, err := p.openLines(c.Extract)
	if err != nil {
		return usage("%w", err)
	}
	defer file.Close()
	s := p.installed()
	defer s.close()
	config, err := c.config(ctx, s, file)
	if err != nil {
		return err
	}
	defer limitHeap(p.getenv)()
	show := p.progress("reconciling", size)
	config.Progress = show.at
	report, err := reconcile.Run(ctx, config)
	show.end()
	if err != nil {
		return fmt.Errorf("reconcile %s: %w", c.Extract, err)
	}
	p.tellReconciliation(report, c.Repair)
	if c.Report != "" {
		if err := writeReport(c.Report, report); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	if report.Left() > 0 || len(report.Sources) == 0 {
		return errSilent
	}
	return nil
}

// config puts together what a comparison works with.
func (c reconcileCommand) config(ctx context.Context, s *system, file io.Reader) (reconcile.Config, error) {
	if _, err := s.log(ctx); err != nil { // first of all: it tells whether there is an installation
		return reconcile.Config{}, err
	}
	ingester, err := s.ingester(ctx)
	if err != nil {
		return reconcile.Config{}, err
	}
	store, err := s.store(ctx)
	if err != nil {
		return reconcile.Config{}, err
	}
	return reconcile.Config{
		Read:  extractLines(ingester, file),
		Store: store, Log: s.openedLog, Codec: s.openedCodec,
		Repair: c.Repair, OpenOnly: c.OpenOnly, DifferencesMax: c.DifferencesMax, Wait: c.Wait, Now: s.now,
	}, nil
}

// extractLines reads the lines of an extract by the code that takes them from anywhere else.
func extractLines(ingester *cms.Ingester, file io.Reader) func(context.Context, func([]reconcile.Line) error) error {
	return func(ctx context.Context, yield func([]reconcile.Line) error) error {
		return cms.Scan(ctx, ingester, file, func(parsed []cms.ParsedLine) error {
			lines := make([]reconcile.Line, len(parsed))
			for i := range parsed {
				lines[i] = extractLine(ingester, &parsed[i])
			}
			return yield(lines)
		})
	}
}

// codeNoSnapshot is the code of a line that is an event of another type.
const codeNoSnapshot = "no-snapshot"

func extractLine(ingester *cms.Ingester, parsed *cms.ParsedLine) reconcile.Line {
	line := reconcile.Line{Number: parsed.Number, Bytes: parsed.Bytes, Ref: parsed.Subject}
	snapshot, is := parsed.Snapshot()
	switch {
	case parsed.Fault != nil:
		line.Code, line.Reason = parsed.Fault.Code, parsed.Fault.Reason
	case !is:
		line.Code, line.Reason = codeNoSnapshot, "An extract holds events of the type "+cms.TypeSnapshot+" alone: import this one."
	default:
		line.Snapshot = snapshot
		line.Correct = func(ctx context.Context, correction commands.Correction) (commands.Verdict, error) {
			return ingester.Correct(ctx, cms.Sender{By: reconciler, Via: "reconcile"}, parsed.Message, correction)
		}
	}
	return line
}

// writeReport writes a report beside its place and moves it there, so that there is never half a report.
func writeReport(path string, report *reconcile.Report) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // of what was not moved
	encoder := json.NewEncoder(file)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(report)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(file.Name(), path)
}
