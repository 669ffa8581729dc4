package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// The update that destroys keys; which ones is said after it.
const destroyKeys = `UPDATE keyring_keys SET wrapped = $1, ring_version = 0, destroyed_at = $2, destroyed_in = $3
	WHERE ring_version > 0 AND `

// Destroy destroys the live keys of subjects, in one transaction. When it returns nil this
// process opens nothing with them any more, and others stop within DestructionsCheckEvery. A
// subject without a live key is passed over. After an error it is not known whether the keys were
// destroyed: call it again.
func (r *Ring) Destroy(ctx context.Context, subjects ...string) error {
	err := r.destroy(ctx, func(tx *sql.Tx, args []any) (ids []string, err error) {
		for chunk := range slices.Chunk(subjects, listMax) {
			list := padded(chunk)
			for _, subject := range slices.Clip(list) {
				list = append(list, treeOf(subject.(string)))
			}
			n := len(list) / 2
			some, err := queryIDs(ctx, tx, destroyKeys+`subject IN `+parameters(4, n)+` AND tree IN `+parameters(4+n, n)+` RETURNING id`,
				slices.Concat(args, list)...)
			if err != nil {
				return nil, err
			}
			ids = append(ids, some...)
		}
		return ids, nil
	})
	if err != nil {
		return fmt.Errorf("destroy data keys: %w", err)
	}
	return nil
}

// DestroyTree destroys the live key of each of subjects, usually streams, and those of all
// subjects below it ("casefile-1" and "casefile-1/consumer", but not "casefile-12"); see Destroy.
func (r *Ring) DestroyTree(ctx context.Context, subjects ...string) error {
	err := r.destroy(ctx, func(tx *sql.Tx, args []any) (ids []string, err error) {
		return destroyTrees(ctx, tx, args, subjects)
	})
	if err != nil {
		return fmt.Errorf("destroy data keys: %w", err)
	}
	return nil
}

// DestroyTreeOnce is DestroyTree under an order: an id that whoever repeats the call, after a crash, an
// error or much later, gives again. An order that was carried out destroys nothing more, so the next
// generation of a key, under which somebody may have sealed since, is safe from it.
//
// It does not go by time (was the key made before the order was given?), as the clocks of those who make keys
// and of those who give orders differ; nor by the generations that the log shows, as keys also seal what is
// kept beside it. That an order was carried out is recorded in the transaction that does so.
func (r *Ring) DestroyTreeOnce(ctx context.Context, order string, subjects ...string) error {
	if order == "" {
		return errors.New("destroy data keys: the order has no id")
	}
	err := r.destroy(ctx, func(tx *sql.Tx, args []any) (ids []string, err error) {
		fresh, err := queryIDs(ctx, tx, `INSERT INTO keyring_orders (id, carried_out_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id`,
			order, r.config.Now().UnixMicro())
		if err != nil || len(fresh) == 0 {
			return nil, err
		}
		return destroyTrees(ctx, tx, args, subjects)
	})
	if err != nil {
		return fmt.Errorf("destroy data keys: %w", err)
	}
	return nil
}

func destroyTrees(ctx context.Context, tx *sql.Tx, args []any, subjects []string) (ids []string, err error) {
	for _, subject := range subjects {
		some, err := queryIDs(ctx, tx, destroyKeys+`tree = $4 AND (subject = $5 OR substr(subject, 1, length($6)) = $6) RETURNING id`,
			slices.Concat(args, []any{treeOf(subject), subject, subject + "/"})...)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	return ids, nil
}

func (r *Ring) destroy(ctx context.Context, update func(tx *sql.Tx, args []any) (ids []string, err error)) error {
	var ids []string
	err := r.inTransaction(ctx, func(tx *sql.Tx) error {
		count, err := countDestruction(ctx, tx)
		if err != nil {
			return err
		}
		ids, err = update(tx, []any{[]byte{}, r.config.Now().UnixMicro(), count})
		return err
	})
	// A crash before this forgets the same. It is also done where the outcome of the commit is not
	// known: what is forgotten is read again, as it now is.
	r.cache.forget(ids)
	return err
}

// countDestruction tells the other processes that something was destroyed, and locks as lock does.
func countDestruction(ctx context.Context, tx *sql.Tx) (count int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE keyring_state SET writes = writes + 1, destructions = destructions + 1 RETURNING destructions`).Scan(&count)
	return count, err
}
