package commands

import (
	"context"
	"fmt"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/eventstore"
)

// MayRead returns nil where a principal may read a case by virtue of a permission as the log has it now, and
// ErrUnknown otherwise. It is for what goes out in the moment after a question of the read model: a case
// that was suppressed or transferred meanwhile does not exist (requirements 46, 47 and 61).
func (p *People) MayRead(ctx context.Context, by access.Principal, permission access.Permission, ref string) error {
	may := false
	err := p.cases.look(ctx, ref, func(state *casefile.State, _ eventstore.Revision) {
		may = state.Converted() && by.May(permission, state.FRN()) && (by.Everywhere(permission) || !state.Suppressed())
	})
	if err == nil && !may {
		err = ErrUnknown
	}
	if err != nil {
		return fmt.Errorf("look whether a case may be read: %w", err)
	}
	return nil
}
