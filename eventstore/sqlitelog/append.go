package sqlitelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"casesync/eventstore"
	"casesync/eventstore/sequencer"
)

// Append implements eventstore.Log.
func (l *Log) Append(
	ctx context.Context, stream eventstore.StreamName, expected eventstore.ExpectedRevision, events ...eventstore.Event,
) (eventstore.Appended, error) {
	if err := l.config.Limits.Check(stream, expected, events); err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	return l.writer.Submit(ctx, sequencer.Append{Stream: stream, Expected: expected, Events: events})
}

// commit writes a batch in one transaction.
func (l *Log) commit(batch []sequencer.Append) []sequencer.Result {
	if l.broken != nil {
		return sequencer.Failed(len(batch), l.broken)
	}
	plan, err := l.write(batch, false)
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultConstraint {
		// An id is there already: nothing was written. Now with the ids looked up.
		plan, err = l.write(batch, true)
	}
	if err != nil {
		return sequencer.Failed(len(batch), l.fail(err))
	}
	// The events are durable. A crash from here leaves them in the log and nobody answered: the
	// callers append again, and get the same answer.
	l.watch.Moved(plan.Head.Position)
	return plan.Results
}

// fail explains why a batch failed, and lets nothing more be written where the disk cannot be trusted.
func (l *Log) fail(err error) error {
	flush := isFlush(err)
	err = fmt.Errorf("append to log: %w", explain(err))
	if flush {
		err = fmt.Errorf("%w; the log takes no more appends until it is opened anew: then restart", err)
		l.broken = err
	}
	return err
}

// write plans and writes a batch. When it returns an error nothing was written, or, if that was the
// commit's, nobody knows until the log is read again.
func (l *Log) write(batch []sequencer.Append, lookUpIDs bool) (plan sequencer.Plan, err error) {
	if err := run(l.conn, "BEGIN IMMEDIATE"); err != nil {
		return plan, err
	}
	defer func() {
		// Some errors, such as a full disk, have ended the transaction already.
		if !l.conn.AutocommitEnabled() {
			err = errors.Join(err, run(l.conn, "ROLLBACK"))
		}
	}()
	if plan, err = l.plan(batch, lookUpIDs); err != nil || len(plan.Rows) == 0 {
		return plan, err
	}
	for _, row := range plan.Rows {
		if err := l.insert(row); err != nil {
			return plan, err
		}
	}
	// A crash before COMMIT returns leaves the whole batch or nothing of it.
	return plan, run(l.conn, "COMMIT")
}

// plan gathers what is known under the write lock. Another process may have appended since the last time.
func (l *Log) plan(batch []sequencer.Append, lookUpIDs bool) (sequencer.Plan, error) {
	head, err := readHead(l.conn)
	if err != nil {
		return sequencer.Plan{}, err
	}
	known := sequencer.Known{Head: head, Revisions: make(map[eventstore.StreamName]eventstore.Revision, len(batch))}
	for _, a := range batch {
		if _, ok := known.Revisions[a.Stream]; ok {
			continue
		}
		if known.Revisions[a.Stream], err = readRevision(l.conn, a.Stream); err != nil {
			return sequencer.Plan{}, err
		}
	}
	now := l.config.Now()
	if !lookUpIDs {
		if plan := sequencer.Make(batch, known, now); !plan.Unsure {
			return plan, nil
		}
	}
	if known.Places, err = readPlaces(l.conn, batch); err != nil {
		return sequencer.Plan{}, err
	}
	return sequencer.Make(batch, known, now), nil
}

func (l *Log) insert(row eventstore.Recorded) error {
	stmt, err := l.conn.Prepare(`INSERT INTO log_event (position, stream, revision, id, type, data, metadata, recorded_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, int64(row.Position.Major))
	stmt.BindText(2, string(row.Stream))
	stmt.BindInt64(3, int64(row.Revision))
	stmt.BindBytes(4, row.ID[:])
	stmt.BindText(5, row.Type)
	stmt.BindBytes(6, row.Data)
	stmt.BindBytes(7, row.Metadata)
	stmt.BindInt64(8, row.RecordedAt.UnixMicro())
	defer func() { _ = stmt.Reset() }() // says again what Step said
	_, err = stmt.Step()
	return err
}

func readHead(conn *sqlite.Conn) (head eventstore.Head, err error) {
	err = sqlitex.Execute(conn, "SELECT position, recorded_at FROM log_event ORDER BY position DESC LIMIT 1",
		&sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
			head.Position.Major = uint64(stmt.ColumnInt64(0))
			head.RecordedAt = time.UnixMicro(stmt.ColumnInt64(1)).UTC()
			return nil
		}})
	return head, err
}

func readRevision(conn *sqlite.Conn, stream eventstore.StreamName) (revision eventstore.Revision, err error) {
	revision = -1
	err = sqlitex.Execute(conn, "SELECT revision FROM log_event WHERE stream = $1 ORDER BY revision DESC LIMIT 1",
		&sqlitex.ExecOptions{Args: []any{string(stream)}, ResultFunc: func(stmt *sqlite.Stmt) error {
			revision = eventstore.Revision(stmt.ColumnInt64(0))
			return nil
		}})
	return revision, err
}

func readPlaces(conn *sqlite.Conn, batch []sequencer.Append) (map[uuid.UUID]sequencer.Place, error) {
	places := make(map[uuid.UUID]sequencer.Place)
	for _, a := range batch {
		for _, event := range a.Events {
			err := sqlitex.Execute(conn, "SELECT stream, revision, position FROM log_event WHERE id = $1",
				&sqlitex.ExecOptions{Args: []any{event.ID[:]}, ResultFunc: func(stmt *sqlite.Stmt) error {
					places[event.ID] = sequencer.Place{
						Stream:   eventstore.StreamName(stmt.ColumnText(0)),
						Revision: eventstore.Revision(stmt.ColumnInt64(1)),
						Position: eventstore.Position{Major: uint64(stmt.ColumnInt64(2))},
					}
					return nil
				}})
			if err != nil {
				return nil, err
			}
		}
	}
	return places, nil
}

func run(conn *sqlite.Conn, statement string) error { return sqlitex.Execute(conn, statement, nil) }
