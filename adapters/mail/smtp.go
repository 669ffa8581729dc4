package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// TLSMode says how the connection to a mail server is protected.
type TLSMode string

// The modes. There is none that falls back to clear text.
const (
	// StartTLS begins in clear and insists on TLS before anything is said; port 587 or 25.
	StartTLS TLSMode = "starttls"
	// ImplicitTLS speaks TLS from the first byte; port 465.
	ImplicitTLS TLSMode = "implicit"
	// NoTLS is for a mail server on this machine alone.
	NoTLS TLSMode = "none"
)

// SMTPConfig says how mail is given to a mail server.
type SMTPConfig struct {
	// Address is the server's, HOST:PORT.
	Address string
	// TLS is StartTLS by default.
	TLS TLSMode
	// From is the mailbox that mail comes from, "NAME <ADDRESS>".
	From string
	// User signs in to the server; "" does not. It needs TLS. PasswordFile holds the password, and is
	// read at every delivery, so that it can be changed.
	User, PasswordFile string
	// LocalName is what this machine calls itself; its host name by default.
	LocalName string
	// CAFile holds the certificates, in PEM, of who vouches for the server; the system's by default.
	CAFile string
	// Timeout is how long connecting, and how long delivering, may take; 30 seconds by default.
	Timeout time.Duration
}

// SMTP gives messages to a mail server, each over a connection of its own. It is safe for concurrent
// use.
type SMTP struct {
	config SMTPConfig
	host   string
	port   int
	from   *mail.Address
	tls    *tls.Config
}

// NewSMTP returns the transport to a mail server. It does not connect: whether the server is there
// shows when mail is sent.
func NewSMTP(config SMTPConfig) (*SMTP, error) {
	config.TLS = cmp.Or(config.TLS, StartTLS)
	config.Timeout = cmp.Or(config.Timeout, 30*time.Second)
	s := &SMTP{config: config}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("set up SMTP: %w", err)
	}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, CipherSuites: authenticated()}
	if config.CAFile != "" {
		pem, err := os.ReadFile(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("set up SMTP: %w", err)
		}
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("set up SMTP: %s holds no certificate in PEM", config.CAFile)
		}
	}
	return s, nil
}

func (s *SMTP) check() (err error) {
	host, port, err := net.SplitHostPort(s.config.Address)
	if err != nil {
		return fmt.Errorf("read the server's address: %w", err)
	}
	if s.port, err = strconv.Atoi(port); err != nil || s.port < 1 || s.port > 65535 || host == "" {
		return fmt.Errorf("the server's address is HOST:PORT, not %q", s.config.Address)
	}
	s.host = host
	if s.from, err = parseFrom(s.config.From); err != nil {
		return err
	}
	switch {
	case s.config.TLS != StartTLS && s.config.TLS != ImplicitTLS && s.config.TLS != NoTLS:
		return fmt.Errorf("there is no TLS mode %q; choose %s, %s or %s", s.config.TLS, StartTLS, ImplicitTLS, NoTLS)
	case s.config.TLS == NoTLS && !loopback(host):
		return fmt.Errorf("mail goes to %s over TLS: without, it may go to a server on this machine alone", host)
	case s.config.TLS == NoTLS && s.config.User != "":
		return errors.New("a password is not sent without TLS")
	case (s.config.User == "") != (s.config.PasswordFile == ""):
		return errors.New("a user and the file of his password are given together, or neither")
	case s.config.Timeout < 0:
		return errors.New("the timeout must not be negative")
	}
	_, err = s.password()
	return err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// authenticated are the suites of TLS 1.2 that encrypt and authenticate in one: none with CBC.
func authenticated() []uint16 {
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		if !strings.Contains(suite.Name, "_CBC_") {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

func (s *SMTP) password() (string, error) {
	if s.config.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(s.config.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read the password for the mail server: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// Send gives a message to the server; see Transport. When it returns nil the server has taken it.
func (s *SMTP) Send(ctx context.Context, message Message) error {
	encoded, err := encode(message, s.from)
	if err != nil {
		return err
	}
	var line line
	client, err := s.client(ctx, &line)
	if err != nil {
		return err
	}
	// The library does not close a connection that it gave up half-way, nor look at ctx while it
	// waits for an answer.
	defer line.close()
	defer context.AfterFunc(ctx, line.close)()
	err = client.DialAndSendWithContext(ctx, encoded)
	if err == nil || encoded.IsDelivered() {
		return nil // what went wrong after the server took it changes nothing
	}
	return faultOf(err)
}

// line is the connection of one delivery.
type line struct {
	mutex sync.Mutex
	conn  net.Conn
}

func (l *line) close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // nothing is left to be said on it
	}
}

// dial connects, and remembers the connection.
func (l *line) dial(implicit *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil && implicit != nil {
			secure := tls.Client(conn, implicit)
			if err = secure.HandshakeContext(ctx); err != nil {
				_ = conn.Close()
			}
			conn = secure
		}
		if err != nil {
			return nil, err
		}
		l.mutex.Lock()
		l.conn = conn
		l.mutex.Unlock()
		if ctx.Err() != nil { // it ended before there was a connection to close
			l.close()
		}
		return conn, ctx.Err()
	}
}

func (s *SMTP) client(ctx context.Context, line *line) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.config.Timeout), gomail.WithTLSConfig(s.tls),
		gomail.WithoutNoop(),
	}
	switch s.config.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL(), gomail.WithDialContextFunc(line.dial(s.tls)))
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithDialContextFunc(line.dial(nil)))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithDialContextFunc(line.dial(nil)))
	}
	if s.config.LocalName != "" {
		options = append(options, gomail.WithHELO(s.config.LocalName))
	}
	if s.config.User != "" {
		password, err := s.password()
		if err != nil {
			return nil, err
		}
		// The last two show the password to the server; the library refuses them without TLS.
		options = append(options, gomail.WithUsername(s.config.User), gomail.WithPassword(password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, fmt.Errorf("set up SMTP: %w", err)
	}
	return client, ctx.Err()
}

// faultOf returns why a delivery failed, in words that name nobody.
func faultOf(err error) *Fault {
	if refused, ok := errors.AsType[*gomail.SendError](err); ok && refused.ErrorCode() > 0 {
		return &Fault{Code: replyCode(refused.ErrorCode(), refused.EnhancedStatusCode()), Permanent: forGood(refused)}
	}
	// A refusal of the greeting, of TLS or of the user is our business, and not the mail's.
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return &Fault{Code: replyCode(reply.Code, "")}
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case strings.Contains(err.Error(), "tls: "): // alerts, which have no type; certificates; no TLS at all
		return &Fault{Code: "tls"}
	case strings.Contains(err.Error(), "STARTTLS"):
		return &Fault{Code: "starttls-missing"}
	case strings.Contains(strings.ToUpper(err.Error()), "AUTH"):
		return &Fault{Code: "sign-in-unsupported"}
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return &Fault{Code: "timeout"}
	}
	return &Fault{Code: "unreachable"}
}

// replyCode is a server's reply as a fault's code; its text may repeat the address.
func replyCode(code int, enhanced string) string {
	if enhanced == "" {
		return "smtp-" + strconv.Itoa(code)
	}
	return "smtp-" + strconv.Itoa(code) + "-" + enhanced
}

// forGood reports whether a server refused the recipient, or this very message, for good (RFC 5321,
// section 4.2.1). That it wants us to sign in, or does not want our sender, may be mended.
func forGood(refused *gomail.SendError) bool {
	switch refused.ErrorCode() {
	case 530, 534, 535, 538:
		return false
	}
	switch refused.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return refused.ErrorCode() >= 500
	}
	return false
}
