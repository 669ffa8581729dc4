package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"casesync/adapters/mail"
	"casesync/eventstore/sqldb/sqldbtest"
)

// server is a mail server on a socket.
type server struct {
	address, caFile string
	mutex           sync.Mutex
	got             []string        // what it took, whole
	secure          []bool          // whether that came over TLS
	user            string          // who signed in last
	refuse          *smtp.SMTPError // what it says to recipients
	refuseData      *smtp.SMTPError
	tls             *tls.Config
}

// serve starts a mail server; change changes it before it starts.
func serve(t *testing.T, change func(*smtp.Server, *server)) *server {
	t.Helper()
	s := &server{}
	s.tls, s.caFile = certificate(t)
	backend := smtp.NewServer(s)
	backend.Domain, backend.TLSConfig = "mail.example.org", s.tls
	backend.ReadTimeout, backend.WriteTimeout = 20*time.Second, 20*time.Second
	implicit := false
	if change != nil {
		change(backend, s)
		implicit = backend.Network == "implicit"
		backend.Network = ""
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.address = listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, s.tls)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = backend.Serve(listener)
	}()
	t.Cleanup(func() { _ = backend.Close(); <-done })
	return s
}

// certificate makes a certificate of 127.0.0.1, and the file of who vouches for it.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, file
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{s, c}, nil }

func (s *server) all() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.got)
}

type session struct {
	*server
	conn *smtp.Conn
}

func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.refuseData != nil {
		return s.refuseData
	}
	_, secure := s.conn.TLSConnectionState()
	s.got, s.secure = append(s.got, string(text)), append(s.secure, secure)
	return nil
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "correct horse" {
			return smtp.ErrAuthFailed
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.user = user
		return nil
	}), nil
}

// transport returns the way to a server.
func (s *server) transport(t *testing.T, change func(*mail.SMTPConfig)) *mail.SMTP {
	t.Helper()
	config := mail.SMTPConfig{Address: s.address, From: from, CAFile: s.caFile, Timeout: 10 * time.Second, LocalName: "portal.example.org"}
	if change != nil {
		change(&config)
	}
	transport, err := mail.NewSMTP(config)
	must(t, err)
	return transport
}

func password(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

var message = mail.Message{
	ID: uuid.MustParse("11111111-2222-5333-8444-555555555555"), Kind: mail.Invitation, About: ada, To: "ada.specimen@firm.example",
	At: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Subject: "Invitation to Ünïcödé",
	Body: "Hello Ada,\n\nhttps://portal.example.org/invitation?token=" + strings.Repeat("0123456789", 12) + "\n.\n..dots\nÜnïcödé\n",
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server func(*smtp.Server, *server)
		client func(*testing.T, *mail.SMTPConfig)
		secure bool
		user   string
	}{
		"STARTTLS": {nil, nil, true, ""},
		"STARTTLS, signed in": {nil, func(t *testing.T, c *mail.SMTPConfig) {
			c.User, c.PasswordFile = "casesync", password(t, "correct horse\n")
		}, true, "casesync"},
		"implicit TLS, signed in": {func(s *smtp.Server, _ *server) { s.Network = "implicit" }, func(t *testing.T, c *mail.SMTPConfig) {
			c.TLS, c.User, c.PasswordFile = mail.ImplicitTLS, "casesync", password(t, "correct horse")
		}, true, "casesync"},
		"none, on this machine": {func(s *smtp.Server, _ *server) { s.TLSConfig = nil }, func(_ *testing.T, c *mail.SMTPConfig) { c.TLS = mail.NoTLS }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.server)
			transport := s.transport(t, func(c *mail.SMTPConfig) {
				if test.client != nil {
					test.client(t, c)
				}
			})
			must(t, transport.Send(ctx, message))
			if len(s.all()) != 1 || s.secure[0] != test.secure || s.user != test.user {
				t.Fatalf("got %d messages, TLS %v, user %q; want one, %v, %q", len(s.all()), s.secure, s.user, test.secure, test.user)
			}
			checkText(t, s.all()[0])
		})
	}
}

// checkText reads the message as a mail program does.
func checkText(t *testing.T, text string) {
	t.Helper()
	parsed, err := netmail.ReadMessage(strings.NewReader(text))
	must(t, err)
	for header, want := range map[string]string{
		"From": `"Casesync" <no-reply@portal.example.org>`, "To": "<ada.specimen@firm.example>", "Auto-Submitted": "auto-generated", "X-Casesync-Mail": "invitation",
		"Message-Id": "<11111111-2222-5333-8444-555555555555@portal.example.org>", "Date": "Mon, 02 Mar 2026 10:00:00 +0000",
		"Subject": "Invitation to Ünïcödé", "Bcc": "", "User-Agent": "", "X-Mailer": "",
	} {
		got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get(header))
		if err != nil || got != want {
			t.Errorf("got %s %q and %v, want %q", header, got, err, want)
		}
	}
}

func TestSMTPRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server    func(*smtp.Server, *server)
		client    func(*testing.T, *mail.SMTPConfig)
		code      string
		permanent bool
	}{
		"no STARTTLS, and it is insisted on":             {func(s *smtp.Server, _ *server) { s.TLSConfig = nil }, nil, "starttls-missing", false},
		"a certificate that nobody vouches for":          {nil, func(_ *testing.T, c *mail.SMTPConfig) { c.CAFile = "" }, "tls", false},
		"implicit TLS, to a server that greets in clear": {nil, func(_ *testing.T, c *mail.SMTPConfig) { c.TLS = mail.ImplicitTLS }, "tls", false},
		"TLS 1.1": {func(_ *smtp.Server, s *server) {
			s.tls.MinVersion, s.tls.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
		}, nil, "tls", false},
		"CBC": {func(_ *smtp.Server, s *server) {
			s.tls.MaxVersion, s.tls.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, nil, "tls", false},
		"a wrong password": {nil, func(t *testing.T, c *mail.SMTPConfig) {
			c.User, c.PasswordFile = "casesync", password(t, "wrong")
		}, "smtp-535", false},
		"no such mailbox": {func(_ *smtp.Server, s *server) {
			s.refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox ada.specimen@firm.example"}
		}, nil, "smtp-550-5.1.1", true},
		"greylisted": {func(_ *smtp.Server, s *server) {
			s.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later, ada.specimen@firm.example"}
		}, nil, "smtp-451-4.7.1", false},
		"wants us to sign in": {func(_ *smtp.Server, s *server) {
			s.refuse = &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "sign in"}
		}, nil, "smtp-530-5.7.0", false},
		"the message refused": {func(_ *smtp.Server, s *server) {
			s.refuseData = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "no"}
		}, nil, "smtp-554-5.6.0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.server)
			err := s.transport(t, func(c *mail.SMTPConfig) {
				if test.client != nil {
					test.client(t, c)
				}
			}).Send(ctx, message)
			fault, ok := errors.AsType[*mail.Fault](err)
			if !ok || fault.Code != test.code || fault.Permanent != test.permanent {
				t.Errorf("got %v, want %s, permanent %v", err, test.code, test.permanent)
			}
			if err != nil && strings.Contains(err.Error(), "specimen") {
				t.Errorf("got %q, want no address in it", err)
			}
			if len(s.all()) != 0 {
				t.Errorf("got %d messages, want none", len(s.all()))
			}
		})
	}
}

func TestSMTPUnreachableOrSilent(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var silent net.Conn
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		silent, _ = listener.Accept()
	}()
	transport, err := mail.NewSMTP(mail.SMTPConfig{Address: listener.Addr().String(), From: from, Timeout: 20 * time.Second})
	must(t, err)
	hurried, cancel := context.WithCancel(ctx)
	go func() { <-accepted; cancel() }()
	begun := time.Now()
	if _, ok := errors.AsType[*mail.Fault](transport.Send(hurried, message)); !ok || time.Since(begun) > 10*time.Second {
		t.Errorf("got fault %v after %s, want one as soon as the context ends", ok, time.Since(begun))
	}
	_ = silent.Close()
	_ = listener.Close()
	fault, ok := errors.AsType[*mail.Fault](transport.Send(ctx, message))
	if !ok || fault.Code != "unreachable" || fault.Permanent {
		t.Errorf("got %v, want unreachable", fault)
	}
}

func TestSMTPSettings(t *testing.T) {
	t.Parallel()
	file := password(t, "x")
	for name, config := range map[string]mail.SMTPConfig{
		"no port":                {Address: "mail.example.org", From: from},
		"port 0":                 {Address: "mail.example.org:0", From: from},
		"no sender":              {Address: "mail.example.org:587"},
		"two lines of sender":    {Address: "mail.example.org:587", From: "a@example.org\r\nBcc: b@example.org"},
		"no TLS to elsewhere":    {Address: "mail.example.org:25", From: from, TLS: mail.NoTLS},
		"no TLS, and a password": {Address: "localhost:25", From: from, TLS: mail.NoTLS, User: "u", PasswordFile: file},
		"perhaps TLS":            {Address: "mail.example.org:25", From: from, TLS: "opportunistic"},
		"a user alone":           {Address: "mail.example.org:587", From: from, User: "u"},
		"no password there":      {Address: "mail.example.org:587", From: from, User: "u", PasswordFile: file + "x"},
		"no certificates there":  {Address: "mail.example.org:587", From: from, CAFile: file},
	} {
		if _, err := mail.NewSMTP(config); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

// TestServerComesBack: mails wait for a server that is down, through the whole of it.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		s := serve(t, func(_ *smtp.Server, s *server) {
			s.refuse = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "shutting down"}
		})
		f := newFixture(t, address, func(c *mail.Config) { c.Transport = s.transport(t, nil) })
		f.reset(t, ada)
		f.send(t)
		if e := f.only(t, mail.QuestionsReset); e.Status != mail.Queued || e.Fault != "smtp-421-4.3.2" {
			t.Fatalf("got %s %q, want it to be tried again", e.Status, e.Fault)
		}
		s.mutex.Lock()
		s.refuse = nil
		s.mutex.Unlock()
		f.clock.move(time.Minute)
		f.send(t)
		if got := s.all(); len(got) != 1 || !strings.Contains(got[0], "Hello Ada Specimen,") {
			t.Errorf("got %q, want the mail", got)
		}
	})
}
