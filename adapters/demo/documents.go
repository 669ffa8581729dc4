package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// DocumentsHost is the host in the addresses of key documents; .example is nobody's (RFC 2606).
	DocumentsHost = "case-system.example"
	// DocumentsCredential is the name of the file of secrets with what is sent there as Authorization.
	DocumentsCredential = "demo-case-system"

	documentsPath = "/documents/"
)

// Documents is the simulated case management system as far as it gives its key documents out, on this machine alone.
type Documents struct {
	listener   net.Listener
	credential string
}

// OpenDocuments begins to listen on a free port. The credential is read from the folder of secrets, and made where
// there is none. Serve it, or Close it.
func OpenDocuments(ctx context.Context, secrets string) (*Documents, error) {
	credential, err := ensureCredential(filepath.Join(secrets, DocumentsCredential))
	if err != nil {
		return nil, fmt.Errorf("serve the demonstration's documents: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the demonstration's documents: %w", err)
	}
	return &Documents{listener, credential}, nil
}

// ensureCredential returns the credential in a file. One that is cut short by a crash is not there under its name.
func ensureCredential(path string) (string, error) {
	text, err := os.ReadFile(path)
	if credential := strings.TrimSpace(string(text)); err == nil && credential != "" {
		return credential, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	credential := "Bearer " + rand.Text()
	if err := os.WriteFile(path+".new", []byte(credential+"\n"), 0o600); err != nil {
		return "", err
	}
	return credential, os.Rename(path+".new", path)
}

// Address is where the documents are given out, whatever DocumentsHost means elsewhere.
func (d *Documents) Address() netip.AddrPort {
	address, _ := netip.ParseAddrPort(d.listener.Addr().String()) // a TCP listener's always is one
	return address
}

// Close stops listening, where Serve was never called; else it has no effect.
func (d *Documents) Close() error {
	if err := d.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Serve gives documents out until ctx ends, and then returns nil.
func (d *Documents) Serve(ctx context.Context) error {
	server := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the demonstration's documents: %w", err)
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (d *Documents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := r.Header.Get("Authorization")
	if subtle.ConstantTimeCompare([]byte(given), []byte(d.credential)) != 1 {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "this needs the credential of the demonstration", http.StatusUnauthorized)
		return
	}
	id, found := strings.CutPrefix(r.URL.Path, documentsPath)
	document, is := parseDocument(id)
	if !found || !is {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document.content()))
}
