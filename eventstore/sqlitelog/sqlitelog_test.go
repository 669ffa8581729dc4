package sqlitelog_test

import (
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/eventstore/sqlitelog"
	"casesync/eventstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Factory {
		path := filepath.Join(t.TempDir(), "log.db")
		return func(now func() time.Time) (storetest.Handle, error) {
			return sqlitelog.Open(t.Context(), path, sqlitelog.Config{Now: now})
		}
	})
}
