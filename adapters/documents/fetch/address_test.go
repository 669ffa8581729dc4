package fetch_test

import (
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"casesync/adapters/documents/fetch"
)

// at is the address that the source listens on.
func (s *source) at(t *testing.T) netip.AddrPort {
	t.Helper()
	address, err := netip.ParseAddrPort(s.host())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// A host with an address of its own is reached there under its name: by http on this machine where that is allowed,
// and by https with a certificate for the name.
func TestAddress(t *testing.T) {
	t.Parallel()
	plain, secure := newSource(t, false), newSource(t, true)
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "cms"), []byte("Bearer one"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFetcher(t, fetch.Config{
		Hosts: []fetch.Host{
			{Name: "documents.example.org", Address: plain.at(t), Plain: true, Credential: "cms"},
			{Name: "example.com:8443", Address: secure.at(t)}, // httptest's certificate is for example.com
			{Name: "other.example.org", Address: secure.at(t)},
		},
		Secrets: secrets, RootCAs: secure.roots(),
	})
	for _, address := range []string{"http://documents.example.org/1", "https://example.com:8443/1"} {
		if got, err := get(f, wanted(t, address, letter)); err != nil || got != letter {
			t.Errorf("%s: got %q, %v, want the document", address, got, err)
		}
	}
	if got := plain.requests()[0].Get("Authorization"); got != "Bearer one" {
		t.Errorf("got credential %q, want the host's", got)
	}
	if _, err := get(f, wanted(t, "https://other.example.org/1", letter)); !errors.Is(err, fetch.ErrUnavailable) {
		t.Errorf("a certificate of another name: got %v, want %v", err, fetch.ErrUnavailable)
	}
	if _, err := get(f, wanted(t, "http://example.com:8443/1", letter)); !errors.Is(err, fetch.ErrNotAllowed) {
		t.Errorf("http where it is not allowed: got %v, want %v", err, fetch.ErrNotAllowed)
	}
}

// The favour is one host's: neither where it sends somebody, nor another host, nor the address by itself has it.
func TestAddressIsOneHosts(t *testing.T) {
	t.Parallel()
	named, other := newSource(t, false), newSource(t, false)
	f := newFetcher(t, fetch.Config{ConnectTimeout: time.Second, Hosts: []fetch.Host{
		{Name: "documents.example.org", Address: named.at(t), Plain: true},
		{Name: other.host(), Plain: true},      // loopback, and nobody said that it may be
		{Name: "localhost:9", Plain: true},     // the same by a name
		{Name: "second.example.org:8080"},      // on the list, without http
		{Name: "169.254.169.254", Plain: true}, // the cloud's metadata service
	}})
	for _, address := range []string{
		named.URL, other.URL, "http://localhost:9/", "http://second.example.org:8080/", "http://169.254.169.254/metadata", "http://documents.example.org:81/",
	} {
		if _, err := get(f, wanted(t, address, letter)); !errors.Is(err, fetch.ErrNotAllowed) {
			t.Errorf("%s: got %v, want %v", address, err, fetch.ErrNotAllowed)
		}
		named.set(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, address, http.StatusFound) })
		if _, err := get(f, wanted(t, "http://documents.example.org/1", letter)); !errors.Is(err, fetch.ErrNotAllowed) {
			t.Errorf("sent to %s: got %v, want %v", address, err, fetch.ErrNotAllowed)
		}
	}
	if n := len(other.requests()); n != 0 {
		t.Errorf("got %d requests elsewhere, want none", n)
	}
	named.set(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/1" {
			http.Redirect(w, r, "/2", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(letter))
	})
	if got, err := get(f, wanted(t, "http://documents.example.org/1", letter)); err != nil || got != letter {
		t.Errorf("sent on by itself to itself: got %q, %v, want the document", got, err)
	}
}

// An address that cannot be meant stops the start.
func TestAddressConfig(t *testing.T) {
	t.Parallel()
	loopbackAt := netip.MustParseAddrPort("127.0.0.1:8080")
	for name, host := range map[string]fetch.Host{
		"without port":     {Address: netip.MustParseAddrPort("127.0.0.1:0")},
		"anywhere":         {Address: netip.MustParseAddrPort("0.0.0.0:80")},
		"many":             {Address: netip.MustParseAddrPort("224.0.0.1:80")},
		"with a zone":      {Address: netip.MustParseAddrPort("[fe80::1%lo]:80")},
		"half of one":      {Address: netip.AddrPortFrom(netip.Addr{}, 80)},
		"http to others":   {Address: netip.MustParseAddrPort("10.0.0.1:80"), Plain: true},
		"networks besides": {Address: loopbackAt, Networks: loopback},
	} {
		host.Name = "documents.example.org"
		if _, err := fetch.New(fetch.Config{Hosts: []fetch.Host{host}}); err == nil {
			t.Errorf("%s: got a fetcher, want an error", name)
		}
	}
}
