package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/identity"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
	"casesync/projections/engine"
)

// world is an installation with people: their commands, and the links that are mailed to them.
type world struct {
	*fixture
	people *commands.People
	links  commands.Links
	files  *files
}

// inWorlds runs a test on SQLite and on PostgreSQL.
func inWorlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address, nil)) })
}

// newWorld starts an installation with people; change may alter its configuration first.
func newWorld(t *testing.T, address string, change func(*httpapi.Config)) *world {
	t.Helper()
	w := &world{}
	w.fixture = newFixture(t, address, func(config *httpapi.Config) {
		keys, err := config.Keys.Ensure(context.Background(), "addresses", "links")
		if err != nil {
			t.Fatal(err)
		}
		w.links = commands.NewLinks(keys[1].Secret)
		w.people, err = commands.NewPeople(commands.PeopleConfig{
			Log: config.Log, Codec: config.Codec, AddressKey: keys[0].Secret, Links: w.links,
			Memberships: membershipsIn(config.Store), BusinessesWith: businessesWithIn(config.Store), Now: config.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		config.People = w.people
		openCasework(t, address, config, w.links)
		w.files = openFiles(t, address, config, func() *httpapi.Server { return w.api })
		if change != nil {
			change(config)
		}
	})
	w.waitFor(func() bool { // until the read model is there
		return w.do(http.MethodGet, "/api/v1/users", w.operator(), "").status == http.StatusOK
	})
	return w
}

// membershipsIn asks the read model where a person may have roles.
func membershipsIn(store engine.Store) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, person string) (frns []string, err error) {
		err = engine.Read(ctx, store, projections.PeopleName, func(view engine.View) error {
			frns, err = projections.MembershipsOf(ctx, view, projections.SystemScope("gate"), person)
			return err
		})
		return frns, err
	}
}

// businessesWithIn asks the read model which businesses use a connection.
func businessesWithIn(store engine.Store) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, connection string) (frns []string, err error) {
		err = engine.Read(ctx, store, projections.PeopleName, func(view engine.View) error {
			frns, err = projections.BusinessesWith(ctx, view, projections.SystemScope("connections"), connection)
			return err
		})
		return frns, err
	}
}

// asked sends a command, remembers the position to wait for, and returns the answer.
func (w *world) asked(method, path, token string, body any, header ...string) answer {
	w.t.Helper()
	text, raw := body.(string)
	if !raw {
		encoded, err := json.Marshal(body)
		w.must(err)
		text = string(encoded)
	}
	got := w.do(method, path, token, text, append([]string{"Content-Type", "application/json"}, header...)...)
	if position := got.header.Get("Casesync-Position"); position != "" {
		w.position = position
	}
	return got
}

// told is asked of a command that must succeed.
func (w *world) told(method, path, token string, body any) answer {
	w.t.Helper()
	got := w.asked(method, path, token, body)
	if got.status/100 != 2 {
		w.t.Fatalf("%s %s: got %d %s", method, path, got.status, got.body)
	}
	return got
}

// read asks with a token, after everything that was told has reached the read models.
func (w *world) read(token, path string) answer {
	w.t.Helper()
	return w.do(http.MethodGet, path, token, "", "Casesync-Min-Position", w.position)
}

// operator is the token of one.
func (w *world) operator() string { return w.as(access.Operator) }

// found sets a business up with a domain, and publishes the documents if none are in force.
func (w *world) found(frn, domain string) {
	w.t.Helper()
	w.told(http.MethodPut, "/api/v1/businesses/"+frn+"/access", w.operator(),
		data{"emailDomains": []string{domain}, "method": "local", "reason": "as requested"})
	if w.do(http.MethodGet, "/api/v1/terms", w.operator(), "").at("termsOfUse") == nil {
		for _, kind := range []string{"terms-of-use", "privacy-notice"} {
			w.told(http.MethodPost, "/api/v1/terms", w.operator(),
				data{"kind": kind, "version": "2026-01", "text": "# " + kind, "reason": "the first"})
		}
	}
}

// person is somebody with an account.
type person struct {
	id, token, email string
}

// join invites somebody to a business as who, has him accept, and accept the terms.
func (w *world) join(frn, by, name, email string, roles ...access.Role) person {
	w.t.Helper()
	sent := w.told(http.MethodPost, "/api/v1/invitations", by, data{"business": frn, "name": name, "email": email, "roles": roles})
	return w.accept(frn, sent.text("id"), sent.text("user"), email)
}

// accept takes an invitation up as its mail's reader does.
func (w *world) accept(frn, invitation, id, email string) person {
	w.t.Helper()
	ctx := context.Background()
	w.must(w.people.NoteFactor(ctx, id, account.TOTP, 0))
	done, err := w.people.AcceptInvitation(ctx, w.invitationToken(frn, invitation), "")
	w.must(err)
	w.position = done.Position.String()
	p := person{id: id, email: email}
	p.token = w.issue(identity.Spec{Businesses: map[string][]access.Role{frn: {access.Caseworker}}, User: id})
	w.waitFor(func() bool { return w.do(http.MethodGet, "/api/v1/me", p.token, "").status == http.StatusOK })
	w.told(http.MethodPost, "/api/v1/terms/acceptances", p.token, data{"business": frn, "version": "2026-01"})
	return p
}

// invitationToken is the token that stands in the mail of an invitation.
func (w *world) invitationToken(frn, invitation string) string {
	w.t.Helper()
	list := w.read(w.operator(), "/api/v1/invitations?business="+frn).want(http.StatusOK)
	items, _ := list.at("items").([]any)
	for i := range items {
		if list.text("items", i, "id") == invitation {
			expires, err := time.Parse(time.RFC3339Nano, list.text("items", i, "expiresAt"))
			w.must(err)
			return w.links.Token(commands.Link{Kind: commands.InvitationLink, Of: frn, ID: invitation, ExpiresAt: expires})
		}
	}
	w.t.Fatalf("invitation %s is not in %s", invitation, list.body)
	return ""
}

// administrator makes the first administrator of a business, by an access request.
func (w *world) administrator(frn, domain, email string) person {
	w.t.Helper()
	sent := w.told(http.MethodPost, "/api/v1/access-requests", "", requestForm(frn, domain, email))
	id := sent.text("id")
	for _, step := range []string{"complete", "configure", "invite"} {
		w.told(http.MethodPost, "/api/v1/access-requests/"+id+"/"+step, w.operator(), data{"reason": "checked"})
	}
	list := w.read(w.operator(), "/api/v1/invitations?business="+frn+"&status=pending").want(http.StatusOK)
	return w.accept(frn, list.text("items", 0, "id"), list.text("items", 0, "user"), email)
}

// requestForm is a whole access request.
func requestForm(frn, domain, email string) data {
	return data{
		"businesses":     []data{{"frn": frn, "name": "Example Bank plc", "emailDomains": []string{domain}}},
		"contact":        data{"name": "Casey Contact", "email": "casey@" + domain},
		"administrators": []data{{"name": "Addison Admin", "email": email}},
		"authentication": data{"method": "local"},
	}
}

// nobody is the user id of nobody.
var nobody = uuid.NewString()
