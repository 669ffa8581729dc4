package engine

import (
	"context"
	"fmt"
	"strings"
)

// dropLeftovers drops all generations but the live one and the one before it. A crash leaves some of
// them to the next rebuild.
func (b *rebuilding) dropLeftovers(ctx context.Context) error {
	name := b.config.Projection.Name
	var numbers []int64
	err := b.config.Store.View(ctx, func(snapshot Snapshot) error {
		cursor, err := snapshot.Query(ctx, `SELECT g.generation FROM engine_generations g JOIN engine_projections p ON p.name = g.projection
			WHERE p.name = $1 AND g.generation <> p.live AND g.generation <> p.previous ORDER BY g.generation`, name)
		if err != nil {
			return err
		}
		defer cursor.Close()
		for cursor.Next() {
			var number int64
			if err := cursor.Scan(&number); err != nil {
				return err
			}
			numbers = append(numbers, number)
		}
		return cursor.Err()
	})
	if err != nil {
		return fmt.Errorf("find old generations: %w", err)
	}
	for _, number := range numbers {
		if err := b.drop(ctx, number); err != nil {
			return fmt.Errorf("drop generation %d: %w", number, err)
		}
	}
	return nil
}

func (b *rebuilding) drop(ctx context.Context, number int64) error {
	return b.config.Store.Update(ctx, func(tx Tx) error {
		if err := b.lease.renew(ctx, tx); err != nil {
			return err
		}
		var tables string
		_, err := queryRow(ctx, tx, `SELECT tables FROM engine_generations WHERE projection = $1 AND generation = $2`,
			[]any{b.config.Projection.Name, number}, &tables)
		if err != nil {
			return err
		}
		for table := range strings.FieldsSeq(tables) {
			if _, err := tx.Exec(ctx, `DROP TABLE IF EXISTS `+table); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM engine_generations WHERE projection = $1 AND generation = $2`, b.config.Projection.Name, number)
		return err
	})
}
