package pglog_test

import (
	"context"
	"testing"
	"time"

	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m, open) }

func open(url string) (storetest.Handle, error) {
	return pglog.Open(context.Background(), url, pglog.Config{})
}

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Factory {
		url := sqldbtest.Postgres(t)
		return func(now func() time.Time) (storetest.Handle, error) {
			return pglog.Open(t.Context(), url, pglog.Config{Now: now})
		}
	})
}

func TestKill(t *testing.T) {
	t.Parallel()
	storetest.Kill(t, open, sqldbtest.Postgres(t))
}

func BenchmarkAppend(b *testing.B)  { storetest.BenchmarkAppend(b, fresh) }
func BenchmarkReadAll(b *testing.B) { storetest.BenchmarkReadAll(b, fresh) }

func fresh(b *testing.B) storetest.Handle {
	log, err := open(sqldbtest.Postgres(b))
	if err != nil {
		b.Fatal(err)
	}
	return log
}
