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
			keyringtest.Run(t, func(t testing.TB) keyringtest.Open {
				address, keyFile := fresh(t), filepath.Join(t.TempDir(), "kek")
				return func(t testing.TB) keyringtest.Ring {
					return open(t, address, keyring.NewFileKEK(keyFile), keyring.Config{
						DestructionsCheckEvery: time.Nanosecond,
						RewrapKeysMax:          100,
					})
				}
			})
		})
	}
}

func open(t testing.TB, address string, kek keyring.KEK, config keyring.Config) *keyring.Ring {
	t.Helper()
	ring, err := tryOpen(t, address, kek, config)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func tryOpen(t testing.TB, address string, kek keyring.KEK, config keyring.Config) (*keyring.Ring, error) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address, sqldb.ConnsMax(4))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), db, kek, config)
	t.Cleanup(func() {
		if ring != nil {
			ring.Close()
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return ring, err
}
