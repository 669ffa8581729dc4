package uploads_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"casesync/adapters/documents"
	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/documentstest"
	"casesync/adapters/documents/uploads"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// helperVariable makes this test program a server of uploads, on the database and folder that it names.
const helperVariable = "CASESYNC_TEST_UPLOADS_SERVER"

const helperKeys = documentstest.Fixed("of tests")

// helper serves uploads until it is killed, where it is asked to.
func helper() bool {
	address, dir, asked := strings.Cut(os.Getenv(helperVariable), " ")
	if !asked {
		return false
	}
	if err := serveUploads(address, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func serveUploads(address, dir string) error {
	ctx := context.Background()
	db, err := sqldb.Open(ctx, address)
	if err != nil {
		return err
	}
	store, err := documents.Open(ctx, "file:"+dir, helperKeys)
	if err != nil {
		return err
	}
	u, err := uploads.New(ctx, uploads.Config{
		Store: store, DB: db, Scanner: &scanner{}, Steps: newDecider().asSteps(), BasePath: basePath, FileBytesMax: 1 << 30,
	})
	if err != nil {
		return err
	}
	server := httptest.NewServer(u)
	fmt.Println(server.URL)
	select {}
}

// start starts a server in a process of its own.
func start(t *testing.T, address, dir string) (*exec.Cmd, *httptest.Server) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), helperVariable+"="+address+" "+dir)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("start server: %v", err)
	}
	// Only the address of it is used, and a client.
	return command, &httptest.Server{URL: strings.TrimSpace(line)}
}

// A server that is killed in the middle of a request, again and again, loses nothing that it answered for: the file
// arrives byte for byte.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	const kills = 5
	sqldbtest.Each(t, func(t *testing.T, address string) {
		dir := t.TempDir()
		want := random(t, 60<<20)
		process, server := start(t, address, dir)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		path := ""
		answered := int64(0)
		for n := 0; ; n++ {
			if path == "" {
				path = begin(t, client, server, int64(len(want)))
			}
			offset := offsetOf(t, client, server, path)
			if offset < answered {
				t.Fatalf("got offset %d after a kill, %d was answered before", offset, answered)
			}
			answered = offset
			if offset == int64(len(want)) {
				break
			}
			// Some bytes into the request the server dies; after the last kill everything goes through.
			body := io.Reader(bytes.NewReader(want[offset:]))
			if n < kills {
				live := rand.Int64N(16 << 20)
				body = io.MultiReader(io.LimitReader(body, live), readerFunc(func([]byte) (int, error) {
					_ = process.Process.Kill()
					return 0, io.EOF
				}), bytes.NewReader(want[min(offset+live, int64(len(want))):]))
			}
			send(client, server, path, offset, body, int64(len(want))-offset)
			if n < kills {
				_ = process.Wait()
				process, server = start(t, address, dir)
			}
		}
		checkArrived(t, address, dir, strings.TrimPrefix(path, basePath+"/"), want)
	})
}

func begin(t *testing.T, client *http.Client, server *httptest.Server, size int64) string {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+basePath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Upload-Length", fmt.Sprint(size))
	r.Header.Set("Upload-Metadata", metadata("case", "1234", "filename", "a.bin"))
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("create: got %d", response.StatusCode)
	}
	return response.Header.Get("Location")
}

func offsetOf(t *testing.T, client *http.Client, server *httptest.Server, path string) (offset int64) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodHead, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if _, err := fmt.Sscan(response.Header.Get("Upload-Offset"), &offset); err != nil {
		t.Fatalf("head: got %d, %v", response.StatusCode, err)
	}
	return offset
}

// send sends bytes, to a server that may die.
func send(client *http.Client, server *httptest.Server, path string, offset int64, body io.Reader, size int64) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, server.URL+path, body)
	if err != nil {
		return
	}
	r.ContentLength = size
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Upload-Offset", fmt.Sprint(offset))
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	if response, err := client.Do(r); err == nil {
		_ = response.Body.Close()
	}
}

// checkArrived has another process finish the upload, and compares.
func checkArrived(t *testing.T, address, dir, id string, want []byte) {
	t.Helper()
	db, err := sqldb.Open(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store := documentstest.Open(t, "file:"+dir, helperKeys)
	decider := newDecider()
	u, err := uploads.New(context.Background(), uploads.Config{
		Store: store, DB: db, Scanner: &scanner{}, Steps: decider.asSteps(), BasePath: basePath, FileBytesMax: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	for done := true; done; {
		if done, err = u.Work(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	document, err := store.Document(context.Background(), id)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer document.Close()
	got, err := io.ReadAll(document)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want what was sent", len(got), err)
	}
	if content := decider.content[id]; content.SHA256 != documentstest.Sum(t, bytes.NewReader(want)) {
		t.Errorf("got SHA-256 %s, want that of what was sent", content.SHA256)
	}
	// What the kills left half written goes with the upload.
	if err := u.Remove(context.Background(), id); err != nil {
		t.Errorf("remove: %v", err)
	}
	if files := documentstest.Files(t, dir); len(files) != 0 {
		t.Errorf("got %d files left, want none", len(files))
	}
}

// However large a file is, taking it needs little memory.
func TestMemory(t *testing.T) {
	const size, most = 256 << 20, 48 << 20
	w := newWorld(t, sqldbtest.SQLite(t), func(c *uploads.Config) { c.Scanner = discarding{} })
	path := w.create(size)
	runtime.GC()
	debug.FreeOSMemory()
	first, peak := heap(), uint64(0)
	end := make(chan struct{})
	measured := make(chan struct{})
	go func() {
		defer close(measured)
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, heap())
			}
		}
	}()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, w.server.URL+path, documentstest.Bytes(1, size))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = size
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Upload-Offset", "0")
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	response, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	w.workOff()
	close(end)
	<-measured
	if got := w.decider.finding(idOf(path)); len(got) != 1 || !got[0].Clean {
		t.Errorf("got %d, %+v, want it taken", response.StatusCode, got)
	}
	if peak > first+most {
		t.Errorf("got %d MiB of heap more, want at most %d", (peak-first)>>20, most>>20)
	}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse
}

// discarding is a scanner that reads everything and finds nothing.
type discarding struct{}

func (discarding) Scan(_ context.Context, r io.Reader, _ int64) (clamd.Result, error) {
	_, err := io.Copy(io.Discard, r)
	return clamd.Result{Clean: err == nil, Scanner: "test 1"}, err
}

func (discarding) Version(context.Context) (string, error) { return "test 1", nil }
