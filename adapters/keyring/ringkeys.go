package keyring

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const ringKeyBytes = 32

// ringKeys are the ring keys that are not destroyed, by version; usually one.
type ringKeys struct {
	current   int64
	byVersion map[int64]cipher.AEAD
}

// makeIfMissing makes a new ring where the database holds none.
func (r *Ring) makeIfMissing(ctx context.Context) error {
	_, _, err := r.state(ctx)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if r.config.MustExist {
		return errors.New("there is no key ring in this database, although the log was sealed under one: " +
			"name the right database, or restore the key ring from backup")
	}
	wrapped, err := r.newRingKey(ctx)
	if err != nil {
		return err
	}
	// A crash before the commit leaves the key-encryption key at most, which the next start uses.
	return r.inTransaction(ctx, func(tx *sql.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO keyring_state (only_row, current_version, destructions, writes)
			VALUES (1, 1, 0, 0) ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		if rows, err := made.RowsAffected(); err != nil || rows == 0 {
			return err // another process was first: its ring it is
		}
		return insertRingKey(ctx, tx, 1, wrapped, r.config.Now())
	})
}

// newRingKey returns a new ring key, wrapped.
func (r *Ring) newRingKey(ctx context.Context) (wrapped []byte, err error) {
	secret := make([]byte, ringKeyBytes)
	rand.Read(secret)
	return r.kek.Wrap(ctx, secret)
}

func insertRingKey(ctx context.Context, tx *sql.Tx, version int64, wrapped []byte, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO keyring_ring_keys (version, wrapped, created_at) VALUES ($1, $2, $3)`,
		version, wrapped, now.UnixMicro())
	return err
}

// loadRingKeys reads the ring keys anew, and unwraps those that are not in memory already. A ring
// key that was destroyed is forgotten.
func (r *Ring) loadRingKeys(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	wrapped, err := r.wrappedRingKeys(ctx)
	if err != nil {
		return fmt.Errorf("read ring keys: %w", err)
	}
	loaded := &ringKeys{byVersion: make(map[int64]cipher.AEAD, len(wrapped))}
	known := r.ringKeys.Load()
	for version, bytes := range wrapped {
		loaded.current = max(loaded.current, version)
		if known != nil && known.byVersion[version] != nil {
			loaded.byVersion[version] = known.byVersion[version]
			continue
		}
		secret, err := r.kek.Unwrap(ctx, bytes)
		if err != nil {
			return err
		}
		if loaded.byVersion[version], err = newAEAD(secret); err != nil {
			return err
		}
	}
	if loaded.current == 0 {
		return errors.New("the key ring has lost its ring key: restore the key ring from backup")
	}
	r.ringKeys.Store(loaded)
	return nil
}

func (r *Ring) wrappedRingKeys(ctx context.Context) (map[int64][]byte, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT version, wrapped FROM keyring_ring_keys WHERE destroyed_at = 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	wrapped := map[int64][]byte{}
	for rows.Next() {
		var version int64
		var bytes []byte
		if err := rows.Scan(&version, &bytes); err != nil {
			return nil, err
		}
		wrapped[version] = bytes
	}
	return wrapped, rows.Err()
}

// state returns the current version and the count of destructions.
func (r *Ring) state(ctx context.Context) (version, destructions int64, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT current_version, destructions FROM keyring_state`).Scan(&version, &destructions)
	return version, destructions, err
}

// check learns, if it is time to, which keys other processes have destroyed, and forgets them.
func (r *Ring) check(ctx context.Context) error {
	if !r.due() {
		return nil
	}
	r.checking.Lock()
	defer r.checking.Unlock()
	if !r.due() {
		return nil // another goroutine has done it
	}
	now := r.config.Now()
	version, destructions, err := r.state(ctx)
	if err != nil {
		return fmt.Errorf("ask for destroyed keys: %w", err)
	}
	first := r.checked.Load() == nil // then nothing is in memory yet
	stale := destructions != r.destructions
	if stale && !first {
		ids, err := queryIDs(ctx, r.db, `SELECT id FROM keyring_keys WHERE destroyed_in > $1`, r.destructions)
		if err != nil {
			return fmt.Errorf("ask for destroyed keys: %w", err)
		}
		r.cache.forget(ids)
	}
	if stale || first || r.ringKeys.Load().current != version {
		if err := r.loadRingKeys(ctx); err != nil {
			return err
		}
	}
	r.destructions = destructions
	r.checked.Store(&now)
	return nil
}

func (r *Ring) due() bool {
	checked := r.checked.Load()
	if checked == nil {
		return true
	}
	age := r.config.Now().Sub(*checked)
	return age < 0 || age >= r.config.DestructionsCheckEvery
}
