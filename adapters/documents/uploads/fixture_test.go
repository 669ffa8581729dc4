package uploads_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"casesync/adapters/documents"
	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/documentstest"
	"casesync/adapters/documents/uploads"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	if helper() {
		return
	}
	goleak.VerifyTestMain(patient{m})
}

// grace is how long a request that broke off may take to keep what it has; the protocol's handler keeps a goroutine for
// that long after each request, and tells nobody when it ends.
const grace = 2 * time.Second

type patient struct{ *testing.M }

func (p patient) Run() int {
	defer time.Sleep(grace)
	return p.M.Run()
}

const basePath = "/api/v1/uploads"

// clock is one that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// scanner is one that answers as a test says, after it has read the file.
type scanner struct {
	mu     sync.Mutex
	err    error
	scans  int
	before func()
}

func (s *scanner) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *scanner) Scan(_ context.Context, r io.Reader, size int64) (clamd.Result, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return clamd.Result{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans++
	if s.before != nil {
		s.before()
	}
	switch {
	case s.err != nil:
		return clamd.Result{}, s.err
	case int64(len(content)) != size:
		return clamd.Result{}, fmt.Errorf("%d bytes, %d were announced", len(content), size)
	case bytes.Contains(content, []byte("virus")):
		return clamd.Result{Finding: "Test.Virus", Scanner: "test 1"}, nil
	}
	return clamd.Result{Clean: true, Scanner: "test 1"}, nil
}

func (s *scanner) Version(context.Context) (string, error) { return "test 1", nil }

// decider stands for what decides about uploads: it remembers what it was told, and refuses what it is told to refuse.
type decider struct {
	mu       sync.Mutex
	refuse   map[string]error // by step
	begun    map[string]uploads.Begun
	content  map[string]uploads.Content
	findings map[string][]uploads.Finding
	steps    []string
	told     chan struct{} // has room for one
}

func newDecider() *decider {
	return &decider{
		refuse: map[string]error{}, begun: map[string]uploads.Begun{}, content: map[string]uploads.Content{},
		findings: map[string][]uploads.Finding{}, told: make(chan struct{}, 1),
	}
}

func (d *decider) step(name string, note func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = append(d.steps, name)
	if err := d.refuse[name]; err != nil {
		return err
	}
	note()
	select {
	case d.told <- struct{}{}:
	default:
	}
	return nil
}

func (d *decider) set(step string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse[step] = err
}

func (d *decider) finding(id string) []uploads.Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.findings[id]
}

func (d *decider) asSteps() uploads.Steps {
	return uploads.Steps{
		Allow:  func(context.Context, string, string) error { return d.step("allow", func() {}) },
		Begin:  func(_ context.Context, b uploads.Begun) error { return d.step("begin", func() { d.begun[b.ID] = b }) },
		Cancel: func(context.Context, string, string) error { return d.step("cancel", func() {}) },
		Complete: func(_ context.Context, id, _ string, c uploads.Content) (bool, error) {
			err := d.step("complete", func() { d.content[id] = c })
			return c.MediaType != "text/html", err
		},
		BeginScan: func(_ context.Context, id string) (attempt int, wanted bool, err error) {
			err = d.step("scan", func() { attempt = len(d.findings[id]) + 1 })
			return attempt, true, err
		},
		NoteScan: func(_ context.Context, id string, _ int, f uploads.Finding) error {
			return d.step("found", func() { d.findings[id] = append(d.findings[id], f) })
		},
		Abandon: func(context.Context, string, string, time.Time) (bool, error) {
			return true, d.step("abandon", func() {})
		},
	}
}

// world is uploads with all around them.
type world struct {
	*uploads.Uploads
	t       testing.TB
	dir     string
	keys    *documentstest.Ring
	store   *documents.Store
	scanner *scanner
	decider *decider
	clock   *clock
	server  *httptest.Server
	config  uploads.Config
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address, nil)) })
}

func newWorld(tb testing.TB, address string, change func(*uploads.Config)) *world {
	tb.Helper()
	w := &world{t: tb, dir: tb.TempDir(), keys: documentstest.NewRing(), scanner: &scanner{}, decider: newDecider(), clock: newClock()}
	w.store = documentstest.Open(tb, "file:"+w.dir, w.keys)
	db, err := sqldb.Open(context.Background(), address)
	if err != nil {
		tb.Fatalf("open database: %v", err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	w.config = uploads.Config{
		Store: w.store, DB: db, Scanner: w.scanner, Steps: w.decider.asSteps(), BasePath: basePath, FileBytesMax: 1 << 30,
		Now: w.clock.Now, Poll: 10 * time.Millisecond, Grace: grace,
	}
	if change != nil {
		change(&w.config)
	}
	w.Uploads, w.server = w.process()
	return w
}

// process opens uploads once more, as another process would.
func (w *world) process() (*uploads.Uploads, *httptest.Server) {
	w.t.Helper()
	u, err := uploads.New(context.Background(), w.config)
	if err != nil {
		w.t.Fatalf("open uploads: %v", err)
	}
	server := httptest.NewServer(u)
	w.t.Cleanup(server.Close)
	return u, server
}

// request sends a request of the protocol.
func request(tb testing.TB, server *httptest.Server, method, path string, body io.Reader, header map[string]string) *http.Response {
	tb.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, server.URL+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(text))
	return response
}

// code returns the code of a problem.
func code(tb testing.TB, response *http.Response) string {
	tb.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"code":"`)
	code, _, _ := strings.Cut(rest, `"`)
	return code
}

func metadata(pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(parts, ",")
}

// create begins an upload and returns its path.
func (w *world) create(size int64) string {
	w.t.Helper()
	response := request(w.t, w.server, "POST", basePath, nil, map[string]string{
		"Upload-Length": strconv.FormatInt(size, 10), "Upload-Metadata": metadata("case", "1234", "filename", "complaint file.pdf"),
	})
	if response.StatusCode != http.StatusCreated {
		w.t.Fatalf("create: got %d, %s", response.StatusCode, code(w.t, response))
	}
	return response.Header.Get("Location")
}

// patch sends bytes at an offset.
func patch(tb testing.TB, server *httptest.Server, path string, offset int64, body io.Reader, more ...string) *http.Response {
	tb.Helper()
	header := map[string]string{"Upload-Offset": strconv.FormatInt(offset, 10), "Content-Type": "application/offset+octet-stream"}
	for i := 0; i < len(more); i += 2 {
		header[more[i]] = more[i+1]
	}
	return request(tb, server, "PATCH", path, body, header)
}

// head returns the offset that an upload stands at, -1 where it is not known.
func head(tb testing.TB, server *httptest.Server, path string) int64 {
	tb.Helper()
	response := request(tb, server, "HEAD", path, nil, nil)
	if response.StatusCode == http.StatusNotFound {
		return -1
	}
	offset, err := strconv.ParseInt(response.Header.Get("Upload-Offset"), 10, 64)
	if response.StatusCode != http.StatusOK || err != nil {
		tb.Fatalf("head: got %d, %v", response.StatusCode, err)
	}
	return offset
}

// send uploads content whole, and returns the upload's id.
func (w *world) send(content []byte) string {
	w.t.Helper()
	path := w.create(int64(len(content)))
	if response := patch(w.t, w.server, path, 0, bytes.NewReader(content)); response.StatusCode != http.StatusNoContent {
		w.t.Fatalf("patch: got %d, %s", response.StatusCode, code(w.t, response))
	}
	return idOf(path)
}

func idOf(path string) string { return strings.TrimPrefix(path, basePath+"/") }

// workOff does all steps that are due.
func (w *world) workOff() {
	w.t.Helper()
	for {
		done, err := w.Work(context.Background())
		if err != nil {
			w.t.Fatalf("work: %v", err)
		}
		if !done {
			return
		}
	}
}

// content returns what is in the store of an upload.
func (w *world) content(id string) []byte {
	w.t.Helper()
	document, err := w.store.Document(context.Background(), id)
	if err != nil {
		w.t.Fatalf("open %s: %v", id, err)
	}
	defer document.Close()
	content, err := io.ReadAll(document)
	if err != nil {
		w.t.Fatalf("read %s: %v", id, err)
	}
	return content
}
