package projections

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/private"
	"casesync/domain/ticket"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

var ticketProjections = []engine.Projection{Tickets()}

func questioned(person, frn, subject string, at time.Time) *ticket.Opened {
	question := private.Of(ticket.Question{Subject: subject, Text: "It does not work: " + subject})
	if person == "" {
		return &ticket.Opened{Type: ticket.Access, FRN: frn, Question: question, At: at,
			Contact: private.Of(ticket.Contact{Name: "Sam Stranger", Email: "sam@example.com"})}
	}
	return &ticket.Opened{Type: ticket.Technical, Person: person, FRN: frn, Question: question.About("account-" + person), At: at}
}

func wrote(side ticket.Side, author, text string, at time.Time) *ticket.MessageAdded {
	return &ticket.MessageAdded{Side: side, Author: author, Message: private.Of(ticket.Message{Text: text}), At: at}
}

// ticketStory is what becomes of five tickets: a and b are ada's, of which a awaits the helpdesk and b waits for
// her; c is bob's and resolved; d is a stranger's, resolved and asked again; e is ada's, and erased.
func ticketStory() []projtest.Given {
	const desk = "token:desk"
	return []projtest.Given{
		projtest.On("ticket-d", questioned("", theirs, "no link came", at(1))),
		projtest.On("ticket-a", questioned(ada, ours, "a list stays empty", at(2))),
		projtest.On("ticket-a", wrote(ticket.Helpdesk, desk, "Which one?", at(3))),
		projtest.On("ticket-a", wrote(ticket.Asker, ada, "That of open cases.", at(4)), wrote(ticket.Asker, ada, "And of closed ones.", at(5))),
		projtest.On("ticket-b", questioned(ada, "", "a second monitor", at(6)), wrote(ticket.Helpdesk, desk, "Try again.", at(7))),
		projtest.On("ticket-c", questioned(bob, ours, "how to sign out", at(8)), &ticket.Resolved{Side: ticket.Asker, Day: newYear + 1, At: at(20)}),
		projtest.On("ticket-d", &ticket.Resolved{Side: ticket.Helpdesk, Day: newYear + 1, At: at(21)}),
		projtest.On("ticket-d", &ticket.Reopened{Side: ticket.Asker, At: at(22)}, wrote(ticket.Asker, "", "It still did not.", at(22))),
		projtest.On("ticket-e", questioned(ada, ours, "something of last year", at(23)), wrote(ticket.Helpdesk, desk, "So it is.", at(24)),
			&ticket.Resolved{Side: ticket.Helpdesk, Day: newYear + 1, At: at(25)}),
		projtest.On("ticket-e", &ticket.Erased{Day: newYear + 121}),
	}
}

var ticketEnvelope = regexp.MustCompile(`=ticket-\S+\|v1\.\S+`)

// ticketRowsOf are a table's rows, with each envelope as "…" and the hours of the story by their numbers.
func ticketRowsOf(w *projtest.World, table string) []string {
	hours := []string{ada, "ADA", bob, "BOB", fmt.Sprint((newYear + 121).At(0, 0).UnixMicro()), "end"}
	for n := range 30 {
		hours = append(hours, fmt.Sprint(at(n).UnixMicro()), fmt.Sprint("h", n))
	}
	readable := strings.NewReplacer(hours...)
	rows := w.Rows(Tickets())[table]
	for i := range rows {
		rows[i] = readable.Replace(ticketEnvelope.ReplaceAllString(rows[i], "=…"))
	}
	slices.Sort(rows)
	return rows
}

// TestTicketRows: what happens to tickets comes to these rows. Who writes twice has waited since the first time;
// of an erased ticket nothing is left that is anybody's.
func TestTicketRows(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, ticketProjections, ticketStory(), func(t *testing.T, w *projtest.World) {
		for table, want := range map[string]string{
			"tickets": `
stream=ticket-a type=technical person=ADA frn=123456 turn=0 since=h4 messages=3 opened_at=h2 updated_at=h5 resolved_day=0 due_day=0 question=… contact=
stream=ticket-b type=technical person=ADA frn= turn=1 since=h7 messages=1 opened_at=h6 updated_at=h7 resolved_day=0 due_day=0 question=… contact=
stream=ticket-c type=technical person=BOB frn=123456 turn=2 since=h20 messages=0 opened_at=h8 updated_at=h20 resolved_day=20090 due_day=20210 question=… contact=
stream=ticket-d type=access person= frn=7654321 turn=0 since=h22 messages=1 opened_at=h1 updated_at=h22 resolved_day=0 due_day=0 question=… contact=…
stream=ticket-e type=technical person= frn=123456 turn=3 since=end messages=0 opened_at=h23 updated_at=end resolved_day=20090 due_day=0 question= contact=`,
			"ticket_messages": `
stream=ticket-a n=1 side=helpdesk author=token:desk at=h3 sealed=…
stream=ticket-a n=2 side=asker author=ADA at=h4 sealed=…
stream=ticket-a n=3 side=asker author=ADA at=h5 sealed=…
stream=ticket-b n=1 side=helpdesk author=token:desk at=h7 sealed=…
stream=ticket-d n=1 side=asker author= at=h22 sealed=…`,
		} {
			if got := strings.Join(ticketRowsOf(w, table), "\n"); got != strings.TrimSpace(want) {
				t.Errorf("%s: got\n%s\nwant%s", table, got, want)
			}
		}
		checkNothingPersonalIn(t, w, Tickets(), "Sam", "sam@", "list", "Which", "second")
	})
}

// ticketScopes are those who ask for tickets.
var ticketScopes = map[string]Scope{
	"ada": BusinessScope(ada, ours), "bob": BusinessScope(bob), "link of d": TicketScope("d"), "link of a": TicketScope("a"), "link of e": TicketScope("e"),
	"helpdesk": HelpdeskScope("token:desk"), "operator": OperatorScope("o"), "auditor": AuditorScope("x"),
	"may not read": AuditorScope("x").WithoutTickets(), "another": BusinessScope(cai, ours), "nobody": {},
}

// askedTickets runs a query for each scope, and compares its answer with the one wanted: none for scopes not named.
func askedTickets(t *testing.T, w *projtest.World, what string, want map[string]string, query func(context.Context, engine.View, Scope) (string, error)) {
	t.Helper()
	for name, scope := range ticketScopes {
		err := engine.Read(t.Context(), w.Store, TicketsName, func(view engine.View) error {
			got, err := query(t.Context(), view, scope)
			if got != want[name] {
				t.Errorf("%s as %s: got %q, want %q", what, name, got, want[name])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTicketsAreSeenWithinTheScope: one's own newest first; of all those that await the helpdesk first, the longest
// waiting first; and whatever the size of a page.
func TestTicketsAreSeenWithinTheScope(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, ticketProjections, ticketStory(), func(t *testing.T, w *projtest.World) {
		all := func(ids string) map[string]string {
			return map[string]string{"helpdesk": ids, "operator": ids, "auditor": ids}
		}
		with := func(want map[string]string, pairs ...string) map[string]string {
			for i := 0; i < len(pairs); i += 2 {
				want[pairs[i]] = pairs[i+1]
			}
			return want
		}
		for filter, want := range map[TicketFilter]map[string]string{
			{}:                              with(all("adbc"), "ada", "ba", "bob", "c", "link of d", "d", "link of a", "a"),
			{Status: ticket.StatusOpen}:     with(all("adb"), "ada", "ba", "link of d", "d", "link of a", "a"),
			{Status: ticket.StatusResolved}: with(all("c"), "bob", "c"),
			{Status: ticket.StatusErased}:   all("e"),
			{Status: ticket.StatusMissing}:  {},
			{Mine: true}:                    {"ada": "ba", "bob": "c"},
		} {
			for _, limit := range []int{1, 2, 100} {
				askedTickets(t, w, fmt.Sprintf("%+v", filter), want, func(ctx context.Context, view engine.View, scope Scope) (ids string, err error) {
					rows, err := paged(t, func(last *Ticket) ([]Ticket, error) {
						var after TicketCursor
						if last != nil {
							after = last.Place(scope, filter)
						}
						return ListTickets(ctx, view, scope, filter, after, limit)
					})
					for _, row := range rows {
						ids += row.ID
					}
					return ids, err
				})
			}
		}
	})
}

// TestATicketIsFoundWithinTheScope, with its messages, by who opened it, by who answers, and by its link.
func TestATicketIsFoundWithinTheScope(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, ticketProjections, ticketStory(), func(t *testing.T, w *projtest.World) {
		for id, want := range map[string]map[string]string{
			"a": {"ada": "open 3", "link of a": "open 3", "helpdesk": "open 3", "operator": "open 3", "auditor": "open 3"},
			"c": {"bob": "resolved 0", "helpdesk": "resolved 0", "operator": "resolved 0", "auditor": "resolved 0"},
			"d": {"link of d": "open 1", "helpdesk": "open 1 Sam Stranger", "operator": "open 1 Sam Stranger", "auditor": "open 1"},
			"e": {"helpdesk": "erased 0", "operator": "erased 0", "auditor": "erased 0"},
			"f": {},
		} {
			askedTickets(t, w, "ticket "+id, want, func(ctx context.Context, view engine.View, scope Scope) (string, error) {
				found, there, err := TicketByID(ctx, view, scope, id)
				messages, err2 := TicketMessages(ctx, view, scope, id)
				if err != nil || err2 != nil || !there {
					return strings.Repeat("message ", len(messages)), errors.Join(err, err2)
				}
				text := fmt.Sprint(found.Status, " ", len(messages))
				if found.Contact != "" {
					contact, err := OpenedTicketContact(opened(t, w, found.Contact))
					return text + " " + contact.Name, err
				}
				return text, nil
			})
		}
		inTickets(t, w, func(ctx context.Context, view engine.View) error {
			found, _, err := TicketByID(ctx, view, ticketScopes["ada"], "a")
			question, err2 := OpenedTicketQuestion(opened(t, w, found.Question))
			if want := (ticket.Question{Subject: "a list stays empty", Text: "It does not work: a list stays empty"}); err2 != nil || question != want {
				t.Errorf("got %+v, %v, want %+v", question, err2, want)
			}
			if found.Person != ada || found.FRN != ours || !found.AwaitsHelpdesk || !found.Since.Equal(at(4)) || !found.OpenedAt.Equal(at(2)) {
				t.Errorf("got %+v, want ada's ticket, which has awaited the helpdesk since %v", found, at(4))
			}
			messages, err3 := TicketMessages(ctx, view, ticketScopes["ada"], "a")
			message, err4 := OpenedTicketMessage(opened(t, w, messages[1].Sealed))
			if err4 != nil || message.Text != "That of open cases." || messages[1].N != 2 || messages[1].Side != ticket.Asker || messages[0].Author != "token:desk" {
				t.Errorf("got %+v, %+v, %v", messages, message, err4)
			}
			return errors.Join(err, err3)
		})
	})
}

// inTickets runs f on a view of the tickets.
func inTickets(t *testing.T, w *projtest.World, f func(ctx context.Context, view engine.View) error) {
	t.Helper()
	if err := engine.Read(t.Context(), w.Store, TicketsName, func(view engine.View) error { return f(t.Context(), view) }); err != nil {
		t.Fatal(err)
	}
}

// TestWhoIsToldOfATicket: who opened it, and who sees all; of whom others are never told.
func TestWhoIsToldOfATicket(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, ticketProjections, ticketStory(), func(t *testing.T, w *projtest.World) {
		everybody := map[string]string{"helpdesk": "abcde", "operator": "abcde", "auditor": "abcde", "ada": "ab", "bob": "c", "link of d": "d", "link of a": "a"}
		askedTickets(t, w, "owners", everybody, func(ctx context.Context, view engine.View, scope Scope) (told string, err error) {
			owners, err := TicketOwners(ctx, view, SystemScope("changes"), []string{"a", "b", "c", "d", "e", "f"})
			for _, owner := range owners {
				if scope.SeesTicket(owner) && (owner.ID != "e" || scope.SeesTickets()) {
					told += owner.ID
				}
			}
			return told, err
		})
	})
}

// TestTicketsAreDueOnTheirDay: 120 days after the resolution, and not while they are open again.
func TestTicketsAreDueOnTheirDay(t *testing.T) {
	t.Parallel()
	given := append(ticketStory(),
		projtest.On("ticket-g", questioned(bob, "", "another", at(9)), &ticket.Resolved{Side: ticket.Asker, Day: newYear, At: at(10)}))
	projtest.Each(t, nil, ticketProjections, given, func(t *testing.T, w *projtest.World) {
		for day, ids := range map[calendar.Day]string{newYear + 119: "", newYear + 120: "g", newYear + 121: "gc", newYear + 500: "gc"} {
			want := map[string]string{"helpdesk": ids, "operator": ids, "auditor": ids, "may not read": ids}
			askedTickets(t, w, fmt.Sprint("due on ", day), want, func(ctx context.Context, view engine.View, scope Scope) (due string, err error) {
				rows, err := paged(t, func(after *Due) ([]Due, error) {
					if after == nil {
						after = &Due{}
					}
					return DueTickets(ctx, view, scope, day, *after, 1)
				})
				for _, row := range rows {
					due += row.ID
				}
				return due, err
			})
		}
	})
}

// TestTicketsAreFoldedWithoutTheirKeys to the same rows: what was erased is gone from the log's reader alone.
func TestTicketsAreFoldedWithoutTheirKeys(t *testing.T) {
	t.Parallel()
	projtest.Each(t, nil, ticketProjections, ticketStory(), func(t *testing.T, w *projtest.World) {
		before := w.Rows(Tickets())
		if err := w.Ring.Destroy(t.Context(), "ticket-e", "account-"+ada); err != nil {
			t.Fatal(err)
		}
		w.Check()
		for table, rows := range w.Rows(Tickets()) {
			if !slices.Equal(rows, before[table]) {
				t.Errorf("%s rebuilt without the keys: got\n%s\nwant\n%s", table, strings.Join(rows, "\n"), strings.Join(before[table], "\n"))
			}
		}
		inTickets(t, w, func(ctx context.Context, view engine.View) error {
			found, _, err := TicketByID(ctx, view, ticketScopes["helpdesk"], "a")
			if err != nil {
				return err
			}
			plain, err := w.Codec.OpenEnvelopes(ctx, found.Question)
			if question, err2 := OpenedTicketQuestion(plain[0]); err2 != nil || question != (ticket.Question{}) {
				t.Errorf("got %+v, %v, want nothing of who was erased", question, err2)
			}
			return err
		})
	})
}

// TestTicketsAreReadFromIndexes: what is asked at every page, and every night, costs the same however many tickets
// there are: no plan reads the whole table, and none sorts more than one person's.
func TestTicketsAreReadFromIndexes(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]struct {
		address func(testing.TB) string
		explain string
		bad     *regexp.Regexp
	}{
		"sqlite":   {sqldbtest.SQLite, "EXPLAIN QUERY PLAN", regexp.MustCompile(`SCAN|TEMP B-TREE`)},
		"postgres": {sqldbtest.Postgres, "EXPLAIN", regexp.MustCompile(`Seq Scan|Sort Key: (turn|since|due)`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := projtest.New(t, db.address(t), nil, Tickets())
			w.Record(projtest.On("ticket-a", questioned(ada, ours, "one", at(0))))
			w.Project()
			manyTickets(t, w, 20_000)
			for what, query := range ticketQueries() {
				inTickets(t, w, func(ctx context.Context, view engine.View) error {
					text, s := query()
					got, err := plan(ctx, view, db.explain, text, s)
					if err == nil && db.bad.MatchString(got) {
						t.Errorf("%s are read by\n%s", what, got)
					}
					return err
				})
			}
		})
	}
}

// manyTickets writes rows straight into the live table: plans need rows, not history.
func manyTickets(t *testing.T, w *projtest.World, n int) {
	t.Helper()
	var generation int64
	inTickets(t, w, func(_ context.Context, view engine.View) error {
		generation = view.Generation
		return nil
	})
	rows := make([][]any, n)
	for i := range rows {
		row := ticketRow{Stream: fmt.Sprintf("ticket-%06d", i), Person: fmt.Sprintf("user-%d", i%2_000), Turn: 2, Since: int64(i), OpenedAt: int64(i), DueDay: int64(20_000 + i%2_000)}
		if i%50 < 3 {
			row.Turn, row.DueDay = int64(i%2), 0
		}
		rows[i] = valuesOf(tickets.Fields(&row))
	}
	err := w.Store.Update(t.Context(), func(tx engine.Tx) error {
		err := tx.Write(t.Context(), engine.Changes{Table: fmt.Sprintf("tickets_%d", generation), Columns: tickets.Columns, Key: tickets.Key, Insert: rows})
		if err == nil {
			_, err = tx.Exec(t.Context(), "ANALYZE")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ticketQueries() map[string]func() (string, *statement) {
	listed := func(scope Scope, filter TicketFilter, after TicketCursor) func() (string, *statement) {
		return func() (string, *statement) {
			rest, s := ticketsQuery(scope, filter, after, 50)
			return "SELECT " + list(tickets.Columns, "") + " FROM {tickets} WHERE " + rest, s
		}
	}
	desk, person := HelpdeskScope("d"), BusinessScope("user-7")
	further := TicketCursor{Turn: turnNobody, At: instant(15_000), ID: "015000"}
	return map[string]func() (string, *statement){
		"the helpdesk's":           listed(desk, TicketFilter{}, TicketCursor{}),
		"the helpdesk's, further":  listed(desk, TicketFilter{}, further),
		"open ones":                listed(desk, TicketFilter{Status: ticket.StatusOpen}, TicketCursor{}),
		"resolved ones, further":   listed(desk, TicketFilter{Status: ticket.StatusResolved}, further),
		"a person's":               listed(person, TicketFilter{}, TicketCursor{}),
		"a person's open, further": listed(person, TicketFilter{Status: ticket.StatusOpen}, TicketCursor{At: instant(15_000), ID: "015000"}),
		"due ones": func() (string, *statement) {
			return dueQuery(SystemScope("test"), "tickets", ticketStreams, 20_001, Due{20_000, "015000"}, 100)
		},
	}
}
