package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/membership"
	"casesync/domain/reservation"
	"casesync/eventstore"
)

// ChangeDetails gives a member another name, another address, or both; what is "" stays. An address
// is under the domains of all businesses of the person, and of nobody else. Who has a part in several
// businesses, or is invited to another, gets another address only from somebody who administers all of
// them, or from an operator: whoever reads an address can reset what its owner signs in with, and gets the
// invitations that are sent again.
//
// The order: whether each business and the account would take it; the new address is reserved;
// membership.Move at each; account.ChangeDetails; the old address is released. A crash after the
// reservation leaves a taken address, one before account.ChangeDetails the old address in use, one
// before the release both reserved. The same command again goes on; the release is repeated by
// package reactions.
func (p *People) ChangeDetails(ctx context.Context, ask Ask, frn, person, name, email string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.move", "account.change-details")
	if err != nil {
		return Done{}, err
	}
	if err := p.manages(ctx, o, frn, person); err != nil {
		return Done{}, fmt.Errorf("change details: %w", err)
	}
	view, err := p.Account(ctx, person)
	if err != nil {
		return Done{}, fmt.Errorf("change details: %w", err)
	}
	wanted, err := address.ParseEmail(cmp.Or(email, view.Email))
	if err != nil {
		return Done{}, err
	}
	command := account.ChangeDetails{Name: cmp.Or(name, view.Name), Email: wanted}
	if err := p.accounts.check(ctx, o, person, command); err != nil {
		return Done{}, fmt.Errorf("change details: %w", err)
	}
	var moved Done
	if wanted.Canonical() != canonical(view.Email) {
		if moved, err = p.move(ctx, o.following(), frn, person, wanted); err != nil {
			return Done{}, fmt.Errorf("change address: %w", err)
		}
	}
	changed, err := p.accounts.done(ctx, o, person, command)
	if err != nil {
		return Done{}, fmt.Errorf("change details: %w", err)
	}
	if _, err := p.releaseFormer(ctx, o, person); err != nil {
		return Done{}, fmt.Errorf("release former address: %w", err)
	}
	return later(moved, changed), nil
}

// manages refuses whoever may not manage a member of a business, now: the account's own stream does
// not know who administers.
func (p *People) manages(ctx context.Context, o order, frn, person string) error {
	var member, may bool
	err := p.memberships.look(ctx, frn, func(state *membership.State, _ eventstore.Revision) {
		_, member = state.Member(person)
		may = o.by.Operator || state.Manages(o.by.Person, person)
	})
	switch {
	case err != nil:
		return err
	case !member:
		return ErrUnknown
	case !may:
		return fmt.Errorf("%w: %s is no active administrator", ErrForbidden, o.actor)
	}
	return nil
}

// move reserves another address for a person, and has the businesses note its domain. Where one of
// them refuses, since it has changed meanwhile, the address is free again.
func (p *People) move(ctx context.Context, o order, frn, person string, email address.Email) (done Done, err error) {
	if err := p.administersInvitations(ctx, o, person); err != nil {
		return Done{}, err
	}
	isMember := func(state *membership.State) bool { _, is := state.Member(person); return is }
	frns, err := p.concerned(ctx, person, isMember)
	if err != nil {
		return Done{}, err
	}
	if !slices.Contains(frns, frn) { // the read model does not know yet
		frns = append(frns, frn)
	}
	command := membership.Move{By: o.by, Person: person, Email: email}
	for _, frn := range frns {
		if err := p.manages(ctx, o, frn, person); err != nil {
			return Done{}, refuseOtherBusinesses()
		}
		if err := p.memberships.check(ctx, o, frn, command); err != nil {
			return Done{}, err
		}
	}
	reserved, err := p.emails.done(ctx, o.aside(), p.emailID(email.Canonical()), reservation.Reserve{Thing: reservation.Email, Holder: person})
	if err != nil {
		return Done{}, err
	}
	done = reserved
	for _, frn := range frns {
		step, err := p.memberships.done(ctx, o, frn, command)
		if refusalCode(err) != "" {
			_, released := p.release(ctx, o, email.Canonical(), person)
			return Done{}, cmp.Or(released, err)
		}
		if err != nil {
			return Done{}, err
		}
		done = later(done, step)
	}
	return done, nil
}

// administersInvitations refuses whoever does not administer each business that waits for a person to
// accept an invitation.
func (p *People) administersInvitations(ctx context.Context, o order, person string) error {
	if o.by.Operator {
		return nil
	}
	others, err := p.concerned(ctx, person, func(state *membership.State) bool {
		invited := slices.ContainsFunc(state.Invitations(), func(i membership.Invitation) bool { return i.Person == person })
		return invited && !slices.Contains(state.Administrators(), o.by.Person)
	})
	if err == nil && len(others) > 0 {
		err = refuseOtherBusinesses()
	}
	return err
}

func refuseOtherBusinesses() error {
	return &domain.Refusal{
		Code:   "member-elsewhere",
		Reason: "This person works for another business, too, or is invited to one, that you do not administer. Ask the Financial Ombudsman Service to change the address.",
	}
}
