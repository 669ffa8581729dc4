package commands_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/ticket"
	"casesync/domain/upload"
	"casesync/eventstore"
)

var (
	helpdesk = access.Principal{ID: "token:helpdesk", Kind: access.Machine, Roles: []access.Role{access.Helpdesk}}
	question = commands.Question{Type: ticket.Technical, FRN: frn, Subject: "No list", Text: "The list of cases stays empty."}
	contact  = ticket.Contact{Name: "Sam Sample", Email: "sam@example.net"}
)

// desk returns casework as another process on the same log would have it; log may stand before it.
func (w *world) desk(log eventstore.Log) *commands.Casework {
	w.t.Helper()
	desk, err := commands.NewCasework(commands.CaseworkConfig{
		Log: log, Codec: w.codec, People: w.people(log), Limits: upload.Standard(), DigestKey: []byte(strings.Repeat("d", 32)),
		SentOn: func(context.Context, string, calendar.Day) (int64, error) { return 0, nil },
		Links:  w.links, Now: w.clock,
	})
	if err != nil {
		w.t.Fatalf("new casework: %v", err)
	}
	return desk
}

// said is what the events of a ticket say, in order: who wrote, by side and author.
func (w *world) said(id string) (said []string) {
	w.t.Helper()
	events, err := w.events(w.t.Context(), "ticket-"+id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range events {
		switch event := event.Event.(type) {
		case *ticket.Opened:
			said = append(said, "opened "+event.Person)
		case *ticket.MessageAdded:
			said = append(said, string(event.Side)+" "+event.Author)
		case *ticket.Resolved:
			said = append(said, "resolved by "+string(event.Side))
		case *ticket.Reopened:
			said = append(said, "reopened by "+string(event.Side))
		case *ticket.Erased:
			said = append(said, "erased")
		}
	}
	return said
}

func (w *world) wantSaid(what, id string, want ...string) {
	w.t.Helper()
	if got := w.said(id); !slices.Equal(got, want) {
		w.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// Who opened a ticket, and the helpdesk, write in it, resolve it and reopen it; to all others there is none.
func TestConversation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		cas, sue := w.join(frn, "cas@example.com", access.Caseworker), w.join(frn, "sue@example.com", access.Supervisor)
		id, done, err := desk.OpenTicket(ctx, w.by(cas), question)
		if err != nil || done.Position != w.head() {
			t.Fatalf("open: got %v, %v, want it at the log's end", done, err)
		}
		answer := commands.Ask{By: helpdesk}
		w.do(desk.Reply(ctx, answer, id, "Which browser is it?"))
		w.do(desk.Reply(ctx, w.by(cas), id, "Any."))
		w.do(desk.ResolveTicket(ctx, answer, id))
		refused(t, "the helpdesk writes in what it resolved", second(desk.Reply(ctx, answer, id, "One more.")), "ticket-resolved")
		w.do(desk.ReopenTicket(ctx, answer, id))
		w.do(desk.ResolveTicket(ctx, w.by(cas), id))
		w.do(desk.Reply(ctx, w.by(cas), id, "Still so."))
		want := []string{
			"opened " + cas, "helpdesk token:helpdesk", "asker " + cas, "resolved by helpdesk", "reopened by helpdesk",
			"resolved by asker", "reopened by asker", "asker " + cas,
		}
		w.wantSaid("the conversation", id, want...)
		for who, ask := range map[string]commands.Ask{"a colleague": w.by(sue), "an operator": byOperator(), "a case system": {By: system}, "nobody": {}} {
			fails(t, who+" writes", second(desk.Reply(ctx, ask, id, "Hello.")), commands.ErrUnknown)
			fails(t, who+" resolves", second(desk.ResolveTicket(ctx, ask, id)), commands.ErrUnknown)
			fails(t, who+" reopens", second(desk.ReopenTicket(ctx, ask, id)), commands.ErrUnknown)
		}
		for _, none := range []string{uuid.NewString(), "", "no such", "../x"} {
			fails(t, "no such ticket", second(desk.Reply(ctx, answer, none, "Hello.")), commands.ErrUnknown)
		}
		w.wantSaid("afterwards", id, want...)
	})
}

// A ticket is opened at one's own business, or about none, by whoever may ask; and once under one id.
func TestOpenTicket(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		w.configure(otherFRN, "example.org")
		ada, eve := w.join(frn, "ada@example.com", access.Administrator), w.join(otherFRN, "eve@example.org", access.Caseworker)
		none, administrators := question, question
		none.FRN, administrators.Type = "", ticket.AdditionalAdministrator
		opened := map[string]bool{}
		for name, q := range map[string]commands.Question{"of the business": question, "of none": none, "another administrator": administrators} {
			ask := named(w.by(ada), uuid.New())
			for range 2 {
				id, _, err := desk.OpenTicket(ctx, ask, q)
				if err != nil {
					t.Errorf("%s: got %v, want it opened", name, err)
				}
				opened[id] = true
			}
		}
		if got := w.counts()["ticket.opened.v1"]; got != 3 || len(opened) != 3 {
			t.Errorf("got %d tickets under %d ids, want 3", got, len(opened))
		}
		open := func(ask commands.Ask, q commands.Question) error { return third(desk.OpenTicket(ctx, ask, q)) }
		fails(t, "of another's business", open(w.by(eve), question), commands.ErrUnknown)
		fails(t, "by the helpdesk", open(commands.Ask{By: helpdesk}, question), commands.ErrForbidden)
		fails(t, "by nobody", open(commands.Ask{}, none), commands.ErrForbidden)
		administrators.FRN = ""
		refused(t, "an administrator of nothing", open(w.by(ada), administrators), "ticket-business-missing")
		w.do(w.Remove(ctx, byOperator(), otherFRN, eve))
		fails(t, "by who has no business any more", open(w.by(eve), none), commands.ErrForbidden)
	})
}

func third[T any](_ T, _ commands.Done, err error) error { return err }

// Who lost all access does not go on with a ticket of his either.
func TestAskerWithoutAccess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		w.join(frn, "ada@example.com", access.Administrator)
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		id, _, err := desk.OpenTicket(ctx, w.by(cas), question)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		w.do(w.Disable(ctx, byOperator(), frn, cas))
		fails(t, "write", second(desk.Reply(ctx, w.by(cas), id, "Hello.")), commands.ErrForbidden)
	})
}

// Before sign-in the link is all there is: it opens its ticket alone, until that is erased.
func TestStranger(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		ask := commands.Ask{ID: uuid.New()}
		id, token, _, err := desk.OpenTicketAsStranger(ctx, ask, question, contact)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		if again, same, _, err := desk.OpenTicketAsStranger(ctx, ask, question, contact); err != nil || again != id || same != token {
			t.Errorf("again: got %s, %v, want %s", again, err, id)
		}
		other := contact
		other.Email = "eve@example.net"
		otherID, otherToken, _, err := desk.OpenTicketAsStranger(ctx, ask, question, other)
		if err != nil || otherID == id || otherToken == token {
			t.Errorf("somebody else under the same id: got %s, %v, want another ticket", otherID, err)
		}
		if got, err := desk.TicketOf(ctx, token); got != id || err != nil {
			t.Errorf("the link: got %s, %v, want %s", got, err, id)
		}
		w.do(desk.ReplyByLink(ctx, token, "It is the list of closed cases."))
		w.do(desk.Reply(ctx, commands.Ask{By: helpdesk}, id, "Try again, please."))
		w.do(desk.ResolveByLink(ctx, token))
		want := []string{"opened ", "asker ", "helpdesk token:helpdesk", "resolved by asker"}
		w.wantSaid("the conversation", id, want...)

		late := calendar.DayOf(now) + 120
		if done := w.do(desk.TickTicket(ctx, id, late-1)); !done.Position.IsZero() {
			t.Error("a day early: got it erased")
		}
		w.do(desk.TickTicket(ctx, id, late))
		if done := w.do(desk.TickTicket(ctx, id, late)); !done.Position.IsZero() {
			t.Error("again: got it erased twice")
		}
		w.wantSaid("after 120 days", id, append(want, "erased")...)
		for what, err := range map[string]error{
			"see it": errOf(desk.TicketOf(ctx, token)), "write in it": second(desk.ReplyByLink(ctx, token, "Hello.")),
			"resolve it": second(desk.ResolveByLink(ctx, token)),
		} {
			fails(t, "erased: "+what, err, commands.ErrLink)
		}
		fails(t, "erased: the helpdesk writes", second(desk.Reply(ctx, commands.Ask{By: helpdesk}, id, "Hello.")), commands.ErrUnknown)
	})
}

func errOf[T any](_ T, err error) error { return err }

// No other token opens a ticket, and no contact that nobody could be answered at is taken.
func TestTokensOfTickets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, desk := t.Context(), w.desk(w.log)
		w.configure(frn, "example.com")
		cas := w.join(frn, "cas@example.com", access.Caseworker)
		own, _, err := desk.OpenTicket(ctx, w.by(cas), question)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		_, token, _, err := desk.OpenTicketAsStranger(ctx, commands.Ask{}, question, contact)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		for what, token := range map[string]string{
			"none": "", "cut off": token[:len(token)-1], "another key": commands.NewLinks([]byte(strings.Repeat("x", 32))).Token(commands.Link{Kind: commands.TicketLink, ID: own}),
			"of a person's ticket": w.links.Token(commands.Link{Kind: commands.TicketLink, ID: own}),
			"of no ticket":         w.links.Token(commands.Link{Kind: commands.TicketLink, ID: uuid.NewString()}),
			"of an access request": w.links.Token(commands.Link{Kind: commands.RequestLink, ID: own}),
			"that expires":         w.links.Token(commands.Link{Kind: commands.TicketLink, ID: own, ExpiresAt: now.Add(time.Hour)}),
		} {
			fails(t, what, second(desk.ReplyByLink(ctx, token, "Hello.")), commands.ErrLink)
		}
		for code, contact := range map[string]ticket.Contact{
			"contact-name-invalid": {Email: "sam@example.net"}, "email-invalid": {Name: "Sam Sample", Email: "sam"},
		} {
			_, _, _, err := desk.OpenTicketAsStranger(ctx, commands.Ask{}, question, contact)
			refused(t, "a contact", err, code)
		}
		if got := w.counts()["ticket.opened.v1"]; got != 2 {
			t.Errorf("got %d tickets, want 2", got)
		}
	})
}
