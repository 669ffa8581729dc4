package pglog

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"casesync/eventstore"
)

// A page ends with the event that reaches one of these. The first page of a read is smaller; from
// then on the events' own size tells how many to ask for, since what was asked for beyond the
// bytes is sent in vain.
const (
	pageEventsFirst = 200
	pageEventsMax   = 2000
	pageBytesMax    = 4 << 20
)

const selectEvents = "SELECT position, stream, revision, id, type, data, metadata, recorded_at FROM log_event "

// cursor is where a read goes on: behind a position or from a revision, and how many to ask for.
type cursor struct {
	at    int64
	limit int
}

// ReadAll implements eventstore.Log.
func (l *Log) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	read := func(ctx context.Context, c cursor) ([]eventstore.Recorded, cursor, bool, error) {
		page, next, more, err := l.readPage(ctx, c, "WHERE position > $1 ORDER BY position LIMIT $2", c.at)
		if err != nil {
			return nil, c, false, fmt.Errorf("read log after %d: %w", c.at, err)
		}
		if len(page) > 0 {
			next.at = int64(page[len(page)-1].Position.Major)
		}
		return page, next, more, nil
	}
	return eventstore.Pages(ctx, cursor{int64(after.Major), pageEventsFirst}, read)
}

// ReadStream implements eventstore.Log.
func (l *Log) ReadStream(
	ctx context.Context, stream eventstore.StreamName, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	read := func(ctx context.Context, c cursor) ([]eventstore.Recorded, cursor, bool, error) {
		page, next, more, err := l.readPage(ctx, c, "WHERE revision >= $1 AND stream = $3 ORDER BY revision LIMIT $2", c.at, string(stream))
		if err != nil {
			return nil, c, false, fmt.Errorf("read stream %s from %d: %w", stream, c.at, err)
		}
		next.at = c.at + int64(len(page))
		return page, next, more, nil
	}
	return eventstore.Pages(ctx, cursor{int64(max(from, 0)), pageEventsFirst}, read)
}

// readPage reads up to a page, how many events to ask for next, and whether there may be more.
func (l *Log) readPage(
	ctx context.Context, c cursor, condition string, at int64, more ...any,
) ([]eventstore.Recorded, cursor, bool, error) {
	rows, err := l.readers.Query(ctx, selectEvents+condition, append([]any{at, c.limit}, more...)...)
	if err != nil {
		return nil, c, false, explainRead(ctx, err)
	}
	defer rows.Close()
	page := make([]eventstore.Recorded, 0, c.limit)
	bytes := 0
	for bytes < pageBytesMax && rows.Next() {
		event, err := scan(rows)
		if err != nil {
			return nil, c, false, explainRead(ctx, err)
		}
		bytes += len(event.Data) + len(event.Metadata)
		page = append(page, event)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, c, false, explainRead(ctx, err)
	}
	full := len(page) == c.limit || bytes >= pageBytesMax
	c.limit = min(max(pageBytesMax*len(page)/max(bytes, 1), 1), pageEventsMax)
	return page, c, full, nil
}

func scan(rows pgx.Rows) (event eventstore.Recorded, err error) {
	var recordedAt int64
	err = rows.Scan(&event.Position.Major, (*string)(&event.Stream), (*int64)(&event.Revision),
		(*[16]byte)(&event.ID), &event.Type, &event.Data, &event.Metadata, &recordedAt)
	event.RecordedAt = time.UnixMicro(recordedAt).UTC()
	return event, err
}

// explainRead prefers the reader's own end to what the database says when it was interrupted by it.
func explainRead(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return explain(err)
}

// Head implements eventstore.Header.
func (l *Log) Head(ctx context.Context) (eventstore.Head, error) {
	head, err := scanHead(l.readers.QueryRow(ctx, "SELECT position, recorded_at FROM log_head"))
	if err != nil {
		return eventstore.Head{}, fmt.Errorf("read head of log: %w", explainRead(ctx, err))
	}
	return head, nil
}

// Wait implements eventstore.Notifier.
func (l *Log) Wait(ctx context.Context, after eventstore.Position) error {
	l.notifier.listen()
	return l.watch.Wait(ctx, after, l.config.PollInterval, l.Head)
}
