package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// The limits of connections. Bodies, answers and streams have limits of their own.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	headerBytesMax = 64 << 10
	// certificateAgeMax is how long a changed certificate may go unnoticed.
	certificateAgeMax = time.Second
)

// listen opens the address to serve on. Plain HTTP goes to this machine alone, unless proxies are named
// that end TLS in front (requirement 40).
func (s *serveCommand) listen(ctx context.Context) (net.Listener, error) {
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return nil, usage("--listen %s: want HOST:PORT, such as 127.0.0.1:8080", s.Listen)
	}
	if s.Demo && (s.TLSCert != "" || !loopback(host)) {
		return nil, usage("--demo is served to this machine alone, by plain HTTP: leave out --tls-cert, and --listen or give it 127.0.0.1:PORT")
	}
	if s.TLSCert == "" && len(s.TrustedProxy) == 0 && !loopback(host) {
		return nil, usage("--listen %s: other machines are served by TLS only: give --tls-cert and --tls-key, or --trusted-proxy where a proxy ends TLS in front", s.Listen)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w: choose another address, or end what listens there", err)
	}
	if s.TLSCert == "" {
		return listener, nil
	}
	certificate := &certificate{certFile: s.TLSCert, keyFile: s.TLSKey}
	if _, err := certificate.get(nil); err != nil {
		listener.Close()
		return nil, usage("%w", err)
	}
	return tls.NewListener(listener, &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: cipherSuites, GetCertificate: certificate.get, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

// cipherSuites are those of TLS 1.2 with forward secrecy and authenticated encryption; Go's default
// has some with CBC too. TLS 1.3 has none to choose.
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// certificate is read again when its files change, so that renewing it needs no restart.
type certificate struct {
	certFile, keyFile string

	mu        sync.Mutex
	loaded    *tls.Certificate
	read      [sha256.Size]byte // the sum of what was loaded; times do not tell a file from its replacement
	checkedAt time.Time
}

// get returns the certificate. If the files cannot be read any more, or do not belong together
// while they are being replaced, the last good one goes on serving.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.checkedAt) < certificateAgeMax {
		return c.loaded, nil
	}
	c.checkedAt = time.Now()
	if err := c.load(); err != nil && c.loaded == nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return c.loaded, nil
}

func (c *certificate) load() error {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return err
	}
	read := sha256.Sum256(slices.Concat(cert, []byte{0}, key))
	if c.loaded != nil && read == c.read {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err == nil {
		c.loaded, c.read = &pair, read
	}
	return err
}

// serveHTTP serves until ctx ends, then lets requests under way end within stopTimeout. Drain ends what would
// never end by itself. It is called once nobody can connect any more: a stream that it ends comes back
// at once, and is to find another process and not the end of this one.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, stopTimeout time.Duration, drain func(), logger *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMax,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	server.RegisterOnShutdown(drain)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		logger.WarnContext(ctx, "requests did not end in time and were cut off", "stop_timeout", stopTimeout)
		return server.Close()
	}
	return err
}
