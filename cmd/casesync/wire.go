package main

import (
	"context"

	"casesync/eventstore"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqlitelog"
)

// openedLog is a log with all that a log may have beside its contract.
type openedLog interface {
	eventstore.Log
	eventstore.Notifier
	eventstore.Header
	eventstore.Identifier
	Close() error
}

// openLog opens the log at an address. This is the one place that names the logs there are.
func openLog(ctx context.Context, address string) (openedLog, error) {
	dialect, place, err := sqldb.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if dialect == sqldb.Postgres {
		return pglog.Open(ctx, place, pglog.Config{})
	}
	return sqlitelog.Open(ctx, place, sqlitelog.Config{})
}
