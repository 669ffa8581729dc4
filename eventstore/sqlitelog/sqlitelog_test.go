package sqlitelog_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"casesync/eventstore/sqlitelog"
	"casesync/eventstore/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m, open) }

func open(path string) (storetest.Handle, error) {
	return sqlitelog.Open(context.Background(), path, sqlitelog.Config{})
}

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Factory {
		path := filepath.Join(t.TempDir(), "log.db")
		return func(now func() time.Time) (storetest.Handle, error) {
			return sqlitelog.Open(t.Context(), path, sqlitelog.Config{Now: now})
		}
	})
}

func TestKill(t *testing.T) {
	t.Parallel()
	storetest.Kill(t, open, filepath.Join(t.TempDir(), "log.db"))
}

func BenchmarkAppend(b *testing.B)  { storetest.BenchmarkAppend(b, fresh) }
func BenchmarkReadAll(b *testing.B) { storetest.BenchmarkReadAll(b, fresh) }

func fresh(b *testing.B) storetest.Handle {
	log, err := open(filepath.Join(b.TempDir(), "log.db"))
	if err != nil {
		b.Fatal(err)
	}
	return log
}
