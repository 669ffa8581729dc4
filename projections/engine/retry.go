package engine

import (
	"context"
	"fmt"
	"iter"

	"casesync/eventstore"
)

// Retry folds a parked key again from its first event, and returns what it is parked for now: nil
// where it is parked no more. It may run while a Runner does, here or elsewhere.
func Retry(ctx context.Context, config Config, key string) (*Parked, error) {
	still, err := retry(ctx, config, key, nil)
	if err != nil {
		return nil, fmt.Errorf("retry key %q of %s: %w", key, config.Projection.Name, err)
	}
	return still, nil
}

// Skip leaves the event that a key is parked for out of its fold, for good, and folds the key again.
// The event stays in the log, and is left out by rebuilds too. Actor says who decided so, and reason
// why, without personal data; both are kept.
func Skip(ctx context.Context, config Config, key string, position eventstore.Position, actor, reason string) (*Parked, error) {
	if actor == "" || reason == "" {
		return nil, fmt.Errorf("skip event %s of %s: a skip needs an actor and a reason", position, config.Projection.Name)
	}
	still, err := retry(ctx, config, key, &skip{position: position, actor: storable(actor), reason: storable(reason)})
	if err != nil {
		return nil, fmt.Errorf("skip event %s of %s: %w", position, config.Projection.Name, err)
	}
	return still, nil
}

type skip struct {
	position      eventstore.Position
	actor, reason string
}

// retry replaces what is stored of a key by what its events come to now, in one transaction that
// keeps the runner out. Sums are not stored by key: what the key adds to them is what its events up
// to the poisonous one come to, which is why those are folded too, and must come to the stored rows.
func retry(ctx context.Context, config Config, key string, skip *skip) (still *Parked, err error) {
	config, err = config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &retrying{config: config, key: key, folder: &folder{projection: config.Projection, prepare: config.Prepare, now: config.Now}}
	if err := r.gather(ctx); err != nil {
		return nil, err
	}
	err = config.Store.Update(ctx, func(tx Tx) error {
		r.tx, still = tx, nil
		if err := r.open(ctx); err != nil {
			return err
		}
		before := r.replay(r.parked.position())
		if skip != nil {
			if err := r.skip(ctx, skip); err != nil {
				return err
			}
		}
		still, err = r.replace(ctx, before, r.replay(eventstore.Position{}))
		return err
	})
	if err != nil {
		return nil, err
	}
	announce(config.Store)
	return still, nil
}

type retrying struct {
	*folder
	config Config
	key    string
	tx     Tx
	live   generation
	stored *Rows
	parked parkedRow
	// history are the key's events up to the position gathered.
	history  []Event
	gathered eventstore.Position
}

// gather reads the key's events up to the checkpoint, before anyone is kept waiting.
func (r *retrying) gather(ctx context.Context) error {
	var live generation
	err := r.config.Store.View(ctx, func(snapshot Snapshot) (err error) {
		live, err = readLive(ctx, snapshot, r.config.Projection.Name)
		return err
	})
	if err != nil {
		return err
	}
	return r.extend(ctx, r.source(ctx), live.checkpoint.at)
}

// extend adds to the history the key's events among those given, up to a position.
func (r *retrying) extend(ctx context.Context, events iter.Seq2[eventstore.Recorded, error], to eventstore.Position) error {
	for recorded, err := range upTo(events, to, r.config.BatchEventsMax) {
		if err != nil {
			return err
		}
		prepared, err := r.prepared(ctx, r.projection.maybeOf(recorded, func(key string) bool { return key == r.key }))
		if err != nil {
			return err
		}
		for _, e := range prepared {
			if key, wanted, err := r.keyOf(&e); err != nil {
				return err
			} else if wanted && key == r.key {
				r.history = append(r.history, e)
			}
		}
	}
	r.gathered = to
	return nil
}

// open keeps the runner out, and loads what is stored of the key.
func (r *retrying) open(ctx context.Context) (err error) {
	p := r.config.Projection
	if err := touchLease(ctx, r.tx, runnerLease(p.Name)); err != nil {
		return err
	}
	if r.live, err = readLive(ctx, r.tx, p.Name); err != nil {
		return err
	}
	if r.live.version != p.Version {
		return fmt.Errorf("the live tables are of version %d and this binary has version %d: use the binary that made them, or rebuild",
			r.live.version, p.Version)
	}
	if err := r.live.checkpoint.checkLog(ctx, r.config.Log); err != nil {
		return err
	}
	if r.skips, err = readSkips(ctx, r.tx, p.Name); err != nil {
		return err
	}
	// The runner may have come further meanwhile.
	if err := r.extend(ctx, r.config.Log.ReadAll(ctx, r.gathered), r.live.checkpoint.at); err != nil {
		return err
	}
	r.stored = NewRows(p.tables()...)
	if err := p.loadWhole(ctx, r.tx, r.live.number, r.stored, r.key); err != nil {
		return err
	}
	row := parkedTable.Get(r.stored, r.key)
	if row == nil {
		return ErrNotParked
	}
	r.parked = *row
	return nil
}

func (r *retrying) skip(ctx context.Context, s *skip) error {
	if s.position != r.parked.position() {
		return fmt.Errorf("it is parked for the event at position %s: %w there", r.parked.position(), ErrNotParked)
	}
	_, err := r.tx.Exec(ctx, `INSERT INTO engine_skips (projection, major, minor, key, event_id, actor, reason, skipped_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, r.config.Projection.Name, r.parked.Major, r.parked.Minor, r.key,
		r.parked.EventID, s.actor, s.reason, micros(r.now()))
	if err != nil {
		return fmt.Errorf("record skip: %w", err)
	}
	r.skips[s.position] = true
	return nil
}

// replay folds the key's events from the first on, or only those before a position that is not zero.
func (r *retrying) replay(before eventstore.Position) *Rows {
	rows := NewRows(r.config.Projection.tables()...)
	g := &group{key: r.key}
	for _, e := range r.history {
		if !r.skips[e.Position] && (before.IsZero() || e.Position.Compare(before) < 0) {
			g.events = append(g.events, e)
		}
	}
	r.fold(rows, []*group{g})
	return rows
}

// source is the key's one stream, or else the whole log: of several streams the order would be lost.
func (r *retrying) source(ctx context.Context) iter.Seq2[eventstore.Recorded, error] {
	if stream, ok := r.config.Projection.soleStream(r.key); ok {
		return r.config.Log.ReadStream(ctx, stream, 0)
	}
	return r.config.Log.ReadAll(ctx, eventstore.Position{})
}

// replace writes the difference between before, which must be what is stored, and after.
func (r *retrying) replace(ctx context.Context, before, after *Rows) (*Parked, error) {
	p := r.config.Projection
	for _, table := range p.Tables {
		name := table.Describe().Name
		if !after.sets[name].replaces(before.sets[name], r.stored.sets[name]) {
			return nil, fmt.Errorf("table %s does not hold what the key's events up to the parked one come to: "+
				"`casesync projections rebuild` mends it, and tries the key again", p.table(table, r.live.number))
		}
	}
	again := parkedTable.Get(after, r.key)
	if again != nil {
		again.Since, again.Attempts = r.parked.Since, r.parked.Attempts+1
	}
	was := r.stored.sets[parkedTable.Name]
	after.sets[parkedTable.Name].replaces(was, was)
	if err := p.write(ctx, r.tx, r.live.number, after); err != nil {
		return nil, err
	}
	if again == nil {
		return nil, nil
	}
	parked := again.parked(p.Name)
	return &parked, nil
}

// readSkips returns the positions of the events that were skipped.
func readSkips(ctx context.Context, snapshot Snapshot, projection string) (map[eventstore.Position]bool, error) {
	cursor, err := snapshot.Query(ctx, `SELECT major, minor FROM engine_skips WHERE projection = $1`, projection)
	if err != nil {
		return nil, fmt.Errorf("read skips: %w", err)
	}
	defer cursor.Close()
	skips := map[eventstore.Position]bool{}
	for cursor.Next() {
		var major, minor int64
		if err := cursor.Scan(&major, &minor); err != nil {
			return nil, fmt.Errorf("read skips: %w", err)
		}
		skips[eventstore.Position{Major: uint64(major), Minor: uint64(minor)}] = true
	}
	return skips, cursor.Err()
}
