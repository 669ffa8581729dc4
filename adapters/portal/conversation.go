package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/retention"
	"casesync/domain/ticket"
	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

// conversation is a ticket as its holder sees it, with what he typed last.
type conversation struct {
	Token, Subject, Question, Asked string
	Stage
	Messages    []messageShown
	Seen        int64
	Text        string
	Done        string
	Resolved    bool
	ErasesOn    string // "" while it is open
	ErasureDays int
	TextMax     int
	Hours
}

// messageShown is one message; Mine is whether the holder wrote it.
type messageShown struct {
	Mine     bool
	At, Text string
}

// errFiling: the ticket is in the log, and not yet where it is read from.
var errFiling = errors.New("the ticket is not in the read model yet")

// showConversation shows the ticket that a link is for; done is what was just done, "" for nothing.
func (p *Portal) showConversation(ctx context.Context, token, done string) (answer, error) {
	shown, err := p.conversationOf(ctx, token)
	if errors.Is(err, errFiling) {
		return answer{status: http.StatusServiceUnavailable, page: "message", title: "We are filing your question",
			data: "It has reached us. Open the link again in a minute."}, nil
	}
	return shown.page(done), err
}

func (c conversation) page(done string) answer {
	c.Done = done
	return answer{page: "ticket", title: "Your question to the helpdesk", data: c}
}

// sentSince reports whether the holder sent a text after the first seen messages.
func (c conversation) sentSince(seen int64, text string) bool {
	for i, message := range c.Messages {
		if int64(i) >= seen && message.Mine && message.Text == plainText(text) {
			return true
		}
	}
	return false
}

// plainText is a text as it comes back: without what browsers add at the ends of lines, nor space around it.
func plainText(text string) string { return trimmed(strings.ReplaceAll(text, "\r\n", "\n")) }

func trimmed(text string) string { return strings.TrimSpace(text) }

// conversationOf reads the ticket that a link is for, and whether it is one the log is asked.
func (p *Portal) conversationOf(ctx context.Context, token string) (conversation, error) {
	token = trimmed(token)
	id, err := p.config.Casework.TicketOf(ctx, token)
	if err != nil {
		return conversation{}, err
	}
	var row projections.Ticket
	var found bool
	var messages []projections.TicketMessage
	err = engine.Read(ctx, p.config.Store, projections.TicketsName, func(view engine.View) error {
		scope := projections.TicketScope(id)
		if row, found, err = projections.TicketByID(ctx, view, scope, id); err != nil || !found {
			return err
		}
		messages, err = projections.TicketMessages(ctx, view, scope, id)
		return err
	})
	switch {
	case err != nil && !errors.Is(err, engine.ErrNotBuilt):
		return conversation{}, fmt.Errorf("read ticket: %w", err)
	case !found:
		return conversation{}, errFiling
	}
	return p.openConversation(ctx, token, row, messages)
}

// openConversation opens what was written. A ticket whose keys are gone is shown without it.
func (p *Portal) openConversation(ctx context.Context, token string, row projections.Ticket, messages []projections.TicketMessage) (conversation, error) {
	envelopes := []string{row.Question}
	for _, message := range messages {
		envelopes = append(envelopes, message.Sealed)
	}
	plain, err := p.config.Codec.OpenEnvelopes(ctx, envelopes...)
	if err != nil {
		return conversation{}, fmt.Errorf("open ticket: %w", err)
	}
	question, err := projections.OpenedTicketQuestion(plain[0])
	if err != nil {
		return conversation{}, err
	}
	shown := conversation{
		Token: token, Subject: question.Subject, Question: question.Text, Asked: momentInWords(row.OpenedAt), Stage: stageOf(row),
		Seen: int64(len(messages)), Resolved: row.Status == ticket.StatusResolved, ErasureDays: retention.Standard().TicketAfterDays,
		TextMax: ticket.TextCharactersMax, Hours: hoursAt(p.config.Now()),
	}
	if shown.Resolved {
		shown.ErasesOn = dayInWords(row.ErasesOn)
	}
	for i, message := range messages {
		text, err := projections.OpenedTicketMessage(plain[i+1])
		if err != nil {
			return conversation{}, err
		}
		shown.Messages = append(shown.Messages, messageShown{message.Side == ticket.Asker, momentInWords(message.At), text.Text})
	}
	return shown, nil
}

// stageOf says in words where a ticket stands.
func stageOf(row projections.Ticket) Stage {
	switch {
	case row.Status == ticket.StatusResolved:
		return Stage{Tag: "Answered", Colour: "green", Next: "If it is not answered after all, write to us again."}
	case row.AwaitsHelpdesk:
		return Stage{Tag: "With us", Colour: "blue", Next: "We have not answered yet. We write to you when we have."}
	}
	return Stage{Tag: "Waiting for you", Colour: "orange", Next: "We have answered. Write to us again, or tell us that your question is answered."}
}

// catchUpMax is how long a page waits for what was just recorded to be there to be shown.
const catchUpMax = 3 * time.Second

// caughtUp waits until the read model has a position. Where it does not in time, the page shows what there is:
// what was done is recorded all the same.
func (p *Portal) caughtUp(ctx context.Context, position eventstore.Position) {
	ctx, cancel := context.WithTimeout(ctx, catchUpMax)
	defer cancel()
	if err := engine.WaitFor(ctx, p.config.Store, projections.TicketsName, position); err != nil && !errors.Is(err, engine.ErrBehind) {
		p.config.Logger.WarnContext(ctx, "page could not wait for the read model", "error", err)
	}
}

// Hours say when the helpdesk answers.
type Hours struct {
	Open bool
	// Now is a sentence on whether it is open, and until or from when; Week the hours of the week.
	Now, Week string
}

func hoursAt(at time.Time) Hours {
	hours := ticket.HelpdeskHours()
	shown, next := Hours{Open: hours.Open(at), Week: ticket.HelpdeskHoursText + "."}, hours.Change(at)
	if shown.Open {
		shown.Now = "The helpdesk is open now, until " + next.In(london).Format("15:04") + "."
	} else {
		shown.Now = "The helpdesk is closed now. It opens on " + next.In(london).Format("Monday 2 January") + " at " + next.In(london).Format("15:04") + "."
	}
	return shown
}

// london is the time zone that people here live in.
var london = mustLoad("Europe/London")

func mustLoad(zone string) *time.Location {
	location, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // cannot be: package calendar links time/tzdata in
	}
	return location
}

func momentInWords(at time.Time) string { return at.In(london).Format("2 January 2006 at 15:04") }

func dayInWords(day calendar.Day) string {
	year, month, date := day.Date()
	return fmt.Sprintf("%d %s %d", date, month, year)
}
