package pglog

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"casesync/eventstore"
	"casesync/eventstore/lru"
	"casesync/eventstore/sequencer"
)

// session is the writer's connection and what it remembers of the log. What it remembers is true
// as long as the log's end is where it left it, because every append moves the end.
type session struct {
	config     *pgx.ConnConfig
	streamsMax int
	conn       *pgx.Conn // nil if there is none
	head       eventstore.Head
	alone      bool // at the last look nobody else had appended
	revisions  *lru.Cache[eventstore.StreamName, eventstore.Revision]
}

// start connects if there is no connection.
func (s *session) start(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return err
	}
	s.conn = conn
	return nil
}

// end closes the connection and forgets the log.
func (s *session) end() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // the server rolls back what was open
	s.conn = nil
	s.forget(eventstore.Head{})
}

func (s *session) forget(head eventstore.Head) {
	s.head, s.alone = head, false
	s.revisions = lru.New[eventstore.StreamName, eventstore.Revision](s.streamsMax)
}

// remembered returns what is remembered of the log, if that is enough to plan batch. A stream that
// an append expects not to exist need not be remembered: if it does, the index objects.
func (s *session) remembered(batch []sequencer.Append) (sequencer.Known, bool) {
	if !s.alone {
		return sequencer.Known{}, false
	}
	known := sequencer.Known{Head: s.head, Revisions: make(map[eventstore.StreamName]eventstore.Revision, len(batch))}
	for _, a := range batch {
		revision, ok := s.revisions.Get(a.Stream)
		switch {
		case ok:
			known.Revisions[a.Stream] = revision
		case a.Expected == eventstore.NoStream:
			if _, ok := known.Revisions[a.Stream]; !ok {
				known.Revisions[a.Stream] = -1
			}
		default:
			return sequencer.Known{}, false
		}
	}
	return known, true
}

// remember takes in a plan that was carried out.
func (s *session) remember(plan sequencer.Plan) {
	s.head = plan.Head
	for stream, revision := range plan.Revisions {
		s.revisions.Put(stream, revision)
	}
}

// writeAlone writes plan in one statement if the log's end is at head, else nothing. If another
// process appends meanwhile, the update waits for its lock, sees that the end has moved, and takes
// no row. An error that isUnique says that nothing was written either.
func (s *session) writeAlone(ctx context.Context, head eventstore.Head, plan sequencer.Plan) (written bool, err error) {
	if len(plan.Rows) == 0 {
		return false, nil // whether the answers are right only the database knows
	}
	// A crash before this statement returns leaves the whole batch or nothing of it.
	tag, err := s.conn.Exec(ctx, `
		WITH head AS (
			UPDATE log_head SET position = $3, recorded_at = $4 WHERE position = $1 AND recorded_at = $2 RETURNING 1
		)`+insert+` FROM head, `+rowsFrom5, append([]any{
		int64(head.Position.Major), micros(head), int64(plan.Head.Position.Major), micros(plan.Head)}, columns(plan.Rows)...)...)
	if err != nil {
		return false, err
	}
	if tag.RowsAffected() == 0 {
		s.forget(eventstore.Head{}) // another process has appended
		return false, nil
	}
	return true, nil
}

// writeLocked locks the log's end, looks up all that batch needs, and writes.
func (s *session) writeLocked(ctx context.Context, batch []sequencer.Append, now time.Time) (plan sequencer.Plan, err error) {
	known, err := s.lock(ctx, batch)
	if err != nil {
		return plan, err
	}
	if s.alone = known.Head.Position == s.head.Position && known.Head.RecordedAt.Equal(s.head.RecordedAt); !s.alone {
		s.forget(known.Head)
	}
	plan = sequencer.Make(batch, known, now)
	if len(plan.Rows) == 0 {
		_, err = s.conn.Exec(ctx, "ROLLBACK")
		return plan, err
	}
	// A crash up to here, or a connection lost, leaves nothing: the server rolls back.
	write := &pgx.Batch{}
	write.Queue("UPDATE log_head SET position = $1, recorded_at = $2",
		int64(plan.Head.Position.Major), micros(plan.Head))
	write.Queue(insert+" FROM "+rowsFrom1, columns(plan.Rows)...)
	// A crash before COMMIT returns leaves the whole batch or nothing of it.
	write.Queue("COMMIT")
	return plan, s.conn.SendBatch(ctx, write).Close()
}

// lock begins a transaction, takes the log's lock, and returns what there is to know, in one round
// trip. The lookups are statements of their own, so that they see what was committed while the
// lock was waited for.
func (s *session) lock(ctx context.Context, batch []sequencer.Append) (known sequencer.Known, err error) {
	known.Revisions = make(map[eventstore.StreamName]eventstore.Revision, len(batch))
	known.Places = make(map[uuid.UUID]sequencer.Place)
	var streams []string
	var ids []pgtype.UUID
	for _, a := range batch {
		if _, ok := known.Revisions[a.Stream]; !ok {
			known.Revisions[a.Stream] = -1
			streams = append(streams, string(a.Stream))
		}
		for _, event := range a.Events {
			ids = append(ids, pgtype.UUID{Bytes: event.ID, Valid: true})
		}
	}
	look := &pgx.Batch{}
	look.Queue("BEGIN")
	look.Queue("SELECT position, recorded_at FROM log_head FOR UPDATE").QueryRow(func(row pgx.Row) error {
		known.Head, err = scanHead(row)
		return err
	})
	look.Queue(`SELECT s.stream, e.revision FROM unnest($1::text[]) AS s (stream), LATERAL (
			SELECT revision FROM log_event WHERE stream = s.stream COLLATE "C" ORDER BY revision DESC LIMIT 1
		) AS e`, streams).Query(func(rows pgx.Rows) error {
		var stream eventstore.StreamName
		var revision eventstore.Revision
		_, err := pgx.ForEachRow(rows, []any{&stream, &revision}, func() error {
			known.Revisions[stream] = revision
			return nil
		})
		return err
	})
	look.Queue("SELECT id, stream, revision, position FROM log_event WHERE id = ANY ($1::uuid[])", ids).Query(func(rows pgx.Rows) error {
		var id pgtype.UUID
		var place sequencer.Place
		_, err := pgx.ForEachRow(rows, []any{&id, &place.Stream, &place.Revision, &place.Position.Major}, func() error {
			known.Places[id.Bytes] = place
			return nil
		})
		return err
	})
	return known, s.conn.SendBatch(ctx, look).Close()
}

const (
	rowNames = `AS r (position, stream, revision, id, type, data, metadata, recorded_at)`
	insert   = ` INSERT INTO log_event (position, stream, revision, id, type, data, metadata, recorded_at) 
		SELECT r.position, r.stream, r.revision, r.id, r.type, r.data, r.metadata, r.recorded_at`
	rowsFrom1 = `unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[]) ` + rowNames
	rowsFrom5 = `unnest($5::bigint[], $6::text[], $7::bigint[], $8::uuid[], $9::text[], $10::bytea[], $11::bytea[], $12::bigint[]) ` + rowNames
)

// columns turns rows into one array per column, in the order of insert.
func columns(rows []eventstore.Recorded) []any {
	n := len(rows)
	positions, revisions, times := make([]int64, n), make([]int64, n), make([]int64, n)
	streams, types := make([]string, n), make([]string, n)
	ids := make([]pgtype.UUID, n)
	data, metadata := make([][]byte, n), make([][]byte, n)
	for i, row := range rows {
		positions[i], streams[i], revisions[i] = int64(row.Position.Major), string(row.Stream), int64(row.Revision)
		ids[i], types[i], times[i] = pgtype.UUID{Bytes: row.ID, Valid: true}, row.Type, row.RecordedAt.UnixMicro()
		data[i], metadata[i] = present(row.Data), present(row.Metadata)
	}
	return []any{
		pgtype.FlatArray[int64](positions), pgtype.FlatArray[string](streams), pgtype.FlatArray[int64](revisions),
		pgtype.FlatArray[pgtype.UUID](ids), pgtype.FlatArray[string](types), pgtype.FlatArray[[]byte](data),
		pgtype.FlatArray[[]byte](metadata), pgtype.FlatArray[int64](times),
	}
}

// present turns nil, which would be NULL, into no bytes.
func present(bytes []byte) []byte {
	if bytes == nil {
		return []byte{}
	}
	return bytes
}

func scanHead(row pgx.Row) (head eventstore.Head, err error) {
	var recordedAt int64
	if err := row.Scan(&head.Position.Major, &recordedAt); err != nil {
		return eventstore.Head{}, err
	}
	if !head.Position.IsZero() {
		head.RecordedAt = time.UnixMicro(recordedAt).UTC()
	}
	return head, nil
}

// micros returns the time of head as it is stored: 0 for an empty log.
func micros(head eventstore.Head) int64 {
	if head.Position.IsZero() {
		return 0
	}
	return head.RecordedAt.UnixMicro()
}
