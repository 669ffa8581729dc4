package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/mail"
	"casesync/domain/account"
	"casesync/domain/calendar"
	"casesync/domain/private"
	"casesync/domain/ticket"
	"casesync/eventstore/sqldb/sqldbtest"
)

// ticketID is that of the tickets of these tests.
const ticketID = "5c1f0a9e-3c55-4f0c-8c80-0d7c1d0a000f"

// secret is what was asked and answered, which no mail may hold.
const secret = "The list of cases stays empty"

// askedBy is the event of a question of a person, or before sign-in where that is "".
func askedBy(person, name, email string) *ticket.Opened {
	question := private.Of(ticket.Question{Subject: secret, Text: secret})
	if person != "" {
		return &ticket.Opened{Type: ticket.Technical, Person: person, Question: question.About("account-" + person), At: time.Now().UTC()}
	}
	return &ticket.Opened{Type: ticket.Access, Question: question, Contact: private.Of(ticket.Contact{Name: name, Email: email}), At: time.Now().UTC()}
}

func answeredBy(side ticket.Side) *ticket.MessageAdded {
	return &ticket.MessageAdded{Side: side, Author: "token:desk", Message: private.Of(ticket.Message{Text: secret}), At: time.Now().UTC()}
}

// TestAStrangersTicket: the link to it goes by mail, with each answer too, and nothing of what was written.
func TestAStrangersTicket(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		f := newFixture(t, address, nil)
		const to = "sam@stranger.example"
		f.append(t, "ticket-"+ticketID, askedBy("", "Sam Stranger", to))
		f.take(t)
		link := "https://portal.example.org/support?token=" + f.links.Token(commands.Link{Kind: commands.TicketLink, ID: ticketID})
		check(t, f.send(t), sent{mail.TicketReceived, ticketID, to, "We have received your question", link})
		f.append(t, "ticket-"+ticketID, answeredBy(ticket.Helpdesk), answeredBy(ticket.Asker))
		f.take(t)
		check(t, f.send(t), sent{mail.TicketAnswered, ticketID, to, "The helpdesk has answered you", link})
		for _, message := range f.sink.all() {
			if strings.Contains(message.Body, secret) || !strings.Contains(message.Body, "Hello Sam Stranger,") {
				t.Errorf("got %q, want a greeting, and nothing of what was written", message.Body)
			}
		}
	})
}

// TestAPersonsTicket: who has an account saw his own question, and is told of answers without a token.
func TestAPersonsTicket(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), nil)
	f.append(t, "ticket-"+ticketID, askedBy(ada, "", ""))
	f.take(t)
	f.dropped(t, mail.TicketReceived, "no-matter")
	f.append(t, "ticket-"+ticketID, answeredBy(ticket.Helpdesk))
	f.take(t)
	got := f.send(t)
	check(t, got, sent{mail.TicketAnswered, ada, "ada.specimen@firm.example", "The helpdesk has answered you", "sign in:\n\nhttps://portal.example.org/\n"})
	if strings.Contains(got[0].Body, "token") || strings.Contains(got[0].Body, secret) {
		t.Errorf("got %q, want no token, and nothing of the answer", got[0].Body)
	}
	f.people.change(ada, func(view *commands.AccountView) { view.Status = account.Disabled })
	f.append(t, "ticket-"+ticketID, answeredBy(ticket.Helpdesk))
	f.take(t)
	if got := f.send(t); len(got) != 0 {
		t.Errorf("got %v to who can not sign in, want nothing", got)
	}
}

// TestAnErasedTicket is mailed about no more, whether its end was recorded or its keys are gone; and what is queued
// about it goes with it.
func TestAnErasedTicket(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *fixture){
		"recorded": func(t *testing.T, f *fixture) {
			t.Helper()
			f.append(t, "ticket-"+ticketID, &ticket.Erased{Day: calendar.Date(2026, time.June, 1)})
		},
		"its key destroyed": func(t *testing.T, f *fixture) { t.Helper(); must(t, f.ring.Destroy(ctx, "ticket-"+ticketID)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, sqldbtest.SQLite(t), nil)
			f.append(t, "ticket-"+ticketID, askedBy("", "Sam Stranger", "sam@stranger.example"), answeredBy(ticket.Helpdesk))
			f.take(t)
			end(t, f)
			f.dropped(t, mail.TicketReceived, "erased")
			if e := f.only(t, mail.TicketAnswered); e.Status != mail.Dropped || e.About != ticketID {
				t.Errorf("got %s about %q, want it dropped", e.Status, e.About)
			}
			must(t, f.PurgePerson(ctx, ticketID))
			if left := f.entries(t); len(left) != 0 {
				t.Errorf("got %+v after the purge, want nothing about the ticket", left)
			}
		})
	}
}

// TestQuestionsInSomebodyElsesName: three mails a day, and answers all the same.
func TestQuestionsInSomebodyElsesName(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqldbtest.SQLite(t), func(config *mail.Config) {
		config.RecipientDigest = func(string) string { return "the same" }
	})
	for i := range 5 {
		f.append(t, fmt.Sprint("ticket-", i), askedBy("", "Sam Stranger", "sam@stranger.example"))
	}
	f.take(t)
	if got := f.send(t); len(got) != 3 {
		t.Errorf("got %d mails, want 3", len(got))
	}
	f.append(t, "ticket-4", answeredBy(ticket.Helpdesk))
	f.take(t)
	if got := f.send(t); !slices.ContainsFunc(got, func(m mail.Message) bool { return m.Kind == mail.TicketAnswered }) {
		t.Errorf("got %v, want the answer", got)
	}
}
