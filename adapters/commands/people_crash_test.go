package commands_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/onboarding"
	"casesync/eventstore"
)

var errCrash = errors.New("the connection was lost")

// crashing is a log whose n-th append fails, as for a process that ends there: either nothing was
// kept, or it was and nobody was told. Whatever follows fails, too.
type crashing struct {
	eventstore.Log
	mu   sync.Mutex
	left int // appends that succeed
	kept bool
	down bool
}

func (c *crashing) Append(ctx context.Context, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events ...eventstore.Event) (eventstore.Appended, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return eventstore.Appended{}, errCrash
	}
	if c.left--; c.left >= 0 {
		return c.Log.Append(ctx, stream, expected, events...)
	}
	c.down = true
	if c.kept {
		if _, err := c.Log.Append(ctx, stream, expected, events...); err != nil {
			return eventstore.Appended{}, err
		}
	}
	return eventstore.Appended{}, errCrash
}

// story is a command over several streams, each time for a business of its own.
type story struct {
	// prepare makes what the command needs, and returns the command.
	prepare func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error
	// told is how the command may be refused that had its whole effect before nobody was told of it.
	told string
	// bound is whether only the same id goes on with it.
	bound bool
}

var stories = map[string]story{
	"invite": {told: "already-invited", prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		w.configure(frn, domain)
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			_, _, _, err := p.Invite(ctx, ask, frn, commands.Invitation{Name: "Cas Sample", Email: "cas@" + domain, Roles: caseworker})
			return err
		}
	}},
	"accept": {told: "invitation-used", prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		w.configure(frn, domain)
		id, person := w.invite(frn, "cas@"+domain, access.Caseworker)
		w.factor(person)
		return func(ctx context.Context, p *commands.People, _ commands.Ask) error {
			return second(p.AcceptInvitation(ctx, w.token(frn, id), ""))
		}
	}},
	"configure": {prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		w.configure(frn, domain, "former."+domain)
		w.join(frn, "ada@"+domain, access.Administrator)
		w.join(frn, "cas@"+domain, access.Caseworker)
		w.invite(frn, "sue@"+domain, access.Caseworker)
		w.do(w.SetConnection(w.t.Context(), byOperator(), oidcSettings("idp-"+frn)))
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			return second(p.ConfigureBusiness(ctx, ask, frn, []string{domain, "new." + domain}, account.OIDC, "idp-"+frn))
		}
	}},
	"erase": {prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		other := "9" + frn
		w.configure(frn, domain)
		w.configure(other, domain)
		w.join(frn, "ada@"+domain, access.Administrator)
		cas := w.join(frn, "cas@"+domain, access.Caseworker)
		w.invite(other, "cas@"+domain, access.Caseworker)
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			return second(p.EraseAccount(ctx, ask, cas))
		}
	}},
	"disable": {prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		w.configure(frn, domain)
		w.join(frn, "ada@"+domain, access.Administrator)
		cas := w.join(frn, "cas@"+domain, access.Caseworker)
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			return second(p.DisableAccount(ctx, ask, cas))
		}
	}},
	"another address": {bound: true, prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		w.configure(frn, domain, "sub."+domain)
		cas := w.join(frn, "cas@"+domain, access.Caseworker)
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			return second(p.ChangeDetails(ctx, ask, frn, cas, "", "cas@sub."+domain))
		}
	}},
	"set up a request": {prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		id := w.completed(frn, domain)
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			return second(p.ConfigureRequest(ctx, ask, id, "idp-"+frn, "idp.secret"))
		}
	}},
	"invite administrators": {prepare: func(w *world, frn, domain string) func(context.Context, *commands.People, commands.Ask) error {
		id := w.completed(frn, domain)
		w.do(w.ConfigureRequest(w.t.Context(), byOperator(), id, "idp-"+frn, "idp.secret"))
		return func(ctx context.Context, p *commands.People, ask commands.Ask) error {
			return second(p.InviteAdministrators(ctx, ask, id))
		}
	}},
}

// completed is an access request of two businesses of a group that is complete.
func (w *world) completed(frn, domain string) (id string) {
	w.t.Helper()
	id, _, _, err := w.SubmitRequest(w.t.Context(), commands.Ask{}, onboarding.Form{
		Businesses: []onboarding.BusinessForm{
			{FRN: frn, Name: "Sample Group", Domains: []string{domain}}, {FRN: "9" + frn, Name: "Sample Sister", Domains: []string{domain}},
		},
		Administrators:   []onboarding.AdministratorForm{{Name: "Ada Sample", Email: "ada@" + domain}, {Name: "Bob Sample", Email: "bob@" + domain}},
		Contact:          onboarding.Person{Name: "Ada Sample", Email: "ada@" + domain},
		IdentityProvider: "Sample Identity",
		Authentication:   onboarding.Authentication{Method: account.OIDC, Issuer: "https://id.example.com", ClientID: "casesync"},
	})
	if err != nil {
		w.t.Fatalf("submit: %v", err)
	}
	w.do(w.CompleteRequest(w.t.Context(), byOperator(), id))
	return id
}

// Wherever a process ends, the same command again has the effect that it has undisturbed: no event
// is missing, and none is there twice.
func TestCrashesBetweenStreams(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n := 100_000
		next := func() (frn, domain string) { n++; return fmt.Sprint(n), fmt.Sprintf("b%d.example", n) }
		for name, s := range stories {
			frn, domain := next()
			give := s.prepare(w, frn, domain)
			before := w.counts()
			if err := give(t.Context(), w.People, named(byOperator(), uuid.New())); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := since(before, w.counts())
			for at := 0; s.crash(t, w, fmt.Sprintf("%s, crash at append %d", name, at+1), at, next, want); at++ {
			}
		}
	})
}

// crash runs a story whose append at fails, in each way, and reports whether it had so many.
func (s story) crash(t *testing.T, w *world, name string, at int, next func() (string, string), want map[string]int) bool {
	t.Helper()
	for _, kept := range []bool{false, true} {
		for _, same := range []bool{true, false} {
			if !same && s.bound {
				continue
			}
			frn, domain := next()
			give, ask := s.prepare(w, frn, domain), named(byOperator(), uuid.New())
			before := w.counts()
			err := give(t.Context(), w.people(&crashing{Log: w.log, left: at, kept: kept}), ask)
			if err == nil {
				return false
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("%s: got %v, want a crash", name, err)
			}
			if !same {
				ask.ID = uuid.New()
			}
			for range 2 { // the second time nothing is left to do
				if err := give(t.Context(), w.people(w.log), ask); err != nil && code(err) != s.told {
					t.Errorf("%s, kept %v, same id %v: again: %v", name, kept, same, err)
				}
				if got := since(before, w.counts()); !maps.Equal(got, want) {
					t.Errorf("%s, kept %v, same id %v: got events %v, want %v", name, kept, same, got, want)
				}
			}
		}
	}
	return true
}

// since returns how many events of each type were added.
func since(before, after map[string]int) map[string]int {
	added := map[string]int{}
	for name, n := range after {
		if n -= before[name]; n > 0 {
			added[name] = n
		}
	}
	return added
}

// What a crash leaves of an acceptance, and nobody repeats, the system finishes.
func TestFinishAcceptance(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		id, person := w.invite(frn, "cas@example.com", access.Caseworker)
		w.do(w.FinishAcceptance(ctx, frn, person)) // of who did not accept: nothing
		w.factor(person)
		err := second(w.people(&crashing{Log: w.log, left: 1}).AcceptInvitation(ctx, w.token(frn, id), ""))
		fails(t, "accept", err, errCrash)
		if got := w.standing(person).Status; got != account.Invited {
			t.Errorf("after the crash: got %s, want invited", got)
		}
		w.do(w.FinishAcceptance(ctx, frn, person))
		w.roles(person, access.Caseworker)
	})
}

// An address that is half-way to somebody is nobody else's: not the new one, nor the old.
func TestAddressHalfWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.configure(frn, "example.com")
		for left, taken := range map[int][]string{1: {"new1@example.com"}, 2: {"new2@example.com"}, 3: {"cas3@example.com"}} {
			cas := w.join(frn, fmt.Sprintf("cas%d@example.com", left), access.Caseworker)
			crashed := w.people(&crashing{Log: w.log, left: left})
			fails(t, "change", second(crashed.ChangeDetails(ctx, byOperator(), frn, cas, "", fmt.Sprintf("new%d@example.com", left))), errCrash)
			for _, email := range taken {
				_, _, _, err := w.Invite(ctx, byOperator(), frn, commands.Invitation{Name: "Other Sample", Email: email, Roles: caseworker})
				refused(t, email, err, "email-taken")
			}
		}
	})
}
