package fetch_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/adapters/documents/documentstest"
	"casesync/adapters/documents/fetch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const letter = "%PDF-1.7\nThe investigator's view.\n%%EOF\n"

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// source is a case management system that gives documents out.
type source struct {
	*httptest.Server
	mu      sync.Mutex
	answer  http.HandlerFunc
	headers []http.Header // of the requests
}

func newSource(t *testing.T, tls bool) *source {
	t.Helper()
	s := &source{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.headers = append(s.headers, r.Header.Clone())
		answer := s.answer
		s.mu.Unlock()
		if answer == nil {
			_, _ = io.WriteString(w, letter)
			return
		}
		answer(w, r)
	})
	s.Server = httptest.NewUnstartedServer(handler)
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *source) set(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *source) requests() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers
}

// host is the source's name and port, as "example.com", for which its certificate is.
func (s *source) host() string {
	at, _ := url.Parse(s.URL)
	return at.Host
}

func (s *source) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	if s.Certificate() != nil {
		pool.AddCert(s.Certificate())
	}
	return pool
}

func newFetcher(t *testing.T, config fetch.Config) *fetch.Fetcher {
	t.Helper()
	f, err := fetch.New(config)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	t.Cleanup(f.Close)
	return f
}

func wanted(t *testing.T, address, content string) fetch.Wanted {
	t.Helper()
	return fetch.Wanted{URL: address, MediaType: "application/pdf", Bytes: int64(len(content)), SHA256: documentstest.Sum(t, strings.NewReader(content))}
}

func get(f *fetch.Fetcher, w fetch.Wanted) (string, error) {
	body, err := f.Fetch(context.Background(), w)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

// A document comes from a host on the list, with its credential.
func TestFetch(t *testing.T) {
	t.Parallel()
	s := newSource(t, true)
	secrets := t.TempDir()
	path := filepath.Join(secrets, "cms.key")
	if err := os.WriteFile(path, []byte("Bearer one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: s.host(), Credential: "cms.key", Networks: loopback}}, Secrets: secrets, RootCAs: s.roots()})
	for _, want := range []string{"Bearer one", "Bearer two"} {
		if err := os.WriteFile(path, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := get(f, wanted(t, s.URL+"/documents/1", letter)); err != nil || got != letter {
			t.Errorf("got %q, %v, want the document", got, err)
		}
		requests := s.requests()
		if got := requests[len(requests)-1].Get("Authorization"); got != want {
			t.Errorf("got credential %q, want %q", got, want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := get(f, wanted(t, s.URL, letter)); err == nil {
		t.Error("without its credential: got the document, want an error")
	}
}

// Anything but what was published is refused, whatever way it differs.
func TestOtherThanPublished(t *testing.T) {
	t.Parallel()
	s := newSource(t, true)
	f := newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: s.host(), Networks: loopback}}, RootCAs: s.roots(), BytesMax: 1 << 20, Timeout: 2 * time.Second})
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"another text": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Replace(letter, "view", "VIEW", 1))
		}, fetch.ErrChecksum},
		"less": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, letter[1:]) }, fetch.ErrSize},
		"more": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, letter+"x") }, fetch.ErrSize},
		"less, without saying so": {func(w http.ResponseWriter, _ *http.Request) {
			flush(w)
			_, _ = io.WriteString(w, letter[1:])
		}, fetch.ErrSize},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					return
				}
			}
		}, fetch.ErrSize},
		"nothing":   {func(http.ResponseWriter, *http.Request) {}, fetch.ErrSize},
		"not there": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, fetch.ErrMissing},
		"forbidden": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, fetch.ErrMissing},
		"a part":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPartialContent) }, fetch.ErrMissing},
		"down":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, fetch.ErrUnavailable},
		"too often": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, fetch.ErrUnavailable},
		"packed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, letter)
		}, fetch.ErrUnavailable},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, letter[:9])
			flush(w)
			panic(http.ErrAbortHandler)
		}, fetch.ErrUnavailable},
		"never begins": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fetch.ErrUnavailable},
		"never ends": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, letter[:9])
			flush(w)
			<-r.Context().Done()
		}, fetch.ErrUnavailable},
	} {
		s.set(c.answer)
		if _, err := get(f, wanted(t, s.URL, letter)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	large := wanted(t, s.URL, letter)
	large.Bytes = 1<<20 + 1
	if _, err := get(f, large); !errors.Is(err, fetch.ErrSize) {
		t.Errorf("published as too large: got %v, want %v", err, fetch.ErrSize)
	}
}

// Nothing is asked where nothing may be asked.
func TestNotAllowed(t *testing.T) {
	t.Parallel()
	s := newSource(t, true)
	plain := newSource(t, false)
	port := s.host()[strings.LastIndex(s.host(), ":"):]
	f := newFetcher(t, fetch.Config{Hosts: []fetch.Host{
		{Name: s.host()}, {Name: plain.host(), Networks: loopback}, {Name: "localhost" + port}, {Name: "documents.example.org"},
		{Name: "169.254.169.254"}, {Name: "[::1]" + port}, {Name: "[::ffff:127.0.0.1]" + port}, {Name: "0.0.0.0" + port},
		{Name: "[64:ff9b::7f00:1]" + port}, {Name: "10.0.0.1", Plain: true}, {Name: "168.63.129.16"},
	}, RootCAs: s.roots(), ConnectTimeout: time.Second})
	for _, address := range []string{
		s.URL, plain.URL, "https://localhost" + port, "https://169.254.169.254/metadata/instance", "https://[::1]" + port, "https://[::ffff:127.0.0.1]" + port,
		"https://0.0.0.0" + port, "https://[64:ff9b::7f00:1]" + port, "http://10.0.0.1", "https://168.63.129.16/machine",
		"https://other.example.org/1", "https://documents.example.org:444/1", "https://documents.example.org.evil.example/1",
		"http://documents.example.org/1", "ftp://documents.example.org/1", "file:///etc/passwd", "https://documents.example.org@other.example.org/1",
		"https://user:secret@documents.example.org/1", "//documents.example.org/1", "https:documents.example.org", "", "::", "https://documents.example.org\\@127.0.0.1/",
	} {
		if _, err := get(f, wanted(t, address, letter)); !errors.Is(err, fetch.ErrNotAllowed) {
			t.Errorf("%s: got %v, want %v", address, err, fetch.ErrNotAllowed)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %q, which tells a secret", address, err)
		}
	}
	if n := len(s.requests()) + len(plain.requests()); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
	loopbackOnly := newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: plain.host(), Networks: loopback, Plain: true}}})
	if got, err := get(loopbackOnly, wanted(t, plain.URL, letter)); err != nil || got != letter {
		t.Errorf("http to this machine, where it is allowed: got %q, %v", got, err)
	}
}

// A redirection is followed to a host on the list alone, and credentials do not go along.
func TestRedirections(t *testing.T) {
	t.Parallel()
	first, second := newSource(t, true), newSource(t, true)
	roots := first.roots()
	roots.AddCert(second.Certificate())
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "first"), []byte("Bearer first"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFetcher(t, fetch.Config{
		Hosts:   []fetch.Host{{Name: first.host(), Credential: "first", Networks: loopback}, {Name: second.host(), Networks: loopback}},
		RootCAs: roots, Secrets: secrets,
	})
	to := func(address string) {
		first.set(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, address, http.StatusFound) })
	}
	to(second.URL + "/elsewhere")
	if got, err := get(f, wanted(t, first.URL, letter)); err != nil || got != letter {
		t.Errorf("got %q, %v, want the document", got, err)
	}
	if got := second.requests()[0].Get("Authorization"); got != "" {
		t.Errorf("got credential %q at another host, want none", got)
	}
	for _, address := range []string{
		"https://169.254.169.254/metadata", "https://127.0.0.1:1/", "http://" + second.host(), "https://elsewhere.example.org", first.URL, "file:///etc/passwd",
	} {
		to(address)
		if _, err := get(f, wanted(t, first.URL, letter)); !errors.Is(err, fetch.ErrNotAllowed) {
			t.Errorf("to %s: got %v, want %v", address, err, fetch.ErrNotAllowed)
		}
	}
	first.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })
	if _, err := get(f, wanted(t, first.URL, letter)); err == nil {
		t.Error("to nowhere: got the document, want an error")
	}
}

// A name that comes to mean another address is no way around: what counts is the address of the connection.
func TestNameThatMoves(t *testing.T) {
	t.Parallel()
	s := newSource(t, true)
	_, port, err := net.SplitHostPort(s.host())
	if err != nil {
		t.Fatal(err)
	}
	// "localhost" stands for any name that resolves to what it should not, whatever it resolved to when it was put on the list.
	f := newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: "LocalHost:" + port, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}, RootCAs: s.roots()})
	if _, err := get(f, wanted(t, "https://localhost:"+port+"/", letter)); !errors.Is(err, fetch.ErrNotAllowed) || len(s.requests()) != 0 {
		t.Errorf("got %v, %d requests, want %v, none", err, len(s.requests()), fetch.ErrNotAllowed)
	}
}

// A certificate for another name, or of nobody who is known, is none.
func TestCertificates(t *testing.T) {
	t.Parallel()
	s := newSource(t, true)
	s.Config.ErrorLog = nil
	_, port, err := net.SplitHostPort(s.host())
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*fetch.Fetcher{
		s.URL:                       newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: s.host(), Networks: loopback}}}),
		"https://localhost:" + port: newFetcher(t, fetch.Config{Hosts: []fetch.Host{{Name: "localhost:" + port, Networks: loopback}}, RootCAs: s.roots()}),
	} {
		if _, err := get(f, wanted(t, name, letter)); !errors.Is(err, fetch.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, fetch.ErrUnavailable)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]fetch.Host{
		{{Name: ""}}, {{Name: "https://a.example"}}, {{Name: "a.example/path"}}, {{Name: "u@a.example"}}, {{Name: "a.example"}, {Name: "A.example"}},
		{{Name: "a.example", Credential: "../secret"}}, {{Name: "a.example", Credential: "a/b"}}, {{Name: "a.example", Credential: ".."}},
	} {
		if _, err := fetch.New(fetch.Config{Hosts: hosts}); err == nil {
			t.Errorf("%+v: got a fetcher, want an error", hosts)
		}
	}
}
