package uploads

import (
	"context"
	"errors"
	"time"
)

// sweepRows is how many rows are swept in one go.
const sweepRows = 1000

func (u *Uploads) sweepOften(ctx context.Context) {
	tick := time.NewTicker(u.config.SweepEvery)
	defer tick.Stop()
	for {
		if err := u.Sweep(ctx); err != nil && ctx.Err() == nil {
			u.config.Logger.ErrorContext(ctx, "uploads not swept", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep gives up what stood still for longer than Config.IdleAfter, goes on with removals that a crash left, and
// forgets what is done with. It may be done at any time, by several processes at once.
func (u *Uploads) Sweep(ctx context.Context) error {
	now := u.config.Now()
	rows, err := u.staging.idle(ctx, now.Add(-u.config.IdleAfter), sweepRows)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range rows {
		if r.stage != gone {
			over, err := u.config.Steps.Abandon(ctx, r.id, r.ref, r.touchedAt)
			if err != nil || !over {
				faults = append(faults, err)
				continue
			}
		}
		faults = append(faults, u.Remove(ctx, r.id))
	}
	return errors.Join(errors.Join(faults...), u.staging.forgetKept(ctx, now.Add(-u.config.KeptFor)))
}

// Remove deletes the bytes of an upload, whatever its stage: after it was refused, cancelled, or erased with its case. It
// may be done again, and for one that is not known. A crash in the middle leaves it marked; Sweep, or Remove, goes on.
// A request that writes at this very moment can no longer make its bytes part of it, and deletes them.
func (u *Uploads) Remove(ctx context.Context, id string) error {
	if err := u.staging.markGone(ctx, id); err != nil {
		return err
	}
	if err := u.store.Delete(ctx, id); err != nil {
		return err
	}
	return u.staging.forget(ctx, id)
}

// Rescan has a file that was done with scanned again. Nothing happens where it waits for that anyway.
func (u *Uploads) Rescan(ctx context.Context, id, ref string) error {
	if err := u.staging.rescan(ctx, id, ref, u.config.Now()); err != nil {
		return err
	}
	u.wakeWorker()
	return nil
}

// Offset returns how many bytes of an upload are there, and when the last came; documents.ErrNotFound where it is not known.
func (u *Uploads) Offset(ctx context.Context, id string) (received int64, last time.Time, err error) {
	r, err := u.staging.get(ctx, id)
	return r.received, r.touchedAt, err
}

// Status returns how much there is to do, for metrics and health.
func (u *Uploads) Status(ctx context.Context) (Status, error) { return u.staging.status(ctx) }
