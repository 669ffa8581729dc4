package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/domain/terms"
	"casesync/eventstore"
)

// looksMax is how many streams are looked at at once for one call.
const looksMax = 8

// Standing returns what a person may do now; its Status is account.Missing for who has no account.
// It is read from the ends of the streams of the account, of the terms and of each business at which
// the person may have roles: one question to the log, which many callers share (see eventstore.Ender),
// and after that only what is new.
func (p *People) Standing(ctx context.Context, person string) (Standing, error) {
	standing := Standing{Principal: access.Principal{ID: actorOf(person), Kind: access.User}, Status: account.Missing}
	ends, err := p.endsFor(ctx, person)
	if errors.Is(err, ErrUnknown) { // what is no user id has no account
		return standing, nil
	}
	if err != nil {
		return Standing{}, fmt.Errorf("look at standing: %w", err)
	}
	var domain address.Domain
	var accepted map[string]string
	err = p.accounts.since(ctx, person, ends.account, func(state *account.State, _ eventstore.Revision) {
		standing.Status, standing.Cookies, standing.Complete = state.Status(), state.Cookies(), complete(state)
		standing.Method, _ = state.Method()
		domain, accepted = state.Domain(), state.Acceptances()
	})
	if err != nil {
		return Standing{}, fmt.Errorf("look at standing: %w", err)
	}
	err = p.documents.since(ctx, "", ends.terms, func(state *terms.State, _ eventstore.Revision) {
		published, _ := state.Current(terms.TermsOfUse)
		standing.TermsVersion = published.Version
	})
	if err != nil {
		return Standing{}, fmt.Errorf("look at standing: %w", err)
	}
	if standing.Status != account.Active || !standing.Complete {
		return standing, nil
	}
	if standing.Principal.Grants, err = p.grants(ctx, person, domain, ends.businesses); err != nil {
		return Standing{}, fmt.Errorf("look at standing: %w", err)
	}
	standing.Pending = pending(standing.Principal.Grants, accepted, standing.TermsVersion)
	return standing, nil
}

// standingEnds is where the streams end that a standing is read from.
type standingEnds struct {
	account, terms eventstore.Revision
	businesses     map[string]eventstore.Revision // by FRN
}

// endsFor asks the log once where the streams end on which the standing of a person rests.
func (p *People) endsFor(ctx context.Context, person string) (standingEnds, error) {
	account, err := p.accounts.stream(person)
	if err != nil {
		return standingEnds{}, err
	}
	documents, err := p.documents.stream("")
	if err != nil {
		return standingEnds{}, err
	}
	frns, err := p.businessesOf(ctx, person)
	if err != nil {
		return standingEnds{}, err
	}
	streams := []eventstore.StreamName{account, documents}
	for _, frn := range frns {
		stream, err := p.memberships.stream(frn)
		if err != nil {
			return standingEnds{}, err
		}
		streams = append(streams, stream)
	}
	revisions, err := eventstore.EndsOf(ctx, p.config.Log, streams...)
	if err != nil {
		return standingEnds{}, fmt.Errorf("ask where streams end: %w", err)
	}
	found := standingEnds{account: revisions[0], terms: revisions[1], businesses: make(map[string]eventstore.Revision, len(frns))}
	for i, frn := range frns {
		found.businesses[frn] = revisions[2+i]
	}
	return found, nil
}

// complete reports whether an account has what its way of signing in takes.
func complete(state *account.State) bool {
	if method, _ := state.Method(); method.Federated() {
		return state.Identity() != ""
	}
	return state.HasFactor()
}

// businessesOf returns the FRNs of businesses at which a person may have a part, sorted.
func (p *People) businessesOf(ctx context.Context, person string) ([]string, error) {
	frns, err := p.config.Memberships(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("list businesses of a person: %w", err)
	}
	return slices.Compact(slices.Sorted(slices.Values(frns))), nil
}

// grants returns the roles that a person with an address under domain has now, by FRN, at businesses
// whose streams are read at least to their ends.
func (p *People) grants(ctx context.Context, person string, domain address.Domain, ends map[string]eventstore.Revision) (map[string][]access.Role, error) {
	var mu sync.Mutex
	grants := map[string][]access.Role{}
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(looksMax)
	for frn, end := range ends {
		group.Go(func() error {
			return p.memberships.since(all, frn, end, func(state *membership.State, _ eventstore.Revision) {
				if roles := state.Roles(person, domain); len(roles) > 0 {
					mu.Lock()
					defer mu.Unlock()
					grants[frn] = roles
				}
			})
		})
	}
	return grants, group.Wait()
}

// pending returns the FRNs among grants for which version is not accepted. Where there are no terms
// nobody can accept any, and so nobody gets any data.
func pending(grants map[string][]access.Role, accepted map[string]string, version string) []string {
	var frns []string
	for frn := range grants {
		if version == "" || accepted[frn] != version {
			frns = append(frns, frn)
		}
	}
	slices.Sort(frns)
	return frns
}

// BusinessPeople is how the people of a business sign in, and who administers it.
type BusinessPeople struct {
	Configured     bool
	Domains        []address.Domain
	Method         account.Method
	Connection     string   // the id of the identity provider's settings; "" for local accounts
	Administrators []string // the user ids of the active ones, sorted
	Revision       eventstore.Revision
}

// Business returns what is set for the people of a business.
func (p *People) Business(ctx context.Context, frn string) (BusinessPeople, error) {
	var business BusinessPeople
	err := p.memberships.look(ctx, frn, func(state *membership.State, revision eventstore.Revision) {
		business = BusinessPeople{Domains: state.Domains(), Administrators: state.Administrators(), Revision: revision}
		business.Method, business.Connection = state.SignIn()
		business.Configured = business.Method != ""
	})
	if err != nil {
		return BusinessPeople{}, fmt.Errorf("look at people of a business: %w", err)
	}
	return business, nil
}
