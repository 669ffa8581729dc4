package keyring_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/keyring"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// clock is a clock that a test turns.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) turn(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

func TestOtherProcessesForgetDestroyedKeysInTime(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		const bound = 2 * time.Second
		clock, path := newClock(), writeKey(t, strings.Repeat("5a", 32))
		config := keyring.Config{DestructionsCheckEvery: bound, Now: clock.Now}
		ring, other := open(t, address, keyring.NewFileKEK(path), config), open(t, address, keyring.NewFileKEK(path), config)
		found := func(r *keyring.Ring, id string) bool {
			keys, err := r.Lookup(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return keys[0].Secret != nil
		}
		if _, err := other.Ensure(t.Context(), "case-1", "case-2"); err != nil {
			t.Fatal(err)
		}
		if err := ring.Destroy(t.Context(), "case-1"); err != nil {
			t.Fatal(err)
		}
		if found(ring, "case-1") {
			t.Error("the process that destroyed the key still gives it out")
		}
		clock.turn(bound - 1)
		found(other, "case-1") // may be either
		clock.turn(1)
		if found(other, "case-1") {
			t.Errorf("another process gives the key out after %v", bound)
		}
		if !found(other, "case-2") {
			t.Error("a key that was not destroyed is gone")
		}
		keys, err := other.Ensure(t.Context(), "case-1")
		if err != nil || keys[0].ID != "case-1#2" {
			t.Errorf("the next key is %v, %v, want case-1#2", keys, err)
		}
	})
}

// Without its database a process cannot know what was destroyed, so it gives out nothing.
func TestWithoutDatabaseNoKeyIsGivenOutForLong(t *testing.T) {
	t.Parallel()
	clock := newClock()
	db, err := sqldb.Open(t.Context(), sqldbtest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), db, keyring.NewFileKEK(writeKey(t, strings.Repeat("5a", 32))), keyring.Config{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	if _, err := ring.Ensure(t.Context(), "case-1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Lookup(t.Context(), "case-1"); err != nil {
		t.Errorf("a key in memory gives %v, want nil", err)
	}
	clock.turn(2 * time.Second)
	if keys, err := ring.Lookup(t.Context(), "case-1"); err == nil {
		t.Errorf("Lookup gives %v, want an error", keys[0].ID)
	}
}

func TestMustExist(t *testing.T) {
	t.Parallel()
	address, path := sqldbtest.SQLite(t), writeKey(t, strings.Repeat("5a", 32))
	if _, err := tryOpen(t, address, keyring.NewFileKEK(path), keyring.Config{MustExist: true}); err == nil || !strings.Contains(err.Error(), "restore the key ring") {
		t.Errorf("without a ring Open gives %v, want it to say what to do", err)
	}
	open(t, address, keyring.NewFileKEK(path), keyring.Config{})
	open(t, address, keyring.NewFileKEK(path), keyring.Config{MustExist: true})
}

// After a rotation nothing of a destroyed key, nor of the ring key it was wrapped under, is in the
// files of a SQLite ring.
func TestDestroyedKeysLeaveTheFiles(t *testing.T) {
	t.Parallel()
	address := sqldbtest.SQLite(t)
	ring := open(t, address, keyring.NewFileKEK(writeKey(t, strings.Repeat("5a", 32))), keyring.Config{})
	if _, err := ring.Ensure(t.Context(), "case-1", "case-2"); err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"data key": stored(t, address, `SELECT wrapped FROM keyring_keys WHERE id = 'case-1'`),
		"ring key": stored(t, address, `SELECT wrapped FROM keyring_ring_keys WHERE version = 1`),
	}
	if err := ring.Destroy(t.Context(), "case-1"); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, address, secrets["data key"]) {
		t.Error("the data key is gone before the rotation: this test sees nothing")
	}
	if err := ring.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, secret := range secrets {
		if len(secret) < 32 || inFiles(t, address, secret) {
			t.Errorf("the wrapped %s is in the files of the ring after the rotation", name)
		}
	}
}

func stored(t *testing.T, address, query string) (wrapped []byte) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	err = db.QueryRowContext(t.Context(), query).Scan(&wrapped)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func inFiles(t *testing.T, address string, secret []byte) bool {
	t.Helper()
	path, found := strings.TrimPrefix(address, "sqlite:"), false
	for _, file := range []string{path, path + "-wal"} {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		found = found || bytes.Contains(data, secret)
	}
	return found
}
