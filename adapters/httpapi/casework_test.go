package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/calendar"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb"
	"casesync/projections"
	"casesync/projections/engine"
)

// openCasework adds the commands of casework, and the looks.
func openCasework(t *testing.T, address string, config *httpapi.Config, links commands.Links) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := config.Keys.Ensure(t.Context(), "digest")
	must(err)
	config.Casework, err = commands.NewCasework(commands.CaseworkConfig{
		Log: config.Log, Codec: config.Codec, People: config.People, Limits: upload.Standard(), DigestKey: keys[0].Secret,
		SentOn: sentIn(config.Store), Links: links, Now: config.Now,
	})
	must(err)
	db, err := sqldb.Open(t.Context(), address)
	must(err)
	t.Cleanup(func() { _ = db.Close() })
	config.Looks, err = state.OpenLooks(t.Context(), db)
	must(err)
}

// sentIn asks the read model how much a business sent on a day.
func sentIn(store engine.Store) func(context.Context, string, calendar.Day) (int64, error) {
	return func(ctx context.Context, frn string, day calendar.Day) (bytes int64, err error) {
		err = engine.Read(ctx, store, projections.CasesName, func(view engine.View) error {
			bytes, err = projections.SentOn(ctx, view, projections.SystemScope("uploads"), frn, day.At(0, 0), (day+1).At(0, 0))
			return err
		})
		return bytes, err
	}
}

// office is a world with people at work at two businesses, on the cases that feed hands in.
type office struct {
	*world
	wren, robin, super person // of frnA: two caseworkers and a supervisor
	stranger           person // a caseworker of frnB
	admin              person // of frnA
}

// inOffices runs a test on SQLite and on PostgreSQL.
func inOffices(t *testing.T, test func(t *testing.T, o *office)) {
	inWorlds(t, func(t *testing.T, w *world) { test(t, openOffice(w)) })
}

func openOffice(w *world) *office {
	w.t.Helper()
	o := &office{world: w}
	w.found(frnA, domainA)
	w.found(frnB, domainB)
	o.admin = w.administrator(frnA, domainA, "addison@"+domainA)
	other := w.administrator(frnB, domainB, "blake@"+domainB)
	o.wren = w.join(frnA, o.admin.token, "Wren Worker", "wren@"+domainA, access.Caseworker)
	o.robin = w.join(frnA, o.admin.token, "Robin Worker", "robin@"+domainA, access.Caseworker)
	o.super = w.join(frnA, o.admin.token, "Sidney Super", "sidney@"+domainA, access.Supervisor)
	o.stranger = w.join(frnB, other.token, "Sam Stranger", "sam@"+domainB, access.Caseworker)
	feed(w.fixture)
	return o
}

// notify sends a notification about cases.
func (o *office) notify(token, kind string, fields data, refs ...string) answer {
	o.t.Helper()
	return o.asked(http.MethodPost, "/api/v1/notifications", token, data{"type": kind, "fields": fields, "cases": refs})
}

// statuses are the results of an answer, as "case status code" each.
func (a answer) statuses() []string {
	a.t.Helper()
	a.want(http.StatusOK)
	items, _ := a.at("results").([]any)
	list := make([]string, len(items))
	for i := range items {
		list[i] = strings.TrimSpace(a.text("results", i, "case") + " " + a.text("results", i, "status") + " " + a.text("results", i, "code"))
	}
	return list
}

// values are one field of each item of a list.
func (a answer) values(list, field string) []string {
	a.t.Helper()
	a.want(http.StatusOK)
	items, _ := a.at(list).([]any)
	values := make([]string, len(items))
	for i := range items {
		values[i] = a.text(list, i, field)
	}
	return values
}

// wantList fails the test unless a list is as wanted.
func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
