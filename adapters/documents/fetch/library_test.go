package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/documents"
	"casesync/adapters/documents/documentstest"
	"casesync/adapters/documents/fetch"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// shelf is a library with all around it.
type shelf struct {
	*fetch.Library
	source *source
	keys   *documentstest.Ring
	dir    string
	mu     sync.Mutex
	now    time.Time
}

func (s *shelf) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shelf) move(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func newShelf(t *testing.T, address string) *shelf {
	t.Helper()
	s := &shelf{source: newSource(t, true), keys: documentstest.NewRing(), dir: t.TempDir(), now: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)}
	db, err := sqldb.Open(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: s.source.host(), Networks: loopback}}, RootCAs: s.source.roots()})
	s.Library, err = fetch.NewLibrary(context.Background(), fetch.LibraryConfig{
		Fetcher: f, Store: documentstest.Open(t, "file:"+s.dir, s.keys), DB: db, Now: s.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shelf) get(ref, document string, w fetch.Wanted) (string, error) {
	opened, err := s.Open(context.Background(), ref, document, w)
	if err != nil {
		return "", err
	}
	defer opened.Close()
	text, err := io.ReadAll(opened)
	return string(text), err
}

// A document is fetched once, kept sealed, and given from the store after that, also while the source is down.
func TestLibrary(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := newShelf(t, address)
		w := wanted(t, s.source.URL+"/1", letter)
		w.SHA256 = strings.ToUpper(w.SHA256)
		for range 3 {
			if got, err := s.get("1234", "doc-1", w); err != nil || got != letter {
				t.Fatalf("got %q, %v, want the document", got, err)
			}
			s.source.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		}
		if n := len(s.source.requests()); n != 1 {
			t.Errorf("got %d requests, want 1", n)
		}
		for name, data := range documentstest.Files(t, s.dir) {
			if strings.Contains(string(data), "investigator") {
				t.Errorf("%s is in clear", name)
			}
		}
		// The same document of another case is another one: it is under another key.
		if _, err := s.get("5678", "doc-1", w); !errors.Is(err, fetch.ErrUnavailable) {
			t.Errorf("another case: got %v, want it fetched", err)
		}
	})
}

// Whatever is wrong with a document, nothing of it stays.
func TestLibraryKeepsNothingWrong(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := newShelf(t, address)
		w := wanted(t, s.source.URL, letter)
		s.source.set(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Replace(letter, "view", "VIEW", 1))
		})
		if _, err := s.get("1234", "doc-1", w); !errors.Is(err, fetch.ErrChecksum) {
			t.Errorf("got %v, want %v", err, fetch.ErrChecksum)
		}
		page := "<!DOCTYPE html><script>alert(1)</script>"
		s.source.set(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
		if _, err := s.get("1234", "doc-2", wanted(t, s.source.URL, page)); !errors.Is(err, fetch.ErrType) {
			t.Errorf("a page for a PDF: got %v, want %v", err, fetch.ErrType)
		}
		text := wanted(t, s.source.URL, page)
		text.MediaType = "text/plain; charset=utf-8"
		if _, err := s.get("1234", "doc-3", text); !errors.Is(err, fetch.ErrType) {
			t.Errorf("a page for text: got %v, want %v", err, fetch.ErrType)
		}
		if files := documentstest.Files(t, s.dir); len(files) != 0 {
			t.Errorf("got %d files left, want none", len(files))
		}
	})
}

// Many who ask at once wait for one fetch; who gives up waiting does not end it for the others.
func TestLibraryFetchesOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := newShelf(t, address)
		asked, release := make(chan struct{}), make(chan struct{})
		s.source.set(func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			<-release
			_, _ = io.WriteString(w, letter)
		})
		w := wanted(t, s.source.URL, letter)
		impatient, cancel := context.WithCancel(context.Background())
		left := make(chan error)
		go func() {
			_, err := s.Open(impatient, "1234", "doc-1", w)
			left <- err
		}()
		<-asked
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if got, err := s.get("1234", "doc-1", w); err != nil || got != letter {
					t.Errorf("got %q, %v, want the document", got, err)
				}
			})
		}
		close(release)
		group.Wait()
		if n := len(s.source.requests()); n != 1 {
			t.Errorf("got %d requests, want 1", n)
		}
	})
}

// With its case a document is erased; what was damaged is fetched again; what nobody opens goes.
func TestLibraryForgets(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		ctx := context.Background()
		s := newShelf(t, address)
		w := wanted(t, s.source.URL, letter)
		get := func(ref string) {
			t.Helper()
			if got, err := s.get(ref, "doc-1", w); err != nil || got != letter {
				t.Fatalf("got %q, %v, want the document", got, err)
			}
		}
		get("1")
		manifests, err := filepath.Glob(filepath.Join(s.dir, "*", "*", "manifest"))
		if err != nil || len(manifests) != 1 {
			t.Fatalf("got %v, %v, want one", manifests, err)
		}
		if err := os.Truncate(manifests[0], 40); err != nil {
			t.Fatal(err)
		}
		get("1")
		if n := len(s.source.requests()); n != 2 {
			t.Errorf("got %d requests, want 2", n)
		}
		get("2")
		s.keys.Destroy("casefile-1")
		if _, err := s.get("1", "doc-1", w); !errors.Is(err, documents.ErrErased) {
			t.Errorf("erased: got %v, want %v", err, documents.ErrErased)
		}
		if err := s.Forget(ctx, "1"); err != nil {
			t.Fatal(err)
		}
		if files := documentstest.Files(t, s.dir); len(files) != 2 {
			t.Errorf("got %d files left, want those of the other case", len(files))
		}
		s.move(29 * 24 * time.Hour)
		get("2")
		s.move(29 * 24 * time.Hour)
		if err := s.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if files := documentstest.Files(t, s.dir); len(files) != 2 {
			t.Errorf("in use: got %d files, want 2", len(files))
		}
		s.move(2 * 24 * time.Hour)
		if err := s.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if files := documentstest.Files(t, s.dir); len(files) != 0 {
			t.Errorf("not in use: got %d files, want none", len(files))
		}
	})
}
