package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"casesync/eventstore/sqldb"
)

// Rotate makes a new ring key, wraps every surviving data key under it, and destroys the former
// ring keys: then no copy of a destroyed data key, in a write-ahead log or a page not yet
// overwritten, can be unwrapped without a backup of the ring that is older than the rotation. It
// runs while keys are made, used and destroyed. After a crash or an error call it again: it
// finishes what was begun, with one more ring key.
//
// PostgreSQL itself keeps the former ring key, wrapped, in its write-ahead log until that is
// recycled, and in archives of it; they count as backups.
func (r *Ring) Rotate(ctx context.Context) error {
	// To unwrap before anything is wrapped: a key-encryption key that is missing must not be
	// replaced by a new one now.
	if err := r.loadRingKeysAfresh(ctx); err != nil {
		return fmt.Errorf("rotate ring key: %w", err)
	}
	version, err := r.supersede(ctx)
	if err != nil {
		return fmt.Errorf("rotate ring key: make a new one: %w", err)
	}
	// A crash here leaves the new ring key current and the old keys under the former one, which
	// still unwraps them.
	for more := true; more; {
		if more, err = r.rewrapSome(ctx, version); err != nil {
			return fmt.Errorf("rotate ring key: wrap data keys under version %d: %w", version, err)
		}
		// A crash here leaves some keys under each; both unwrap.
	}
	if err := r.destroyFormer(ctx, version); err != nil {
		return fmt.Errorf("rotate ring key: destroy versions before %d: %w", version, err)
	}
	// A crash here leaves the former ring key in the write-ahead log until that is recycled; the
	// next rotation purges it again.
	if err := r.purge(ctx); err != nil {
		return fmt.Errorf("rotate ring key: purge the former one: %w; it is destroyed, but may be in the database's files: rotate again", err)
	}
	if err := r.loadRingKeys(ctx); err != nil {
		return fmt.Errorf("rotate ring key: %w", err)
	}
	return nil
}

// loadRingKeysAfresh reads and unwraps all ring keys, those in memory as well.
func (r *Ring) loadRingKeysAfresh(ctx context.Context) error {
	wrapped, err := r.wrappedRingKeys(ctx)
	if err != nil {
		return fmt.Errorf("read ring keys: %w", err)
	}
	for _, bytes := range wrapped {
		if _, err := r.kek.Unwrap(ctx, bytes); err != nil {
			return err
		}
	}
	return r.loadRingKeys(ctx)
}

// supersede makes a new ring key current, and returns its version. From then on no process wraps
// under a former one, as each compares the version within its transaction.
func (r *Ring) supersede(ctx context.Context) (version int64, err error) {
	wrapped, err := r.newRingKey(ctx)
	if err != nil {
		return 0, err
	}
	err = r.inTransaction(ctx, func(tx *sql.Tx) error {
		former, err := lock(ctx, tx)
		if err != nil {
			return err
		}
		version = former + 1
		if err := insertRingKey(ctx, tx, version, wrapped, r.config.Now()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE keyring_state SET current_version = $1`, version)
		return err
	})
	if err != nil {
		return 0, err
	}
	return version, r.loadRingKeys(ctx)
}

// rewrapSome wraps some keys that are under a former ring key under the given one, and reports
// whether there may be more.
func (r *Ring) rewrapSome(ctx context.Context, version int64) (more bool, err error) {
	err = r.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := lockAt(ctx, tx, version); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT id, subject, generation, wrapped, ring_version FROM keyring_keys
			WHERE ring_version > 0 AND ring_version < $1 ORDER BY ring_version LIMIT $2`, version, r.config.RewrapKeysMax)
		if err != nil {
			return err
		}
		keys := map[string]dataKey{}
		if err := scanKeys(rows, keys); err != nil {
			return err
		}
		more = len(keys) == r.config.RewrapKeysMax
		rewrapped, err := r.ringKeys.Load().rewrap(keys, version)
		if err != nil {
			return err
		}
		return rewrapKeys(ctx, tx, rewrapped)
	})
	return more, err
}

func (k *ringKeys) rewrap(keys map[string]dataKey, version int64) ([]dataKey, error) {
	rewrapped := make([]dataKey, 0, len(keys))
	for _, key := range keys {
		secret, err := k.unwrap(key)
		if err != nil {
			return nil, err
		}
		aead := k.byVersion[version]
		if aead == nil {
			return nil, errSuperseded
		}
		key.wrapped, key.ringVersion = aead.Seal(nil, nil, secret, []byte(key.id)), version
		rewrapped = append(rewrapped, key)
	}
	return rewrapped, nil
}

var errSuperseded = errors.New("another rotation has begun meanwhile, and will finish this one")

// lockAt locks as lock does, if version is still current.
func lockAt(ctx context.Context, tx *sql.Tx, version int64) error {
	current, err := lock(ctx, tx)
	if err == nil && current != version {
		return errSuperseded
	}
	return err
}

// destroyFormer destroys the ring keys before version. It is the one step that cannot be undone,
// so it makes sure that nothing needs them.
func (r *Ring) destroyFormer(ctx context.Context, version int64) error {
	return r.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := lockAt(ctx, tx, version); err != nil {
			return err
		}
		var left bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM keyring_keys WHERE ring_version > 0 AND ring_version < $1)`, version).Scan(&left)
		if err != nil {
			return err
		}
		if left {
			return errors.New("some data keys are still wrapped under a former ring key: rotate again")
		}
		_, err = tx.ExecContext(ctx, `UPDATE keyring_ring_keys SET wrapped = $1, destroyed_at = $2 WHERE version < $3 AND destroyed_at = 0`,
			[]byte{}, r.config.Now().UnixMicro(), version)
		if err != nil {
			return err
		}
		_, err = countDestruction(ctx, tx) // so that other processes forget the ring key, too
		return err
	})
}

// purge removes the former ring key from the database's own files, as far as that can be done.
func (r *Ring) purge(ctx context.Context) error {
	if r.db.Dialect == sqldb.Postgres {
		_, err := r.db.ExecContext(ctx, `VACUUM keyring_ring_keys`)
		return err
	}
	// The write-ahead log is emptied into the file, where what was overwritten is gone.
	var busy, frames, moved int64
	if err := r.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("a reader kept the write-ahead log from being emptied")
	}
	return nil
}
