package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// A rotation that ends anywhere leaves every key readable, and the next one finishes it.
func TestRotationSurvivesACrashAnywhere(t *testing.T) {
	t.Parallel()
	crashes := map[string]func(context.Context, *Ring) error{
		"once there is a new ring key": func(ctx context.Context, r *Ring) error {
			_, err := r.supersede(ctx)
			return err
		},
		"half-way through the keys": func(ctx context.Context, r *Ring) error {
			version, err := r.supersede(ctx)
			if err != nil {
				return err
			}
			_, err = r.rewrapSome(ctx, version)
			return err
		},
		"before the former ring key is destroyed": func(ctx context.Context, r *Ring) error {
			version, err := r.supersede(ctx)
			for more := true; more && err == nil; {
				more, err = r.rewrapSome(ctx, version)
			}
			return err
		},
		"before it is purged": func(ctx context.Context, r *Ring) error {
			version, err := r.supersede(ctx)
			for more := true; more && err == nil; {
				more, err = r.rewrapSome(ctx, version)
			}
			return errors.Join(err, r.destroyFormer(ctx, version))
		},
	}
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kek := NewFileKEK(filepath.Join(t.TempDir(), "kek"))
		keys := make([]eventstore.Key, 0, 25)
		for name, crash := range crashes {
			ring := reopen(t, address, kek)
			made, err := ring.Ensure(t.Context(), fmt.Sprintf("%d", len(keys)), fmt.Sprintf("%d", len(keys)+1), fmt.Sprintf("%d", len(keys)+2), fmt.Sprintf("%d", len(keys)+3))
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, made...)
			if err := crash(t.Context(), ring); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			next := reopen(t, address, kek)
			mustHave(t, name, next, keys)
			if err := next.Rotate(t.Context()); err != nil {
				t.Fatalf("%s: the next rotation gives %v", name, err)
			}
			mustHave(t, name, next, keys)
			mustHave(t, name, ring, keys) // the process that did not crash after all
			if left := scalar(t, next.db, `SELECT count(*) FROM keyring_ring_keys WHERE destroyed_at = 0 OR length(wrapped) > 0`); left != 1 {
				t.Errorf("%s: %d ring keys are left, want 1", name, left)
			}
			if former := scalar(t, next.db, `SELECT count(*) FROM keyring_keys WHERE ring_version <> (SELECT current_version FROM keyring_state)`); former != 0 {
				t.Errorf("%s: %d keys are under a former ring key, want 0", name, former)
			}
		}
	})
}

// The last step must not be taken while a key still needs the former ring key.
func TestFormerRingKeyIsKeptWhileItIsNeeded(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		ring := reopen(t, address, NewFileKEK(filepath.Join(t.TempDir(), "kek")))
		keys, err := ring.Ensure(t.Context(), "case-1")
		if err != nil {
			t.Fatal(err)
		}
		version, err := ring.supersede(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := ring.destroyFormer(t.Context(), version); err == nil {
			t.Error("the former ring key was destroyed, want an error")
		}
		mustHave(t, "after the refusal", reopen(t, address, ring.kek), keys)
	})
}

// A rotation that another one overtakes ends with an error and harms nothing.
func TestOvertakenRotationStops(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kek := NewFileKEK(filepath.Join(t.TempDir(), "kek"))
		ring, other := reopen(t, address, kek), reopen(t, address, kek)
		keys, err := ring.Ensure(t.Context(), "case-1", "case-2")
		if err != nil {
			t.Fatal(err)
		}
		version, err := ring.supersede(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := ring.rewrapSome(t.Context(), version); !errors.Is(err, errSuperseded) {
			t.Errorf("wrapping gives %v, want %v", err, errSuperseded)
		}
		if err := ring.destroyFormer(t.Context(), version); !errors.Is(err, errSuperseded) {
			t.Errorf("destroying gives %v, want %v", err, errSuperseded)
		}
		mustHave(t, "after all", reopen(t, address, kek), keys)
	})
}

// A process that does not know of a rotation yet makes its next key under the new ring key: under
// the former one it would be lost with it.
func TestNoKeyIsMadeUnderAFormerRingKey(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kek := NewFileKEK(filepath.Join(t.TempDir(), "kek"))
		ring, other := reopen(t, address, kek), reopen(t, address, kek)
		other.config.DestructionsCheckEvery = time.Hour
		if _, err := other.Lookup(t.Context(), "case-1"); err != nil {
			t.Fatal(err)
		}
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		keys, err := other.Ensure(t.Context(), "case-1")
		if err != nil {
			t.Fatal(err)
		}
		mustHave(t, "after the rotation", reopen(t, address, kek), keys)
		// And it reads what was made under the ring key that it did not know.
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		more, err := ring.Ensure(t.Context(), "case-2")
		if err != nil {
			t.Fatal(err)
		}
		mustHave(t, "in the other process", other, more)
	})
}

// Keys and ring keys that were changed in the database are found out.
func TestAlteredRowsAreFound(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kek := NewFileKEK(filepath.Join(t.TempDir(), "kek"))
		ring := reopen(t, address, kek)
		if _, err := ring.Ensure(t.Context(), "case-1", "case-2"); err != nil {
			t.Fatal(err)
		}
		if _, err := ring.db.ExecContext(t.Context(), `UPDATE keyring_keys SET wrapped = (SELECT wrapped FROM keyring_keys WHERE id = 'case-2') WHERE id = 'case-1'`); err != nil {
			t.Fatal(err)
		}
		if keys, err := reopen(t, address, kek).Lookup(t.Context(), "case-1"); err == nil {
			t.Errorf("a swapped key gives %v, want an error", keys[0].ID)
		}
		if _, err := ring.db.ExecContext(t.Context(), `DELETE FROM keyring_ring_keys`); err != nil {
			t.Fatal(err)
		}
		db, err := sqldb.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := Open(t.Context(), db, kek, Config{}); err == nil {
			t.Error("a ring without its ring key opens, want an error")
		}
	})
}

// What the vault does not wrap changes nothing.
func TestRotationWithAFailingKEK(t *testing.T) {
	t.Parallel()
	address, kek := sqldbtest.SQLite(t), &failingKEK{KEK: NewFileKEK(filepath.Join(t.TempDir(), "kek"))}
	ring := reopen(t, address, kek)
	keys, err := ring.Ensure(t.Context(), "case-1")
	if err != nil {
		t.Fatal(err)
	}
	kek.fault = errors.New("vault is down")
	if err := ring.Rotate(t.Context()); !errors.Is(err, kek.fault) {
		t.Errorf("Rotate gives %v, want %v", err, kek.fault)
	}
	kek.fault = nil
	mustHave(t, "after the failure", reopen(t, address, kek), keys)
	if version := scalar(t, ring.db, `SELECT current_version FROM keyring_state`); version != 1 {
		t.Errorf("the current version is %d, want 1", version)
	}
}

type failingKEK struct {
	KEK
	fault error
}

func (f *failingKEK) Wrap(ctx context.Context, plain []byte) ([]byte, error) {
	if f.fault != nil {
		return nil, f.fault
	}
	return f.KEK.Wrap(ctx, plain)
}

func reopen(t *testing.T, address string, kek KEK) *Ring {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address, sqldb.ConnsMax(4))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := Open(t.Context(), db, kek, Config{RewrapKeysMax: 2, DestructionsCheckEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ring.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return ring
}

func mustHave(t *testing.T, when string, ring *Ring, want []eventstore.Key) {
	t.Helper()
	ids := make([]string, len(want))
	for i, key := range want {
		ids[i] = key.ID
	}
	got, err := ring.Lookup(t.Context(), ids...)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	for i := range want {
		if !bytes.Equal(got[i].Secret, want[i].Secret) {
			t.Errorf("%s: key %s is not what it was", when, want[i].ID)
		}
	}
}

func scalar(t *testing.T, db *sqldb.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
