package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned is the files of a certificate that its own key signed.
type selfSigned struct{ certFile, keyFile string }

func newSelfSigned(t *testing.T) selfSigned {
	t.Helper()
	dir := t.TempDir()
	return selfSigned{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// write replaces the files with those of a new certificate, which has the serial number.
func (s selfSigned) write(t *testing.T, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"casesync.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, s.certFile, "CERTIFICATE", cert)
	writePEM(t, s.keyFile, "PRIVATE KEY", private)
}

func writePEM(t *testing.T, file, kind string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serveTLS serves handler over TLS until the test ends, and returns the address.
func serveTLS(t *testing.T, files selfSigned, handler http.Handler) string {
	t.Helper()
	listener, err := (&serveCommand{Listen: "127.0.0.1:0", TLSCert: files.certFile, TLSKey: files.keyFile}).listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serveHTTP(ctx, listener, handler, time.Minute, func() {}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve ended: %v", err)
		}
	})
	return listener.Addr().String()
}

// shake makes a new connection, and returns what was agreed on.
func shake(t *testing.T, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	config.InsecureSkipVerify = true // the test looks at the certificate itself
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}

// A renewed certificate serves new connections without a restart, and old ones go on.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	files := newSelfSigned(t)
	files.write(t, 1)
	address := serveTLS(t, files, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	serial := func() int64 {
		state, err := shake(t, address, &tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("got certificate %d, want 1", got)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	get := func() int64 {
		response, err := (&http.Client{Transport: transport}).Get("https://" + address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.ReadAll(response.Body); err != nil {
			t.Fatal(err)
		}
		return response.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	get()
	files.write(t, 2)
	for deadline := time.Now().Add(20 * time.Second); serial() != 2; {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate was not used within 20 s")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got := get(); got != 1 {
		t.Errorf("the connection from before: got certificate %d, want it to go on with 1", got)
	}
}

// While the files are being replaced, or after a mistake with them, the last good certificate serves.
func TestCertificateSurvivesHalfAReplacement(t *testing.T) {
	t.Parallel()
	files, other := newSelfSigned(t), newSelfSigned(t)
	files.write(t, 1)
	other.write(t, 2)
	c := &certificate{certFile: files.certFile, keyFile: files.keyFile}
	check := func(when string, want int64) {
		t.Helper()
		c.checkedAt = time.Time{} // long ago
		got, err := c.get(nil)
		if err != nil || got.Leaf.SerialNumber.Int64() != want {
			t.Errorf("%s: got %v, %v; want certificate %d", when, got, err, want)
		}
	}
	check("at first", 1)
	move(t, other.certFile, files.certFile)
	check("with the new certificate and the old key", 1)
	move(t, other.keyFile, files.keyFile)
	check("with both new", 2)
	if err := os.WriteFile(files.keyFile, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("with a broken key", 2)
	if err := os.Remove(files.certFile); err != nil {
		t.Fatal(err)
	}
	check("without a certificate", 2)
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// Nothing older than TLS 1.2, nothing without forward secrecy, nothing with CBC.
func TestTLSVersionsAndSuites(t *testing.T) {
	t.Parallel()
	files := newSelfSigned(t)
	files.write(t, 1)
	address := serveTLS(t, files, http.NotFoundHandler())
	for name, c := range map[string]struct {
		min, max uint16
		suites   []uint16
		want     bool
	}{
		"1.0":                 {tls.VersionTLS10, tls.VersionTLS10, nil, false},
		"1.1":                 {tls.VersionTLS11, tls.VersionTLS11, nil, false},
		"1.2":                 {tls.VersionTLS12, tls.VersionTLS12, nil, true},
		"1.3":                 {tls.VersionTLS13, tls.VersionTLS13, nil, true},
		"1.2 with GCM":        {tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, true},
		"1.2 with CBC":        {tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}, false},
		"1.2 without secrecy": {tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
	} {
		state, err := shake(t, address, &tls.Config{MinVersion: c.min, MaxVersion: c.max, CipherSuites: c.suites})
		if (err == nil) != c.want || err == nil && state.Version != c.max {
			t.Errorf("TLS %s: got version %#x, %v; want it to be taken: %v", name, state.Version, err, c.want)
		}
	}
	state, err := shake(t, address, &tls.Config{NextProtos: []string{"h2"}})
	if err != nil || state.NegotiatedProtocol != "h2" {
		t.Errorf("HTTP/2: got %q, %v", state.NegotiatedProtocol, err)
	}
}

// closing tells when its listener takes no more connections.
type closing struct {
	net.Listener
	closed chan struct{}
}

func (c *closing) Close() error {
	err := c.Listener.Close()
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return err
}

// stopping is a server in which one request is under way, and which was told to stop.
type stopping struct {
	release chan struct{} // lets the request end
	status  chan int      // its answer; 0 where it was cut off
	ended   chan error
	address string
}

func stopUnderWay(t *testing.T, stopTimeout time.Duration) *stopping {
	t.Helper()
	s := &stopping{release: make(chan struct{}), status: make(chan int, 1), ended: make(chan error, 1)}
	begun, drained := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		select {
		case <-s.release:
			w.WriteHeader(http.StatusTeapot)
		case <-r.Context().Done():
		}
	})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &closing{plain, make(chan struct{})}
	s.address = plain.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		s.ended <- serveHTTP(ctx, listener, handler, stopTimeout, func() { close(drained) }, slog.New(slog.DiscardHandler))
	}()
	go func() {
		response, err := (&http.Client{Transport: &http.Transport{}}).Get("http://" + s.address)
		if err != nil {
			s.status <- 0
			return
		}
		response.Body.Close()
		s.status <- response.StatusCode
	}()
	<-begun
	stop()
	<-drained
	<-listener.closed
	return s
}

// A request under way is answered; new ones are refused.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	s := stopUnderWay(t, time.Minute)
	if conn, err := net.Dial("tcp", s.address); err == nil {
		conn.Close()
		t.Error("a connection was taken after the stop")
	}
	select {
	case err := <-s.ended:
		t.Fatalf("serve ended with a request under way: %v", err)
	default:
	}
	close(s.release)
	if status := <-s.status; status != http.StatusTeapot {
		t.Errorf("the request under way: got status %d, want its answer", status)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("serve ended: %v", err)
	}
}

// A request that does not end within the time it is given is cut off, and holds nobody up.
func TestGracefulStopHasAnEnd(t *testing.T) {
	t.Parallel()
	s := stopUnderWay(t, 50*time.Millisecond)
	if err := <-s.ended; err != nil {
		t.Errorf("serve ended: %v", err)
	}
	if status := <-s.status; status != 0 {
		t.Errorf("the request under way: got status %d, want it cut off", status)
	}
}

// What cannot be served as asked stops the start, with exit code 2.
func TestListenRefuses(t *testing.T) {
	t.Parallel()
	files := newSelfSigned(t)
	for name, settings := range map[string]serveCommand{
		"no certificate":          {Listen: "127.0.0.1:0", TLSCert: files.certFile, TLSKey: files.keyFile},
		"other machines, plainly": {Listen: ":0"},
		"no port":                 {Listen: "127.0.0.1"},
	} {
		listener, err := settings.listen(t.Context())
		if !errors.Is(err, errUsage) {
			t.Errorf("%s: got %v, want wrong usage", name, err)
		}
		if listener != nil {
			listener.Close()
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := (&serveCommand{Listen: taken.Addr().String()}).listen(t.Context()); err == nil || errors.Is(err, errUsage) {
		t.Errorf("an address in use: got %v, want an error that is no wrong usage", err)
	}
}

// A process serves what its roles say, and nothing else.
func TestRoles(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	event := feedLines(t, 10)[0]
	for _, c := range []struct {
		role         string
		api, publish int
	}{
		{"ingest", http.StatusNotFound, http.StatusAccepted},
		{"web", http.StatusOK, http.StatusNotFound},
		{"project", http.StatusNotFound, http.StatusNotFound},
		{"web,ingest", http.StatusOK, http.StatusAccepted},
	} {
		a, stop := w.serve(c.role)
		if status, _, body := a.get("auditor", "/api/v1/me"); status != c.api {
			t.Errorf("roles %s: GET /api/v1/me: got %d %s, want %d", c.role, status, body, c.api)
		}
		if status, _, body := a.do(http.MethodPost, "cms", "/cms/v1/events", event, "Content-Type", "application/cloudevents+json"); status != c.publish {
			t.Errorf("roles %s: POST /cms/v1/events: got %d %s, want %d", c.role, status, body, c.publish)
		}
		if status, _, body := a.get("", "/livez"); status != http.StatusOK {
			t.Errorf("roles %s: GET /livez: got %d %s", c.role, status, body)
		}
		stop()
	}
	if output, code := w.run("serve", "--roles", "king"); code != exitUsage {
		t.Errorf("an unknown role: got exit code %d, %s", code, output)
	}
}

// The events that were taken are counted by what became of them.
func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	a, _ := w.serve()
	lines := feedLines(t, 10)
	batch := "[" + lines[0] + "," + lines[1] + "," + lines[0] + `,{"specversion":"1.0"}]`
	status, _, body := a.do(http.MethodPost, "cms", "/cms/v1/events", batch, "Content-Type", "application/cloudevents-batch+json")
	if status != http.StatusAccepted {
		t.Fatalf("got %d %s", status, body)
	}
	_, _, metrics := a.get("operator", "/metrics")
	for status, n := range map[string]int{"accepted": 2, "duplicate": 1, "rejected": 1} {
		want := fmt.Sprintf("casesync_ingest_events_total{status=%q} %d\n", status, n)
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics: want %s in\n%s", want, metrics)
		}
	}
}
