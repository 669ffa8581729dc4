package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
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
		MinVersion: tls.VersionTLS12, GetCertificate: certificate.get, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// certificate is read again when its file changes, so that renewing it needs no restart.
type certificate struct {
	certFile, keyFile string

	mu        sync.Mutex
	loaded    *tls.Certificate
	changedAt time.Time // of the file that was loaded
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
	changedAt, err := changed(c.certFile, c.keyFile)
	if err == nil && (c.loaded == nil || !changedAt.Equal(c.changedAt)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.loaded, c.changedAt = &pair, changedAt
		}
	}
	if c.loaded == nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return c.loaded, nil
}

// changed returns when the newest of the files changed last.
func changed(files ...string) (latest time.Time, err error) {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return time.Time{}, err
		}
		if info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest, nil
}

// behindProxies refuses plain connections that come neither from this machine nor from a trusted proxy.
func (s *serveCommand) behindProxies(next http.Handler) (http.Handler, error) {
	var trusted []netip.Prefix
	for _, text := range s.TrustedProxy {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usage("--trusted-proxy %s: want a network, such as 10.0.0.0/8 or 192.0.2.7/32", text)
		}
		trusted = append(trusted, prefix)
	}
	if s.TLSCert != "" {
		return next, nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		from := peer.Addr().Unmap()
		allowed := err == nil && from.IsLoopback()
		for _, prefix := range trusted {
			allowed = allowed || err == nil && prefix.Contains(from)
		}
		if !allowed {
			http.Error(w, "Plain HTTP is taken from trusted proxies only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// serveHTTP serves until ctx ends, then lets requests under way end within stopTimeout. Drain is
// called first: it ends what would never end by itself.
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
	drain()
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		logger.WarnContext(ctx, "requests did not end in time and were cut off", "stop_timeout", stopTimeout)
		return server.Close()
	}
	return err
}
