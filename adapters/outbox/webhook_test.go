package outbox_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/outbox"
	"casesync/eventstore/sqldb/sqldbtest"
)

// otherSide is a case management system that takes webhooks: it verifies what comes, and answers as it is told.
type otherSide struct {
	consumer
	t       *testing.T
	server  *httptest.Server
	secrets outbox.Secrets
	mu      sync.Mutex
	answer  func(w http.ResponseWriter, m taken) bool // false: it has answered
}

func secretFile(t *testing.T, secrets ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	var text strings.Builder
	for _, secret := range secrets {
		text.WriteString("whsec_" + base64.StdEncoding.EncodeToString(secret) + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newOtherSide(t *testing.T) (*otherSide, *outbox.Webhook) {
	t.Helper()
	secret := bytes.Repeat([]byte("s"), 32)
	s := &otherSide{t: t, secrets: outbox.Secrets{secret}}
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of handshakes that are to fail
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s, s.webhook(secretFile(t, secret), nil)
}

func (s *otherSide) webhook(secretFile string, change func(*outbox.WebhookConfig)) *outbox.Webhook {
	s.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(s.server.Certificate())
	config := outbox.WebhookConfig{URL: s.server.URL + "/hook?k=v", SecretFile: secretFile, RootCAs: pool, Timeout: 2 * time.Second}
	if change != nil {
		change(&config)
	}
	webhook, err := outbox.NewWebhook(config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = webhook.Close() })
	return webhook
}

func (s *otherSide) answers(answer func(http.ResponseWriter, taken) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *otherSide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || s.secrets.Verify(r.Header, body, time.Now()) != nil || r.Method != http.MethodPost ||
		r.URL.RequestURI() != "/hook?k=v" || r.Header.Get("Content-Type") != outbox.ContentType {
		s.t.Errorf("got %s %s with %v, want a signed message", r.Method, r.URL.RequestURI(), r.Header)
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	m := message.NewMessage(r.Header.Get("Webhook-Id"), body)
	var got taken
	if err := jsonInto(string(body), &got); err != nil {
		s.t.Errorf("got %q", body)
	}
	got.session, _ = got.Data["caseReference"].(string)
	m.Metadata["session"] = got.session
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil && !answer(w, got) {
		return
	}
	if err := s.Publish("", m); err != nil {
		s.t.Error(err)
	}
	w.WriteHeader(http.StatusAccepted)
}

// with answers a status to the first n messages of a session, or to all of one where n is below 0.
func with(session string, status, n int, header ...string) func(http.ResponseWriter, taken) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, m taken) bool {
		mu.Lock()
		defer mu.Unlock()
		if session != "" && m.session != session || n == 0 {
			return true
		}
		n--
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		http.Error(w, "planted", status)
		return false
	}
}

// Whatever the other side answers for a while, in the end each case has all, in order.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, taken) bool
		fails  bool // as a whole, meanwhile
	}{
		"at once":                         {answer: nil},
		"500 a few times":                 {answer: with("", 500, 2)},
		"500 for one case for a while":    {answer: with("FOS-1", 500, 12)},
		"429 with Retry-After":            {answer: with("", 429, 1, "Retry-After", "1"), fails: true},
		"503 with a date":                 {answer: with("", 503, 2, "Retry-After", time.Now().UTC().Format(http.TimeFormat)), fails: true},
		"410 until somebody has mended":   {answer: with("", 410, 10), fails: true},
		"redirects are no answer":         {answer: with("", 307, 4, "Location", "http://169.254.169.254/"), fails: true},
		"401 until the secret is mended":  {answer: with("", 401, 4), fails: true},
		"answers that never end are left": {answer: endless(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqldbtest.SQLite(t))
			side, webhook := newOtherSide(t)
			side.answers(c.answer)
			want := w.busyCases(3, 5)
			o, stop := w.start(w.config(webhook))
			if c.fails {
				w.eventually("it says that it fails", func() bool {
					status, err := o.Status(t.Context())
					return err == nil && (status.Err != nil || status.LagEvents == 0)
				})
			}
			for ref, ids := range want {
				w.eventually(ref+" has all", func() bool { return len(side.firsts(ref)) == len(ids) })
				if got := side.firsts(ref); !slices.Equal(got, ids) {
					t.Errorf("%s: got %v, want %v", ref, got, ids)
				}
			}
			w.eventually("nothing is parked", func() bool {
				status, err := o.Status(t.Context())
				return err == nil && status.Parked.Messages == 0
			})
			stop()
		})
	}
}

// endless writes an answer that does not end, until the client goes, to the first n messages.
func endless(n int) func(http.ResponseWriter, taken) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ taken) bool {
		mu.Lock()
		n--
		left := n
		mu.Unlock()
		if left < 0 {
			return true
		}
		w.WriteHeader(http.StatusInternalServerError)
		for line := bytes.Repeat([]byte("x"), 4096); ; {
			if _, err := w.Write(line); err != nil {
				return false
			}
		}
	}
}

// Refused messages stop their case alone, until an operator has decided.
func TestWebhookRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	side, webhook := newOtherSide(t)
	side.answers(with("FOS-1", 422, -1))
	one, two := w.allocate("FOS-1", 2), w.allocate("FOS-2", 2)
	o, _ := w.start(w.config(webhook))
	w.caughtUp()
	if got := side.firsts("FOS-2"); !slices.Equal(got, two) {
		t.Errorf("got %v, want %v", got, two)
	}
	list, err := o.List(t.Context(), operator, outbox.Filter{Status: outbox.Stuck})
	if err != nil || len(list) != 1 || list[0].Fault != "answered-422" {
		t.Fatalf("got %+v, %v, want it stuck", list, err)
	}
	side.answers(nil)
	w.must(o.Retry(t.Context(), operator, list[0].EventID, "the other side is mended"))
	w.eventually("it goes out", func() bool { return slices.Equal(side.firsts("FOS-1"), one) })
}

// Down: everything waits, nothing is parked. Up again: everything goes out, in order.
func TestWebhookDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	side, _ := newOtherSide(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	w.must(err)
	address := listener.Addr().String()
	w.must(listener.Close())
	webhook, err := outbox.NewWebhook(outbox.WebhookConfig{URL: "http://" + address + "/hook?k=v", SecretFile: secretFile(t, side.secrets[0])})
	w.must(err)
	defer webhook.Close()
	want := w.busyCases(3, 5)
	o, stop := w.start(w.config(webhook))
	w.eventually("it fails", func() bool {
		status, err := o.Status(t.Context())
		var fault *outbox.Fault
		return err == nil && errors.As(status.Err, &fault) && fault.Code == "unreachable" && status.Attempts > 3 && status.Parked.Messages == 0
	})
	listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	w.must(err)
	server := &http.Server{Handler: side, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	w.caughtUp()
	stop()
	for ref, ids := range want {
		if got := side.firsts(ref); !slices.Equal(got, ids) {
			t.Errorf("%s: got %v, want %v", ref, got, ids)
		}
	}
}

// One case that is slow has the others go on; it is set aside, and comes in the end.
func TestWebhookSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	side, _ := newOtherSide(t)
	webhook := side.webhook(secretFile(t, side.secrets[0]), func(c *outbox.WebhookConfig) { c.Timeout = 200 * time.Millisecond })
	released := make(chan struct{})
	side.answers(func(w http.ResponseWriter, m taken) bool {
		if m.session != "FOS-1" {
			return true
		}
		select {
		case <-released:
			return true
		case <-time.After(time.Second):
			http.Error(w, "too late", http.StatusInternalServerError)
			return false
		}
	})
	one, two := w.allocate("FOS-1", 2), w.allocate("FOS-2", 2)
	o, _ := w.start(w.config(webhook))
	w.caughtUp()
	if got := side.firsts("FOS-2"); !slices.Equal(got, two) {
		t.Errorf("got %v, want %v", got, two)
	}
	list, err := o.List(t.Context(), operator, outbox.Filter{Key: "FOS-1", Limit: 2})
	if err != nil || len(list) != 2 || !slices.ContainsFunc(list, func(p outbox.Parked) bool { return p.Fault == "timed-out" }) {
		t.Errorf("got %+v, %v, want it set aside", list, err)
	}
	close(released)
	w.eventually("it comes", func() bool { return slices.Equal(side.firsts("FOS-1"), one) })
}

// What each answer, and none, is taken for.
func TestWebhookBlames(t *testing.T) {
	t.Parallel()
	side, webhook := newOtherSide(t)
	publish := func(webhook *outbox.Webhook) *outbox.Fault {
		err := webhook.Publish("", message.NewMessageWithContext(t.Context(), "id", []byte(`{"id":"id"}`)))
		fault, _ := errors.AsType[*outbox.Fault](err)
		if err != nil && (fault == nil || strings.Contains(err.Error(), "k=v")) {
			t.Errorf("got %v, want a fault without the address", err)
		}
		return fault
	}
	for status, want := range map[int]outbox.Blame{
		301: outbox.Unavailable, 400: outbox.Refused, 401: outbox.Unavailable, 403: outbox.Unavailable, 404: outbox.Unavailable,
		408: outbox.Temporary, 409: outbox.Refused, 410: outbox.Unavailable, 413: outbox.Refused, 422: outbox.Refused, 425: outbox.Temporary,
		429: outbox.Unavailable, 500: outbox.Temporary, 502: outbox.Temporary, 503: outbox.Unavailable, 504: outbox.Temporary,
	} {
		side.answers(with("", status, -1, "Retry-After", "7200"))
		if fault := publish(webhook); fault == nil || fault.Blame != want || fault.RetryAfter != time.Hour {
			t.Errorf("%d: got %+v, want blame %v and an hour at most", status, fault, want)
		}
	}
	side.answers(nil)
	if fault := publish(webhook); fault != nil {
		t.Errorf("202: got %v, want it taken", fault)
	}
	if fault := publish(side.webhook(secretFile(t, side.secrets[0]), func(c *outbox.WebhookConfig) { c.RootCAs = nil })); fault == nil || fault.Code != "certificate-not-trusted" {
		t.Errorf("unknown certificate: got %v", fault)
	}
	path := secretFile(t, side.secrets[0])
	gone := side.webhook(path, nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if fault := publish(gone); fault == nil || fault.Code != "secret-unreadable" || fault.Blame != outbox.Unavailable {
		t.Errorf("no secret: got %v", fault)
	}
}

// Addresses that nothing may be posted to.
func TestWebhookAddresses(t *testing.T) {
	t.Parallel()
	secret := secretFile(t, bytes.Repeat([]byte("s"), 32))
	for _, address := range []string{
		"", "hook", "http://cms.example/hook", "ftp://cms.example/", "https://user:hunter2@cms.example/", "https://cms.example/#x", "https://other.example/",
	} {
		config := outbox.WebhookConfig{URL: address, SecretFile: secret, Hosts: []string{"cms.example"}}
		if _, err := outbox.NewWebhook(config); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want it refused without its password", address, err)
		}
	}
	if _, err := outbox.NewWebhook(outbox.WebhookConfig{URL: "https://CMS.example/hook", SecretFile: secret, Hosts: []string{"cms.example"}}); err != nil {
		t.Errorf("allowed host: got %v", err)
	}
	for _, address := range []string{"https://169.254.169.254/latest", "https://[fe80::1]/", "https://0.0.0.0/", "https://168.63.129.16/"} {
		webhook, err := outbox.NewWebhook(outbox.WebhookConfig{URL: address, SecretFile: secret})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err = webhook.Publish("", message.NewMessageWithContext(ctx, "id", []byte("{}")))
		cancel()
		if fault, is := errors.AsType[*outbox.Fault](err); !is || fault.Code != "unreachable" || !strings.Contains(err.Error(), "nothing is posted to") {
			t.Errorf("%s: got %v, want it never dialled", address, err)
		}
		_ = webhook.Close()
	}
}

// A signature is good for its message, its secret and its time, and the recipe in the contract is right.
func TestSignatures(t *testing.T) {
	t.Parallel()
	old, fresh, other := outbox.Secrets{bytes.Repeat([]byte("o"), 32)}, outbox.Secrets{bytes.Repeat([]byte("f"), 32)}, outbox.Secrets{bytes.Repeat([]byte("x"), 32)}
	both := slices.Concat(fresh, old)
	header := http.Header{}
	both.Sign(header, "id-1", []byte("body"), noon)
	for name, c := range map[string]struct {
		secrets outbox.Secrets
		change  func(http.Header)
		body    string
		now     time.Time
		want    error
	}{
		"new secret":     {fresh, nil, "body", noon, nil},
		"old secret":     {old, nil, "body", noon.Add(4 * time.Minute), nil},
		"another secret": {other, nil, "body", noon, outbox.ErrSignature},
		"another body":   {fresh, nil, "Body", noon, outbox.ErrSignature},
		"another id":     {fresh, func(h http.Header) { h.Set("Webhook-Id", "id-2") }, "body", noon, outbox.ErrSignature},
		"another time":   {fresh, func(h http.Header) { h.Set("Webhook-Timestamp", "1772452801") }, "body", noon, outbox.ErrSignature},
		"later":          {fresh, nil, "body", noon.Add(6 * time.Minute), outbox.ErrSignatureAge},
		"earlier":        {fresh, nil, "body", noon.Add(-6 * time.Minute), outbox.ErrSignatureAge},
		"no signature":   {fresh, func(h http.Header) { h.Del("Webhook-Signature") }, "body", noon, outbox.ErrSignature},
		"another version": {fresh, func(h http.Header) {
			h.Set("Webhook-Signature", strings.ReplaceAll(h.Get("Webhook-Signature"), "v1,", "v2,"))
		}, "body", noon, outbox.ErrSignature},
	} {
		given := header.Clone()
		if c.change != nil {
			c.change(given)
		}
		if err := c.secrets.Verify(given, []byte(c.body), c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	recipe, err := os.ReadFile("../../schemas/portal/README.md")
	example, _ := outbox.ParseSecrets("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	example.Sign(header, "0f4a7a52-51f2-5c1e-9d1c-000000000001", []byte("{}"), time.Unix(1772446501, 0))
	if err != nil || !strings.Contains(string(recipe), "webhook-signature: "+header.Get("Webhook-Signature")) {
		t.Errorf("recipe: got %v, want it to say %s", err, header.Get("Webhook-Signature"))
	}
}

// Secrets that are too short, or none, are not taken, and are not told.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "whsec_c2hvcnQ=", "no base64 at all, but long enough for one", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 65))} {
		if got, err := outbox.ParseSecrets(text); err == nil || text != "" && text != "\n" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: got %v, %v, want an error that does not quote it", text, got, err)
		}
	}
	if got, err := outbox.ParseSecrets(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 24)) + "\nwhsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("y"), 64))); err != nil || len(got) != 2 {
		t.Errorf("got %d, %v, want two", len(got), err)
	}
}
