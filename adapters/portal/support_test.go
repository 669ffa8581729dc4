package portal_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/portal"
	"casesync/adapters/readmodel"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
	"casesync/projections/engine"
)

// desk is the pages with the helpdesk behind them.
type desk struct {
	*world
	casework *commands.Casework
	links    commands.Links
	store    *readmodel.Store
	now      time.Time
}

// helpdesk is who answers.
var helpdesk = commands.Ask{By: access.Principal{ID: "token:desk", Roles: []access.Role{access.Helpdesk}}}

func atDesks(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newDesk(t, address)) })
}

func newDesk(t *testing.T, address string) *desk {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d := &desk{world: newWorld(t, address), links: commands.NewLinks([]byte(strings.Repeat("l", 32))), now: now()}
	var err error
	d.casework, err = commands.NewCasework(commands.CaseworkConfig{
		Log: d.log, Codec: d.codec, People: d.people, Limits: upload.Standard(), DigestKey: []byte(strings.Repeat("d", 32)),
		SentOn: func(context.Context, string, calendar.Day) (int64, error) { return 0, nil }, Links: d.links, Now: now,
	})
	must(err)
	if strings.HasPrefix(address, "sqlite:") {
		address = "sqlite:" + filepath.Join(t.TempDir(), "rows.db")
	}
	d.store, err = readmodel.Open(t.Context(), address)
	must(err)
	t.Cleanup(func() { _ = d.store.Close() })
	must(engine.Setup(t.Context(), d.store))
	runner, err := engine.NewRunner(engine.Config{Store: d.store, Log: d.log, Prepare: engine.NewPrepare(d.codec, nil), Projection: projections.Tickets(), Logger: slog.New(slog.DiscardHandler)})
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := runner.Run(ctx); err != nil {
			t.Errorf("runner: %v", err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	d.serve(func(c *portal.Config) {
		c.Casework, c.Store, c.Codec, c.Now = d.casework, d.store, d.codec, func() time.Time { return d.now }
	})
	return d
}

// send sends a form of the helpdesk's pages.
func (d *desk) send(form url.Values) shown {
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, "/support", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return d.do(r)
}

// question is a form with which everything is right.
func question() url.Values {
	return url.Values{
		"action": {"send"}, "key": {"6f1f0a52-6a2e-4b0f-9d3c-1f2d3c4b5a69"}, "type": {"access"}, "name": {"Robin Sample"}, "email": {"robin.sample@bank.example"},
		"frn": {"123456"}, "subject": {"No link came"}, "text": {"I was invited.\r\nNothing came."},
	}
}

// asked sends a question, and returns the id of the ticket and the token that is mailed, once it can be read.
func (d *desk) asked() (id, token string) {
	d.t.Helper()
	if got := d.send(question()); got.status != http.StatusOK {
		d.t.Fatalf("ask: got %d %s", got.status, got.body)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	for id == "" {
		err := engine.Read(ctx, d.store, projections.TicketsName, func(view engine.View) error {
			rows, err := projections.ListTickets(ctx, view, projections.SystemScope("test"), projections.TicketFilter{}, projections.TicketCursor{}, 1)
			if len(rows) > 0 {
				id = rows[0].ID
			}
			return err
		})
		if ctx.Err() != nil {
			d.t.Fatalf("no ticket came: %v", err)
		}
	}
	return id, d.links.Token(commands.Link{Kind: commands.TicketLink, ID: id})
}

// settle waits until what was done can be read.
func (d *desk) settle(done commands.Done, err error) {
	d.t.Helper()
	if err == nil {
		err = engine.WaitFor(d.t.Context(), d.store, projections.TicketsName, done.Position)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestAskingTheHelpdesk, from the form to the end: the token is in hidden fields alone, and in no page before the
// mailed link was opened.
func TestAskingTheHelpdesk(t *testing.T) {
	t.Parallel()
	atDesks(t, func(t *testing.T, d *desk) {
		form := d.get("/support")
		form.checkHouse(t, "form")
		if form.title(t) != "Ask the helpdesk – Casesync portal" || !strings.Contains(form.body, `href="/support" aria-current="page"`) || form.form(t).Get("key") == "" {
			t.Errorf("form: got %q", form.title(t))
		}
		for _, want := range []string{"The helpdesk is open now, until 22:00.", "Monday to Friday 08:00 to 22:00", "cannot discuss cases", "case update", "At most 4000 characters", "at most 200 characters"} {
			if !strings.Contains(form.body, want) {
				t.Errorf("form: want %q", want)
			}
		}
		id, token := d.asked()
		thanks := d.send(question()) // a browser that loads the page anew
		thanks.checkHouse(t, "thank you")
		if got := d.events(); len(got) != 1 || strings.Contains(thanks.body, id) || strings.Contains(thanks.body, "token") || !strings.Contains(thanks.body, "robin.sample@bank.example") {
			t.Errorf("thank you: got events %v and %s, want one ticket, and nothing that leads to it", got, thanks.body)
		}
		d.settle(d.casework.Reply(t.Context(), helpdesk, id, "It was sent again.\nIs it there?"))
		page := d.get("/support?token=" + url.QueryEscape(token))
		page.checkHouse(t, "conversation")
		page.checkToken(t, "conversation", token)
		for _, want := range []string{"No link came", "I was invited.\nNothing came.", "It was sent again.\nIs it there?", "Waiting for you", "You asked", "The helpdesk wrote", "2 March 2026 at 09:30"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("conversation: want %q in %s", want, page.body)
			}
		}
		reply := with(page.form(t), "action", "reply", "text", "Now it is.\r\nThank you.", "token", token)
		replied, again := d.send(reply), d.send(reply)
		replied.checkToken(t, "replied", token)
		for where, got := range map[string]shown{"replied": replied, "sent twice": again} {
			if got.status != http.StatusOK || strings.Count(got.body, "Now it is.\nThank you.") != 1 || !strings.Contains(got.body, "Your message was sent.") {
				t.Errorf("%s: got %d %s, want the message once", where, got.status, got.body)
			}
		}
		resolved := d.send(url.Values{"action": {"resolve"}, "token": {token}})
		resolved.checkHouse(t, "resolved")
		if !strings.Contains(resolved.body, "erased on 30 June 2026, 120 days after") || strings.Contains(resolved.body, "My question is answered") {
			t.Errorf("resolved: got %s", resolved.body)
		}
		reopened := d.send(with(reply, "text", "It is gone again.", "seen", "9"))
		if !strings.Contains(reopened.body, "With us") || !strings.Contains(reopened.body, "My question is answered") {
			t.Errorf("written to again: got %s", reopened.body)
		}
		if got := d.send(url.Values{"action": {"show"}, "token": {token}}); got.status != http.StatusOK || !strings.Contains(got.body, "It is gone again.") {
			t.Errorf("shown again: got %d", got.status)
		}
	})
}

// TestTheHelpdesksForm: each fault is at its field, what was typed is kept, and nothing is recorded.
func TestTheHelpdesksForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqldbtest.SQLite(t))
	for name, c := range map[string]struct {
		form url.Values
		want map[string]string
	}{
		"nothing typed": {url.Values{"action": {"send"}}, map[string]string{
			"type-technical": "Select what your question is about", "name": "Enter your full name", "email": "Enter your e-mail address", "subject": "Enter a subject", "text": "Enter your question"}},
		"a type of none":            {with(question(), "type", "casework"), map[string]string{"type-technical": "Choose what the question is about"}},
		"no address":                {with(question(), "email", "robin"), map[string]string{"email": "This is not an e-mail address"}},
		"a short number":            {with(question(), "frn", "12345"), map[string]string{"frn": "A firm reference number has 6 or 7 digits."}},
		"an administrator nowhere":  {with(question(), "type", "additional-administrator", "frn", " "), map[string]string{"frn": "Say for which business"}},
		"a subject of two lines":    {with(question(), "subject", "one\r\ntwo"), map[string]string{"subject": "Give the question a subject on one line"}},
		"a text that is too long":   {with(question(), "text", strings.Repeat("ä", 4001)), map[string]string{"text": "Write a text of at most 4000 characters"}},
		"a name with a bell in it":  {with(question(), "name", "Robin\x07"), map[string]string{"name": "Give your name"}},
		"spaces where text belongs": {with(question(), "text", " \r\n "), map[string]string{"text": "Enter your question"}},
	} {
		got := d.send(c.form)
		got.checkHouse(t, name)
		if got.status != http.StatusUnprocessableEntity || !strings.HasPrefix(got.title(t), "Error: Ask the helpdesk") {
			t.Errorf("%s: got %d %q", name, got.status, got.title(t))
		}
		checkFaults(t, name, got, c.want)
		if kind := c.form.Get("type"); kind == "casework" {
			c.form.Del("type")
		}
		checkKept(t, name, got, c.form)
	}
	if got := d.events(); len(got) != 0 {
		t.Errorf("got events %v, want none", got)
	}
	for name, form := range map[string]url.Values{"no number": with(question(), "frn", ""), "a business that nobody knows": with(question(), "frn", "9999999"), "a form of our own": with(question(), "key", "")} {
		if got := d.send(form); got.status != http.StatusOK {
			t.Errorf("%s: got %d, want it taken: %s", name, got.status, got.body)
		}
	}
	const bad = `"'><script>alert(1)</script></textarea><b id=x>`
	form := question()
	for name := range form {
		if name != "action" {
			form.Set(name, bad)
		}
	}
	if got := d.send(form); strings.Contains(got.body, "<script") || strings.Contains(got.body, "<b id") || got.form(t).Get("text") != bad {
		t.Errorf("markup: got %s", got.body)
	}
	if got := d.send(with(question(), "text", strings.Repeat("a", 2<<20))); got.status != http.StatusRequestEntityTooLarge || !strings.Contains(got.body, "4000 characters") {
		t.Errorf("a form of two megabytes: got %d", got.status)
	}
}

// TestLinksToTickets: a message that is not taken stays as it was typed; a token that is none leads nowhere; a form
// of another site does nothing.
func TestLinksToTickets(t *testing.T) {
	t.Parallel()
	atDesks(t, func(t *testing.T, d *desk) {
		id, token := d.asked()
		for what, text := range map[string]string{"nothing": " ", "too much": strings.Repeat("a", 4001)} {
			got := d.send(url.Values{"action": {"reply"}, "token": {token}, "seen": {"0"}, "text": {text}})
			got.checkHouse(t, what)
			if got.status != http.StatusUnprocessableEntity || got.form(t).Get("text") != text || !strings.HasPrefix(got.title(t), "Error: ") {
				t.Errorf("%s: got %d, want 422, and what was typed", what, got.status)
			}
			checkFaults(t, what, got, map[string]string{"text": "Write a text of at most 4000 characters"})
			got.checkToken(t, what, token)
		}
		for _, bad := range []string{"x", token + "x", d.links.Token(commands.Link{Kind: commands.RequestLink, ID: id})} {
			for _, form := range []url.Values{{"action": {"reply"}, "token": {bad}, "text": {"x"}}, {"action": {"resolve"}, "token": {bad}}, {"action": {"show"}, "token": {bad}}} {
				if got := d.send(form); got.status != http.StatusNotFound {
					t.Errorf("%s with %q: got %d, want 404", form.Get("action"), bad, got.status)
				}
			}
			if got := d.get("/support?token=" + url.QueryEscape(bad)); got.status != http.StatusNotFound || !strings.Contains(got.body, "This link does not work") {
				t.Errorf("opened with %q: got %d, want 404", bad, got.status)
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/support", strings.NewReader(question().Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := d.do(r); got.status != http.StatusForbidden {
			t.Errorf("from another site: got %d, want 403", got.status)
		}
		d.settle(d.casework.ResolveTicket(t.Context(), helpdesk, id))
		d.settle(d.casework.TickTicket(t.Context(), id, calendar.DayOf(now())+120))
		if got := d.get("/support?token=" + url.QueryEscape(token)); got.status != http.StatusNotFound {
			t.Errorf("erased: got %d, want 404", got.status)
		}
	})
}

// TestWhenTheHelpdeskAnswers: what the page says of the hours, by London's clocks.
func TestWhenTheHelpdeskAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqldbtest.SQLite(t))
	for at, want := range map[string]string{
		"2026-03-02T09:30:00Z": "The helpdesk is open now, until 22:00.",
		"2026-07-06T21:30:00Z": "The helpdesk is closed now. It opens on Tuesday 7 July at 08:00.",
		"2026-03-29T10:30:00Z": "The helpdesk is closed now. It opens on Sunday 29 March at 12:00.", // the clocks went forward
		"2026-12-24T22:30:00Z": "The helpdesk is closed now. It opens on Saturday 26 December at 12:00.",
	} {
		var err error
		if d.now, err = time.Parse(time.RFC3339, at); err != nil {
			t.Fatal(err)
		}
		if got := d.get("/support"); !strings.Contains(got.body, want) {
			t.Errorf("at %s: want %q in %s", at, want, got.body)
		}
	}
}

// TestWithoutAHelpdesk there is no page of one, and none speaks of it.
func TestWithoutAHelpdesk(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqldbtest.SQLite(t))
	if got := d.get("/"); !strings.Contains(got.body, `href="/support"`) {
		t.Error("the home page does not lead to the helpdesk")
	}
	d.serve(func(*portal.Config) {})
	if got := d.get("/"); strings.Contains(got.body, "/support") {
		t.Error("the home page leads to a helpdesk that is not there")
	}
	if got := d.get("/support"); got.status != http.StatusNotFound {
		t.Errorf("got %d, want 404", got.status)
	}
	if _, err := portal.New(portal.Config{People: d.people, PublicURL: publicURL, Casework: d.casework}); err == nil {
		t.Error("a helpdesk without a read model: got no error")
	}
}

// TestTooMuchFromOneNetwork: who has asked as often as is taken from his network is told so on his form, with what he
// typed; a conversation that is there goes on.
func TestTooMuchFromOneNetwork(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqldbtest.SQLite(t))
	_, token := d.asked()
	d.serve(func(c *portal.Config) {
		c.Casework, c.Store, c.Codec, c.Now = d.casework, d.store, d.codec, func() time.Time { return d.now }
		c.Strangers = func(*http.Request) (time.Duration, bool) { return time.Hour, false }
	})
	before := len(d.events())
	refused := d.send(with(question(), "text", "Another question"))
	refused.checkHouse(t, "refused")
	if refused.status != http.StatusTooManyRequests || !strings.Contains(refused.body, "Another question") || !strings.HasPrefix(refused.title(t), "Error: ") {
		t.Errorf("a question: got %d %s, want 429 and what was typed", refused.status, refused.body)
	}
	if got := len(d.events()); got != before {
		t.Errorf("got %d events, want %d", got, before)
	}
	replied := d.send(with(d.get("/support?token="+url.QueryEscape(token)).form(t), "action", "reply", "text", "More of the first.", "token", token))
	if replied.status != http.StatusOK || !strings.Contains(replied.body, "Your message was sent.") {
		t.Errorf("a reply: got %d %s, want it taken", replied.status, replied.body)
	}
}
