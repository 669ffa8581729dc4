package commands

import (
	"context"
	"errors"
)

// Suppress hides a case from all business users (requirement 48). Request is the notification that asks for it,
// "" where it was asked for by e-mail.
func (c *Casework) Suppress(ctx context.Context, ask Ask, ref, request string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// Unsuppress shows a case again.
func (c *Casework) Unsuppress(ctx context.Context, ask Ask, ref string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}

// DeclineSuppression answers a request for suppression without one.
func (c *Casework) DeclineSuppression(ctx context.Context, ask Ask, request string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
