package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/documents"
	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/uploads"
	"casesync/adapters/httpapi"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb"
)

// files are the store of documents, what takes uploads into it, and the source of key documents.
type files struct {
	t       *testing.T
	store   *documents.Store
	uploads *uploads.Uploads
	// received is how many bytes of bodies were read.
	received atomic.Int64

	mu     sync.Mutex
	faults map[string]error // of the source, by document
	asked  []httpapi.PublishedDocument
	opens  chan struct{} // where there is one, each opening of bytes waits for it
}

// scanner is one that finds what a test writes into a file.
type scanner struct{}

func (scanner) Scan(_ context.Context, r io.Reader, _ int64) (clamd.Result, error) {
	content, err := io.ReadAll(r)
	switch {
	case err != nil:
		return clamd.Result{}, err
	case bytes.Contains(content, []byte("unclear")):
		return clamd.Result{}, clamd.ErrUnclear
	case bytes.Contains(content, []byte("harmful")):
		return clamd.Result{Finding: "Test.Harmful", Scanner: "test 1"}, nil
	}
	return clamd.Result{Clean: true, Scanner: "test 1"}, nil
}

func (scanner) Version(context.Context) (string, error) { return "test 1", nil }

// openFiles opens them, and lets what was received be scanned until the test ends.
func openFiles(t *testing.T, address string, config *httpapi.Config, server func() *httpapi.Server) *files {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f := &files{t: t, faults: map[string]error{}}
	db, err := sqldb.Open(t.Context(), address)
	must(err)
	t.Cleanup(func() { _ = db.Close() })
	f.store, err = documents.Open(t.Context(), "file:"+t.TempDir(), config.Keys)
	must(err)
	t.Cleanup(func() { _ = f.store.Close() })
	f.uploads, err = uploads.New(t.Context(), uploads.Config{
		Store: f.store, DB: db, Scanner: scanner{}, Steps: stepsOf(config.Casework), BasePath: httpapi.UploadsPath,
		FileBytesMax: config.Casework.Limits().FileBytesMax, Poll: 10 * time.Millisecond, Grace: 100 * time.Millisecond,
		Fault: func(w http.ResponseWriter, r *http.Request, err error) { server().FaultOfUpload(w, r, err) }, Now: config.Now, Logger: config.Logger,
	})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.uploads.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	config.Uploads, config.OpenUpload, config.OpenDocument = http.HandlerFunc(f.receive), f.openUpload, f.openDocument
	return f
}

// receive counts the bytes that were read of bodies.
func (f *files) receive(w http.ResponseWriter, r *http.Request) {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, f), r.Body}
	f.uploads.ServeHTTP(w, r)
}

// Write takes bytes that were read.
func (f *files) Write(p []byte) (int, error) {
	f.received.Add(int64(len(p)))
	return len(p), nil
}

// stepsOf has casework decide about uploads, as the service wires it.
func stepsOf(casework *commands.Casework) uploads.Steps {
	return uploads.Steps{
		Allow: func(ctx context.Context, id, ref string) error {
			return casework.MayUpload(ctx, httpapi.PrincipalOf(ctx), id, ref)
		},
		Begin: func(ctx context.Context, begun uploads.Begun) error {
			_, err := casework.BeginUpload(ctx, commands.Ask{By: httpapi.PrincipalOf(ctx)}, begun.ID, begun.Case, begun.Name, begun.Bytes)
			return err
		},
		Cancel: func(ctx context.Context, id, _ string) error {
			_, err := casework.CancelUpload(ctx, commands.Ask{By: httpapi.PrincipalOf(ctx)}, id)
			return err
		},
		Complete: func(ctx context.Context, id, _ string, content uploads.Content) (bool, error) {
			return casework.CompleteUpload(ctx, id, upload.Content{SHA256: content.SHA256, MediaType: content.MediaType}, content.Bytes)
		},
		BeginScan: casework.BeginScan,
		NoteScan: func(ctx context.Context, id string, attempt int, finding uploads.Finding) error {
			found := upload.Finding{Verdict: upload.FoundUnclear, Code: upload.QuarantineCode(finding.Code)}
			switch {
			case finding.Clean:
				found = upload.Finding{Verdict: upload.FoundNothing}
			case finding.Harmful != "":
				found = upload.Finding{Verdict: upload.FoundHarmful, Name: finding.Harmful}
			}
			return casework.NoteScan(ctx, id, attempt, found, finding.Scanner)
		},
		Abandon: casework.AbandonUpload,
	}
}

func (f *files) openUpload(ctx context.Context, id string) (httpapi.Content, error) {
	return contentOf(f.store.Document(ctx, id))
}

// openDocument gives a document that was put into the store under its id, unless its source has a fault.
func (f *files) openDocument(ctx context.Context, _, document string, published httpapi.PublishedDocument) (httpapi.Content, error) {
	f.mu.Lock()
	fault, opens := f.faults[document], f.opens
	f.asked = append(f.asked, published)
	f.mu.Unlock()
	if opens != nil {
		select {
		case <-opens:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if fault != nil {
		return nil, fault
	}
	return contentOf(f.store.Document(ctx, documentIDs[document]))
}

func contentOf(document *documents.Document, err error) (httpapi.Content, error) {
	switch {
	case errors.Is(err, documents.ErrNotFound), errors.Is(err, documents.ErrErased):
		return nil, httpapi.ContentFault(httpapi.CodeNotFound, err)
	case err != nil:
		return nil, httpapi.ContentFault(httpapi.CodeContentAltered, err)
	}
	return document, nil
}

// documentIDs are where the key documents of tests stand in the store.
var documentIDs = map[string]string{
	"D1": "0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f01", "D2": "0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f02", "D3": "0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f03",
}

// metadata is the header by which an upload says what it is.
func metadata(ref, name string) string {
	return "case " + base64.StdEncoding.EncodeToString([]byte(ref)) + ",filename " + base64.StdEncoding.EncodeToString([]byte(name))
}

// begin announces a file of some bytes.
func (w *world) begin(token, ref, name string, bytes int) answer {
	w.t.Helper()
	return w.do(http.MethodPost, httpapi.UploadsPath, token, "", "Tus-Resumable", "1.0.0",
		"Upload-Length", strconv.Itoa(bytes), "Upload-Metadata", metadata(ref, name))
}

// patch sends bytes of an upload.
func (w *world) patch(token, address string, offset int, content string) answer {
	w.t.Helper()
	return w.do(http.MethodPatch, address, token, content, "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(offset),
		"Content-Type", "application/offset+octet-stream")
}

// upload sends a file whole, waits until it has a status, and returns its id.
func (w *world) upload(token, ref, name, content string, status upload.Status) string {
	w.t.Helper()
	address := w.begin(token, ref, name, len(content)).want(http.StatusCreated).header.Get("Location")
	w.patch(token, address, 0, content).want(http.StatusNoContent)
	id := strings.TrimPrefix(address, httpapi.UploadsPath+"/")
	w.waitFor(func() bool {
		return w.do(http.MethodGet, address, token, "").text("status") == string(status)
	})
	return id
}
