package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"casesync/adapters/activity"
	"casesync/adapters/commands"
)

// activityCommand looks into the log for Security Operations. Reading it is itself recorded there.
type activityCommand struct {
	List   activityListCommand   `cmd:"" help:"List what people and programs did, the newest first."`
	Export activityExportCommand `cmd:"" help:"Write entries as JSON lines of OCSF, the oldest first."`
	Verify activityVerifyCommand `cmd:"" help:"Check that no entry was changed, put in or taken out."`
}

// activityFilter narrows what is read.
type activityFilter struct {
	Since   time.Time `help:"Only entries from this time on, such as 2026-01-31T00:00:00Z." placeholder:"TIME"`
	Until   time.Time `help:"Only entries before this time." placeholder:"TIME"`
	Who     string    `help:"Only entries of who this id stands for, such as user:… or token:…." placeholder:"ID"`
	Kind    string    `help:"Only entries of a kind, such as sign-in-refused." placeholder:"KIND"`
	Subject string    `help:"Only entries about a thing, such as casefile-1234." placeholder:"ID"`
	Failed  bool      `help:"Only what was refused or failed."`
}

func (f activityFilter) filter() activity.Filter {
	return activity.Filter{
		Since: f.Since, Until: f.Until, Actor: f.Who, Kind: commands.ActivityKind(f.Kind), Subject: f.Subject, Failed: f.Failed,
	}
}

// read opens the log and records that it is read, before anything of it is shown.
func (f activityFilter) read(ctx context.Context, s *system, operation string) (*activity.Log, error) {
	log, err := s.activity(ctx)
	if err != nil {
		return nil, err
	}
	return log, log.Record(ctx, commands.Activity{
		At: s.now(), Kind: commands.ActivityRead, Actor: commandLine, Operation: operation,
		Detail: map[string]string{"who": f.Who, "kind": f.Kind, "subject": f.Subject},
	})
}

// commandLine is who gives commands on this machine: whoever can run them on the storage could do anything.
const commandLine = "system:command-line"

type activityListCommand struct {
	activityFilter
	Limit int `help:"How many at most." default:"100"`
}

// Help is shown below the command's flags.
func (activityListCommand) Help() string {
	return `People are user ids. What was typed at a sign-in by somebody unknown is a digest.

Examples:
  casesync activity list --kind sign-in-refused --since 2026-01-31T00:00:00Z
  casesync activity list --subject casefile-1234`
}

// Run lists entries.
func (c activityListCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	log, err := c.read(ctx, s, "activity list")
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tAT\tKIND\tWHO\tFROM\tOPERATION\tABOUT\tOUTCOME")
	for before := int64(0); c.Limit > 0; {
		entries, err := log.List(ctx, c.filter(), before, min(c.Limit, activity.PageEntriesMax))
		if err != nil {
			return err
		}
		for _, e := range entries {
			outcome := "done"
			if e.Failed {
				outcome = "refused " + e.Code
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Seq, moment(e.At), e.Kind, shownOr(e.Actor, e.Account), shownOr(e.Address), shownOr(e.Operation), shownOr(e.Subject), outcome)
			before = e.Seq
		}
		if c.Limit -= len(entries); len(entries) == 0 {
			break
		}
	}
	return table.Flush()
}

// shownOr is the first text that is not empty, or "-".
func shownOr(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return "-"
}

type activityExportCommand struct {
	activityFilter
	destination
}

// Help is shown below the command's flags.
func (activityExportCommand) Help() string {
	return `One JSON object a line, in the classes of the Open Cybersecurity Schema Framework (https://schema.ocsf.io). metadata.uid chains each
entry to the one before it. serve --activity-to forwards entries as they come.

Example:
  casesync activity export --since 2026-01-01T00:00:00Z --to january.jsonl`
}

// Run exports entries.
func (c activityExportCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	log, err := c.read(ctx, s, "activity export")
	if err != nil {
		return err
	}
	var written int64
	err = c.write(p, func(to io.Writer) error {
		out := bufio.NewWriter(to)
		written, err = log.Export(ctx, out, c.filter())
		return errors.Join(err, out.Flush())
	})
	if err == nil && c.toFile() {
		_, err = fmt.Fprintf(p.stdout, "%d entries in %s\n", written, c.To)
	}
	return err
}

type activityVerifyCommand struct {
	Forwarded string `help:"File of entries that were forwarded, as JSON lines, to check the log against." placeholder:"FILE" type:"existingfile"`
}

// Help is shown below the command's flags.
func (activityVerifyCommand) Help() string {
	return `Whoever can write to the database can write a whole log anew, and its chain too. Forward the log to where he cannot (serve
--activity-to), and check it against what arrived there with --forwarded.`
}

// Run verifies the log.
func (c activityVerifyCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	log, err := s.activity(ctx)
	if err != nil {
		return err
	}
	entries, err := log.Verify(ctx)
	if errors.Is(err, activity.ErrTampered) {
		fmt.Fprintf(p.stdout, "%v\n", err)
		return errSilent
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.stdout, "activity log: %d entries are intact\n", entries); err != nil || c.Forwarded == "" {
		return err
	}
	return c.compare(ctx, p, log)
}

// compare checks that each forwarded entry that is still kept is the one in the log.
func (c activityVerifyCommand) compare(ctx context.Context, p *program, log *activity.Log) error {
	file, err := os.Open(c.Forwarded)
	if err != nil {
		return err
	}
	defer file.Close()
	compared, gone := 0, 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event activity.Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("--forwarded: line %d is no entry: %w", compared+gone+1, err)
		}
		kept, err := log.After(ctx, activity.Filter{}, event.Metadata.Sequence-1, 1)
		if err != nil {
			return err
		}
		switch {
		case len(kept) == 0 || kept[0].Seq == event.Metadata.Sequence && kept[0].Chain != event.Metadata.UID:
			fmt.Fprintf(p.stdout, "entry %d is not the one that was forwarded\n", event.Metadata.Sequence)
			return errSilent
		case kept[0].Seq != event.Metadata.Sequence:
			gone++ // its time was over
		default:
			compared++
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d entries equal those in the log, %d are no longer kept\n", c.Forwarded, compared, gone)
	return err
}
