package documents_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/adapters/documents"
	"casesync/adapters/documents/documentstest"
)

func TestMain(m *testing.M) {
	var options []goleak.Option
	if os.Getenv(documentstest.AzuriteVariable) != "" {
		// Azure's client keeps its connections for the whole process.
		options = []goleak.Option{
			goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		}
	}
	goleak.VerifyTestMain(m, options...)
}

const subject = "casefile-1234"

// each runs a test on a folder, and on Azure Blob Storage where one is named.
func each(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		test(t, "file:"+t.TempDir())
	})
	if address, given := documentstest.Azure(t); given {
		t.Run("azure", func(t *testing.T) {
			t.Parallel()
			test(t, address)
		})
	}
}

func put(tb testing.TB, store *documents.Store, content []byte) string {
	tb.Helper()
	id := uuid.NewString()
	manifest, err := store.Put(context.Background(), subject, id, bytes.NewReader(content), 1<<30)
	if err != nil {
		tb.Fatalf("put: %v", err)
	}
	if want := documentstest.Sum(tb, bytes.NewReader(content)); manifest.SHA256 != want || manifest.Bytes != int64(len(content)) {
		tb.Fatalf("got %d bytes with SHA-256 %s, want %d with %s", manifest.Bytes, manifest.SHA256, len(content), want)
	}
	return id
}

func random(tb testing.TB, n int64) []byte {
	tb.Helper()
	data, err := io.ReadAll(documentstest.Bytes(uint64(n)+7, n))
	if err != nil {
		tb.Fatalf("make bytes: %v", err)
	}
	return data
}

// read returns what a document holds; Document reads the manifest, and reading the rest.
func read(store *documents.Store, id string) ([]byte, error) {
	document, err := store.Document(context.Background(), id)
	if err != nil {
		return nil, err
	}
	defer document.Close()
	return io.ReadAll(document)
}

// Documents of all sizes around the edges of segments come back byte for byte, also from another process's store.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, address string) {
		keys := documentstest.NewRing()
		store, other := documentstest.Open(t, address, keys), documentstest.Open(t, address, keys)
		const segment = documents.SegmentBytesMax
		for _, size := range []int64{0, 1, 65, 64 << 10, segment - 1, segment, segment + 1, 2*segment + 12345} {
			want := random(t, size)
			got, err := read(other, put(t, store, want))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes: got %d bytes, %v, want them back", size, len(got), err)
			}
		}
	})
}

// A document can be read from any place, onwards and backwards.
func TestReadsAnywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, address string) {
		store := documentstest.Open(t, address, documentstest.NewRing())
		want := random(t, 2*documents.SegmentBytesMax+1000)
		document, err := store.Document(context.Background(), put(t, store, want))
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		defer document.Close()
		for _, r := range [][2]int{{100, 200}, {8<<20 - 50, 100}, {16 << 20, 1000}, {50, 10}, {0, 1}, {16<<20 + 999, 1}} {
			got := make([]byte, r[1])
			if n, err := document.ReadAt(got, int64(r[0])); err != nil || !bytes.Equal(got, want[r[0]:r[0]+r[1]]) {
				t.Errorf("read %d at %d: got %d, %v, want them", r[1], r[0], n, err)
			}
		}
		if n, err := document.ReadAt(make([]byte, 10), int64(len(want))-5); n != 5 || !errors.Is(err, io.EOF) {
			t.Errorf("read over the end: got %d, %v, want 5, EOF", n, err)
		}
		if err := iotest.TestReader(document, want); err != nil {
			t.Errorf("as a reader: %v", err)
		}
	})
}

// Whatever is done to any blob of a document, it is refused; never anything else is given out as if it were it.
func TestTamperingIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := documentstest.Open(t, "file:"+dir, documentstest.NewRing())
	content, foreign := random(t, 2*documents.SegmentBytesMax+100), random(t, documents.SegmentBytesMax+5)
	id, other := put(t, store, content), put(t, store, foreign)
	segments, others := blobs(t, store, dir, id), blobs(t, store, dir, other)
	manifest, foreignManifest := manifestOf(dir, id), manifestOf(dir, other)
	change := func(path string, f func([]byte) []byte) func() {
		return func() {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	becomes := func(path, from string) func() {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		return change(path, func([]byte) []byte { return data })
	}
	flip := func(at int) func([]byte) []byte {
		return func(data []byte) []byte {
			data[(at+len(data))%len(data)] ^= 1
			return data
		}
	}
	cut := func(n int) func([]byte) []byte { return func(data []byte) []byte { return data[:len(data)-n] } }
	for name, damage := range map[string]func(){
		"first byte of a segment":             change(segments[0], flip(0)),
		"a byte in the middle of a segment":   change(segments[1], flip(4<<20)),
		"the last byte of the last segment":   change(segments[2], flip(-1)),
		"a segment cut by a byte":             change(segments[0], cut(1)),
		"a segment cut by a sealed part":      change(segments[0], cut(64<<10)),
		"a segment cut to nothing":            change(segments[1], func([]byte) []byte { return nil }),
		"a segment with more at its end":      change(segments[2], func(data []byte) []byte { return append(data, 0) }),
		"one segment in the place of another": becomes(segments[0], segments[1]),
		"a segment of another document":       becomes(segments[0], others[0]),
		"a segment that is gone":              func() { _ = os.Remove(segments[1]) },
		"a byte of the manifest":              change(manifest, flip(-10)),
		"a manifest cut off":                  change(manifest, cut(1)),
		"a manifest without its heading":      change(manifest, func(data []byte) []byte { return data[bytes.IndexByte(data, '\n')+1:] }),
		"an empty manifest":                   change(manifest, func([]byte) []byte { return nil }),
		"the manifest of another document":    becomes(manifest, foreignManifest),
	} {
		saved := documentstest.Files(t, dir)
		damage()
		got, err := read(store, id)
		if !errors.Is(err, documents.ErrAltered) {
			t.Errorf("%s: got %d bytes, %v, want %v", name, len(got), err, documents.ErrAltered)
		}
		if !bytes.HasPrefix(content, got) {
			t.Errorf("%s: got bytes that were never in the document", name)
		}
		for path, data := range saved {
			if err := os.WriteFile(filepath.Join(dir, path), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := read(store, id); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%s: put back: got %v, want the document", name, err)
		}
	}
}

// blobs returns the paths of a document's segments, in order.
func blobs(t *testing.T, store *documents.Store, dir, id string) []string {
	t.Helper()
	document, err := store.Document(context.Background(), id)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer document.Close()
	var paths []string
	for _, segment := range document.Segments {
		paths = append(paths, filepath.Join(dir, id[:2], id, segment.Name))
	}
	return paths
}

func manifestOf(dir, id string) string { return filepath.Join(dir, id[:2], id, "manifest") }

// With the key of its case a document is gone, also where the case gets another key.
func TestDestroyedKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, address string) {
		keys := documentstest.NewRing()
		store := documentstest.Open(t, address, keys)
		id := put(t, store, []byte("the file"))
		keys.Destroy(subject)
		if _, err := read(store, id); !errors.Is(err, documents.ErrErased) {
			t.Errorf("got %v, want %v", err, documents.ErrErased)
		}
		put(t, store, []byte("another file"))
		if _, err := read(store, id); !errors.Is(err, documents.ErrErased) {
			t.Errorf("with a new key: got %v, want %v", err, documents.ErrErased)
		}
	})
}

// Nothing in the folder shows what is in a document; names are those of random ids.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := documentstest.Open(t, "file:"+dir, documentstest.NewRing())
	put(t, store, []byte(strings.Repeat("Complaint about a loan. ", 100_000)))
	files := documentstest.Files(t, dir)
	if len(files) != 2 {
		t.Errorf("got %d files, want a segment and a manifest", len(files))
	}
	for name, data := range files {
		if bytes.Contains(data, []byte("Complaint")) || bytes.Contains(data, []byte("sha256")) {
			t.Errorf("%s holds something in clear", name)
		}
	}
}

// What is refused, or breaks off, leaves nothing.
func TestFailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := documentstest.Open(t, "file:"+dir, documentstest.NewRing())
	broken := errors.New("the line broke")
	for name, c := range map[string]struct {
		r    io.Reader
		most int64
		want error
	}{
		"too large":            {documentstest.Bytes(1, 1001), 1000, documents.ErrTooLarge},
		"too large by far":     {documentstest.Bytes(1, 20<<20), 1000, documents.ErrTooLarge},
		"broken at once":       {iotest.ErrReader(broken), 1000, broken},
		"broken in the middle": {io.MultiReader(documentstest.Bytes(1, 10<<20), iotest.ErrReader(broken)), 1 << 30, broken},
	} {
		id := uuid.NewString()
		if _, err := store.Put(context.Background(), subject, id, c.r, c.most); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if _, err := read(store, id); !errors.Is(err, documents.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", name, err, documents.ErrNotFound)
		}
	}
	if files := documentstest.Files(t, dir); len(files) != 0 {
		t.Errorf("got %d files left, want none", len(files))
	}
}

// A deleted document is gone with all its blobs, and only it; deleting again is no error.
func TestDelete(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, address string) {
		ctx := context.Background()
		store := documentstest.Open(t, address, documentstest.NewRing())
		id, other := put(t, store, random(t, 9<<20)), put(t, store, []byte("stays"))
		for range 2 {
			if err := store.Delete(ctx, id); err != nil {
				t.Fatalf("delete: %v", err)
			}
			if _, err := read(store, id); !errors.Is(err, documents.ErrNotFound) {
				t.Errorf("got %v, want %v", err, documents.ErrNotFound)
			}
		}
		if _, err := read(store, other); err != nil {
			t.Errorf("the other: got %v, want it", err)
		}
		if dir, folder := strings.CutPrefix(address, "file:"); folder {
			if files := documentstest.Files(t, dir); len(files) != 2 {
				t.Errorf("got %d files left, want 2", len(files))
			}
		}
		for _, bad := range []string{"", "../../etc", "x", strings.ToUpper(other)} {
			if err := store.Delete(ctx, bad); err != nil {
				t.Errorf("delete %q: got %v, want nothing", bad, err)
			}
			if _, err := read(store, bad); !errors.Is(err, documents.ErrNotFound) {
				t.Errorf("%q: got %v, want %v", bad, err, documents.ErrNotFound)
			}
		}
	})
}

// A draft is no document before it is finished, and finishing it twice is as once.
func TestDraft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, address string) {
		ctx := context.Background()
		store := documentstest.Open(t, address, documentstest.NewRing())
		seal, err := store.NewSeal(ctx, subject)
		if err != nil {
			t.Fatalf("seal: %v", err)
		}
		id := uuid.NewString()
		var manifest documents.Manifest
		for _, part := range []string{"one ", "two ", "three"} {
			// Each is written twice, as after a crash before it was noted; the second counts.
			for range 2 {
				segment, err := store.WriteSegment(ctx, id, seal, manifest.Bytes, strings.NewReader(part))
				if err != nil {
					t.Fatalf("write: %v", err)
				}
				if segment.Bytes != int64(len(part)) {
					t.Fatalf("got %d bytes, want %d", segment.Bytes, len(part))
				}
				if len(manifest.Segments) > 0 && manifest.Bytes > 0 && manifest.Segments[len(manifest.Segments)-1].Name == segment.Name {
					t.Fatal("a segment was written over another")
				}
				manifest.Segments = append(manifest.Segments, segment)
			}
			last := len(manifest.Segments) - 1
			manifest.Segments = append(manifest.Segments[:last-1], manifest.Segments[last])
			manifest.Bytes += int64(len(part))
		}
		manifest.SHA256 = documentstest.Sum(t, strings.NewReader("one two three"))
		if _, err := read(store, id); !errors.Is(err, documents.ErrNotFound) {
			t.Errorf("before: got %v, want %v", err, documents.ErrNotFound)
		}
		for range 2 {
			if err := store.Finish(ctx, id, seal, manifest); err != nil {
				t.Fatalf("finish: %v", err)
			}
			if got, err := read(store, id); err != nil || string(got) != "one two three" {
				t.Errorf("got %q, %v, want it", got, err)
			}
		}
		wrong := manifest
		wrong.SHA256 = documentstest.Sum(t, strings.NewReader("something else"))
		if err := store.Finish(ctx, id, seal, wrong); err != nil {
			t.Fatalf("finish: %v", err)
		}
		if _, err := read(store, id); !errors.Is(err, documents.ErrAltered) {
			t.Errorf("another SHA-256: got %v, want %v", err, documents.ErrAltered)
		}
	})
}

// Reading ends with its context, and that is no sign of tampering.
func TestReadingEndsWithContext(t *testing.T) {
	t.Parallel()
	store := documentstest.Open(t, "file:"+t.TempDir(), documentstest.NewRing())
	id := put(t, store, random(t, 9<<20))
	ctx, cancel := context.WithCancel(context.Background())
	document, err := store.Document(ctx, id)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer document.Close()
	cancel()
	if _, err := io.ReadAll(document); !errors.Is(err, context.Canceled) || errors.Is(err, documents.ErrAltered) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// However large a document is, writing and reading it takes little memory.
func TestMemory(t *testing.T) {
	const size, most = 256 << 20, 24 << 20
	store := documentstest.Open(t, "file:"+t.TempDir(), documentstest.NewRing())
	peak := &peak{}
	id := uuid.NewString()
	manifest, err := store.Put(context.Background(), subject, id, io.TeeReader(documentstest.Bytes(3, size), peak), size)
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	document, err := store.Document(context.Background(), id)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer document.Close()
	if got := documentstest.Sum(t, io.TeeReader(document, peak)); got != manifest.SHA256 {
		t.Errorf("got SHA-256 %s, want %s", got, manifest.SHA256)
	}
	if peak.most-peak.first > most {
		t.Errorf("got %d MiB of heap at most, want %d", (peak.most-peak.first)>>20, most>>20)
	}
}

// peak measures what of the heap is in use, now and then.
type peak struct {
	first, most uint64
	since       int
}

func (p *peak) Write(data []byte) (int, error) {
	if p.since += len(data); p.first == 0 || p.since > 4<<20 {
		p.since = 0
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		if p.first == 0 {
			p.first = stats.HeapInuse
		}
		p.most = max(p.most, stats.HeapInuse)
	}
	return len(data), nil
}

// Addresses that are none are refused when the store is opened.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "file:", "data", "s3://bucket", "mem://", "azblob:"} {
		if store, err := documents.Open(context.Background(), address, documentstest.NewRing()); err == nil {
			_ = store.Close()
			t.Errorf("%q: got a store, want an error", address)
		}
	}
	if got := fmt.Sprint(documentstest.Open(t, "file:"+t.TempDir(), documentstest.NewRing()).Ready(context.Background())); got != "<nil>" {
		t.Errorf("ready: got %s, want none", got)
	}
}
