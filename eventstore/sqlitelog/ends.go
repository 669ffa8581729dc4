package sqlitelog

import (
	"context"
	"encoding/json"
	"fmt"

	"casesync/eventstore"
)

// endsMax is the most streams that are asked for in one statement.
const endsMax = 10_000

// Ends implements eventstore.Ender.
func (l *Log) Ends(ctx context.Context, streams ...eventstore.StreamName) ([]eventstore.Revision, error) {
	return l.ends.Read(ctx, streams...)
}

// readEnds looks the ends of all streams up in one transaction.
func (l *Log) readEnds(ctx context.Context, streams []eventstore.StreamName) ([]eventstore.Revision, error) {
	names, err := json.Marshal(streams)
	if err != nil {
		return nil, fmt.Errorf("read ends of streams: %w", err)
	}
	conn, err := l.readers.Take(ctx)
	if err != nil {
		return nil, fmt.Errorf("read ends of streams: %w", explainRead(ctx, err))
	}
	defer l.readers.Put(conn)
	stmt, err := conn.Prepare("SELECT key, (SELECT max(revision) FROM log_event WHERE stream = value) FROM json_each($1)")
	if err != nil {
		return nil, fmt.Errorf("read ends of streams: %w", explainRead(ctx, err))
	}
	defer func() { _ = stmt.Reset() }()
	stmt.BindText(1, string(names))
	found := make([]eventstore.Revision, len(streams))
	for {
		row, err := stmt.Step()
		if err != nil {
			return nil, fmt.Errorf("read ends of streams: %w", explainRead(ctx, err))
		}
		if !row {
			return found, nil
		}
		end := eventstore.Revision(-1)
		if !stmt.ColumnIsNull(1) {
			end = eventstore.Revision(stmt.ColumnInt64(1))
		}
		found[stmt.ColumnInt(0)] = end
	}
}
