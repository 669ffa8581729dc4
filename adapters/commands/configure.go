package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/domain/reservation"
	"casesync/eventstore"
)

// ConfigureBusiness sets the e-mail domains of a business, all of them, and how its people sign in:
// with the settings of an identity provider, or with local accounts where connection is "". Members and
// invitations under other domains are removed.
//
// The order: whether the business would take it, and each domain be had; the domains are reserved;
// membership.Configure; the accounts of its people follow; domains that were given up are released. A
// crash after the reservation leaves domains taken, or such as sign in by the new way before their
// business does; one after membership.Configure people who sign in as before. The same command again goes on;
// FollowConfiguration, by package reactions, does the rest of what follows.
func (p *People) ConfigureBusiness(ctx context.Context, ask Ask, frn string, domains []string, method account.Method, connection string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.configure", "account.change-method")
	if err != nil {
		return Done{}, err
	}
	setup := setup{frn: frn, command: membership.Configure{By: o.by, Method: method, Connection: connection}}
	for _, text := range domains {
		domain, err := address.ParseBusinessDomain(text)
		if err != nil {
			return Done{}, err
		}
		setup.command.Domains = append(setup.command.Domains, domain)
	}
	if err := p.checkConnection(ctx, method, connection); err != nil {
		return Done{}, err
	}
	done, err := p.configure(ctx, o, setup)
	if err != nil {
		return Done{}, fmt.Errorf("configure business: %w", err)
	}
	return done, nil
}

// checkConnection refuses settings that are not in force, or are for another method.
func (p *People) checkConnection(ctx context.Context, method account.Method, connection string) error {
	if connection == "" {
		return nil // whether there should be one is for the business to decide
	}
	settings, found, err := p.Connection(ctx, connection)
	switch {
	case err != nil:
		return err
	case !found:
		return &domain.Refusal{Code: "connection-missing", Reason: "There is no such connection to an identity provider. Set it up first."}
	case settings.Method != method:
		return &domain.Refusal{Code: "connection-method", Reason: "This connection is for another method. Choose its method, or another connection."}
	}
	return nil
}

// setup is what one business is configured with.
type setup struct {
	frn     string
	command membership.Configure
}

// holderFor is who holds the domains of a business with a connection.
func holderFor(connection string) string { return cmp.Or(connection, reservation.LocalHolder) }

// configure configures businesses that are set up together, none before all of them could be.
func (p *People) configure(ctx context.Context, o order, setups ...setup) (done Done, err error) {
	together := make([]string, len(setups))
	for i, s := range setups {
		together[i] = s.frn
		if err := p.memberships.check(ctx, o, s.frn, s.command); err != nil {
			return Done{}, err
		}
	}
	for _, s := range setups {
		for _, name := range s.command.Domains {
			if err := p.checkDomain(ctx, o, name, holderFor(s.command.Connection), together); err != nil {
				return Done{}, err
			}
		}
	}
	for _, s := range setups {
		step, err := p.configureOne(ctx, o, s)
		if err != nil {
			return Done{}, err
		}
		done = later(done, step)
	}
	return done, nil
}

func (p *People) configureOne(ctx context.Context, o order, s setup) (Done, error) {
	for _, name := range s.command.Domains {
		if err := p.takeDomain(ctx, o, name, holderFor(s.command.Connection)); err != nil {
			return Done{}, err
		}
	}
	configured, err := p.memberships.done(ctx, o, s.frn, s.command)
	if err != nil {
		return Done{}, err
	}
	followed, err := p.follow(ctx, o.following(), s.frn)
	if err != nil {
		return Done{}, err
	}
	if err := p.giveUp(ctx, o, s.frn); err != nil {
		return Done{}, err
	}
	return later(configured, followed), nil
}

// checkDomain refuses a domain that somebody else's people sign in under, by another way than holder.
// One that only businesses in together have moves to holder with them.
func (p *People) checkDomain(ctx context.Context, o order, name address.Domain, holder string, together []string) error {
	reserve := reservation.Reserve{Thing: reservation.EmailDomain, Holder: holder}
	refused := p.domains.check(ctx, o.aside(), string(name), reserve)
	if refusalCode(refused) == "" {
		return refused
	}
	others, known, err := p.others(ctx, name, together)
	if err != nil {
		return err
	}
	if !known || others {
		return refused
	}
	return nil
}

// others reports whether businesses other than those named have an e-mail domain, and whether that
// can be known at all.
func (p *People) others(ctx context.Context, name address.Domain, named []string) (others, known bool, err error) {
	if p.config.BusinessesUnder == nil {
		return false, false, nil
	}
	frns, err := p.config.BusinessesUnder(ctx, name)
	if err != nil {
		return false, false, fmt.Errorf("list businesses under a domain: %w", err)
	}
	for _, frn := range frns {
		if slices.Contains(named, frn) {
			continue
		}
		business, err := p.Business(ctx, frn)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return false, false, err
		}
		if slices.Contains(business.Domains, name) {
			return true, true, nil
		}
	}
	return false, true, nil
}

// takeDomain reserves a domain for holder, and takes it from who has it, which checkDomain allowed. A
// crash between leaves it free for a moment: the same command again takes it.
func (p *People) takeDomain(ctx context.Context, o order, name address.Domain, holder string) error {
	former, err := holderOf(ctx, p.domains, string(name))
	if err != nil {
		return err
	}
	if former != "" && former != holder {
		if _, err := p.domains.do(ctx, o.aside(), string(name), reservation.Release{Holder: former}); err != nil {
			return err
		}
	}
	_, err = p.domains.do(ctx, o.aside(), string(name), reservation.Reserve{Thing: reservation.EmailDomain, Holder: holder})
	return err
}

// giveUp releases the domains that a business had, unless others have them or nobody knows.
func (p *People) giveUp(ctx context.Context, o order, frn string) error {
	var former map[address.Domain]string
	err := p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) { former = state.Former() })
	if err != nil {
		return err
	}
	for name, connection := range former {
		others, known, err := p.others(ctx, name, []string{frn})
		if err != nil {
			return err
		}
		if others || !known {
			continue
		}
		if _, err := p.domains.do(ctx, o.aside(), string(name), reservation.Release{Holder: holderFor(connection)}); err != nil {
			return err
		}
	}
	return nil
}

// FollowConfiguration has the accounts of the people of a business, those who are invited included,
// sign in as the business does now, and releases the domains that it gave up. What is so already, or
// erased, is passed over.
func (p *People) FollowConfiguration(ctx context.Context, frn string) (Done, error) {
	o := p.ofSystem(systemReactions)
	done, err := p.follow(ctx, o, frn)
	if err == nil {
		err = p.giveUp(ctx, o, frn)
	}
	if err != nil {
		return Done{}, fmt.Errorf("follow configuration: %w", err)
	}
	return done, nil
}

func (p *People) follow(ctx context.Context, o order, frn string) (Done, error) {
	var persons []string
	var command account.ChangeMethod
	err := p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		command.Method, command.Connection = state.SignIn()
		for _, member := range state.Members() {
			persons = append(persons, member.Person)
		}
		for _, invitation := range state.Invitations() {
			persons = append(persons, invitation.Person)
		}
	})
	if err != nil || command.Method == "" {
		return Done{}, err
	}
	steps := make([]Done, len(persons))
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(looksMax)
	for i, person := range persons {
		group.Go(func() error {
			step, err := p.accounts.done(all, o, person, command)
			if refusalCode(err) != "" {
				return nil // erased: nobody signs in to it
			}
			steps[i] = step
			return err
		})
	}
	err = group.Wait()
	var done Done
	for _, step := range steps {
		done = later(done, step)
	}
	return done, err
}
