package commands

import (
	"context"
	"errors"

	"casesync/domain/onboarding"
	"casesync/eventstore"
)

// RequestView is an access request as it stands. People is the zero value where they were erased.
type RequestView struct {
	ID       string
	Status   onboarding.Status
	Request  onboarding.Request // its people sealed
	People   onboarding.People
	Lacks    []onboarding.Item
	Revision eventstore.Revision
}

// SubmitRequest makes an access request, and returns the token by which whoever made it sees it again.
func (p *People) SubmitRequest(ctx context.Context, ask Ask, form onboarding.Form) (requestID, token string, done Done, err error) {
	return "", "", Done{}, errors.ErrUnsupported
}

// ShowRequest returns an access request to an operator.
func (p *People) ShowRequest(ctx context.Context, ask Ask, id string) (RequestView, error) {
	return RequestView{}, errors.ErrUnsupported
}

// ShowOwnRequest returns an access request to the holder of its token.
func (p *People) ShowOwnRequest(ctx context.Context, token string) (RequestView, error) {
	return RequestView{}, errors.ErrUnsupported
}

// AmendRequest replaces what was submitted, by an operator.
func (p *People) AmendRequest(ctx context.Context, ask Ask, id string, form onboarding.Form) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// AmendOwnRequest replaces what was submitted, by the holder of the token.
func (p *People) AmendOwnRequest(ctx context.Context, token string, form onboarding.Form) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// WithdrawOwnRequest ends a request, by the holder of the token.
func (p *People) WithdrawOwnRequest(ctx context.Context, token string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// AskRequest asks the contact of a request for what is missing.
func (p *People) AskRequest(ctx context.Context, ask Ask, id, question string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// CompleteRequest notes that an operator checked the request.
func (p *People) CompleteRequest(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// ConfigureRequest sets up the businesses of a complete request.
func (p *People) ConfigureRequest(ctx context.Context, ask Ask, id, connection, secretReference string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// InviteAdministrators invites the administrators that a configured request names.
func (p *People) InviteAdministrators(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// DeclineRequest ends a request, by an operator.
func (p *People) DeclineRequest(ctx context.Context, ask Ask, id string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
