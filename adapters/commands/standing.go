package commands

import (
	"context"
	"errors"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/terms"
	"casesync/eventstore"
)

// BusinessPeople is how the people of a business sign in, and who administers it.
type BusinessPeople struct {
	Configured     bool
	Domains        []address.Domain
	Method         account.Method
	Connection     string   // the id of the identity provider's settings; "" for local accounts
	Administrators []string // the user ids of the active ones, sorted
	Revision       eventstore.Revision
}

// Standing returns what a person may do now.
func (p *People) Standing(ctx context.Context, person string) (Standing, error) {
	return Standing{}, errors.ErrUnsupported
}

// Account returns what is known of an account, ErrNoPerson if there is none.
func (p *People) Account(ctx context.Context, person string) (AccountView, error) {
	return AccountView{}, errors.ErrUnsupported
}

// PersonOf returns the user id of who has an e-mail address, "" for nobody.
func (p *People) PersonOf(ctx context.Context, email string) (string, error) {
	return "", errors.ErrUnsupported
}

// SignInOf returns how people with an address under the domain of email sign in.
func (p *People) SignInOf(ctx context.Context, email string) (account.Method, string, error) {
	return "", "", errors.ErrUnsupported
}

// Document returns the document of a kind that is in force, and false where there is none.
func (p *People) Document(ctx context.Context, kind terms.Kind) (terms.Published, bool, error) {
	return terms.Published{}, false, errors.ErrUnsupported
}

// DocumentText returns what a version says or said.
func (p *People) DocumentText(ctx context.Context, kind terms.Kind, version string) (string, bool, error) {
	return "", false, errors.ErrUnsupported
}

// Business returns what is set for the people of a business.
func (p *People) Business(ctx context.Context, frn string) (BusinessPeople, error) {
	return BusinessPeople{}, errors.ErrUnsupported
}
