package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"casesync/adapters/commands"
	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

type heldCommand struct {
	List heldListCommand `cmd:"" help:"List the cases and businesses that hold events, and which sequences they wait for."`
	Skip heldSkipCommand `cmd:"" help:"Give up waiting for sequences: what is held behind them is released."`
}

type heldListCommand struct{}

// Run lists what is held, page by page.
func (heldListCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	scope := projections.OperatorScope("system:command-line")
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STREAM\tSOURCE\tHELD\tSINCE\tWAITS FOR\tLIMIT")
	err = engine.Read(ctx, store, projections.FeedsName, func(view engine.View) error {
		var after projections.FeedCursor
		for {
			feeds, err := projections.ListHeld(ctx, view, scope, after, projections.PageRowsMax)
			if err != nil || len(feeds) == 0 {
				return err
			}
			for _, f := range feeds {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", f.Stream, f.Source, f.Held, moment(f.HeldSince), waitsFor(f), limitMark(f, p))
				after = projections.FeedCursor{Stream: f.Stream, Source: f.Source}
			}
		}
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

func waitsFor(f projections.FeedRow) string {
	if f.MissingFrom == 0 {
		return "nothing: about to be released"
	}
	return fmt.Sprintf("%d to %d", f.MissingFrom, f.MissingTo)
}

// limitMark marks what is over the limits.
func limitMark(f projections.FeedRow, p *program) string {
	if p.settings.held().Over(f, p.now()) {
		return "over"
	}
	return "within"
}

type heldSkipCommand struct {
	Stream string `arg:"" help:"The stream, as held list shows it: casefile-1234, upload-ID."`
	Source string `help:"The source whose events are given up." required:"" placeholder:"URI"`
	From   int64  `help:"The first sequence given up." required:""`
	To     int64  `help:"The last sequence given up." required:""`
	decision
}

// Run gives sequences up.
func (c heldSkipCommand) Run(ctx context.Context, p *program) error {
	if c.From < 1 || c.To < c.From {
		return usage("--from %d --to %d: want 1 or more, and no end before the beginning", c.From, c.To)
	}
	s := p.installed()
	defer s.close()
	decide, err := s.commands(ctx)
	if err != nil {
		return err
	}
	verdict, err := decide.Skip(ctx, c.principal(), commands.Skip{
		Stream: eventstore.StreamName(c.Stream), Source: c.Source, From: c.From, To: c.To, Reason: c.Reason, At: p.now(),
	})
	if err != nil {
		return err
	}
	if verdict.Status == commands.Duplicate {
		_, err = fmt.Fprintln(p.stdout, "these sequences were given up before")
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "given up; the log ends at %s\n", verdict.Position)
	return err
}
