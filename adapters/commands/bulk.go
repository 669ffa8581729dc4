package commands

import (
	"context"
	"errors"
)

// AllocateMany gives up to CasesMax cases to a person (Me, Nobody or a user id), each decided by itself
// (requirements 57 and 68), and returns a result for each of refs, in their order.
func (c *Casework) AllocateMany(ctx context.Context, ask Ask, refs []string, to string) ([]Result, Done, error) {
	return nil, Done{}, errors.ErrUnsupported
}
