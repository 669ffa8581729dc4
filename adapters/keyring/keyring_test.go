package keyring_test

import (
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/adapters/keyring"
	"casesync/adapters/keyring/keyringtest"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyringtest.Run(t, func(tb testing.TB) keyringtest.Open {
				tb.Helper()
				address, keyFile := fresh(tb), filepath.Join(tb.TempDir(), "kek")
				return func(tb testing.TB) keyringtest.Ring {
					tb.Helper()
					return open(tb, address, keyring.NewFileKEK(keyFile), keyring.Config{
						DestructionsCheckEvery: time.Nanosecond,
						RewrapKeysMax:          100,
					})
				}
			})
		})
	}
}

func open(tb testing.TB, address string, kek keyring.KEK, config keyring.Config) *keyring.Ring {
	tb.Helper()
	ring, err := tryOpen(tb, address, kek, config)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

func tryOpen(tb testing.TB, address string, kek keyring.KEK, config keyring.Config) (*keyring.Ring, error) {
	tb.Helper()
	db, err := sqldb.Open(tb.Context(), address, sqldb.ConnsMax(4))
	if err != nil {
		tb.Fatal(err)
	}
	ring, err := keyring.Open(tb.Context(), db, kek, config)
	tb.Cleanup(func() {
		if ring != nil {
			ring.Close()
		}
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return ring, err
}
