package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/eventstore/sqldb/sqldbtest"
)

// wire is the way to a server, which can be cut.
type wire struct {
	t      *testing.T
	target string
	at     string // where it is reached

	mu       sync.Mutex
	listener net.Listener // nil while it is cut
	conns    []net.Conn
	copying  sync.WaitGroup
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	w := &wire{t: t, target: target, at: "127.0.0.1:0"}
	w.mend()
	t.Cleanup(w.cut)
	return w
}

// mend takes connections, at the same address as before.
func (w *wire) mend() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.listener, w.at = listener, listener.Addr().String()
	w.mu.Unlock()
	w.copying.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			w.join(from)
		}
	})
}

func (w *wire) join(from net.Conn) {
	to, err := net.Dial("tcp", w.target)
	if err != nil {
		from.Close()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, from, to)
	if w.listener == nil { // cut meanwhile
		from.Close()
		to.Close()
		return
	}
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		w.copying.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			pair[0].Close()
			pair[1].Close()
		})
	}
}

// cut ends all connections and takes no more.
func (w *wire) cut() {
	w.mu.Lock()
	if w.listener != nil {
		w.listener.Close()
	}
	for _, conn := range w.conns {
		conn.Close()
	}
	w.listener, w.conns = nil, nil
	w.mu.Unlock()
	w.copying.Wait()
}

// distantWorld keeps its log and read models in a PostgreSQL at the end of a wire, the rest on this machine.
func distantWorld(t *testing.T) (*world, *wire) {
	t.Helper()
	address, err := url.Parse(sqldbtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	wire := newWire(t, address.Host)
	address.Host = wire.at
	w := &world{t: t, store: address.String(), logged: io.Discard}
	w.storage = []string{"--data", t.TempDir(), "--log", w.store, "--read-model", w.store}
	return w, wire
}

// While PostgreSQL is away a server says so, and what to do; when it is back everything goes on by itself.
func TestDatabaseGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	lines := feedLines(t, 60)
	w, wire := distantWorld(t)
	a, _ := w.serve()
	if status, _, body := a.handIn(lines[:30]); status != http.StatusAccepted {
		t.Fatalf("before: got %d %s", status, body)
	}
	w.caughtUp()
	businesses := func() int { return len(a.object("auditor", "/api/v1/businesses?limit=100")["items"].([]any)) }
	if got := businesses(); got != 30 { // the feed begins with them
		t.Fatalf("before: got %d businesses, want 30", got)
	}

	wire.cut()
	status, header, body := a.handIn(lines[30:])
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, "send them all again") {
		t.Errorf("events without the database: got %d %s, want 503 and when to try again", status, body)
	}
	for _, path := range []string{"/api/v1/cases", "/api/v1/dashboard", "/api/v1/businesses", "/api/v1/cases/export"} {
		status, header, body := a.get("auditor", path)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"code":"unavailable"`) {
			t.Errorf("GET %s without the database: got %d %s, want 503 and when to try again", path, status, body)
		}
		if strings.Contains(body, wire.at) {
			t.Errorf("GET %s tells where the database is: %s", path, body)
		}
	}
	if status, _, _ := a.get("", "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz without the database: got %d, want 503", status)
	}
	if status, _, _ := a.get("", "/livez"); status != http.StatusOK {
		t.Errorf("livez without the database: got %d, want 200", status)
	}
	for _, args := range [][]string{{"log", "tail"}, {"verify"}, {"serve", "--listen", "127.0.0.1:0"}} {
		if output, code := w.run(args...); code != exitFailed || !strings.Contains(output, "check that PostgreSQL runs there") {
			t.Errorf("casesync %s without the database: got exit code %d, %s", args[0], code, output)
		}
	}

	wire.mend()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // as a sender does
		if status, _, body = a.handIn(lines[30:]); status == http.StatusAccepted {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("events with the database back: got %d %s", status, body)
		}
	}
	w.caughtUp()
	if got := businesses(); got != 60 {
		t.Errorf("after: got %d businesses, want 60", got)
	}
	if status, _, body := a.get("", "/readyz"); status != http.StatusOK {
		t.Errorf("readyz with the database back: got %d %s", status, body)
	}
	w.must("verify")
}

// handIn hands in a batch of events.
func (a *api) handIn(events []string) (status int, header http.Header, body string) {
	a.t.Helper()
	return a.do(http.MethodPost, "cms", "/cms/v1/events", "["+strings.Join(events, ",")+"]", "Content-Type", "application/cloudevents-batch+json")
}
