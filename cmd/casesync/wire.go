package main

import (
	"context"
	"time"

	"casesync/eventstore"
	"casesync/eventstore/kurrentlog"
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

// openLog opens the log at an address, whose events are recorded at the times that now tells; KurrentDB
// has a clock of its own. This is the one place that names the logs there are.
func openLog(ctx context.Context, address string, now func() time.Time) (openedLog, error) {
	if kurrentlog.IsAddress(address) {
		return kurrentlog.Open(ctx, address, kurrentlog.Config{})
	}
	dialect, place, err := sqldb.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if dialect == sqldb.Postgres {
		return pglog.Open(ctx, place, pglog.Config{Now: now})
	}
	return sqlitelog.Open(ctx, place, sqlitelog.Config{Now: now})
}

// checkLogAddress returns an error for an address that no log can be opened at.
func checkLogAddress(address string) error {
	if kurrentlog.IsAddress(address) {
		return kurrentlog.CheckAddress(address)
	}
	_, _, err := sqldb.ParseAddress(address)
	return err
}

// shownLog is the address of a log as people may see it.
func shownLog(address string) string {
	if kurrentlog.IsAddress(address) {
		return kurrentlog.Redact(address)
	}
	return sqldb.Redact(address)
}
