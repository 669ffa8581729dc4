// Package fetch gets the documents that case management systems publish (requirement 56) from the addresses they give,
// and keeps them sealed in the store, so that each is fetched once. It promises:
//
//   - Nothing is asked of a host that is not on the list, by anything but https, or at an address that is not public,
//     unless the list says that network for that host: not of this machine, the cloud's metadata service, or whatever a
//     name was made to point to. Where the list says the very address of a host, that one alone is connected to, and
//     for that host alone. The address is checked when the connection is made, so that a name that resolves to
//     another one the second time is no way around; and again at each redirection, of which there are three at most.
//   - Credentials go to the host that they are for, and to no other. They are read from a file for each fetch, so
//     that they can be changed, and are in no error and no log.
//   - What is given out is what was published: its size and SHA-256 are checked before anybody gets a byte, and
//     what it is by its bytes. Anything else is an error with a reason, and nothing of it is kept.
//   - All of it is bounded: size, time, how many at once.
//
// Whether somebody may see a document is decided before, by whoever calls.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Errors that callers act on.
var (
	// ErrNotAllowed: the address is none that documents are fetched from.
	ErrNotAllowed = errors.New("address not allowed")
	// ErrUnavailable: the source does not give it now. Try again later.
	ErrUnavailable = errors.New("source unavailable")
	// ErrMissing: the source does not have it, or does not give it to us.
	ErrMissing = errors.New("document missing at its source")
	// ErrSize, ErrChecksum and ErrType: it is another one than was published.
	ErrSize     = errors.New("document has another size than was published")
	ErrChecksum = errors.New("document has another SHA-256 than was published")
	ErrType     = errors.New("document is of another type than was published")
)

// Host is one that documents are fetched from.
type Host struct {
	// Name is the host, with a port unless that is the usual: "documents.example.org", "documents.example.org:8443".
	Name string
	// Credential is the name of a file in Config.Secrets, with what is sent as Authorization; "" for nothing.
	Credential string
	// Networks are addresses that the host may have beside public ones.
	Networks []netip.Prefix
	// Address is connected to instead of what the name means, and nothing else is for this host; the zero value leaves
	// that to the name. The operator has named the very address, so it may be one that is not public. The name stays
	// what it is otherwise: on the list, in the request, and on the certificate.
	Address netip.AddrPort
	// Plain allows http, to a loopback address in Networks or in Address.
	Plain bool
}

// Config says what is fetched, from where.
type Config struct {
	Hosts []Host
	// Secrets is the directory of credentials.
	Secrets string
	// RootCAs are the authorities that certificates are checked against; nil for the system's.
	RootCAs *x509.CertPool
	// BytesMax is the most bytes of a document. Default 1 GiB.
	BytesMax int64
	// ConnectTimeout bounds connecting, and waiting for the answer to begin; Timeout a fetch as a whole. Defaults 10 seconds, 10 minutes.
	ConnectTimeout, Timeout time.Duration
}

// Fetcher fetches. It is safe for concurrent use.
type Fetcher struct {
	config Config
	hosts  map[string]*source
}

// source is a host with its own way of connecting.
type source struct {
	Host
	client *http.Client
}

var credentialName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

// New returns a fetcher. An error says which setting is wrong.
func New(config Config) (*Fetcher, error) {
	setDefault(&config.BytesMax, 1<<30)
	setDefault(&config.ConnectTimeout, 10*time.Second)
	setDefault(&config.Timeout, 10*time.Minute)
	f := &Fetcher{config: config, hosts: map[string]*source{}}
	for _, host := range config.Hosts {
		name := strings.ToLower(host.Name)
		if at, err := url.Parse("https://" + name); err != nil || at.Host != name || at.Hostname() == "" {
			return nil, fmt.Errorf("fetch documents: %q is no host", host.Name)
		}
		if host.Credential != "" && !credentialName.MatchString(host.Credential) {
			return nil, fmt.Errorf("fetch documents: %q is no name of a credential", host.Credential)
		}
		if err := host.checkAddress(); err != nil {
			return nil, fmt.Errorf("fetch documents: host %q: %w", host.Name, err)
		}
		if f.hosts[name] != nil {
			return nil, fmt.Errorf("fetch documents: host %q is there twice", host.Name)
		}
		f.hosts[name] = &source{Host: host, client: newClient(config, host)}
	}
	return f, nil
}

// checkAddress finds an address that nothing could be fetched from.
func (h Host) checkAddress() error {
	ip := h.Address.Addr().Unmap()
	switch {
	case h.Address == netip.AddrPort{}:
		return nil
	case !h.Address.IsValid() || h.Address.Port() == 0 || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast():
		return fmt.Errorf("%s is no address and port to connect to", h.Address)
	case len(h.Networks) > 0:
		return errors.New("an address stands for itself: leave the networks out")
	case h.Plain && !ip.IsLoopback():
		return errors.New("http goes to this machine alone")
	}
	return nil
}

func setDefault[T int64 | time.Duration](value *T, standard T) {
	if *value == 0 {
		*value = standard
	}
}

// Close closes connections that are open for the next fetch.
func (f *Fetcher) Close() {
	for _, host := range f.hosts {
		host.client.CloseIdleConnections()
	}
}

// Wanted is a document as it was published.
type Wanted struct {
	URL       string
	MediaType string
	Bytes     int64
	SHA256    string // hexadecimal digits
}

// Fetch begins to fetch a document; close it after use. Reading gives ErrSize or ErrChecksum in place of io.EOF
// where it is another one than wanted: what was read before is not to be used then.
func (f *Fetcher) Fetch(ctx context.Context, wanted Wanted) (io.ReadCloser, error) {
	if wanted.Bytes < 0 || wanted.Bytes > f.config.BytesMax {
		return nil, fmt.Errorf("fetch document: %w: at most %d bytes are fetched", ErrSize, f.config.BytesMax)
	}
	ctx, cancel := context.WithTimeout(ctx, f.config.Timeout)
	response, err := f.follow(ctx, wanted.URL)
	if err == nil {
		err = judge(response, wanted)
		if err != nil {
			response.Body.Close()
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("fetch document: %w", err)
	}
	return &body{ctx: ctx, source: response.Body, wanted: wanted, digest: sha256.New(), cancel: cancel}, nil
}

const redirectionsMax = 3

// follow asks at an address, and where that sends it.
func (f *Fetcher) follow(ctx context.Context, address string) (*http.Response, error) {
	at, err := url.Parse(address)
	for range redirectionsMax + 1 {
		if err != nil {
			return nil, fmt.Errorf("%w: it is no address", ErrNotAllowed)
		}
		response, err := f.get(ctx, at)
		if err != nil {
			return nil, err
		}
		switch response.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return response, nil
		}
		at, err = response.Location()
		response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("%w: a redirection to nowhere", ErrUnavailable)
		}
	}
	return nil, fmt.Errorf("%w: more than %d redirections", ErrNotAllowed, redirectionsMax)
}

func (f *Fetcher) get(ctx context.Context, at *url.URL) (*http.Response, error) {
	host, err := f.sourceOf(at)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: it is no address", ErrNotAllowed)
	}
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "casesync")
	if host.Credential != "" {
		// The name has no slash, so that it stays in the directory.
		secret, err := os.ReadFile(filepath.Join(f.config.Secrets, host.Credential))
		if err != nil {
			return nil, fmt.Errorf("read credential: %w", err)
		}
		request.Header.Set("Authorization", strings.TrimSpace(string(secret)))
	}
	response, err := host.client.Do(request)
	if err != nil {
		return nil, faultOf(err)
	}
	return response, nil
}

// sourceOf returns the host on the list that an address is at.
func (f *Fetcher) sourceOf(at *url.URL) (*source, error) {
	name := strings.ToLower(at.Host)
	if at.Scheme == "https" {
		name = strings.TrimSuffix(name, ":443")
	}
	host := f.hosts[name]
	switch {
	case host == nil:
		return nil, fmt.Errorf("%w: its host is not on the list", ErrNotAllowed)
	case at.User != nil:
		return nil, fmt.Errorf("%w: it holds credentials", ErrNotAllowed)
	case at.Scheme != "https" && (at.Scheme != "http" || !host.Plain):
		return nil, fmt.Errorf("%w: it is not https", ErrNotAllowed)
	}
	return host, nil
}

// faultOf drops the address from an error of the client: it may say what it should not.
func faultOf(err error) error {
	if fault, found := errors.AsType[*url.Error](err); found {
		err = fault.Err
	}
	if errors.Is(err, ErrNotAllowed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// judge says what an answer is good for.
func judge(response *http.Response, wanted Wanted) error {
	switch status := response.StatusCode; {
	case status == http.StatusOK:
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return fmt.Errorf("%w: it answers %d", ErrUnavailable, status)
	default:
		return fmt.Errorf("%w: it answers %d", ErrMissing, status)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return fmt.Errorf("%w: it is packed, and was not asked to be", ErrUnavailable)
	}
	if response.ContentLength >= 0 && response.ContentLength != wanted.Bytes {
		return fmt.Errorf("%w: %d bytes, %d were published", ErrSize, response.ContentLength, wanted.Bytes)
	}
	return nil
}

// body checks what comes.
type body struct {
	ctx    context.Context // of the fetch
	source io.ReadCloser
	wanted Wanted
	digest hash.Hash
	read   int64
	cancel context.CancelFunc
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	b.digest.Write(p[:n])
	b.read += int64(n)
	switch {
	case b.read > b.wanted.Bytes:
		return 0, fmt.Errorf("%w: more than the %d bytes that were published", ErrSize, b.wanted.Bytes)
	case err == nil:
		return n, nil
	case b.ctx.Err() != nil: // whatever the connection made of that
		return n, fmt.Errorf("%w: %w", ErrUnavailable, b.ctx.Err())
	case !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case b.read < b.wanted.Bytes:
		return n, fmt.Errorf("%w: %d bytes, %d were published", ErrSize, b.read, b.wanted.Bytes)
	case !strings.EqualFold(hex.EncodeToString(b.digest.Sum(nil)), b.wanted.SHA256):
		return n, ErrChecksum
	}
	return n, io.EOF
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.cancel()
	return b.source.Close()
}
