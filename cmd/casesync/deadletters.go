package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// decision is what every decision of an operator needs.
type decision struct {
	Reason string `help:"Why, in a sentence: it is kept in the log, sealed." required:"" placeholder:"TEXT"`
	Actor  string `help:"Who decides: the id of an account or ticket, no person's name." default:"system:command-line" placeholder:"ID"`
}

// principal is an operator under the given id: whoever can run this command on the storage could do anything.
func (d decision) principal() access.Principal {
	return access.Principal{ID: d.Actor, Name: "command line", Kind: access.Machine, Roles: []access.Role{access.Operator}}
}

type deadLettersCommand struct {
	List    deadLettersListCommand    `cmd:"" help:"List dead letters, oldest first."`
	Show    deadLettersShowCommand    `cmd:"" help:"Show one whole, with the message as it came."`
	Retry   deadLettersRetryCommand   `cmd:"" help:"Take the message again, as after an upgrade or a correction at the source."`
	Discard deadLettersDiscardCommand `cmd:"" help:"Give the message up; what waits behind it is released."`
}

type deadLettersListCommand struct {
	Status string `help:"open, retried, discarded or all." enum:"open,retried,discarded,all" default:"open"`
	Source string `help:"Only those of a source." placeholder:"URI"`
	Code   string `help:"Only those rejected with a code." placeholder:"CODE"`
	Limit  int    `help:"How many at most." default:"100"`
}

// Help is shown below the command's flags.
func (deadLettersListCommand) Help() string {
	return `A letter stays open until it is retried or discarded, and what follows it in its case waits. Where the source has sent the message
again, corrected and under the same sequence, nothing waits any more, but the letter is open still: see that the new message says what
this one meant (casesync log show casefile-SUBJECT), and discard the letter. That changes nothing of the case.

Examples:
  casesync dead-letters list --code invalid-data
  casesync dead-letters discard ID --reason "sent again, corrected"`
}

// Run lists dead letters.
func (c deadLettersListCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	letters, err := s.letters(ctx)
	if err != nil {
		return err
	}
	filter := commands.DeadLetterFilter{Source: c.Source, Code: c.Code}
	if c.Status != "all" {
		filter.Status = commands.DeadLetterStatus(c.Status)
	}
	list, err := letters.List(ctx, filter, uuid.Nil, c.Limit)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tRECEIVED\tTIMES\tSTATUS\tSUBJECT\tSEQUENCE\tCODE\tREASON")
	for _, l := range list {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\n", l.ID, moment(l.ReceivedAt), l.Times, l.Status, l.Subject, l.Sequence, l.Code, l.Reason)
	}
	return table.Flush()
}

type deadLettersShowCommand struct {
	ID letterID `arg:"" help:"The dead letter's id."`
}

// Run shows a dead letter.
func (c deadLettersShowCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	letters, err := s.letters(ctx)
	if err != nil {
		return err
	}
	l, err := letters.Show(ctx, uuid.UUID(c.ID))
	if err != nil {
		return explainLetter(c.ID, err)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", l.ID.String()}, {"status", string(l.Status)}, {"received", moment(l.ReceivedAt)}, {"last received", moment(l.LastReceivedAt)},
		{"times", fmt.Sprint(l.Times)}, {"via", l.Via}, {"source", l.Source}, {"event id", l.EventID}, {"type", l.Type}, {"subject", l.Subject},
		{"sequence", fmt.Sprint(l.Sequence)}, {"code", l.Code}, {"reason", l.Reason},
		{"decided", moment(l.Resolution.At)}, {"by", l.Resolution.Actor}, {"because", l.Resolution.Reason},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if l.Original == nil {
		fmt.Fprintln(p.stdout, "\nThe message was erased with its case.")
		return nil
	}
	_, err = fmt.Fprintf(p.stdout, "\n%s\n", l.Original)
	return err
}

type deadLettersRetryCommand struct {
	ID letterID `arg:"" help:"The dead letter's id."`
	decision
}

// Run retries a dead letter; it fails where the message is rejected again.
func (c deadLettersRetryCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	desk, err := s.desk(ctx)
	if err != nil {
		return err
	}
	verdict, err := desk.Retry(ctx, c.principal(), uuid.UUID(c.ID), c.Reason)
	if err != nil {
		return explainLetter(c.ID, err)
	}
	if verdict.Status == commands.Rejected {
		return fmt.Errorf("it was rejected again: %s: %s The dead letter stays open", verdict.Code, verdict.Reason)
	}
	_, err = fmt.Fprintf(p.stdout, "dead letter %s is retried: the message is %s\n", c.ID, verdict.Status)
	return err
}

type deadLettersDiscardCommand struct {
	ID letterID `arg:"" help:"The dead letter's id."`
	decision
}

// Run discards a dead letter.
func (c deadLettersDiscardCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	desk, err := s.desk(ctx)
	if err != nil {
		return err
	}
	if err := desk.Discard(ctx, c.principal(), uuid.UUID(c.ID), c.Reason); err != nil {
		return explainLetter(c.ID, err)
	}
	_, err = fmt.Fprintf(p.stdout, "dead letter %s is discarded\n", c.ID)
	return err
}

// letterID is the id of a dead letter on the command line.
type letterID uuid.UUID

// UnmarshalText reads what "dead-letters list" prints.
func (id *letterID) UnmarshalText(text []byte) error {
	parsed, err := uuid.ParseBytes(text)
	if err != nil {
		return fmt.Errorf("%q is no id of a dead letter: casesync dead-letters list shows the ids", text)
	}
	*id = letterID(parsed)
	return nil
}

func (id letterID) String() string { return uuid.UUID(id).String() }

func explainLetter(id letterID, err error) error {
	if errors.Is(err, commands.ErrNoDeadLetter) {
		return fmt.Errorf("there is no dead letter %s: casesync dead-letters list --status all shows those there are", id)
	}
	return err
}
