package commands

import (
	"context"
	"errors"

	"casesync/domain/account"
)

// Seen notes that a person made an authenticated request today.
func (p *People) Seen(ctx context.Context, person string) error { return errors.ErrUnsupported }

// AcceptTerms accepts the version of the terms of use in force on behalf of a business.
func (p *People) AcceptTerms(ctx context.Context, ask Ask, frn, version string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ChooseCookies sets one's own cookie preferences.
func (p *People) ChooseCookies(ctx context.Context, ask Ask, cookies account.Cookies) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// NoteFactor notes that a person enrolled a second factor.
func (p *People) NoteFactor(ctx context.Context, person string, kind account.FactorKind) error {
	return errors.ErrUnsupported
}

// NoteQuestions notes that a person chose security questions.
func (p *People) NoteQuestions(ctx context.Context, person string) error {
	return errors.ErrUnsupported
}

// LinkIdentity binds a federated account to the subject of an identity provider.
func (p *People) LinkIdentity(ctx context.Context, person, connection, subject string) error {
	return errors.ErrUnsupported
}

// DisableAccount blocks an account, by an operator.
func (p *People) DisableAccount(ctx context.Context, ask Ask, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// EnableAccount lifts what disables an account, by an operator.
func (p *People) EnableAccount(ctx context.Context, ask Ask, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// EraseAccount ends an account for good, at somebody's request.
func (p *People) EraseAccount(ctx context.Context, ask Ask, person string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
