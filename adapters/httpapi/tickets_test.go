package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/eventstore/sqldb/sqldbtest"
)

// desk is an office with a helpdesk.
type desk struct {
	*office
	casework *commands.Casework
}

// atDesks runs a test on SQLite and on PostgreSQL.
func atDesks(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, openDesk(t, address, nil)) })
}

func openDesk(t *testing.T, address string, change func(*httpapi.Config)) *desk {
	t.Helper()
	d := &desk{}
	d.office = openOffice(newWorld(t, address, func(config *httpapi.Config) {
		d.casework = config.Casework
		if change != nil {
			change(config)
		}
	}))
	return d
}

// ask opens a ticket, and returns its id.
func (d *desk) ask(token, subject string) string {
	d.t.Helper()
	opened := d.told(http.MethodPost, "/api/v1/tickets", token, data{"type": "technical", "business": frnA, "subject": subject, "text": "It stays so:\n" + subject})
	if opened.status != http.StatusCreated || opened.text("status") != "accepted" {
		d.t.Fatalf("ask: got %d %s", opened.status, opened.body)
	}
	return opened.text("id")
}

func (d *desk) write(token, id, text string) answer {
	d.t.Helper()
	return d.told(http.MethodPost, "/api/v1/tickets/"+id+"/messages", token, data{"text": text})
}

// erase lets the clock erase a ticket, 120 days after today.
func (d *desk) erase(id string) {
	d.t.Helper()
	for _, after := range []calendar.Day{119, 120} {
		done, err := d.casework.TickTicket(context.Background(), id, calendar.DayOf(now)+after)
		d.must(err)
		if erased := !done.Position.IsZero(); erased != (after == 120) {
			d.t.Errorf("%d days after the resolution: got erased %v", after, erased)
		}
		d.position = done.Position.String()
	}
}

// says is a conversation: "asker: text" for each message.
func (a answer) says() string {
	a.t.Helper()
	a.want(http.StatusOK)
	var lines []string
	for i := range a.values("conversation", "side") {
		lines = append(lines, a.text("conversation", i, "side")+": "+a.text("conversation", i, "text"))
	}
	return strings.Join(lines, "; ")
}

// TestAConversation: a person asks, the helpdesk's open stream tells it, it replies, the person's stream tells
// that, and so on until the ticket is erased. Nobody else is told, nor sees any of it.
func TestAConversation(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		helpdesk := d.as(access.Helpdesk)
		listening, wren, robin, auditor := d.listen(helpdesk, ""), d.listen(d.wren.token, ""), d.listen(d.robin.token, ""), d.listen(d.as(access.Auditor), "")
		d.event("C1", "case.stage-changed", data{"stage": "on-hold"}) // of which the helpdesk is not told
		id := d.ask(d.wren.token, "the list stays empty")
		heard := func(who string, l *listener) {
			t.Helper()
			want := "ticket-changed " + d.position + " " + id
			if got := l.next("ticket-changed", "reset"); got != want {
				t.Errorf("%s: got %q, want %q", who, got, want)
			}
		}
		heard("helpdesk", listening)
		heard("who asked", wren)
		shown := d.read(helpdesk, "/api/v1/tickets/"+id).want(http.StatusOK)
		if shown.text("subject") != "the list stays empty" || shown.text("text") != "It stays so:\nthe list stays empty" || shown.text("awaits") != "helpdesk" ||
			shown.text("openedBy") != d.wren.id || shown.text("business") != frnA || shown.at("contact") != nil {
			t.Errorf("to the helpdesk: got %s", shown.body)
		}
		d.write(helpdesk, id, "Which list?")
		heard("who asked", wren)
		mine := d.read(d.wren.token, "/api/v1/tickets/"+id)
		if mine.says() != "helpdesk: Which list?" || mine.text("awaits") != "asker" || mine.at("conversation", 0, "author") != nil {
			t.Errorf("to who asked: got %s", mine.body)
		}
		heard("helpdesk", listening)
		d.told(http.MethodPost, "/api/v1/tickets/"+id+"/resolve", helpdesk, data{})
		heard("who asked", wren)
		if got := d.read(d.wren.token, "/api/v1/tickets/"+id); got.text("status") != "resolved" || got.text("erasesOn") != "2026-10-08" {
			t.Errorf("resolved on 2026-06-10: got %s", got.body)
		}
		heard("helpdesk", listening)
		d.write(d.wren.token, id, "That of open cases.") // opens it again
		heard("helpdesk", listening)
		if got := d.read(helpdesk, "/api/v1/tickets/"+id); got.text("status") != "open" || got.says() != "helpdesk: Which list?; asker: That of open cases." {
			t.Errorf("opened again: got %s", got.body)
		}
		d.told(http.MethodPost, "/api/v1/tickets/"+id+"/resolve", d.wren.token, data{})
		d.told(http.MethodPost, "/api/v1/tickets/"+id+"/reopen", helpdesk, data{})
		d.told(http.MethodPost, "/api/v1/tickets/"+id+"/resolve", d.wren.token, data{})
		d.erase(id)
		d.gone(id)

		d.event("C1", "case.stage-changed", data{"stage": "investigation"})
		for who, l := range map[string]*listener{"a colleague": robin, "an auditor": auditor} {
			for range 2 {
				if got := l.next("case-changed", "ticket-changed"); !strings.HasSuffix(got, " C1") {
					t.Errorf("%s: got %q, want the case alone", who, got)
				}
			}
		}
	})
}

// gone checks that nothing of a ticket is left to read, and that nobody writes in it.
func (d *desk) gone(id string) {
	d.t.Helper()
	d.read(d.wren.token, "/api/v1/tickets/"+id).want(http.StatusNotFound)
	left := d.read(d.as(access.Helpdesk), "/api/v1/tickets/"+id).want(http.StatusOK)
	if left.text("status") != "erased" || left.says() != "" || left.at("subject") != nil || left.at("text") != nil || left.at("openedBy") != nil {
		d.t.Errorf("erased: got %s", left.body)
	}
	for _, token := range []string{d.wren.token, d.as(access.Helpdesk)} {
		d.asked(http.MethodPost, "/api/v1/tickets/"+id+"/messages", token, data{"text": "Hello?"}).want(http.StatusNotFound)
	}
}

// TestResumingAConversation: who comes back with Last-Event-ID is told of the tickets that changed meanwhile, each
// once, and of nobody else's.
func TestResumingAConversation(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		mine := d.ask(d.wren.token, "one")
		from := d.position
		others := d.ask(d.robin.token, "two")
		d.write(d.as(access.Helpdesk), mine, "An answer.")
		d.write(d.as(access.Helpdesk), mine, "And more of it.")
		last := d.position
		back := d.listen(d.wren.token, from)
		if got, want := back.next("ticket-changed", "reset"), "ticket-changed "+last+" "+mine; got != want {
			t.Errorf("who asked: got %q, want %q", got, want)
		}
		listening := d.listen(d.as(access.Helpdesk), from)
		if first, second := listening.next("ticket-changed"), listening.next("ticket-changed"); !strings.HasSuffix(first, others) || second != "ticket-changed "+last+" "+mine {
			t.Errorf("helpdesk: got %q and %q, want %s, then %s", first, second, others, mine)
		}
		d.write(d.as(access.Helpdesk), mine, "Still there?")
		if got, want := back.next("ticket-changed"), "ticket-changed "+d.position+" "+mine; got != want {
			t.Errorf("and live again: got %q, want %q", got, want)
		}
	})
}

// TestSupportBeforeTheTerms are accepted: a person asks, and hears of the answer, while there are no cases to see.
func TestSupportBeforeTheTerms(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		d.told(http.MethodPost, "/api/v1/terms", d.operator(), data{"kind": "terms-of-use", "version": "2026-02", "text": "# New", "reason": "the second"})
		d.do(http.MethodGet, "/api/v1/cases", d.wren.token, "").want(http.StatusForbidden)
		listening := d.listen(d.wren.token, "")
		id := d.ask(d.wren.token, "how to accept the terms")
		d.event("C1", "case.stage-changed", data{"stage": "on-hold"})
		d.write(d.as(access.Helpdesk), id, "Like this.")
		for range 2 {
			if got := listening.next("ticket-changed", "case-changed"); !strings.HasSuffix(got, id) {
				t.Errorf("got %q, want the ticket alone", got)
			}
		}
		d.told(http.MethodPost, "/api/v1/terms/acceptances", d.wren.token, data{"business": frnA, "version": "2026-02"})
		listening.ended("the terms were accepted, and more is to be seen")
	})
}

// TestTickets: the helpdesk's list has those first that wait for it, the longest waiting first; a person's has his
// own, newest first; others have none.
func TestTickets(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		helpdesk := d.as(access.Helpdesk)
		one, two, three := d.ask(d.wren.token, "one"), d.ask(d.robin.token, "two"), d.ask(d.wren.token, "three")
		four := d.ask(d.admin.token, "four")
		d.write(helpdesk, one, "Done.")
		d.told(http.MethodPost, "/api/v1/tickets/"+two+"/resolve", helpdesk, data{})
		list := func(token, query string) []string {
			t.Helper()
			return d.read(token, "/api/v1/tickets"+query).values("items", "id")
		}
		for _, everybody := range []string{helpdesk, d.operator()} {
			got := list(everybody, "")
			if len(got) != 4 || got[2] != one || got[3] != two {
				t.Errorf("all: got %v, want two that wait (%s, %s), then %s and %s", got, three, four, one, two)
			}
			wantList(t, "all resolved", list(everybody, "?status=resolved"), two)
			wantList(t, "one's own", list(everybody, "?mine=true"))
		}
		wantList(t, "wren's", list(d.wren.token, ""), newestFirst(d, one, three)...)
		wantList(t, "wren's own", list(d.wren.token, "?mine=true&status=open"), newestFirst(d, one, three)...)
		wantList(t, "the administrator's", list(d.admin.token, ""), four)
		wantList(t, "robin's", list(d.robin.token, "?mine=false"), two)
		wantList(t, "a stranger's", list(d.stranger.token, ""))
		first := d.read(helpdesk, "/api/v1/tickets?limit=3").want(http.StatusOK)
		wantList(t, "the second page", list(helpdesk, "?limit=3&cursor="+first.text("next")), two)
		for query, code := range map[string]string{"?status=new": "invalid-parameter", "?mine=1": "invalid-parameter", "?cursor=x": "cursor-invalid", "?q=one": "unknown-parameter"} {
			if got := d.do(http.MethodGet, "/api/v1/tickets"+query, helpdesk, ""); got.status != http.StatusBadRequest || got.text("code") != code {
				t.Errorf("%s: got %d %s, want %s", query, got.status, got.body, code)
			}
		}
		for _, role := range []access.Role{access.Security, access.Auditor, access.CMS} {
			d.do(http.MethodGet, "/api/v1/tickets", d.as(role), "").want(http.StatusForbidden)
		}
	})
}

// newestFirst orders tickets that were opened at the same instant, as the clock of these tests stands, by their ids.
func newestFirst(d *desk, ids ...string) []string {
	d.t.Helper()
	if len(ids) == 2 && ids[0] < ids[1] {
		return []string{ids[1], ids[0]}
	}
	return ids
}

// TestOthersTicketsAreNotThere: what is not one's own answers byte for byte like what does not exist.
func TestOthersTicketsAreNotThere(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		id := d.ask(d.wren.token, "one")
		for _, token := range []string{d.robin.token, d.super.token, d.admin.token, d.stranger.token} {
			d.read(token, "/api/v1/tickets/"+id).want(http.StatusNotFound)
			for _, path := range []string{"messages", "resolve", "reopen"} {
				ask := func(id string) string {
					return alike(d.asked(http.MethodPost, "/api/v1/tickets/"+id+"/"+path, token, map[bool]data{true: {"text": "x"}, false: {}}[path == "messages"]))
				}
				if got, want := ask(id), ask(nobody); got != want {
					t.Errorf("%s: got %s, and of none %s", path, got, want)
				}
			}
		}
		d.asked(http.MethodPost, "/api/v1/tickets/"+id+"/messages", d.operator(), data{"text": "x"}).want(http.StatusForbidden)
		if got := d.read(d.wren.token, "/api/v1/tickets/"+id); got.says() != "" || got.text("status") != "open" {
			t.Errorf("after all that: got %s", got.body)
		}
	})
}

// TestTicketFaults: what is wrong with a question has its code, and leaves nothing behind; a question that is sent
// twice under one name is one.
func TestTicketFaults(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		good := data{"type": "technical", "subject": "one", "text": "two"}
		with := func(name string, value any) data {
			body := data{name: value}
			for name, value := range good {
				if _, has := body[name]; !has {
					body[name] = value
				}
			}
			return body
		}
		for code, bodies := range map[string][]data{
			"invalid-body":            {with("type", "casework"), with("subject", ""), with("text", strings.Repeat("a", 4001)), with("more", 1), with("text", "a\x00b"), {"type": "technical"}},
			"ticket-subject-invalid":  {with("subject", " "), with("subject", "two\nlines")},
			"ticket-text-invalid":     {with("text", " \n ")},
			"ticket-business-missing": {with("type", "additional-administrator")},
		} {
			for _, body := range bodies {
				got := d.asked(http.MethodPost, "/api/v1/tickets", d.wren.token, body)
				if got.status != http.StatusUnprocessableEntity || got.text("code") != code {
					t.Errorf("%v: got %d %s, want 422 %s", body, got.status, got.body, code)
				}
			}
		}
		d.asked(http.MethodPost, "/api/v1/tickets", d.wren.token, with("business", frnB)).want(http.StatusNotFound)
		once := d.asked(http.MethodPost, "/api/v1/tickets", d.wren.token, good, "Idempotency-Key", "k").want(http.StatusCreated)
		again := d.asked(http.MethodPost, "/api/v1/tickets", d.wren.token, good, "Idempotency-Key", "k").want(http.StatusCreated)
		if once.text("id") != again.text("id") {
			t.Errorf("sent twice: got %s and %s, want one ticket", once.body, again.body)
		}
		id := once.text("id")
		for range 2 {
			d.asked(http.MethodPost, "/api/v1/tickets/"+id+"/messages", d.wren.token, data{"text": "more"}, "Idempotency-Key", "m").want(http.StatusOK)
		}
		if got := d.read(d.wren.token, "/api/v1/tickets/"+id); got.says() != "asker: more" {
			t.Errorf("a message sent twice: got %s", got.body)
		}
		d.told(http.MethodPost, "/api/v1/tickets/"+id+"/resolve", d.wren.token, data{})
		if got := d.asked(http.MethodPost, "/api/v1/tickets/"+id+"/messages", d.as(access.Helpdesk), data{"text": "x"}); got.status != http.StatusConflict || got.text("code") != "ticket-resolved" {
			t.Errorf("the helpdesk in a resolved ticket: got %d %s", got.status, got.body)
		}
	})
}
