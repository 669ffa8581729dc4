package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/membership"
	"casesync/eventstore"
)

// DisableAccount blocks an account, and with it sign-in, until an operator enables it. It is refused
// where it would leave a business without an active administrator.
//
// The order: whether each business and the account would take it; membership.Disable at each; then
// account.Disable. A crash between leaves somebody who signs in and may do nothing at some or all of
// the businesses; the same command again does the rest.
func (p *People) DisableAccount(ctx context.Context, ask Ask, person string) (Done, error) {
	o, err := p.authorise(ask, "", "account.disable", "membership.disable")
	if err != nil {
		return Done{}, err
	}
	isMember := func(state *membership.State) bool { _, is := state.Member(person); return is }
	return p.everywhere(ctx, o, person, isMember, membership.Disable{By: o.by, Person: person}, account.Disable{Day: o.day()})
}

// EnableAccount lifts whatever disables an account, and what an operator or inactivity holds the
// person by at businesses. Where an administrator of a business disabled him as well, that is left
// for the business; an operator who wants to lift it says so by Enable.
//
// The order is that of DisableAccount: between the steps nobody signs in yet.
func (p *People) EnableAccount(ctx context.Context, ask Ask, person string) (Done, error) {
	o, err := p.authorise(ask, "", "account.enable", "membership.enable")
	if err != nil {
		return Done{}, err
	}
	isHeld := func(state *membership.State) bool {
		member, is := state.Member(person)
		return is && len(member.Holds) > 0 && !slices.Contains(member.Holds, membership.HeldByAdministrator)
	}
	return p.everywhere(ctx, o, person, isHeld, membership.Enable{By: o.by, Person: person}, account.Enable{Operator: true, Day: o.day()})
}

// EraseAccount ends an account for good, at somebody's request (requirement 41). It is refused where it
// would leave a business without an active administrator.
//
// The order: whether each business would take it; membership.Remove at each; then account.Erase. The
// event of the last has package reactions release the address, purge what is kept elsewhere, and
// destroy the key. A crash between leaves an account without some or all of its roles; the same command again
// does the rest.
func (p *People) EraseAccount(ctx context.Context, ask Ask, person string) (Done, error) {
	o, err := p.authorise(ask, "", "account.erase", "membership.remove")
	if err != nil {
		return Done{}, err
	}
	all := func(*membership.State) bool { return true }
	return p.everywhere(ctx, o, person, all, membership.Remove{By: o.by, Person: person, Erasing: true}, account.Erase{})
}

// everywhere gives a command to each business that concerns picks among those of a person, and then one
// to the account. It is refused, before anything is changed, where any of them would refuse it.
func (p *People) everywhere(ctx context.Context, o order, person string, concerns func(*membership.State) bool,
	member membership.Command, whole account.Command,
) (done Done, err error) {
	if err := p.accounts.check(ctx, o, person, whole); err != nil {
		return Done{}, fmt.Errorf("change account: %w", err)
	}
	frns, err := p.concerned(ctx, person, concerns)
	if err != nil {
		return Done{}, fmt.Errorf("change account: %w", err)
	}
	for _, frn := range frns {
		if err := p.memberships.check(ctx, o.following(), frn, member); err != nil {
			return Done{}, refusedAt(frn, err)
		}
	}
	for _, frn := range frns {
		step, err := p.memberships.done(ctx, o.following(), frn, member)
		if err != nil {
			return Done{}, refusedAt(frn, err)
		}
		done = later(done, step)
	}
	step, err := p.accounts.done(ctx, o, person, whole)
	if err != nil {
		return Done{}, fmt.Errorf("change account: %w", err)
	}
	return later(done, step), nil
}

// refusedAt is the error of a command that was given to several businesses: whoever gave it has to know
// which of them needs another administrator first.
func refusedAt(frn string, err error) error {
	if refusal, is := errors.AsType[*domain.Refusal](err); is && refusal.Code == membership.CodeLastAdministrator {
		err = &domain.Refusal{Code: refusal.Code, Reason: "At business " + frn + ": " + refusal.Reason}
	}
	return fmt.Errorf("change account at its businesses: %w", err)
}

// concerned returns the FRNs of businesses of a person that are picked, sorted. The read model may be
// late with one that the person has just joined; the account itself says for which he has accepted the terms,
// and nobody sees or does anything at a business before that.
func (p *People) concerned(ctx context.Context, person string, pick func(*membership.State) bool) (frns []string, err error) {
	all, err := p.businessesOf(ctx, person)
	if err != nil {
		return nil, err
	}
	err = p.accounts.look(ctx, person, func(state *account.State, _ eventstore.Revision) {
		all = slices.AppendSeq(all, maps.Keys(state.Acceptances()))
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	for _, frn := range slices.Compact(all) {
		err := p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
			if pick(state) {
				frns = append(frns, frn)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return frns, nil
}
