package httpapi_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// strangers is a question of somebody who is not signed in.
func strangers(with data) data {
	body := data{"type": "access", "business": frnA, "subject": "No link came", "text": "I was invited.", "name": "Sam Stranger", "email": "sam@stranger.example"}
	maps.Copy(body, with)
	return body
}

// linkToken is the token that is mailed to who opened a ticket before sign-in.
func (d *desk) linkToken(id string) string {
	return d.links.Token(commands.Link{Kind: commands.TicketLink, ID: id})
}

// mine asks as who holds a link.
func (d *desk) mine(method, path, token string, body any) answer {
	d.t.Helper()
	header := []string{"Casesync-Min-Position", d.position}
	if token != "" {
		header = append(header, "Casesync-Link-Token", token)
	}
	if method == http.MethodGet {
		return d.do(method, "/api/v1/support-requests/mine"+path, "", "", header...)
	}
	return d.asked(method, "/api/v1/support-requests/mine"+path, "", body, header...)
}

// TestSupportBeforeSignIn: whoever asks is told nothing but that a mail comes, whatever he asks about; by the link
// in it he follows the conversation until it is erased.
func TestSupportBeforeSignIn(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		var answers []string
		for _, with := range []data{{}, {"business": "9999999"}, {"business": ""}, {"email": d.wren.email}} {
			got := d.asked(http.MethodPost, "/api/v1/support-requests", "", strangers(with)).want(http.StatusAccepted)
			answers = append(answers, string(got.body))
		}
		for _, got := range answers {
			if strings.TrimSpace(got) != `{"status":"accepted","mail":"sent"}` {
				t.Errorf("got %s, want the same for all, and nothing by which a ticket could be read", got)
			}
		}
		helpdesk := d.as(access.Helpdesk)
		list := d.read(helpdesk, "/api/v1/tickets").want(http.StatusOK)
		id := ""
		for i, frn := range list.values("items", "business") {
			if frn == "9999999" {
				id = list.text("items", i, "id")
				if list.text("items", i, "contact", "email") != "sam@stranger.example" || list.text("items", i, "contact", "name") != "Sam Stranger" || list.at("items", i, "openedBy") != nil {
					t.Errorf("to the helpdesk: got %s", list.body)
				}
			}
		}
		token := d.linkToken(id)
		mine := d.mine(http.MethodGet, "", token, nil).want(http.StatusOK)
		if mine.text("subject") != "No link came" || mine.text("text") != "I was invited." || mine.at("contact") != nil || strings.Contains(string(mine.body), token) {
			t.Errorf("by the link: got %s", mine.body)
		}
		d.write(helpdesk, id, "It was sent again.")
		d.mine(http.MethodPost, "/messages", token, data{"text": "Now it is here."}).want(http.StatusOK)
		if got := d.mine(http.MethodGet, "", token, nil); got.says() != "helpdesk: It was sent again.; asker: Now it is here." || got.at("conversation", 0, "author") != nil {
			t.Errorf("the conversation: got %s", got.body)
		}
		if got := d.read(helpdesk, "/api/v1/tickets/"+id); got.says() != "helpdesk: It was sent again.; asker: Now it is here." || got.text("conversation", 0, "author") == "" {
			t.Errorf("the conversation, to the helpdesk: got %s", got.body)
		}
		d.mine(http.MethodPost, "/resolve", token, data{}).want(http.StatusOK)
		if got := d.mine(http.MethodPost, "/resolve", token, data{}).want(http.StatusOK); got.text("status") != "duplicate" {
			t.Errorf("resolved twice: got %s", got.body)
		}
		d.erase(id)
		d.mine(http.MethodGet, "", token, nil).want(http.StatusNotFound)
		d.mine(http.MethodPost, "/messages", token, data{"text": "Hello?"}).want(http.StatusNotFound)
	})
}

// TestLinksToTickets: without the very token there is nothing, and a person's ticket is not to be had by one.
func TestLinksToTickets(t *testing.T) {
	atDesks(t, func(t *testing.T, d *desk) {
		d.asked(http.MethodPost, "/api/v1/support-requests", "", strangers(nil)).want(http.StatusAccepted)
		id := d.read(d.as(access.Helpdesk), "/api/v1/tickets").text("items", 0, "id")
		token := d.linkToken(id)
		persons := d.ask(d.wren.token, "one")
		for what, token := range map[string]string{
			"a guess": token[:len(token)-1] + "x", "another kind": d.links.Token(commands.Link{Kind: commands.RequestLink, ID: id}),
			"no token at all": "x", "another key": commands.NewLinks([]byte("another")).Token(commands.Link{Kind: commands.TicketLink, ID: id}),
			"no ticket": d.linkToken(nobody), "a person's": d.linkToken(persons),
		} {
			d.mine(http.MethodGet, "", token, nil).want(http.StatusNotFound)
			for path, body := range map[string]data{"/messages": {"text": "x"}, "/resolve": {}} {
				if got := d.mine(http.MethodPost, path, token, body); got.status != http.StatusNotFound {
					t.Errorf("%s by %s: got %d %s, want 404", path, what, got.status, got.body)
				}
			}
		}
		for _, got := range []answer{d.mine(http.MethodGet, "", "", nil), d.mine(http.MethodPost, "/messages", "", data{"text": "x"}), d.mine(http.MethodPost, "/resolve", "", data{})} {
			if got.status != http.StatusUnauthorized || got.text("code") != "token-missing" {
				t.Errorf("without a token: got %d %s", got.status, got.body)
			}
		}
		if got := d.mine(http.MethodPost, "/messages", token, data{"text": " "}); got.status != http.StatusUnprocessableEntity || got.text("code") != "ticket-text-invalid" {
			t.Errorf("an empty message: got %d %s", got.status, got.body)
		}
		// The link is no way to sign in, and its holder is nobody elsewhere.
		d.do(http.MethodGet, "/api/v1/tickets/"+id, "", "", "Casesync-Link-Token", token).want(http.StatusUnauthorized)
	})
}

// TestQuestionsOfStrangersAreLimited by their address, as all who are not known; and what is wrong in a question is told.
func TestQuestionsOfStrangersAreLimited(t *testing.T) {
	t.Parallel()
	const burst = 4
	d := openDesk(t, sqliteAddress(t), nil)
	for code, with := range map[string]data{
		"frn-invalid": {"business": "12"}, "email-invalid": {"email": "sam"}, "contact-name-invalid": {"name": " "}, "invalid-body": {"type": "casework"},
		"ticket-business-missing": {"type": "additional-administrator", "business": ""},
	} {
		if got := d.asked(http.MethodPost, "/api/v1/support-requests", "", strangers(with)); got.status != http.StatusUnprocessableEntity || got.text("code") != code {
			t.Errorf("%v: got %d %s, want 422 %s", with, got.status, got.body, code)
		}
	}
	limited := newWorld(t, sqliteAddress(t), func(config *httpapi.Config) { config.LimitAddresses = limiterOf(t, burst).ByAddress })
	for i := range burst + 1 {
		want := http.StatusAccepted
		if i == burst {
			want = http.StatusTooManyRequests
		}
		limited.asked(http.MethodPost, "/api/v1/support-requests", "", strangers(nil)).want(want)
	}
}
