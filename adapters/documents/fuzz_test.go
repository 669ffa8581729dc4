package documents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/eventstore"
)

// fixedKeys is a ring of one key.
type fixedKeys struct{ secret [32]byte }

func (k fixedKeys) Ensure(_ context.Context, subjects ...string) ([]eventstore.Key, error) {
	return []eventstore.Key{{ID: subjects[0], Secret: k.secret[:]}}, nil
}

func (k fixedKeys) Lookup(ctx context.Context, ids ...string) ([]eventstore.Key, error) {
	return k.Ensure(ctx, ids...)
}

func fuzzStore(f *testing.F) (*Store, string, string) {
	f.Helper()
	dir := f.TempDir()
	store, err := Open(context.Background(), "file:"+dir, fixedKeys{sha256.Sum256([]byte("a key"))})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	id := uuid.NewString()
	return store, dir, id
}

const fuzzText = "What a person wrote about a loan, long ago. "

// FuzzSegment puts anything in the place of a segment: it is the segment, or refused.
func FuzzSegment(f *testing.F) {
	store, dir, id := fuzzStore(f)
	content := strings.Repeat(fuzzText, 10)
	manifest, err := store.Put(context.Background(), "casefile-1", id, strings.NewReader(content), 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, filepath.FromSlash(segmentName(id, manifest.Segments[0])))
	sealed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		document, err := store.Document(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		defer document.Close()
		got, err := io.ReadAll(document)
		if err == nil && string(got) != content {
			t.Errorf("got %q, want the document or an error", got)
		}
		if err != nil && !errors.Is(err, ErrAltered) {
			t.Errorf("got %v, want %v", err, ErrAltered)
		}
	})
}

// FuzzManifest puts anything in the place of a manifest, sealed and not.
func FuzzManifest(f *testing.F) {
	store, _, id := fuzzStore(f)
	seal, err := store.NewSeal(context.Background(), "casefile-1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"bytes":3,"sha256":"`+strings.Repeat("a", 64)+`","segments":[{"name":"`+uuid.NewString()+`","bytes":3}]}`), true)
	f.Add([]byte(`{"bytes":-1}`), true)
	f.Add([]byte("{\"format\":1,\"key\":\"casefile-1\"}\nabc"), false)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			closed, err := seal.bytes(manifestPlace(id), data)
			if err != nil {
				t.Fatal(err)
			}
			data = append([]byte(`{"format":1,"key":"casefile-1"}`+"\n"), closed...)
		}
		m, _, err := readManifest(bytes.NewReader(data), id, func(string) (*Seal, error) { return seal, nil })
		if err == nil {
			err = m.check()
		} else if !errors.Is(err, ErrAltered) {
			t.Errorf("got %v, want %v", err, ErrAltered)
			return
		}
		if err != nil && !errors.Is(err, ErrAltered) {
			t.Errorf("got a manifest that says %v, want none", err)
		}
	})
}
