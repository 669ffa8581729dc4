package ticket_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"casesync/domain/calendar"
	"casesync/domain/domaintest"
	"casesync/domain/private"
	"casesync/domain/ticket"
)

var decider = domaintest.Decider[*ticket.State, ticket.Command, ticket.Event]{
	Initial: ticket.Initial, Decide: ticket.Decide, Evolve: ticket.Evolve,
}

type row = domaintest.Case[ticket.Command, ticket.Event]

const (
	ann   = "a1"
	agent = "token:helpdesk-1"
)

var (
	noon  = time.Date(2025, time.July, 7, 12, 0, 0, 0, time.UTC)
	today = calendar.DayOf(noon)
)

func events(events ...ticket.Event) []ticket.Event { return events }

func after(history []ticket.Event, more ...ticket.Event) []ticket.Event {
	return append(slices.Clip(history), more...)
}

func message(side ticket.Side, author, text string) *ticket.MessageAdded {
	return &ticket.MessageAdded{Side: side, Author: author, Message: private.Of(ticket.Message{Text: text}).About("account-" + ann), At: noon}
}

var (
	question = ticket.Question{Subject: "The code is not taken", Text: "Since\nthis morning."}
	opened   = events(&ticket.Opened{
		Type: ticket.Access, Person: ann, FRN: "123456", Question: private.Of(question).About("account-" + ann), At: noon,
	})
	anonymous = events(&ticket.Opened{
		Type: ticket.Access, Question: private.Of(question), Contact: private.Of(ticket.Contact{Name: "Ann Example", Email: "ann@example.com"}), At: noon,
	})
	answered = after(opened, message(ticket.Helpdesk, agent, "Check the clock."))
	resolved = after(answered, &ticket.Resolved{Side: ticket.Helpdesk, Day: today, At: noon})
	reopened = after(resolved, &ticket.Reopened{Side: ticket.Helpdesk, At: noon})
	erased   = after(resolved, &ticket.Erased{Day: today + 120})
)

func TestOpen(t *testing.T) {
	t.Parallel()
	open := func(change func(*ticket.Open)) ticket.Command {
		c := ticket.Open{
			Type: ticket.Access, Person: ann, FRN: "123456", Subject: " The code is not taken ", Text: "Since\r\nthis morning.\n", At: noon,
		}
		change(&c)
		return c
	}
	before := func(change func(*ticket.Open)) ticket.Command {
		return open(func(c *ticket.Open) {
			c.Person, c.FRN, c.Contact = "", "", ticket.Contact{Name: "Ann Example", Email: "Ann@Example.com"}
			change(c)
		})
	}
	domaintest.Run(t, decider, []row{
		{Name: "by a person", When: open(func(*ticket.Open) {}), Then: opened},
		{Name: "by a person, whose contact is known", When: open(func(c *ticket.Open) { c.Contact = ticket.Contact{Name: "x"} }), Then: opened},
		{Name: "before sign-in", When: before(func(*ticket.Open) {}), Then: anonymous},
		{Name: "before sign-in, without a name", When: before(func(c *ticket.Open) { c.Contact.Name = " " }), Refused: "contact-name-invalid"},
		{Name: "before sign-in, without an address", When: before(func(c *ticket.Open) { c.Contact.Email = "ann" }), Refused: "email-invalid"},
		{Name: "twice", Given: opened, When: open(func(*ticket.Open) {}), Refused: "ticket-opened"},
		{Name: "of no type", When: open(func(c *ticket.Open) { c.Type = "casework" }), Refused: "ticket-type-unknown"},
		{Name: "without a subject", When: open(func(c *ticket.Open) { c.Subject = "\t" }), Refused: "ticket-subject-invalid"},
		{Name: "with a subject on two lines", When: open(func(c *ticket.Open) { c.Subject = "a\nb" }), Refused: "ticket-subject-invalid"},
		{Name: "with a subject too long", When: open(func(c *ticket.Open) { c.Subject = strings.Repeat("é", 201) }), Refused: "ticket-subject-invalid"},
		{Name: "without a text", When: open(func(c *ticket.Open) { c.Text = "" }), Refused: "ticket-text-invalid"},
		{Name: "with a text too long", When: open(func(c *ticket.Open) { c.Text = strings.Repeat("é", 4001) }), Refused: "ticket-text-invalid"},
		{Name: "with a bell", When: open(func(c *ticket.Open) { c.Text = "a\ab" }), Refused: "ticket-text-invalid"},
		{Name: "with bytes that are no text", When: open(func(c *ticket.Open) { c.Text = "a\xff" }), Refused: "ticket-text-invalid"},
		{Name: "for no business", When: open(func(c *ticket.Open) { c.FRN = "12" }), Refused: "frn-invalid"},
		{
			Name: "for an administrator of nothing", Refused: "ticket-business-missing",
			When: open(func(c *ticket.Open) { c.Type, c.FRN = ticket.AdditionalAdministrator, "" }),
		},
	})
	for _, command := range []ticket.Command{open(func(c *ticket.Open) { c.At = time.Time{} }), nil} {
		if got, err := ticket.Decide(ticket.Initial(), command); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", command, got, err)
		}
	}
}

func TestConversation(t *testing.T) {
	t.Parallel()
	reply := func(side ticket.Side, author, text string) ticket.Command {
		return ticket.Reply{Side: side, Author: author, Text: text, At: noon}
	}
	full := slices.Clone(opened)
	for range ticket.MessagesMax {
		full = append(full, message(ticket.Asker, ann, "And?"))
	}
	bare := &ticket.MessageAdded{Side: ticket.Asker, Message: private.Of(ticket.Message{Text: "And?"}), At: noon}
	domaintest.Run(t, decider, []row{
		{Name: "the helpdesk", Given: opened, When: reply(ticket.Helpdesk, agent, " Check the clock. "), Then: answered[1:]},
		{Name: "the person", Given: answered, When: reply(ticket.Asker, ann, "It is right."), Then: events(message(ticket.Asker, ann, "It is right."))},
		{Name: "who followed the link", Given: anonymous, When: reply(ticket.Asker, "", "And?"), Then: events(bare)},
		{Name: "another person", Given: answered, When: reply(ticket.Asker, "b2", "x"), Refused: "ticket-unknown"},
		{Name: "another person, on a ticket from before sign-in", Given: anonymous, When: reply(ticket.Asker, "b2", "x"), Refused: "ticket-unknown"},
		{Name: "nobody, on a person's ticket", Given: answered, When: reply(ticket.Asker, "", "x"), Refused: "ticket-unknown"},
		{Name: "nothing", Given: answered, When: reply(ticket.Asker, ann, " \n"), Refused: "ticket-text-invalid"},
		{Name: "one message too many", Given: full, When: reply(ticket.Asker, ann, "And?"), Refused: "ticket-full"},
		{Name: "the helpdesk, when it is resolved", Given: resolved, When: reply(ticket.Helpdesk, agent, "x"), Refused: "ticket-resolved"},
		{
			Name: "the person, when it is resolved", Given: resolved, When: reply(ticket.Asker, ann, "It is not."),
			Then: events(&ticket.Reopened{Side: ticket.Asker, At: noon}, message(ticket.Asker, ann, "It is not.")),
		},
		{Name: "when it is erased", Given: erased, When: reply(ticket.Asker, ann, "x"), Refused: "ticket-unknown"},
		{Name: "when there is none", When: reply(ticket.Asker, "", "x"), Refused: "ticket-unknown"},
	})
	for _, command := range []ticket.Command{reply("", ann, "x"), reply(ticket.Helpdesk, "", "x"), ticket.Reply{Side: ticket.Asker, Author: ann, Text: "x"}} {
		if got, err := ticket.Decide(decider.State(opened...), command); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", command, got, err)
		}
	}
}

func TestResolution(t *testing.T) {
	t.Parallel()
	late := time.Date(2025, time.July, 7, 23, 30, 0, 0, time.UTC) // the 8th in London
	resolve := func(side ticket.Side, author string) ticket.Command {
		return ticket.Resolve{Side: side, Author: author, At: noon}
	}
	tick := func(days calendar.Day) ticket.Command { return ticket.Tick{Today: today + days} }
	again := after(reopened, &ticket.Resolved{Side: ticket.Asker, Day: today + 30, At: noon})
	domaintest.Run(t, decider, []row{
		{Name: "by the helpdesk", Given: answered, When: resolve(ticket.Helpdesk, agent), Then: resolved[2:]},
		{Name: "by the person", Given: answered, When: resolve(ticket.Asker, ann), Then: events(&ticket.Resolved{Side: ticket.Asker, Day: today, At: noon})},
		{Name: "by another person", Given: answered, When: resolve(ticket.Asker, "b2"), Refused: "ticket-unknown"},
		{
			Name: "late, on London's next day", Given: answered, When: ticket.Resolve{Side: ticket.Helpdesk, Author: agent, At: late},
			Then: events(&ticket.Resolved{Side: ticket.Helpdesk, Day: today + 1, At: late}),
		},
		{Name: "twice: nothing happens", Given: resolved, When: resolve(ticket.Helpdesk, agent)},
		{Name: "reopened", Given: resolved, When: ticket.Reopen{Side: ticket.Helpdesk, Author: agent, At: noon}, Then: reopened[3:]},
		{Name: "reopened when open: nothing happens", Given: opened, When: ticket.Reopen{Side: ticket.Asker, Author: ann, At: noon}},
		{Name: "reopened when erased", Given: erased, When: ticket.Reopen{Side: ticket.Helpdesk, Author: agent, At: noon}, Refused: "ticket-unknown"},

		{Name: "119 days later: nothing happens", Given: resolved, When: tick(119)},
		{Name: "120 days later", Given: resolved, When: tick(120), Then: erased[3:]},
		{Name: "later, after a scheduler stood still", Given: resolved, When: tick(500), Then: events(&ticket.Erased{Day: today + 500})},
		{Name: "open: nothing happens", Given: opened, When: tick(500)},
		{Name: "reopened: nothing happens", Given: reopened, When: tick(500)},
		{Name: "resolved anew, and counted anew: nothing happens", Given: again, When: tick(149)},
		{Name: "resolved anew, 120 days later", Given: again, When: tick(150), Then: events(&ticket.Erased{Day: today + 150})},
		{Name: "erased already: nothing happens", Given: erased, When: tick(500)},
		{Name: "never there: nothing happens", When: tick(500)},
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		history []ticket.Event
		want    ticket.Status
		awaits  bool
	}{
		{nil, ticket.StatusMissing, false}, {opened, ticket.StatusOpen, true}, {answered, ticket.StatusOpen, false}, {resolved, ticket.StatusResolved, false},
		{reopened, ticket.StatusOpen, false}, {after(reopened, message(ticket.Asker, ann, "x")), ticket.StatusOpen, true}, {erased, ticket.StatusErased, false},
	} {
		if s := decider.State(test.history...); s.Status() != test.want || s.AwaitsHelpdesk() != test.awaits {
			t.Errorf("after %d events: got %s, awaits the helpdesk %v, want %s, %v", len(test.history), s.Status(), s.AwaitsHelpdesk(), test.want, test.awaits)
		}
	}
	s := decider.State(resolved...)
	if got, _ := s.Question().Get(); got != question || s.Person() != ann || s.FRN() != "123456" || s.Type() != ticket.Access || s.Messages() != 1 ||
		!s.OpenedAt().Equal(noon) || s.ResolvedOn() != today || !s.Contact().IsZero() {
		t.Errorf("got %+v, want what was opened and resolved", s)
	}
	if contact, _ := decider.State(anonymous...).Contact().Get(); contact.Email != "ann@example.com" {
		t.Errorf("contact: got %v", contact)
	}
}

// TestWhateverIsAsked: a ticket is never erased before 120 days after the last resolution, nor while open; and
// nothing is written in one that is resolved or erased.
func TestWhateverIsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := ticket.Initial(), ticket.Initial()
		at := noon
		var resolvedOn calendar.Day
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			at = at.Add(time.Duration(rapid.IntRange(0, 60*24).Draw(t, "hours")) * time.Hour)
			side, author := ticket.Asker, ann
			if rapid.Bool().Draw(t, "helpdesk") {
				side, author = ticket.Helpdesk, agent
			}
			decided, err := decider.Check(state, same, rapid.SampledFrom([]ticket.Command{
				ticket.Open{Type: ticket.Technical, Person: ann, Subject: "x", Text: "y", At: at},
				ticket.Reply{Side: side, Author: author, Text: "x", At: at},
				ticket.Resolve{Side: side, Author: author, At: at}, ticket.Reopen{Side: side, Author: author, At: at},
				ticket.Tick{Today: calendar.DayOf(at)}, ticket.Tick{Today: calendar.DayOf(at)},
			}).Draw(t, "command"))
			if err != nil {
				continue
			}
			for _, event := range decided {
				switch event := event.(type) {
				case *ticket.Resolved:
					resolvedOn = event.Day
				case *ticket.Erased:
					if state.Status() != ticket.StatusResolved || event.Day < resolvedOn+120 {
						t.Fatalf("erased on %v when %s, resolved on %v", event.Day, state.Status(), resolvedOn)
					}
				case *ticket.MessageAdded:
					if state.Status() != ticket.StatusOpen {
						t.Fatalf("written when %s", state.Status())
					}
				}
				state, same = ticket.Evolve(state, event), ticket.Evolve(same, event)
			}
		}
	})
}
