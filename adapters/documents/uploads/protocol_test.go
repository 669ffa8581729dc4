package uploads_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/documents"
	"casesync/adapters/documents/documentstest"
	"casesync/adapters/documents/uploads"
)

func random(tb testing.TB, n int64) []byte {
	tb.Helper()
	data, err := io.ReadAll(documentstest.Bytes(uint64(n), n))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// A file that comes in pieces arrives byte for byte, sealed from the first on.
func TestUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		want := random(t, 2*documents.SegmentBytesMax+777)
		path := w.create(int64(len(want)))
		if strings.Contains(path, "://") {
			t.Errorf("got Location %s, want a path", path)
		}
		for _, piece := range [][2]int{{0, 100}, {100, 9 << 20}, {9 << 20, len(want)}} {
			if got := head(t, w.server, path); got != int64(piece[0]) {
				t.Errorf("got offset %d, want %d", got, piece[0])
			}
			response := patch(t, w.server, path, int64(piece[0]), bytes.NewReader(want[piece[0]:piece[1]]))
			if response.StatusCode != http.StatusNoContent {
				t.Fatalf("got %d, %s", response.StatusCode, code(t, response))
			}
			if expires := response.Header.Get("Upload-Expires"); (expires != "") != (piece[1] < len(want)) {
				t.Errorf("at %d: got Upload-Expires %q", piece[1], expires)
			}
		}
		w.workOff()
		id := idOf(path)
		if got := w.content(id); !bytes.Equal(got, want) {
			t.Errorf("got %d other bytes", len(got))
		}
		if got := w.decider.content[id]; got.Bytes != int64(len(want)) || got.SHA256 != documentstest.Sum(t, bytes.NewReader(want)) {
			t.Errorf("got %+v, want what came", got)
		}
		if got := w.decider.begun[id]; got.Name != "complaint file.pdf" || got.Case != "1234" || got.Bytes != int64(len(want)) {
			t.Errorf("got %+v, want what was announced", got)
		}
		if got := w.decider.finding(id); len(got) != 1 || !got[0].Clean || got[0].Scanner == "" {
			t.Errorf("got %+v, want a clean file", got)
		}
		if got := head(t, w.server, path); got != int64(len(want)) {
			t.Errorf("a client that asks late: got offset %d, want the whole", got)
		}
	})
}

// Nothing is in clear: in the folder while bytes come, nor in the tables.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		text := []byte(strings.Repeat("Complaint about a loan. ", 1000))
		path := w.create(int64(len(text)) * 2)
		patch(t, w.server, path, 0, bytes.NewReader(text))
		for name, data := range documentstest.Files(t, w.dir) {
			if bytes.Contains(data, []byte("Complaint")) {
				t.Errorf("%s holds the file in clear", name)
			}
		}
		var metadata, digest string
		if err := w.config.DB.QueryRowContext(context.Background(), `SELECT metadata, digest FROM staged_uploads WHERE id = $1`, idOf(path)).Scan(&metadata, &digest); err != nil {
			t.Fatal(err)
		}
		for what, sealed := range map[string]string{"metadata": metadata, "digest": digest} {
			data, err := base64.StdEncoding.DecodeString(sealed)
			if err != nil || len(data) == 0 {
				t.Errorf("%s: got %q, %v", what, sealed, err)
			}
			if bytes.Contains(data, []byte("complaint file")) || bytes.Contains(data, text[len(text)-20:]) {
				t.Errorf("%s is in clear", what)
			}
		}
		response := request(t, w.server, "HEAD", path, nil, nil)
		if got := response.Header.Get("Upload-Metadata"); !strings.Contains(got, base64.StdEncoding.EncodeToString([]byte("complaint file.pdf"))) {
			t.Errorf("got metadata %q, want what the client said", got)
		}
	})
}

// A connection that breaks loses nothing that came over it.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		want := random(t, 10<<20)
		path := w.create(int64(len(want)))
		cut := 9<<20 + 4321
		// The client is gone after a part of what it said: what came is in the server's hands.
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
			"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n", path, len(want))
		if _, err := conn.Write(want[:cut]); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil { // the server has done with it
			t.Fatal(err)
		}
		offset := head(t, w.server, path)
		if offset != int64(cut) {
			t.Errorf("got offset %d, want %d", offset, cut)
		}
		patch(t, w.server, path, offset, bytes.NewReader(want[offset:]))
		w.workOff()
		if got := w.content(idOf(path)); !bytes.Equal(got, want) {
			t.Errorf("got %d other bytes", len(got))
		}
	})
}

// Each request that is wrong has its status and code, and changes nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		path := w.create(100)
		patch(t, w.server, path, 0, strings.NewReader(strings.Repeat("x", 40)))
		octets := map[string]string{"Content-Type": "application/offset+octet-stream", "Upload-Offset": "40"}
		with := func(name, value string) map[string]string {
			header := map[string]string{name: value}
			for k, v := range octets {
				if _, set := header[k]; !set {
					header[k] = v
				}
			}
			return header
		}
		good := metadata("case", "1234", "filename", "a.pdf")
		for name, c := range map[string]struct {
			method, path string
			body         string
			header       map[string]string
			status       int
			code         string
		}{
			"empty file":             {"POST", basePath, "", map[string]string{"Upload-Length": "0", "Upload-Metadata": good}, 422, "file-empty"},
			"5 GB":                   {"POST", basePath, "", map[string]string{"Upload-Length": "5000000000", "Upload-Metadata": good}, 413, "file-too-large"},
			"no length":              {"POST", basePath, "", map[string]string{"Upload-Metadata": good}, 400, "upload-length"},
			"length later":           {"POST", basePath, "", map[string]string{"Upload-Defer-Length": "1", "Upload-Metadata": good}, 501, "upload-length"},
			"no case":                {"POST", basePath, "", map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("filename", "a")}, 422, "upload-metadata"},
			"no name":                {"POST", basePath, "", map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("case", "1")}, 422, "upload-metadata"},
			"long metadata":          {"POST", basePath, "", map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("case", "1", "filename", strings.Repeat("a", 5000))}, 422, "upload-metadata"},
			"another version":        {"PATCH", path, "x", with("Tus-Resumable", "0.2.0"), 412, "unsupported-version"},
			"wrong offset":           {"PATCH", path, "x", with("Upload-Offset", "0"), 409, "upload-offset"},
			"offset ahead":           {"PATCH", path, "x", with("Upload-Offset", "99"), 409, "upload-offset"},
			"offset below zero":      {"PATCH", path, "x", with("Upload-Offset", "-1"), 400, "invalid-offset"},
			"another content type":   {"PATCH", path, "x", with("Content-Type", "text/plain"), 400, "invalid-content-type"},
			"more than was said":     {"PATCH", path, strings.Repeat("x", 61), octets, 413, "upload-size-exceeded"},
			"an unknown upload":      {"PATCH", basePath + "/6f1c1a34-0000-4000-8000-000000000000", "x", octets, 404, "not-found"},
			"no id":                  {"PATCH", basePath + "/../../etc/passwd", "x", octets, 404, "not-found"},
			"an id in capitals":      {"PATCH", basePath + "/6F1C1A34-0000-4000-8000-000000000000", "x", octets, 404, "not-found"},
			"unknown checksum":       {"PATCH", path, "x", with("Upload-Checksum", "crc32 AAAA"), 400, "checksum-algorithm"},
			"checksum that is none":  {"PATCH", path, "x", with("Upload-Checksum", "sha1 AAAA"), 400, "checksum-algorithm"},
			"download":               {"GET", path, "", nil, 405, "method-not-allowed"},
			"creation at an upload":  {"POST", path, "", map[string]string{"Upload-Length": "9"}, 405, "method-not-allowed"},
			"override to a deletion": {"POST", path, "", map[string]string{"X-HTTP-Method-Override": "DELETE"}, 405, "method-not-allowed"},
			"override of a creation": {"POST", basePath, "", map[string]string{"X-HTTP-Method-Override": "PATCH", "Upload-Length": "0", "Upload-Metadata": good}, 422, "file-empty"},
		} {
			response := request(t, w.server, c.method, c.path, strings.NewReader(c.body), c.header)
			if got := code(t, response); response.StatusCode != c.status || got != c.code {
				t.Errorf("%s: got %d %s, want %d %s", name, response.StatusCode, got, c.status, c.code)
			}
			if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("%s: got %s, want problem details", name, got)
			}
		}
		if got := head(t, w.server, path); got != 40 {
			t.Errorf("got offset %d, want 40 as before", got)
		}
		if got := len(w.decider.begun); got != 1 {
			t.Errorf("got %d uploads begun, want 1", got)
		}
	})
}

// A chunk whose checksum differs is not kept, and one that agrees is.
func TestChecksum(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		want := random(t, documents.SegmentBytesMax+100)
		path := w.create(int64(len(want)))
		sum := sha256.Sum256(want)
		wrong := sha1.Sum([]byte("something else"))
		response := patch(t, w.server, path, 0, bytes.NewReader(want), "Upload-Checksum", "sha1 "+base64.StdEncoding.EncodeToString(wrong[:]))
		if got := code(t, response); response.StatusCode != 460 || got != "checksum-mismatch" {
			t.Errorf("got %d %s, want 460", response.StatusCode, got)
		}
		if got := head(t, w.server, path); got != 0 {
			t.Errorf("got offset %d, want 0", got)
		}
		if files := documentstest.Files(t, w.dir); len(files) != 0 {
			t.Errorf("got %d files left, want none", len(files))
		}
		response = patch(t, w.server, path, 0, bytes.NewReader(want), "Upload-Checksum", "sha256 "+base64.StdEncoding.EncodeToString(sum[:]))
		if response.StatusCode != http.StatusNoContent {
			t.Errorf("got %d %s, want it kept", response.StatusCode, code(t, response))
		}
		w.workOff()
		if got := w.content(idOf(path)); !bytes.Equal(got, want) {
			t.Errorf("got %d other bytes", len(got))
		}
	})
}

// What a client can know before is told.
func TestOptions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		response := request(t, w.server, "OPTIONS", basePath, nil, nil)
		for name, want := range map[string]string{
			"Tus-Version": "1.0.0", "Tus-Max-Size": "1073741824", "Tus-Checksum-Algorithm": "sha1,sha256",
			"Tus-Extension": "creation,creation-with-upload,expiration,checksum,termination",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		response = request(t, w.server, "POST", basePath, strings.NewReader("hello"), map[string]string{
			"Upload-Length": "9", "Upload-Metadata": metadata("case", "1", "filename", "a"), "Content-Type": "application/offset+octet-stream",
		})
		if response.StatusCode != http.StatusCreated || response.Header.Get("Upload-Offset") != "5" {
			t.Errorf("creation with upload: got %d, offset %s", response.StatusCode, response.Header.Get("Upload-Offset"))
		}
	})
}

// What the decider refuses is not done: a creation leaves nothing, and an upload that runs comes to an end.
func TestRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		full := &uploads.Refusal{Status: 409, Code: "case-size-limit", Detail: "The case is full."}
		w.decider.set("begin", full)
		header := map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("case", "1", "filename", "a")}
		if response := request(t, w.server, "POST", basePath, nil, header); response.StatusCode != http.StatusConflict || code(t, response) != "case-size-limit" {
			t.Errorf("got %d, want the decider's refusal", response.StatusCode)
		}
		w.decider.set("begin", nil)
		if status, err := w.Status(context.Background()); err != nil || status.Receiving != 0 {
			t.Errorf("got %+v, %v, want nothing there", status, err)
		}
		hidden := &uploads.Refusal{Status: 404, Code: "not-found", Detail: "There is no such case."}
		want := random(t, 3*documents.SegmentBytesMax)
		path := w.create(int64(len(want)))
		// The case is suppressed while the second segment is on its way.
		body := io.MultiReader(bytes.NewReader(want[:9<<20]), readerFunc(func([]byte) (int, error) {
			w.decider.set("allow", hidden)
			return 0, io.EOF
		}), bytes.NewReader(want[9<<20:]))
		if response := patch(t, w.server, path, 0, body); response.StatusCode != http.StatusNotFound {
			t.Errorf("got %d, want 404", response.StatusCode)
		}
		if got := head(t, w.server, path); got != -1 {
			t.Errorf("got offset %d, want none", got)
		}
		if response := request(t, w.server, "DELETE", path, nil, nil); response.StatusCode != http.StatusNotFound {
			t.Errorf("delete: got %d, want 404", response.StatusCode)
		}
		if response := request(t, w.server, "POST", basePath, nil, header); response.StatusCode != http.StatusNotFound {
			t.Errorf("create: got %d, want 404", response.StatusCode)
		}
		w.decider.set("allow", nil)
		if got := head(t, w.server, path); got%documents.SegmentBytesMax != 0 || got == int64(len(want)) {
			t.Errorf("seen again: got offset %d, want the segments before", got)
		}
		w.decider.set("begin", errors.New("the log is down: secret"))
		if response := request(t, w.server, "POST", basePath, nil, header); response.StatusCode != http.StatusInternalServerError || strings.Contains(code(t, response), "secret") {
			t.Errorf("a fault: got %d, want 500", response.StatusCode)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A client may give an upload up, half-way or whole; its bytes go.
func TestTermination(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		half := w.create(100)
		patch(t, w.server, half, 0, strings.NewReader("hello"))
		whole := basePath + "/" + w.send([]byte("%PDF-1.7 whole"))
		w.workOff()
		w.decider.set("cancel", &uploads.Refusal{Status: 409, Code: "upload-sent", Detail: "It was sent."})
		if response := request(t, w.server, "DELETE", whole, nil, nil); response.StatusCode != http.StatusConflict || head(t, w.server, whole) < 0 {
			t.Errorf("refused: got %d, want 409 and it there", response.StatusCode)
		}
		w.decider.set("cancel", nil)
		for _, path := range []string{half, whole} {
			if response := request(t, w.server, "DELETE", path, nil, nil); response.StatusCode != http.StatusNoContent {
				t.Errorf("got %d, want 204", response.StatusCode)
			}
			if got := head(t, w.server, path); got != -1 {
				t.Errorf("got offset %d, want it gone", got)
			}
		}
		if files := documentstest.Files(t, w.dir); len(files) != 0 {
			t.Errorf("got %d files left, want none", len(files))
		}
	})
}

// What nobody goes on with goes away, and what is done with is forgotten, but not its bytes.
func TestSweep(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		idle, busy := w.create(100), w.create(100)
		patch(t, w.server, idle, 0, strings.NewReader("hello"))
		done := w.send([]byte("%PDF-1.7 done"))
		w.workOff()
		w.clock.move(23 * time.Hour)
		patch(t, w.server, busy, 0, strings.NewReader("hello"))
		w.clock.move(2 * time.Hour)
		w.decider.set("abandon", errors.New("not now"))
		if err := w.Sweep(ctx); err == nil || head(t, w.server, idle) != 5 {
			t.Errorf("not decided: got %v, want it kept", err)
		}
		w.decider.set("abandon", nil)
		if err := w.Sweep(ctx); err != nil {
			t.Fatalf("sweep: %v", err)
		}
		if got := []int64{head(t, w.server, idle), head(t, w.server, busy), head(t, w.server, basePath+"/"+done)}; !slices.Equal(got, []int64{-1, 5, 13}) {
			t.Errorf("got offsets %v, want the idle one gone alone", got)
		}
		w.clock.move(8 * 24 * time.Hour)
		if err := w.Sweep(ctx); err != nil {
			t.Fatalf("sweep: %v", err)
		}
		if got := head(t, w.server, basePath+"/"+done); got != -1 {
			t.Errorf("got offset %d, want it forgotten", got)
		}
		if got := string(w.content(done)); got != "%PDF-1.7 done" {
			t.Errorf("got %q, want the document kept", got)
		}
	})
}

// With the key of the case an upload is gone.
func TestErasedCase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		half := w.create(100)
		whole := w.send([]byte("%PDF-1.7 whole"))
		w.keys.Destroy("casefile-1234")
		if got := head(t, w.server, half); got != -1 {
			t.Errorf("got offset %d, want it gone", got)
		}
		w.workOff()
		if got := w.decider.content[whole]; got != (uploads.Content{}) {
			t.Errorf("got %+v, want nothing told", got)
		}
		if status, err := w.Status(context.Background()); err != nil || status.Waiting+status.Scanning != 0 {
			t.Errorf("got %+v, %v, want nothing left to do", status, err)
		}
		for _, id := range []string{idOf(half), whole} {
			if err := w.Remove(context.Background(), id); err != nil {
				t.Errorf("remove: %v", err)
			}
		}
		if files := documentstest.Files(t, w.dir); len(files) != 0 {
			t.Errorf("got %d files left, want none", len(files))
		}
	})
}
