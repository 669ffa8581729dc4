package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errFenced: another holder took the lease since. What was under way wrote nothing.
var errFenced = errors.New("another process took over")

// lease is the right to write, held by one process at a time. It runs out unless it is renewed; its
// fence grows with each holder and is checked in every transaction that writes under it, so that a
// holder who slept through his lease writes nothing any more.
//
// Clocks of several machines decide only when a lease may be taken, never whether a write is safe.
type lease struct {
	name, holder string
	fence        int64
	ttl          time.Duration
	now          func() time.Time
}

func runnerLease(projection string) string  { return "project/" + projection }
func rebuildLease(projection string) string { return "rebuild/" + projection }

// take takes the lease if nobody holds it, and is false where somebody does. The same holder may
// take it again: it is another fence all the same.
func (l *lease) take(ctx context.Context, store Store) (taken bool, err error) {
	err = store.Update(ctx, func(tx Tx) error {
		if err := touchLease(ctx, tx, l.name); err != nil {
			return err
		}
		now := l.now()
		n, err := tx.Exec(ctx, `UPDATE engine_leases SET holder = $1, fence = fence + 1, renewed_at = $2, expires_at = $3
			WHERE name = $4 AND (holder = $1 OR expires_at <= $2)`, l.holder, micros(now), micros(now.Add(l.ttl)), l.name)
		if err != nil || n == 0 {
			return err
		}
		taken = true
		_, err = queryRow(ctx, tx, `SELECT fence FROM engine_leases WHERE name = $1`, []any{l.name}, &l.fence)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take lease %s: %w", l.name, err)
	}
	return taken, nil
}

// touchLease makes the lease's row if there is none, and keeps everyone else from it until the
// transaction ends.
func touchLease(ctx context.Context, tx Tx, name string) error {
	_, err := tx.Exec(ctx, `INSERT INTO engine_leases (name, holder, fence, renewed_at, expires_at) VALUES ($1, '', 0, 0, 0)
		ON CONFLICT (name) DO UPDATE SET fence = engine_leases.fence`, name)
	return err
}

// renew renews the lease inside tx, and keeps everyone else from it until tx ends. It returns
// errFenced where another holder has it.
func (l *lease) renew(ctx context.Context, tx Tx) error {
	now := l.now()
	n, err := tx.Exec(ctx, `UPDATE engine_leases SET renewed_at = $1, expires_at = $2 WHERE name = $3 AND holder = $4 AND fence = $5`,
		micros(now), micros(now.Add(l.ttl)), l.name, l.holder, l.fence)
	if err != nil {
		return fmt.Errorf("renew lease %s: %w", l.name, err)
	}
	if n == 0 {
		return fmt.Errorf("renew lease %s: %w", l.name, errFenced)
	}
	return nil
}

// keep renews the lease until ctx ends, and returns errFenced as soon as it is lost.
func (l *lease) keep(ctx context.Context, store Store) error {
	ticker := time.NewTicker(l.ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			err := store.Update(ctx, func(tx Tx) error { return l.renew(ctx, tx) })
			if errors.Is(err, errFenced) {
				return err
			}
			// Any other error shows in the work itself; the lease may still be renewed in time.
		}
	}
}

// release gives the lease up, so that the next holder need not wait for its end.
func (l *lease) release(ctx context.Context, store Store) error {
	return store.Update(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, `UPDATE engine_leases SET expires_at = 0 WHERE name = $1 AND holder = $2 AND fence = $3`,
			l.name, l.holder, l.fence)
		return err
	})
}
