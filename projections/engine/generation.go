package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// checkpoint says which event was the last one folded, and by which it is known again: a log that
// has another event there, or none, is not the one that the rows came of.
type checkpoint struct {
	before, at eventstore.Position // at is zero before the first event
	eventID    uuid.UUID
	recordedAt time.Time
	events     int64 // how many events the log had up to here, wanted or not
}

// generation is one set of a projection's tables.
type generation struct {
	projection string
	number     int64
	version    int
	built      bool
	frozen     bool
	checkpoint checkpoint
}

// state is the row that names the generations of a projection.
type state struct {
	live, previous, last int64 // 0 for none
}

var (
	// errMoved: another transaction moved the checkpoint, or froze the generation.
	errMoved = errors.New("the checkpoint was moved by another process")
	// ErrLogReplaced is returned where the log is not the one, or not the state, that a read model
	// was computed from.
	ErrLogReplaced = errors.New("the log was replaced or restored to an earlier state")
	// ErrNewerVersion is returned where a newer version of casesync made the live tables.
	ErrNewerVersion = errors.New("the read model was made by a newer version of casesync")
)

func readState(ctx context.Context, snapshot Snapshot, projection string) (s state, found bool, err error) {
	found, err = queryRow(ctx, snapshot, `SELECT live, previous, last FROM engine_projections WHERE name = $1`,
		[]any{projection}, &s.live, &s.previous, &s.last)
	return s, found, err
}

const generationColumns = `generation, version, built, frozen, before_major, before_minor, major, minor, event_id, recorded_at, events`

func readGeneration(ctx context.Context, snapshot Snapshot, projection string, number int64) (generation, error) {
	g := generation{projection: projection}
	var version, beforeMajor, beforeMinor, major, minor, recordedAt int64
	var eventID string
	found, err := queryRow(ctx, snapshot,
		`SELECT `+generationColumns+` FROM engine_generations WHERE projection = $1 AND generation = $2`, []any{projection, number},
		&g.number, &version, &g.built, &g.frozen, &beforeMajor, &beforeMinor, &major, &minor, &eventID, &recordedAt, &g.checkpoint.events)
	if err != nil {
		return g, err
	}
	if !found {
		return g, fmt.Errorf("generation %d of %s: %w", number, projection, ErrNotBuilt)
	}
	g.version = int(version)
	g.checkpoint.before = eventstore.Position{Major: uint64(beforeMajor), Minor: uint64(beforeMinor)}
	g.checkpoint.at = eventstore.Position{Major: uint64(major), Minor: uint64(minor)}
	g.checkpoint.recordedAt = fromMicros(recordedAt)
	if eventID != "" {
		g.checkpoint.eventID, err = uuid.Parse(eventID)
	}
	return g, err
}

// readLive returns the live generation; ErrNotBuilt where there is none.
func readLive(ctx context.Context, snapshot Snapshot, projection string) (generation, error) {
	s, found, err := readState(ctx, snapshot, projection)
	if err != nil {
		return generation{}, err
	}
	if !found || s.live == 0 {
		return generation{}, ErrNotBuilt
	}
	return readGeneration(ctx, snapshot, projection, s.live)
}

// move sets the generation's checkpoint to where to says, if it is still where g has it.
func (g generation) move(ctx context.Context, tx Tx, to checkpoint, now time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE engine_generations SET before_major = $1, before_minor = $2, major = $3, minor = $4,
			event_id = $5, recorded_at = $6, events = $7, updated_at = $8
		WHERE projection = $9 AND generation = $10 AND major = $11 AND minor = $12 AND NOT frozen`,
		int64(to.before.Major), int64(to.before.Minor), int64(to.at.Major), int64(to.at.Minor),
		to.eventID.String(), micros(to.recordedAt), to.events, micros(now),
		g.projection, g.number, int64(g.checkpoint.at.Major), int64(g.checkpoint.at.Minor))
	if err != nil {
		return fmt.Errorf("move checkpoint of %s: %w", g.projection, err)
	}
	if n == 0 {
		return fmt.Errorf("move checkpoint of %s: %w", g.projection, errMoved)
	}
	return nil
}

// newGeneration makes the row and the tables of a new generation.
func newGeneration(ctx context.Context, tx Tx, p Projection, now time.Time) (generation, error) {
	if _, err := tx.Exec(ctx, `INSERT INTO engine_projections (name, live, previous, last) VALUES ($1, 0, 0, 1)
		ON CONFLICT (name) DO UPDATE SET last = engine_projections.last + 1`, p.Name); err != nil {
		return generation{}, fmt.Errorf("count generations of %s: %w", p.Name, err)
	}
	s, _, err := readState(ctx, tx, p.Name)
	if err != nil {
		return generation{}, err
	}
	g := generation{projection: p.Name, number: s.last, version: p.Version}
	var names []string
	for _, table := range p.tables() {
		names = append(names, p.table(table, g.number))
	}
	if _, err := tx.Exec(ctx, `INSERT INTO engine_generations (projection, generation, version, tables, before_major, before_minor,
			major, minor, event_id, recorded_at, events, built, frozen, started_at, updated_at)
		VALUES ($1, $2, $3, $4, 0, 0, 0, 0, '', 0, 0, $5, $5, $6, $6)`,
		p.Name, g.number, int64(g.version), strings.Join(names, " "), false, micros(now)); err != nil {
		return generation{}, fmt.Errorf("make generation %d of %s: %w", g.number, p.Name, err)
	}
	return g, p.createTables(ctx, tx, g.number)
}

// checkLog makes sure that log holds the event of c where c has it.
func (c checkpoint) checkLog(ctx context.Context, log eventstore.Log) error {
	if c.at.IsZero() {
		return nil
	}
	for e, err := range log.ReadAll(ctx, c.before) {
		if err != nil {
			return fmt.Errorf("read log at checkpoint %s: %w", c.at, err)
		}
		if e.Position != c.at || e.ID != c.eventID {
			return fmt.Errorf("the read model ends with event %s at position %s, where this log has event %s at %s: %w; %s",
				c.eventID, c.at, e.ID, e.Position, ErrLogReplaced, mendedByRebuild)
		}
		return nil
	}
	return fmt.Errorf("the read model ends with event %s at position %s, and this log ends before it: %w; %s",
		c.eventID, c.at, ErrLogReplaced, mendedByRebuild)
}

const mendedByRebuild = "check that --log names the right log; if it does, `casesync projections rebuild` mends the read model"

// after is the checkpoint after batch, which follows c.
func (c checkpoint) after(batch []eventstore.Recorded) checkpoint {
	last := batch[len(batch)-1]
	next := checkpoint{before: c.at, at: last.Position, eventID: last.ID, recordedAt: last.RecordedAt, events: c.events + int64(len(batch))}
	if len(batch) > 1 {
		next.before = batch[len(batch)-2].Position
	}
	return next
}
