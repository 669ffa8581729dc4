package clamd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/documentstest"
	"casesync/adapters/documents/uploads"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

const uploadsPath = "/api/v1/uploads"

// pipeline is uploads in front of a scanner; findings are what came of it, by the upload's path.
type pipeline struct {
	*uploads.Uploads
	mu       sync.Mutex
	now      time.Time
	findings map[string]uploads.Finding
}

func newPipeline(t *testing.T, s *clamd.Scanner) *pipeline {
	t.Helper()
	ctx := context.Background()
	db, err := sqldb.Open(ctx, sqldbtest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &pipeline{now: time.Now(), findings: map[string]uploads.Finding{}}
	p.Uploads, err = uploads.New(ctx, uploads.Config{
		Store: documentstest.Open(t, "file:"+t.TempDir(), documentstest.NewRing()), DB: db, Scanner: s, BasePath: uploadsPath,
		FileBytesMax: s.BytesMax(), Grace: time.Millisecond, Now: func() time.Time {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.now
		},
		Steps: uploads.Steps{
			Allow: func(context.Context, string, string) error { return nil }, Begin: func(context.Context, uploads.Begun) error { return nil },
			Cancel:    func(context.Context, string, string) error { return nil },
			Complete:  func(context.Context, string, string, uploads.Content) (bool, error) { return true, nil },
			BeginScan: func(context.Context, string) (int, bool, error) { return 1, true, nil },
			NoteScan: func(_ context.Context, id string, _ int, f uploads.Finding) error {
				p.findings[uploadsPath+"/"+id] = f
				return nil
			},
			Abandon: func(context.Context, string, string, time.Time) (bool, error) { return false, nil },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send uploads a file in the request that creates it, and returns the upload's path.
func (p *pipeline) send(t *testing.T, content string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, uploadsPath, strings.NewReader(content))
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Upload-Length", fmt.Sprint(len(content)))
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	name := base64.StdEncoding.EncodeToString([]byte("1234"))
	r.Header.Set("Upload-Metadata", "case "+name+",filename "+name)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		t.Fatalf("upload: got %d, %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

// workOff does what is due, after a back-off has passed.
func (p *pipeline) workOff(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	p.now = p.now.Add(10 * time.Minute)
	p.mu.Unlock()
	for {
		done, err := p.Work(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !done {
			return
		}
	}
}

// A clean file passes, the test string does not; and while the scanner is killed in between nothing passes unscanned.
func TestUploadsAreScanned(t *testing.T) {
	address(t)
	dir := os.Getenv(directory)
	if dir == "" {
		t.Skipf("%s is not set: the scanner that %s names is not ours to kill", directory, variable)
	}
	socket, config := ownDaemon(t, dir)
	running := startDaemon(t, config, socket)
	p := newPipeline(t, scanner(t, clamd.Config{Address: "unix:" + socket, ConfigFile: config, ConnectTimeout: time.Second}))
	const clean = "%PDF-1.7\nA letter about a loan.\n%%EOF\n"
	first, bad := p.send(t, clean), p.send(t, clean+eicar)
	p.workOff(t)
	if got := p.findings[first]; !got.Clean || !strings.HasPrefix(got.Scanner, "ClamAV") {
		t.Errorf("clean: got %+v, want it clean", got)
	}
	if got := p.findings[bad]; got.Clean || !strings.Contains(got.Harmful, "Eicar") {
		t.Errorf("the test string: got %+v, want it found", got)
	}
	stop(t, running)
	second, worse := p.send(t, clean+"2"), p.send(t, string(bytes.Repeat([]byte("%PDF-1.7 "), 9000))+eicar)
	for range 5 {
		p.workOff(t)
	}
	if len(p.findings) != 2 {
		t.Errorf("without a scanner: got %d findings, want those before", len(p.findings))
	}
	if status, err := p.Status(context.Background()); err != nil || status.Scanning != 2 || status.Faults[uploads.CodeUnreachable] != 2 {
		t.Errorf("without a scanner: got %+v, %v, want two that wait", status, err)
	}
	_ = os.Remove(socket)
	running = startDaemon(t, config, socket)
	defer func() { stop(t, running) }()
	p.workOff(t)
	if got := p.findings[second]; !got.Clean {
		t.Errorf("back, clean: got %+v, want it clean", got)
	}
	if got := p.findings[worse]; got.Clean || got.Harmful == "" {
		t.Errorf("back, the test string: got %+v, want it found", got)
	}
}
