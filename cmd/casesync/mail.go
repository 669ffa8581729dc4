package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/google/uuid"

	"casesync/adapters/mail"
)

type mailCommand struct {
	List    mailListCommand    `cmd:"" help:"List mails: what they are about, and what became of them."`
	Show    mailShowCommand    `cmd:"" help:"Show all that is kept of one."`
	Retry   mailRetryCommand   `cmd:"" help:"Send a mail after all that could not be sent."`
	Discard mailDiscardCommand `cmd:"" help:"Give a mail up that could not be sent."`
}

type mailListCommand struct {
	Status string `help:"queued, sent, dead, dropped, too-late, discarded or all." enum:"queued,sent,dead,dropped,too-late,discarded,all" default:"dead"`
	About  string `help:"Only those about a person or access request, by its id." placeholder:"ID"`
	Limit  int    `help:"How many at most, up to 1000." default:"100"`
}

// Help is shown below the command's flags.
func (mailListCommand) Help() string {
	return `A mail that failed twelve times, or that its server refused for good, is dead until somebody retries or discards it. No address, name
or text is kept of a mail that was handed to a server.

Examples:
  casesync mail list
  casesync mail retry ID --reason "the mail server is back"`
}

// Run lists mails.
func (c mailListCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	mails, err := s.mails(ctx)
	if err != nil {
		return err
	}
	filter := mail.Filter{About: c.About, Limit: c.Limit}
	if c.Status != "all" {
		filter.Status = mail.Status(c.Status)
	}
	list, err := mails.List(ctx, decision{Actor: commandLine}.principal(), filter)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tKIND\tABOUT\tSTATUS\tTRIES\tFAULT\tQUEUED\tENDED")
	for _, m := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", m.ID, m.Kind, shownOr(m.About), m.Status, m.Attempts, shownOr(m.Fault), moment(m.QueuedAt), moment(m.EndedAt))
	}
	return table.Flush()
}

type mailShowCommand struct {
	ID string `arg:"" help:"The mail's id, as mail list shows it."`
}

// Run shows a mail.
func (c mailShowCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	mails, id, err := s.mail(ctx, c.ID)
	if err != nil {
		return err
	}
	m, err := mails.Show(ctx, decision{Actor: commandLine}.principal(), id)
	if err != nil {
		return explainMail(id, err)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", m.ID.String()}, {"kind", string(m.Kind)}, {"subject", shownOr(m.Subject)}, {"about", shownOr(m.About)}, {"status", string(m.Status)},
		{"tries", fmt.Sprint(m.Attempts)}, {"fault", shownOr(m.Fault)}, {"follows from", fmt.Sprintf("%s, revision %d", m.Stream, m.Revision)},
		{"recorded", moment(m.RecordedAt)}, {"queued", moment(m.QueuedAt)}, {"due", moment(m.DueAt)}, {"ended", moment(m.EndedAt)},
		{"by", shownOr(m.ResolvedBy)}, {"because", shownOr(m.Reason)},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
	}
	return table.Flush()
}

type mailRetryCommand struct {
	ID string `arg:"" help:"The mail's id."`
	decision
}

// Run retries a mail.
func (c mailRetryCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	mails, id, err := s.mail(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := mails.Retry(ctx, c.principal(), id, c.Reason); err != nil {
		return explainMail(id, err)
	}
	_, err = fmt.Fprintf(p.stdout, "mail %s is queued again: serve sends it\n", id)
	return err
}

type mailDiscardCommand struct {
	ID string `arg:"" help:"The mail's id."`
	decision
}

// Run discards a mail.
func (c mailDiscardCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	mails, id, err := s.mail(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := mails.Discard(ctx, c.principal(), id, c.Reason); err != nil {
		return explainMail(id, err)
	}
	_, err = fmt.Fprintf(p.stdout, "mail %s is discarded\n", id)
	return err
}

// mail returns the mails and the id that somebody typed.
func (s *system) mail(ctx context.Context, text string) (*mail.Mails, uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, id, usage("%q is no id of a mail: casesync mail list --status all shows the ids", text)
	}
	mails, err := s.mails(ctx)
	return mails, id, err
}

func explainMail(id uuid.UUID, err error) error {
	if errors.Is(err, mail.ErrNoMail) {
		return fmt.Errorf("there is no mail %s: casesync mail list --status all shows those there are", id)
	}
	return err
}
