package pglog_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Factory {
		url := sqldbtest.Postgres(t)
		return func(now func() time.Time) (storetest.Handle, error) {
			return pglog.Open(t.Context(), url, pglog.Config{Now: now})
		}
	})
}
