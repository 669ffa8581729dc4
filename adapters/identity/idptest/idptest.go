// Package idptest starts real identity providers for tests: oidc-provider and samlp on Node.js, from
// scripts/testidp. It promises that they are gone when the test's process ends, and that a test
// fails, with a sentence that says what to install, where they cannot be had.
package idptest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the providers know of the service.
const (
	OIDCRedirect = "https://casesync.test/sign-in/oidc"
	OIDCClient   = "casesync"
	// OIDCOtherClient is another service's client of the same provider.
	OIDCOtherClient = "another"
	// OIDCHMACClient is ours, but the provider signs for it with the secret.
	OIDCHMACClient = "casesync-hmac"
	SAMLAddress    = "https://casesync.test/sign-in/saml"
)

// Secret returns the secret of a client.
func Secret(client string) string { return "secret of " + client + " that is long enough for HMAC" }

// Providers are running identity providers.
type Providers struct {
	// OIDC and OtherOIDC are issuers. The first gives e-mail addresses at the userinfo endpoint
	// alone, the other in the id token too. People are ada, bob and others of northbank.example.
	OIDC      string `json:"oidc"`
	OtherOIDC string `json:"otherOIDC"`
	// RotatingOIDC is as OtherOIDC, for the tests that rotate its keys.
	RotatingOIDC string `json:"rotatingOIDC"`
	// SAML is where /metadata and /sso are. The query "options" of the latter is JSON of samlp's
	// options, and "user" and "email".
	SAML string `json:"saml"`

	// SAMLKey and SAMLCert are what the SAML provider signs with, for tests that sign otherwise.
	SAMLKey  *rsa.PrivateKey   `json:"-"`
	SAMLCert *x509.Certificate `json:"-"`
}

var (
	starting sync.Mutex
	started  *Providers
	input    io.WriteCloser // kept open: what nobody holds would be closed
)

// Start returns the providers, which the first call starts. They end with the process, because
// their standard input does then.
func Start(tb testing.TB) *Providers {
	tb.Helper()
	starting.Lock()
	defer starting.Unlock()
	if started == nil {
		started = start(tb)
	}
	tb.Cleanup(http.DefaultClient.CloseIdleConnections) // which lead to the providers
	return started
}

func start(tb testing.TB) *Providers {
	tb.Helper()
	p := &Providers{}
	p.SAMLKey, p.SAMLCert = NewCertificate(tb, time.Now())
	command := exec.Command("node", "--no-deprecation", "idp.mjs")
	command.Dir = setUp(tb)
	command.Stderr = os.Stderr
	var err error
	if input, err = command.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.Start(); err != nil {
		tb.Fatalf("start identity providers: %v", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(p.SAMLKey)
	if err != nil {
		tb.Fatal(err)
	}
	err = json.NewEncoder(input).Encode(map[string]string{
		"samlKey":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"samlCert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.SAMLCert.Raw})),
	})
	if err != nil {
		tb.Fatalf("start identity providers: %v", err)
	}
	answer, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		tb.Fatalf("start identity providers: %v; their messages are above", err)
	}
	if err := json.Unmarshal(answer, p); err != nil {
		tb.Fatalf("start identity providers: %v: %s", err, answer)
	}
	return p
}

// setUp returns the directory that the providers are installed in.
func setUp(tb testing.TB) string {
	tb.Helper()
	var messages bytes.Buffer
	command := exec.Command(filepath.Join(moduleRoot(tb), "scripts", "npm-tool.sh"), "testidp")
	command.Stderr = &messages
	output, err := command.Output()
	if err != nil {
		tb.Fatalf("set up identity providers: %v\n%s", err, messages.String())
	}
	return strings.TrimSpace(string(output))
}

// moduleRoot returns the directory of go.mod, above the one that the test runs in.
func moduleRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("the test does not run in the module's directories")
		}
		dir = filepath.Dir(dir)
	}
}

// Rotate makes an OIDC provider sign with a new key and forget the old one.
func (p *Providers) Rotate(tb testing.TB, issuer string) {
	tb.Helper()
	answer, err := http.Post(issuer+"/test/rotate", "", nil)
	if err != nil {
		tb.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		tb.Fatalf("rotate keys: %s", answer.Status)
	}
}

// NewCertificate returns a key and a certificate of its own, valid for a year around now.
func NewCertificate(tb testing.TB, now time.Time) (*rsa.PrivateKey, *x509.Certificate) {
	tb.Helper()
	const bits, half = 2048, 180 * 24 * time.Hour
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "idp.test"},
		NotBefore: now.Add(-half), NotAfter: now.Add(half),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return key, certificate
}
