package commands

import (
	"context"
	"errors"

	"casesync/domain/terms"
)

// PublishTerms puts a version of the terms of use or of the privacy notice in force.
func (p *People) PublishTerms(ctx context.Context, ask Ask, kind terms.Kind, version, text string) (Done, error) {
	return Done{}, errors.ErrUnsupported
}
