package pglog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"casesync/eventstore"
)

// endsMax is the most streams that are asked for in one statement.
const endsMax = 10_000

// Ends implements eventstore.Ender.
func (l *Log) Ends(ctx context.Context, streams ...eventstore.StreamName) ([]eventstore.Revision, error) {
	return l.ends.Read(ctx, streams...)
}

// readEnds looks the ends of all streams up in one statement.
func (l *Log) readEnds(ctx context.Context, streams []eventstore.StreamName) ([]eventstore.Revision, error) {
	names := make([]string, len(streams))
	for i, stream := range streams {
		names[i] = string(stream)
	}
	rows, err := l.readers.Query(ctx, `SELECT COALESCE((SELECT e.revision FROM log_event e
		WHERE e.stream = asked.stream COLLATE "C" ORDER BY e.revision DESC LIMIT 1), -1)
		FROM unnest($1::text[]) WITH ORDINALITY AS asked (stream, place) ORDER BY asked.place`, names)
	if err != nil {
		return nil, fmt.Errorf("read ends of streams: %w", explainRead(ctx, err))
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (end eventstore.Revision, err error) {
		return end, row.Scan((*int64)(&end))
	})
	if err != nil {
		return nil, fmt.Errorf("read ends of streams: %w", explainRead(ctx, err))
	}
	return found, nil
}
