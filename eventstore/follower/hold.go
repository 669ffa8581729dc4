package follower

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// releaseWithin bounds how long a lease's end is waited for; it runs out by itself otherwise.
const releaseWithin = 2 * time.Second

// While runs work under the lease name, and reports whether it was held at all: where another holder
// has it, nothing happens. The lease is renewed while work runs, and given up afterwards. Where it
// is lost, or could not be renewed in time, work's context ends and the error Is ErrLost.
func While(
	ctx context.Context, leases Leases, name, holder string, ttl time.Duration, work func(ctx context.Context, fence int64) error,
) (held bool, err error) {
	fence, held, err := leases.Acquire(ctx, name, holder, ttl)
	if err != nil {
		return false, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	if !held {
		return false, nil
	}
	working, cancel := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		cancel(renew(working, leases, name, holder, ttl, fence))
	}()
	err = work(working, fence)
	if lost := context.Cause(working); errors.Is(lost, ErrLost) {
		err = lost
	}
	cancel(nil)
	<-renewed
	// A crash before this leaves a lease that runs out.
	release, stop := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer stop()
	_ = leases.Release(release, name, fence)
	return true, err
}

// renew renews a lease until ctx ends. It returns ErrLost as soon as another holder has it, or it
// has not been renewed for so long that another may.
func renew(ctx context.Context, leases Leases, name, holder string, ttl time.Duration, fence int64) error {
	ticker := time.NewTicker(ttl / 3)
	defer ticker.Stop()
	runsOut := time.NewTimer(ttl)
	defer runsOut.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-runsOut.C:
			return fmt.Errorf("renew lease %s within %v: %w", name, ttl, ErrLost)
		case <-ticker.C:
		}
		asked := time.Now()
		attempt, stop := context.WithTimeout(ctx, ttl/3)
		again, held, err := leases.Acquire(attempt, name, holder, ttl)
		stop()
		switch {
		case err != nil:
			// The next attempt may still be in time.
		case !held || again != fence:
			return fmt.Errorf("renew lease %s: %w", name, ErrLost)
		default:
			runsOut.Reset(ttl - time.Since(asked))
		}
	}
}
