package outbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// WebhookConfig says where messages are posted. URL and SecretFile are required.
type WebhookConfig struct {
	// URL is where each message is posted: https, or http to this machine.
	URL string
	// SecretFile is the file of the secrets that messages are signed with; see ParseSecrets. It is read
	// for each message, so that secrets can be replaced while the process runs.
	SecretFile string
	// Hosts are the hosts that messages may be posted to, so that a mistyped or planted address gets nothing. Default: the one of
	// URL.
	Hosts []string
	// Timeout bounds a request with its answer; 10 s by default.
	Timeout time.Duration
	// ConnectionsMax bounds the connections; 16 by default.
	ConnectionsMax int
	// RootCAs are the certificate authorities that are trusted. Default: the system's.
	RootCAs *x509.CertPool
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// Webhook is a publisher that posts messages, one at a time, as CloudEvents in structured mode, signed. What it
// makes of answers:
//
//	2xx                                        taken
//	408, 425, 500, 502, 504, other 5xx, time-outs,    Temporary
//	broken connections
//	429, 503, with Retry-After or without      Unavailable: it has too much to do
//	3xx, 401, 403, 404, 405, 407, 410, no      Unavailable: that is no matter of one message. Somebody has
//	connection, a certificate not trusted      to mend the address, the secret or the other side
//	other 4xx                                  Refused
//
// It follows no redirects, uses no proxy, and never connects to addresses where clouds keep
// credentials, such as link-local ones, nor, unless URL names it, to this machine.
type Webhook struct {
	config WebhookConfig
	client *http.Client
}

// NewWebhook returns a publisher that posts messages. It connects when it first publishes.
func NewWebhook(config WebhookConfig) (*Webhook, error) {
	target, err := url.Parse(config.URL)
	if err != nil || target.Host == "" || target.User != nil || target.Fragment != "" {
		return nil, errors.New("configure webhook: the address is no URL, or holds a password or fragment")
	}
	local := isLocal(target.Hostname())
	switch {
	case target.Scheme != "https" && (target.Scheme != "http" || !local):
		return nil, errors.New("configure webhook: the address must begin with https://, or http:// for this machine")
	case len(config.Hosts) > 0 && !slices.ContainsFunc(config.Hosts, func(host string) bool { return strings.EqualFold(host, target.Hostname()) }):
		return nil, fmt.Errorf("configure webhook: the host %q is not one of those allowed", target.Hostname())
	}
	if _, err := ReadSecrets(config.SecretFile); err != nil {
		return nil, fmt.Errorf("configure webhook: %w", err)
	}
	config.Timeout = cmp.Or(config.Timeout, 10*time.Second)
	config.ConnectionsMax = cmp.Or(config.ConnectionsMax, 16)
	if config.Now == nil {
		config.Now = time.Now
	}
	dialer := &net.Dialer{Timeout: config.Timeout / 2, Control: func(_, address string, _ syscall.RawConn) error { return mayDial(address, local) }}
	return &Webhook{config, &http.Client{
		Timeout:       config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: config.Timeout / 2,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs},
			MaxConnsPerHost: config.ConnectionsMax, MaxIdleConnsPerHost: config.ConnectionsMax, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}}, nil
}

// isLocal reports whether host names this machine.
func isLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// metadataAddresses are where clouds keep credentials, beside link-local addresses.
var metadataAddresses = []netip.Addr{netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("fd00:ec2::254")}

// mayDial returns an error for an address that a name must not lead to.
func mayDial(address string, local bool) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	ip := parsed.Addr().Unmap()
	if slices.Contains(metadataAddresses, ip) || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip.IsLoopback() != local {
		return errors.New("the host leads to an address that nothing is posted to")
	}
	return nil
}

// Publish posts messages one after another, whatever the topic, and stops at the first that is not taken. Its errors are *Fault.
func (w *Webhook) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		if err := w.post(m.Context(), m); err != nil {
			return err
		}
	}
	return nil
}

func (w *Webhook) post(ctx context.Context, m *message.Message) error {
	secrets, err := ReadSecrets(w.config.SecretFile)
	if err != nil {
		return &Fault{Blame: Unavailable, Code: "secret-unreadable", Err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.config.URL, bytes.NewReader(m.Payload))
	if err != nil {
		return &Fault{Blame: Unavailable, Code: "address-unreadable", Err: withoutURL(err)}
	}
	request.Header.Set("Content-Type", ContentType)
	request.Header.Set("User-Agent", "casesync")
	secrets.Sign(request.Header, m.UUID, m.Payload, w.config.Now())
	response, err := w.client.Do(request)
	if err != nil {
		return w.unanswered(err)
	}
	defer response.Body.Close()
	// What it says beside its status does not matter, and may be anything; reading it keeps the connection.
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	return w.answered(response)
}

// unanswered returns what is at fault where there was no answer.
func (w *Webhook) unanswered(err error) error {
	err = withoutURL(err)
	timeout, isNet := errors.AsType[net.Error](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return &Fault{Blame: Unavailable, Code: "certificate-not-trusted", Err: err}
	case isDial && dial.Op == "dial":
		return &Fault{Blame: Unavailable, Code: "unreachable", Err: err}
	case isNet && timeout.Timeout():
		return &Fault{Blame: Temporary, Code: "timed-out", Final: true, Err: err}
	}
	return &Fault{Blame: Temporary, Code: "connection-broken", Err: err}
}

// answered returns what is at fault by an answer, nil where the message was taken.
func (w *Webhook) answered(response *http.Response) error {
	status := response.StatusCode
	fault := &Fault{Code: "answered-" + strconv.Itoa(status), RetryAfter: retryAfter(response.Header.Get("Retry-After"), w.config.Now())}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		fault.Blame = Unavailable
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		fault.Blame = Temporary
	case status < 400, slices.Contains(endpointFaults, status):
		fault.Blame = Unavailable
	default:
		fault.Blame = Refused
	}
	return fault
}

// endpointFaults are the answers of clients' errors that are not those of one message.
var endpointFaults = []int{
	http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired, http.StatusGone,
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3), 0 for none.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(retryAfterMax/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// withoutURL returns an error of the client without the address, whose query is nobody's business.
func withoutURL(err error) error {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		return wrapped.Err
	}
	return err
}

// Close closes the connections that nobody uses.
func (w *Webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}
