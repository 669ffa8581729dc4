package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/outbox"
)

// outboxCommand looks after what case management systems are told.
type outboxCommand struct {
	List   outboxListCommand   `cmd:"" help:"List messages that could not be published: what they are about, and why."`
	Status outboxStatusCommand `cmd:"" help:"Show how far the log is published, and how much is parked."`
	Retry  outboxRetryCommand  `cmd:"" help:"Have a parked message tried again at once, and then what waits behind it."`
	Skip   outboxSkipCommand   `cmd:"" help:"Give a parked message up: it is never published; what waits behind it goes on."`
}

type outboxListCommand struct {
	Status string    `help:"waiting (tried again by itself), stuck (until somebody decides), skipped or all." enum:"waiting,stuck,skipped,all" default:"all"`
	Case   string    `help:"Only those about a case, by its reference." placeholder:"REFERENCE"`
	After  messageID `help:"Only those after this one, as the last of a list that was not all." placeholder:"ID"`
	Limit  int       `help:"How many at most, up to 1000." default:"100"`
	JSON   bool      `name:"json" help:"Print a JSON object a line instead of a table."`
}

// Help is shown below the command's flags.
func (outboxListCommand) Help() string {
	return `A message that its receiver refused is stuck, and what follows in its case waits behind it (fault "behind"); other cases go on. What was
put right at the receiver is retried; what can never be taken is skipped. Nothing of what a message says is shown: casesync log show
STREAM has its event.

Examples:
  casesync outbox list --status stuck
  casesync outbox list --case FOS-1000042 --json
  casesync outbox retry ID --reason "the receiver was upgraded"`
}

// Run lists parked messages.
func (c outboxListCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	box, err := s.outbox(ctx)
	if err != nil {
		return err
	}
	filter := outbox.Filter{Key: c.Case, After: uuid.UUID(c.After), Limit: c.Limit}
	if c.Status != "all" {
		filter.Status = outbox.ParkedStatus(c.Status)
	}
	list, err := box.List(ctx, decision{Actor: commandLine}.principal(), filter)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printParked(list)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCASE\tTYPE\tSTATUS\tFAULT\tTRIES\tPARKED\tDUE\tBY\tBECAUSE")
	for _, m := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", m.EventID, m.Key, m.Type, m.Status, m.Fault, m.Attempts,
			moment(m.ParkedAt), moment(m.DueAt), shownOr(m.ResolvedBy), shownOr(m.Reason))
	}
	return table.Flush()
}

// parkedLine is a parked message as JSON, in the words of the API.
type parkedLine struct {
	EventID    uuid.UUID  `json:"eventId"`
	Case       string     `json:"case"`
	Type       string     `json:"type"`
	Stream     string     `json:"stream"`
	Revision   int64      `json:"revision"`
	Status     string     `json:"status"`
	Fault      string     `json:"fault"`
	Attempts   int        `json:"attempts"`
	ParkedAt   time.Time  `json:"parkedAt"`
	DueAt      *time.Time `json:"dueAt,omitempty"`
	ResolvedBy string     `json:"resolvedBy,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	ResolvedAt *time.Time `json:"resolvedAt,omitempty"`
}

func (p *program) printParked(list []outbox.Parked) error {
	encoder := json.NewEncoder(p.stdout)
	for _, m := range list {
		line := parkedLine{
			EventID: m.EventID, Case: m.Key, Type: m.Type, Stream: string(m.Stream), Revision: int64(m.Revision), Status: string(m.Status), Fault: m.Fault,
			Attempts: m.Attempts, ParkedAt: m.ParkedAt.UTC(), DueAt: unlessZero(m.DueAt), ResolvedBy: m.ResolvedBy, Reason: m.Reason, ResolvedAt: unlessZero(m.ResolvedAt),
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// unlessZero is nil for no time.
func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type outboxStatusCommand struct {
	JSON bool `name:"json" help:"Print a JSON object instead of a table."`
}

// Help is shown below the command's flags.
func (outboxStatusCommand) Help() string {
	return `Shown is what all processes share. What the one at work has published, and what keeps it from publishing, is on its /readyz and /metrics.

Example:
  casesync outbox status --json`
}

// outboxStanding is how the outbox stands. LagEvents is counted up to a limit.
type outboxStanding struct {
	Checkpoint string     `json:"checkpoint"`
	LagEvents  int        `json:"lagEvents"`
	LagSeconds float64    `json:"lagSeconds"`
	Cases      int64      `json:"parkedCases"`
	Messages   int64      `json:"parkedMessages"`
	Stuck      int64      `json:"stuckMessages"`
	Oldest     *time.Time `json:"oldestParkedAt,omitempty"`
}

// Run shows how the outbox stands.
func (c outboxStatusCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	box, err := s.outbox(ctx)
	if err != nil {
		return err
	}
	status, err := box.Status(ctx)
	if err != nil {
		return err
	}
	standing := outboxStanding{
		Checkpoint: status.Position.String(), LagEvents: status.LagEvents, LagSeconds: status.LagAge.Seconds(),
		Cases: status.Parked.Cases, Messages: status.Parked.Messages, Stuck: status.Parked.Stuck, Oldest: unlessZero(status.Parked.Oldest),
	}
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(standing)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHECKPOINT\tEVENTS BEHIND\tSECONDS BEHIND\tPARKED CASES\tPARKED MESSAGES\tSTUCK\tOLDEST PARKED")
	fmt.Fprintf(table, "%s\t%d\t%.0f\t%d\t%d\t%d\t%s\n", standing.Checkpoint, standing.LagEvents, standing.LagSeconds,
		standing.Cases, standing.Messages, standing.Stuck, moment(status.Parked.Oldest))
	return table.Flush()
}

type outboxRetryCommand struct {
	ID messageID `arg:"" help:"The message's id, as outbox list shows it."`
	decision
}

// Help is shown below the command's flags.
func (outboxRetryCommand) Help() string {
	return `The process that publishes tries it within seconds. If it is refused again it is parked again.

Example:
  casesync outbox retry 0f4a7a52-51f2-5c1e-9d1c-000000000003 --reason "the receiver takes large notes now"`
}

// Run retries a parked message.
func (c outboxRetryCommand) Run(ctx context.Context, p *program) error {
	err := c.ID.decide(ctx, p, "outbox retry", c.decision, (*outbox.Outbox).Retry)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "message %s is tried again: serve publishes it\n", c.ID)
	return err
}

type outboxSkipCommand struct {
	ID messageID `arg:"" help:"The message's id, as outbox list shows it."`
	decision
}

// Help is shown below the command's flags.
func (outboxSkipCommand) Help() string {
	return `The other system is never told of it, unless somebody tells it by another way. It stays in the list for two years, with the
reason, and cannot be taken back.

Example:
  casesync outbox skip 0f4a7a52-51f2-5c1e-9d1c-000000000003 --reason "told by e-mail, ticket 17"`
}

// Run gives a parked message up.
func (c outboxSkipCommand) Run(ctx context.Context, p *program) error {
	err := c.ID.decide(ctx, p, "outbox skip", c.decision, (*outbox.Outbox).Skip)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "message %s is skipped\n", c.ID)
	return err
}
