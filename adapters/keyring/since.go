package keyring

import (
	"context"
	"fmt"
	"time"
)

// DestroyedSince reports whether a data key was destroyed at or after an instant: whether there is
// something for Rotate to finish, if the last rotation began then.
func (r *Ring) DestroyedSince(ctx context.Context, since time.Time) (destroyed bool, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM keyring_keys WHERE destroyed_in > 0 AND destroyed_at >= $1)`,
		since.UnixMicro()).Scan(&destroyed)
	if err != nil {
		return false, fmt.Errorf("look for destroyed keys: %w", err)
	}
	return destroyed, nil
}
