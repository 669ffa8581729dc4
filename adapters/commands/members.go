package commands

import (
	"context"
	"errors"

	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/membership"
)

// Grant gives a member more roles.
func (p *People) Grant(ctx context.Context, ask Ask, frn, person string, roles []access.Role, warrant membership.Warrant) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Revoke takes roles from a member.
func (p *People) Revoke(ctx context.Context, ask Ask, frn, person string, roles []access.Role) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Disable suspends all roles of a member at a business.
func (p *People) Disable(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Enable ends what holds a member at a business.
func (p *People) Enable(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Remove ends a membership.
func (p *People) Remove(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ChangeDetails gives a member another name, another address, or both.
func (p *People) ChangeDetails(ctx context.Context, ask Ask, frn, person, name, email string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// RequestAdministrator asks operators to make a member an administrator, or somebody to be named where person is "".
func (p *People) RequestAdministrator(ctx context.Context, ask Ask, frn, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ConfigureBusiness sets the e-mail domains of a business and how its people sign in.
func (p *People) ConfigureBusiness(ctx context.Context, ask Ask, frn string, domains []string, method account.Method, connection string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
