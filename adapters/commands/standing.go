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
// It is read from the ends of the streams, some at once: one reading of the account, of the terms and
// of each business at which the person may have roles.
func (p *People) Standing(ctx context.Context, person string) (Standing, error) {
	var standing Standing
	var domain address.Domain
	var accepted map[string]string
	var frns []string
	group, all := errgroup.WithContext(ctx)
	group.Go(func() error {
		return p.accounts.look(all, person, func(state *account.State, _ eventstore.Revision) {
			standing.Status, standing.Cookies, standing.Complete = state.Status(), state.Cookies(), complete(state)
			standing.Method, _ = state.Method()
			domain, accepted = state.Domain(), state.Acceptances()
		})
	})
	version := ""
	group.Go(func() error {
		published, _, err := p.Document(all, terms.TermsOfUse)
		version = published.Version
		return err
	})
	group.Go(func() (err error) {
		frns, err = p.businessesOf(all, person)
		return err
	})
	err := group.Wait()
	if errors.Is(err, ErrNoPerson) { // what is no user id has no account
		return Standing{Principal: access.Principal{ID: actorOf(person), Kind: access.User}, Status: account.Missing}, nil
	}
	if err != nil {
		return Standing{}, fmt.Errorf("look at standing: %w", err)
	}
	standing.TermsVersion = version
	standing.Principal = access.Principal{ID: actorOf(person), Kind: access.User}
	if standing.Status != account.Active || !standing.Complete {
		return standing, nil
	}
	grants, err := p.grants(ctx, person, domain, frns)
	if err != nil {
		return Standing{}, fmt.Errorf("look at standing: %w", err)
	}
	standing.Principal.Grants = grants
	standing.Pending = pending(grants, accepted, version)
	return standing, nil
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

// grants returns the roles that a person with an address under domain has now, by FRN.
func (p *People) grants(ctx context.Context, person string, domain address.Domain, frns []string) (map[string][]access.Role, error) {
	var mu sync.Mutex
	grants := map[string][]access.Role{}
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(looksMax)
	for _, frn := range frns {
		group.Go(func() error {
			return p.memberships.look(all, frn, func(state *membership.State, _ eventstore.Revision) {
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
