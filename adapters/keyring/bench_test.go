package keyring

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func BenchmarkEnsureNew(b *testing.B) {
	ring := benchmarkRing(b)
	b.SetParallelism(32)
	var n atomic.Int64
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			subject := fmt.Sprintf("case-%d", n.Add(1))
			if _, err := ring.Ensure(b.Context(), subject, subject+"/consumer"); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkEnsureKnown(b *testing.B) {
	ring := benchmarkRing(b)
	for b.Loop() {
		if _, err := ring.Ensure(b.Context(), "case-1", "case-1/consumer"); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkRing(b *testing.B) *Ring {
	b.Helper()
	db, err := sqldb.Open(b.Context(), sqldbtest.SQLite(b))
	if err != nil {
		b.Fatal(err)
	}
	ring, err := Open(b.Context(), db, NewFileKEK(filepath.Join(b.TempDir(), "kek")), Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ring.Close()
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return ring
}
