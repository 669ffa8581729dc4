package commands

import (
	"context"
	"fmt"
	"strings"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/membership"
)

// Grant gives a member more roles. Operators make administrators, with a warrant, which says why;
// what else they grant needs a reason.
func (p *People) Grant(ctx context.Context, ask Ask, frn, person string, roles []access.Role, warrant membership.Warrant) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.grant")
	if err != nil {
		return Done{}, err
	}
	if o.by.Operator && warrant == (membership.Warrant{}) && strings.TrimSpace(ask.Reason) == "" {
		return Done{}, ErrNoReason
	}
	return p.onMember(ctx, o, frn, membership.Grant{By: o.by, Person: person, Roles: roles, Warrant: warrant})
}

// Revoke takes roles from a member, not all of them: that is Remove.
func (p *People) Revoke(ctx context.Context, ask Ask, frn, person string, roles []access.Role) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.revoke")
	if err != nil {
		return Done{}, err
	}
	return p.onMember(ctx, o, frn, membership.Revoke{By: o.by, Person: person, Roles: roles})
}

// Disable suspends all roles of a member at a business, until Enable.
func (p *People) Disable(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.disable")
	if err != nil {
		return Done{}, err
	}
	return p.onMember(ctx, o, frn, membership.Disable{By: o.by, Person: person})
}

// Remove ends a membership, and revokes what invitation the person has there.
func (p *People) Remove(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.remove")
	if err != nil {
		return Done{}, err
	}
	return p.onMember(ctx, o, frn, membership.Remove{By: o.by, Person: person})
}

// RequestAdministrator asks the Financial Ombudsman Service to make a member an administrator, or
// somebody to be named where person is "" (requirement 22).
func (p *People) RequestAdministrator(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.request-administrator")
	if err != nil {
		return Done{}, err
	}
	return p.onMember(ctx, o, frn, membership.RequestAdministrator{By: o.by, Person: person})
}

// onMember gives a command to the business, which decides whether its giver may still give it.
func (p *People) onMember(ctx context.Context, o order, frn string, command membership.Command) (Done, error) {
	done, err := p.memberships.done(ctx, o, frn, command)
	if err != nil {
		return Done{}, fmt.Errorf("change people of a business: %w", err)
	}
	return done, nil
}

// Enable ends what holds a member at a business, and the inactivity of the account. What an operator
// disabled, of the two, only an operator enables.
//
// The order: whether the account would be enabled; membership.Enable; account.Enable. A crash between
// the last two leaves a member who cannot sign in; the same command again goes on from there.
func (p *People) Enable(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	o, err := p.authorise(ask, frn, "membership.enable", "account.enable")
	if err != nil {
		return Done{}, err
	}
	member := membership.Enable{By: o.by, Person: person}
	if err := p.memberships.check(ctx, o, frn, member); err != nil {
		return Done{}, fmt.Errorf("enable member: %w", err)
	}
	whole := account.Enable{Operator: o.by.Operator, Day: o.day()}
	if err := p.accounts.check(ctx, o.following(), person, whole); err != nil {
		return Done{}, fmt.Errorf("enable account of a member: %w", err)
	}
	enabled, err := p.onMember(ctx, o, frn, member)
	if err != nil {
		return Done{}, err
	}
	done, err := p.accounts.done(ctx, o.following(), person, whole)
	if err != nil {
		return Done{}, fmt.Errorf("enable account of a member: %w", err)
	}
	return later(enabled, done), nil
}
