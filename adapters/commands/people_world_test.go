package commands_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/catalog"
	"casesync/domain/membership"
	"casesync/domain/terms"
	"casesync/eventstore"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
)

const (
	frn      = "123456"
	otherFRN = "654321"
)

// world is the people of a log of their own, at a time that tests move.
type world struct {
	*commands.People
	t     testing.TB
	log   logOfTests
	codec *eventstore.Codec
	ring  *keyring.Ring
	links commands.Links
	mu    sync.Mutex
	now   time.Time
	late  bool // the read model knows of frn alone
}

type logOfTests interface {
	eventstore.Log
	eventstore.Header
	Close() error
}

// each runs a test on the people of a log in each database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address)) })
}

func newWorld(tb testing.TB, address string) *world {
	tb.Helper()
	ctx, dir := tb.Context(), tb.TempDir()
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "keyring.db"))
	if err != nil {
		tb.Fatalf("open database: %v", err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	w := &world{t: tb, links: commands.NewLinks([]byte(strings.Repeat("l", 32))), now: now}
	if w.ring, err = keyring.Open(ctx, db, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{}); err != nil {
		tb.Fatalf("open key ring: %v", err)
	}
	tb.Cleanup(w.ring.Close)
	if path, is := strings.CutPrefix(address, "sqlite:"); is {
		w.log, err = sqlitelog.Open(ctx, path, sqlitelog.Config{})
	} else {
		w.log, err = pglog.Open(ctx, address, pglog.Config{})
	}
	if err != nil {
		tb.Fatalf("open log: %v", err)
	}
	tb.Cleanup(func() { _ = w.log.Close() })
	w.codec = eventstore.NewCodec(catalog.New(), w.ring)
	w.People = w.people(w.log)
	return w
}

// people returns what another process on the same log would have; log may stand before it.
func (w *world) people(log eventstore.Log) *commands.People {
	w.t.Helper()
	people, err := commands.NewPeople(w.config(log))
	if err != nil {
		w.t.Fatalf("new people: %v", err)
	}
	return people
}

func (w *world) config(log eventstore.Log) commands.PeopleConfig {
	return commands.PeopleConfig{
		Log: log, Codec: w.codec, AddressKey: []byte(strings.Repeat("a", 32)), Links: w.links,
		Memberships: w.memberships, BusinessesUnder: w.under, Now: w.clock,
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// events returns the events of streams whose names begin with prefix, decoded.
func (w *world) events(ctx context.Context, prefix string) (list []eventstore.Decoded, err error) {
	for recorded, err := range w.log.ReadAll(ctx, eventstore.Position{}) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(string(recorded.Stream), prefix) {
			continue
		}
		decoded, err := w.codec.Decode(recorded)
		if err != nil {
			return nil, err
		}
		list = append(list, decoded)
	}
	return list, nil
}

// memberships is the read model of the tests: exact, and never late but on request.
func (w *world) memberships(ctx context.Context, person string) ([]string, error) {
	if w.late {
		return []string{frn}, nil
	}
	return w.businesses(ctx, func(event any) bool {
		switch event := event.(type) {
		case *membership.MemberInvited:
			return event.Person == person
		case *membership.InvitationAccepted:
			return event.Person == person
		}
		return false
	})
}

func (w *world) under(ctx context.Context, domain address.Domain) ([]string, error) {
	return w.businesses(ctx, func(event any) bool {
		configured, is := event.(*membership.Configured)
		return is && slices.Contains(configured.Domains, domain)
	})
}

func (w *world) businesses(ctx context.Context, of func(any) bool) ([]string, error) {
	events, err := w.events(ctx, "access-")
	frns := map[string]bool{}
	for _, event := range events {
		if of(event.Event) {
			frns[strings.TrimPrefix(string(event.Stream), "access-")] = true
		}
	}
	return slices.Collect(maps.Keys(frns)), err
}

// head is where the log ends.
func (w *world) head() eventstore.Position {
	w.t.Helper()
	head, err := w.log.Head(w.t.Context())
	if err != nil {
		w.t.Fatalf("head: %v", err)
	}
	return head.Position
}

// counts returns how many events of each type the log holds.
func (w *world) counts() map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	for recorded, err := range w.log.ReadAll(w.t.Context(), eventstore.Position{}) {
		if err != nil {
			w.t.Fatalf("read: %v", err)
		}
		counts[recorded.Type]++
	}
	return counts
}

// byOperator is what an operator asks.
func byOperator() commands.Ask { return commands.Ask{By: operator, Reason: "as the rules say"} }

// by is what a person asks, with the roles that he has now.
func (w *world) by(person string) commands.Ask {
	return commands.Ask{By: w.standing(person).Principal, Reason: "as the team needs it"}
}

func (w *world) standing(person string) commands.Standing {
	w.t.Helper()
	standing, err := w.Standing(w.t.Context(), person)
	if err != nil {
		w.t.Fatalf("standing: %v", err)
	}
	return standing
}

func (w *world) do(done commands.Done, err error) commands.Done {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("got %v, want it done", err)
	}
	return done
}

// configure sets a business up with local accounts.
func (w *world) configure(frn string, domains ...string) {
	w.t.Helper()
	w.do(w.ConfigureBusiness(w.t.Context(), byOperator(), frn, domains, account.Local, ""))
}

// invite invites somebody, as an operator: who becomes an administrator, on an access request.
func (w *world) invite(frn, email string, roles ...access.Role) (invitationID, person string) {
	w.t.Helper()
	who := commands.Invitation{Name: "Sample Person", Email: email, Roles: roles}
	if slices.Contains(roles, access.Administrator) {
		who.Warrant = membership.Warrant{Onboarding: "request-1"}
	}
	invitationID, person, _, err := w.Invite(w.t.Context(), byOperator(), frn, who)
	if err != nil {
		w.t.Fatalf("invite: %v", err)
	}
	return invitationID, person
}

// join invites somebody, who accepts.
func (w *world) join(frn, email string, roles ...access.Role) (person string) {
	w.t.Helper()
	id, person := w.invite(frn, email, roles...)
	w.factor(person)
	w.do(w.AcceptInvitation(w.t.Context(), w.token(frn, id), ""))
	return person
}

func (w *world) factor(person string) {
	w.t.Helper()
	view, err := w.Account(w.t.Context(), person)
	if err != nil {
		w.t.Fatalf("look at account: %v", err)
	}
	if err := w.NoteFactor(w.t.Context(), person, account.TOTP, view.Generations.Factor); err != nil {
		w.t.Fatalf("note factor: %v", err)
	}
}

// token is what stands in the newest mail of an invitation.
func (w *world) token(frn, invitationID string) string {
	w.t.Helper()
	link := commands.Link{Kind: commands.InvitationLink, Of: frn, ID: invitationID}
	events, err := w.events(w.t.Context(), "access-"+frn)
	if err != nil {
		w.t.Fatalf("read: %v", err)
	}
	for _, event := range events {
		switch event := event.Event.(type) {
		case *membership.MemberInvited:
			if event.InvitationID == invitationID {
				link.ExpiresAt = event.ExpiresAt
			}
		case *membership.InvitationResent:
			if event.InvitationID == invitationID {
				link.ExpiresAt = event.ExpiresAt
			}
		}
	}
	return w.links.Token(link)
}

// publish puts terms of use in force.
func (w *world) publish(version string) {
	w.t.Helper()
	w.do(w.PublishTerms(w.t.Context(), byOperator(), terms.TermsOfUse, version, "Be fair."))
}

// refused fails unless err is a refusal with a code.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	var refusal *domain.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("%s: got %v, want it refused as %s", what, err, code)
	}
}

// fails fails unless err is want.
func fails(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func (w *world) roles(person string, want ...access.Role) {
	w.t.Helper()
	if got := w.standing(person).Principal.Grants[frn]; !slices.Equal(got, want) {
		w.t.Errorf("roles: got %v, want %v", got, want)
	}
}

func named(ask commands.Ask, id uuid.UUID) commands.Ask {
	ask.ID = id
	return ask
}

// code is the code of a refusal, "" for any other error.
func code(err error) string {
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		return refusal.Code
	}
	return ""
}
