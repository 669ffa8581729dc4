package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// publicHost is where identity providers and browsers of the tests find the service.
const publicHost = "casesync.test"

// clock is a clock that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) move(by time.Duration) { c.ahead.Add(int64(by)) }

// office is an installation that people reach by their browsers, over TLS.
type office struct {
	*world
	*api
	clock   *clock
	address string
	trusted *x509.CertPool
	folder  string // of mail
	stop    func()
}

// open serves the installation to people until the test ends.
func (w *world) open(clock *clock, flags ...string) *office {
	w.t.Helper()
	o := &office{world: w, clock: clock, folder: filepath.Join(w.storage[1], "mail")}
	certificate, pool := certificateFor(w.t, publicHost)
	o.trusted = pool
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	o.address = listener.Addr().String()
	p := &program{
		settings: &manual{}, resolver: newResolver(os.Getenv), getenv: func(string) string { return "" },
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, now: clock.now,
	}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--public-url", "https://" + publicHost, "--sweep-every", "50ms",
		"--password-memory-kib", "7168", "--password-passes", "1"}, flags...)
	if _, err := p.parse(slices.Concat(args, unhurried, w.storage)); err != nil {
		w.t.Fatal(err)
	}
	if err := p.settings.complete(); err != nil {
		w.t.Fatal(err)
	}
	logged := w.logged
	if logged == nil {
		logged = w.t.Output()
	}
	p.logger = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sys := p.system()
	sys.allowUserTokens = true // for the fixture's tokens of machines and stand-ins
	o.api = &api{t: w.t, url: "https://" + publicHost, token: w.tokens(sys), client: o.client(nil)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	secured := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	go func() {
		defer sys.close()
		ended <- (&serving{system: sys, settings: &p.settings.Serve, stopped: map[string]string{}}).run(ctx, secured)
	}()
	stopped := false
	o.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		o.client(nil).CloseIdleConnections()
		if err := <-ended; err != nil {
			w.t.Errorf("serve ended: %v", err)
		}
	}
	w.t.Cleanup(o.stop)
	return o
}

func certificateFor(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// client returns a client that finds the service by its public name.
func (o *office) client(jar http.CookieJar) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: o.trusted},
		DisableKeepAlives: true, // so that nothing is left behind
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == publicHost+":443" {
				address = o.address
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	return &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute}
}

// browser is a person's browser.
type browser struct {
	t      *testing.T
	office *office
	client *http.Client
	secret string // of one-time codes
	last   string // code that was made
}

func (o *office) browser() *browser {
	o.api.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.api.t.Fatal(err)
	}
	return &browser{t: o.api.t, office: o, client: o.client(jar)}
}

// answer is what a call got.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// call sends a request with JSON; headers are pairs of name and value.
func (b *browser) call(method, path string, body any, headers ...string) answer {
	b.t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, "https://"+publicHost+path, sent)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return b.send(request)
}

func (b *browser) send(request *http.Request) answer {
	b.t.Helper()
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	got := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &got.body) // not all answers are JSON objects
	return got
}

// must is call for what has to succeed.
func (b *browser) must(method, path string, body any, headers ...string) answer {
	b.t.Helper()
	got := b.call(method, path, body, headers...)
	if got.status >= 300 {
		b.t.Fatalf("%s %s: got %d %s", method, path, got.status, got.text)
	}
	return got
}

// refused is call for what has to be refused with a status and code.
func (b *browser) refused(status int, code, method, path string, body any, headers ...string) {
	b.t.Helper()
	got := b.call(method, path, body, headers...)
	if got.status != status || got.body["code"] != code {
		b.t.Errorf("%s %s: got %d %s, want %d %s", method, path, got.status, got.text, status, code)
	}
}

// as is a machine's or operator's view of the API: with a token and no browser.
type as struct {
	*browser
	token string
}

func (o *office) as(name string) as {
	return as{&browser{t: o.api.t, office: o, client: o.client(nil)}, o.token[name]}
}

func (a as) must(method, path string, body any, headers ...string) answer {
	a.t.Helper()
	return a.browser.must(method, path, body, append(headers, "Authorization", "Bearer "+a.token)...)
}

func (a as) call(method, path string, body any, headers ...string) answer {
	a.t.Helper()
	return a.browser.call(method, path, body, append(headers, "Authorization", "Bearer "+a.token)...)
}

// links finds the tokens of links in mail.
var links = regexp.MustCompile(`https://` + regexp.QuoteMeta(publicHost) + `/([a-z-]+)\?token=3?D?([A-Za-z0-9._-]+)`)

// mailed waits for a mail to address that has a link to page, and returns the last one's token.
func (o *office) mailed(address, page string) string {
	o.api.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if token := o.lastLink(address, page); token != "" {
			return token
		}
		if time.Now().After(deadline) {
			o.api.t.Fatalf("no mail with a link to /%s came to %s; there is: %v", page, address, o.mails())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// mails returns the texts of all mail in the folder, the oldest first, with soft line ends undone.
func (o *office) mails() []string {
	o.api.t.Helper()
	var files []string
	err := filepath.WalkDir(o.folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".eml") {
			files = append(files, path)
		}
		return nil // what goes while it is looked at is gone
	})
	if err != nil {
		o.api.t.Fatal(err)
	}
	type file struct {
		at   time.Time
		text string
	}
	var found []file
	for _, path := range files {
		info, err := os.Stat(path)
		text, readErr := os.ReadFile(path)
		if errors.Join(err, readErr) != nil {
			continue
		}
		found = append(found, file{info.ModTime(), strings.NewReplacer("=\r\n", "", "=\n", "").Replace(string(text))})
	}
	texts := make([]string, 0, len(found))
	for range found {
		oldest := 0
		for i, f := range found {
			if f.text != "" && (found[oldest].text == "" || f.at.Before(found[oldest].at)) {
				oldest = i
			}
		}
		texts = append(texts, found[oldest].text)
		found[oldest].text = ""
	}
	return texts
}

func (o *office) lastLink(address, page string) (token string) {
	for _, mail := range o.mails() {
		if !strings.Contains(mail, address) {
			continue
		}
		for _, link := range links.FindAllStringSubmatch(mail, -1) {
			if link[1] == page {
				token = link[2]
			}
		}
	}
	return token
}

// code returns the one-time code of now, of the browser's owner. Near the end of its 30 seconds the
// clock is moved on: it has to be good when it arrives.
func (b *browser) code() string {
	b.t.Helper()
	if b.office.clock.now().Unix()%30 > 24 {
		b.office.clock.move(6 * time.Second)
	}
	code, err := totp.GenerateCodeCustom(b.secret, b.office.clock.now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
	if err != nil {
		b.t.Fatal(err)
	}
	b.last = code
	return code
}

// nextStep moves the clock to the next 30 seconds, as a code works once.
func (b *browser) nextStep() { b.office.clock.move(30 * time.Second) }

const goodPassword = "a long sentence that nobody else has chosen"

// enrol takes up the invitation of a mail with a password and an authenticator, and is signed in.
func (b *browser) enrol(token string) {
	b.t.Helper()
	link := []string{"Casesync-Link-Token", token}
	b.must(http.MethodPost, "/api/v1/enrolment", map[string]any{}, link...)
	step := b.must(http.MethodPost, "/api/v1/enrolment/password", map[string]any{"password": goodPassword}, link...)
	authenticator, _ := step.body["authenticator"].(map[string]any)
	b.secret, _ = authenticator["secret"].(string)
	step = b.must(http.MethodPost, "/api/v1/enrolment/code", map[string]any{"code": b.code()}, link...)
	if codes, _ := step.body["recoveryCodes"].([]any); len(codes) == 0 || step.body["next"] != "done" {
		b.t.Fatalf("enrolment ended with %s", step.text)
	}
}

// signIn signs in by password and code.
func (b *browser) signIn(email string) answer {
	b.t.Helper()
	b.nextStep()
	if got := b.call(http.MethodPost, "/sign-in/password", map[string]any{"email": email, "password": goodPassword}); got.status != http.StatusOK {
		return got
	}
	return b.call(http.MethodPost, "/sign-in/code", map[string]any{"code": b.code()})
}

var samlForm = regexp.MustCompile(`name="SAMLResponse"\s+value="([^"]*)"`)

// visit does what a browser does at an identity provider: it follows redirects, and posts the form
// that a SAML provider answers with. Options are those of the SAML provider of the tests.
func (b *browser) visit(location string, options map[string]any) answer {
	b.t.Helper()
	if options != nil {
		text, err := json.Marshal(options)
		if err != nil {
			b.t.Fatal(err)
		}
		location += "&options=" + url.QueryEscape(string(text))
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, location, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	got := b.send(request)
	form := samlForm.FindStringSubmatch(got.text)
	if form == nil {
		return got
	}
	values := url.Values{"SAMLResponse": {html.UnescapeString(form[1])}}
	request, err = http.NewRequestWithContext(b.t.Context(), http.MethodPost, "https://"+publicHost+"/sign-in/saml", strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", "https://idp.example") // a form of another site, as browsers say
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	return b.send(request)
}

// stream opens the stream of changes and returns a channel that is closed when it ends.
func (b *browser) stream() (ended <-chan struct{}) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "https://"+publicHost+"/api/v1/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	client := *b.client
	client.Timeout = 0
	response, err := client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("stream of changes: got %d", response.StatusCode)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		}
	}()
	return closed
}

func text(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
