// Package documentstest gives tests stores of documents, and keys that can be destroyed. A Ring checks the rules of
// eventstore.Keys: a destroyed key never comes back, and a new one has another id.
package documentstest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"casesync/adapters/documents"
	"casesync/eventstore"
)

// Ring is keys in memory.
type Ring struct {
	mu      sync.Mutex
	live    map[string]eventstore.Key // by subject
	keys    map[string]eventstore.Key // by id
	counter map[string]int
}

// NewRing returns a ring without keys.
func NewRing() *Ring {
	return &Ring{live: map[string]eventstore.Key{}, keys: map[string]eventstore.Key{}, counter: map[string]int{}}
}

// Ensure implements eventstore.Keys.
func (r *Ring) Ensure(_ context.Context, subjects ...string) ([]eventstore.Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]eventstore.Key, len(subjects))
	for i, subject := range subjects {
		if err := eventstore.CheckSubject(subject); err != nil {
			return nil, err
		}
		key, found := r.live[subject]
		if !found {
			r.counter[subject]++
			key = eventstore.Key{ID: subject, Secret: make([]byte, 32)}
			if n := r.counter[subject]; n > 1 {
				key.ID += fmt.Sprint("#", n)
			}
			if _, err := rand.Read(key.Secret); err != nil {
				return nil, err
			}
			r.live[subject], r.keys[key.ID] = key, key
		}
		keys[i] = key
	}
	return keys, nil
}

// Lookup implements eventstore.Keys.
func (r *Ring) Lookup(_ context.Context, ids ...string) ([]eventstore.Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]eventstore.Key, len(ids))
	for i, id := range ids {
		keys[i] = eventstore.Key{ID: id, Secret: r.keys[id].Secret}
	}
	return keys, nil
}

// Destroy destroys the key of a subject.
func (r *Ring) Destroy(subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, r.live[subject].ID)
	delete(r.live, subject)
}

// Open opens a store at address, until the test ends.
func Open(tb testing.TB, address string, keys eventstore.Keys) *documents.Store {
	tb.Helper()
	store, err := documents.Open(context.Background(), address, keys)
	if err != nil {
		tb.Fatalf("open store: %v", err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

// Bytes returns n bytes that look random, and are the same each time for a seed.
func Bytes(seed uint64, n int64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return io.LimitReader(mathrand.NewChaCha8(key), n)
}

// Sum returns the SHA-256 of what r holds.
func Sum(tb testing.TB, r io.Reader) string {
	tb.Helper()
	digest := sha256.New()
	if _, err := io.Copy(digest, r); err != nil {
		tb.Fatalf("read: %v", err)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// Files returns the contents of all files under dir, by their path in it.
func Files(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = data
		return err
	})
	if err != nil {
		tb.Fatalf("read files: %v", err)
	}
	return files
}

// Fixed is keys that several processes agree on: each is derived from the secret and the subject. None is ever destroyed.
type Fixed string

// Ensure implements eventstore.Keys.
func (f Fixed) Ensure(_ context.Context, subjects ...string) ([]eventstore.Key, error) {
	keys := make([]eventstore.Key, len(subjects))
	for i, subject := range subjects {
		secret := sha256.Sum256([]byte(string(f) + "|" + subject))
		keys[i] = eventstore.Key{ID: subject, Secret: secret[:]}
	}
	return keys, nil
}

// Lookup implements eventstore.Keys.
func (f Fixed) Lookup(ctx context.Context, ids ...string) ([]eventstore.Key, error) {
	return f.Ensure(ctx, ids...)
}
