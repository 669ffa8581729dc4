package sqlitelog

import (
	"context"
	"fmt"
	"iter"
	"time"

	"zombiezen.com/go/sqlite"

	"casesync/eventstore"
)

// A page ends with the event that reaches one of these.
const (
	pageEventsMax = 1000
	pageBytesMax  = 4 << 20
)

// The columns of an event, in the order that scan reads.
const columns = "position, stream, revision, id, type, recorded_at, data, metadata"

// ReadAll implements eventstore.Log.
func (l *Log) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	read := func(ctx context.Context, after eventstore.Position) ([]eventstore.Recorded, eventstore.Position, bool, error) {
		page, more, err := l.readPage(ctx, "SELECT "+columns+" FROM log_event WHERE position > $1 ORDER BY position",
			func(stmt *sqlite.Stmt) { stmt.BindInt64(1, int64(after.Major)) })
		if err != nil {
			return nil, after, false, fmt.Errorf("read log after %v: %w", after, err)
		}
		if len(page) > 0 {
			after = page[len(page)-1].Position
		}
		return page, after, more, nil
	}
	return eventstore.Pages(ctx, after, read)
}

// ReadStream implements eventstore.Log.
func (l *Log) ReadStream(
	ctx context.Context, stream eventstore.StreamName, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	read := func(ctx context.Context, from eventstore.Revision) ([]eventstore.Recorded, eventstore.Revision, bool, error) {
		page, more, err := l.readPage(ctx,
			"SELECT "+columns+" FROM log_event WHERE stream = $1 AND revision >= $2 ORDER BY revision",
			func(stmt *sqlite.Stmt) {
				stmt.BindText(1, string(stream))
				stmt.BindInt64(2, int64(from))
			})
		if err != nil {
			return nil, from, false, fmt.Errorf("read stream %s from %d: %w", stream, from, err)
		}
		return page, from + eventstore.Revision(len(page)), more, nil
	}
	return eventstore.Pages(ctx, max(from, 0), read)
}

// readPage reads up to a page of the query's events, and whether there may be more.
func (l *Log) readPage(ctx context.Context, query string, bind func(*sqlite.Stmt)) ([]eventstore.Recorded, bool, error) {
	conn, err := l.readers.Take(ctx)
	if err != nil {
		return nil, false, explainRead(ctx, err)
	}
	defer l.readers.Put(conn)
	stmt, err := conn.Prepare(query)
	if err != nil {
		return nil, false, explainRead(ctx, err)
	}
	defer func() { _ = stmt.Reset() }() // ends the read transaction
	bind(stmt)
	var page []eventstore.Recorded
	types := make(map[string]string)
	for bytes := 0; len(page) < pageEventsMax && bytes < pageBytesMax; {
		row, err := stmt.Step()
		if err != nil {
			return nil, false, explainRead(ctx, err)
		}
		if !row {
			return page, false, nil
		}
		event := scan(stmt, types)
		bytes += len(event.Data) + len(event.Metadata)
		page = append(page, event)
	}
	return page, true, nil
}

// scan reads the event at a row. Equal type names share one string.
func scan(stmt *sqlite.Stmt, types map[string]string) eventstore.Recorded {
	event := eventstore.Recorded{
		Stream:     eventstore.StreamName(stmt.ColumnText(1)),
		Revision:   eventstore.Revision(stmt.ColumnInt64(2)),
		Position:   eventstore.Position{Major: uint64(stmt.ColumnInt64(0))},
		RecordedAt: time.UnixMicro(stmt.ColumnInt64(5)).UTC(),
	}
	stmt.ColumnBytes(3, event.ID[:])
	name := stmt.ColumnText(4)
	if shared, ok := types[name]; ok {
		name = shared
	} else {
		types[name] = name
	}
	event.Type = name
	// Data and metadata share one allocation; each slice ends where it ends.
	data, metadata := stmt.ColumnLen(6), stmt.ColumnLen(7)
	bytes := make([]byte, data+metadata)
	stmt.ColumnBytes(6, bytes[:data])
	stmt.ColumnBytes(7, bytes[data:])
	event.Data, event.Metadata = bytes[:data:data], bytes[data:]
	return event
}

// Head implements eventstore.Header.
func (l *Log) Head(ctx context.Context) (eventstore.Head, error) {
	conn, err := l.readers.Take(ctx)
	if err != nil {
		return eventstore.Head{}, fmt.Errorf("read head of log: %w", explainRead(ctx, err))
	}
	defer l.readers.Put(conn)
	head, err := readHead(conn)
	if err != nil {
		return eventstore.Head{}, fmt.Errorf("read head of log: %w", explainRead(ctx, err))
	}
	return head, nil
}

// Wait implements eventstore.Notifier.
func (l *Log) Wait(ctx context.Context, after eventstore.Position) error {
	return l.watch.Wait(ctx, after, l.config.PollInterval, l.Head)
}

// Identity implements eventstore.Identifier.
func (l *Log) Identity(ctx context.Context) (string, error) {
	conn, err := l.readers.Take(ctx)
	if err != nil {
		return "", fmt.Errorf("read identity of log: %w", explainRead(ctx, err))
	}
	defer l.readers.Put(conn)
	stmt, err := conn.Prepare("SELECT identity FROM log_identity")
	if err != nil {
		return "", fmt.Errorf("read identity of log: %w", explainRead(ctx, err))
	}
	defer func() { _ = stmt.Reset() }()
	if row, err := stmt.Step(); err != nil || !row {
		return "", fmt.Errorf("read identity of log: %w", explainRead(ctx, err))
	}
	return stmt.ColumnText(0), nil
}
