package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
	"casesync/adapters/documents/documentstest"
)

// uploadMiB is the size of the file that is interrupted: small in every run, and by CASESYNC_TEST_UPLOAD_MIB (make
// test-uploads) as large as people send.
func uploadMiB(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CASESYNC_TEST_UPLOAD_MIB")
	if text == "" {
		return 96
	}
	mib, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CASESYNC_TEST_UPLOAD_MIB: %v", err)
	}
	return mib
}

const (
	interruptions = 5
	memoryBytes   = 256 << 20 // that the server may take
)

// A large file arrives byte for byte, by a stock client of resumable uploads, though connections are cut and the
// server is killed on the way, on both databases and both kinds of stores for documents.
func TestLargeUploadArrivesWhatever(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		scanner := clamav(t, uploadMiB(t)+1)
		flags := append(scanner.flags(), "--upload-file-mib-max", "2048")
		if address, given := documentstest.Azure(t); given {
			flags = append(flags, "--documents", address)
		}
		s := w.start(flags...)
		s.publish(uploadFeed())
		w.caughtUp()
		file, digest := largeFile(t, uploadMiB(t))
		id := interrupted(t, s, "caseworker", file)
		s.uploadBecomes("caseworker", id, "sent")
		got := sha256.New()
		n := s.fetch(got, "cms", "/cms/v1/uploads/"+id+"/content")
		if want := int64(uploadMiB(t)) << 20; n != want || hex.EncodeToString(got.Sum(nil)) != digest {
			t.Errorf("got %d bytes with SHA-256 %x, want %d with %s", n, got.Sum(nil), want, digest)
		}
		if peak := s.memory(); peak > memoryBytes {
			t.Errorf("the server took %d MiB, want at most %d", peak>>20, memoryBytes>>20)
		} else {
			t.Logf("the server took %d MiB at most", peak>>20)
		}
	})
}

// interrupted uploads a file by tus-js-client, cuts its connections and kills the server on the way, and returns
// the upload's id.
func interrupted(t *testing.T, s *service, who, file string) (id string) {
	t.Helper()
	proxy := cut(t, s.address)
	client := tusClient(t, proxy.url()+"/api/v1/uploads", s.token[who], "UP-1", file)
	var printed bytes.Buffer
	client.Stdout, client.Stderr = &printed, &printed
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Wait() }()
	random := rand.New(rand.NewPCG(1, uint64(len(file))))
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range interruptions {
		// Somewhere in each fifth of the file.
		at := (int64(i)*info.Size() + random.Int64N(info.Size())) / interruptions
		for proxy.bytes() < at {
			select {
			case err := <-ended:
				t.Fatalf("the client ended early: %v\n%s", err, &printed)
			case <-time.After(5 * time.Millisecond):
			}
		}
		if i%2 == 0 {
			s.kill()
			s.restart()
		} else {
			proxy.cutAll()
		}
	}
	if err := <-ended; err != nil {
		t.Fatalf("the client gave up: %v\n%s", err, &printed)
	}
	address := strings.TrimSpace(printed.String())
	return address[strings.LastIndex(address, "/")+1:]
}

// tusClient prepares tus-js-client on Node.js, from scripts/testtus.
func tusClient(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	var messages bytes.Buffer
	tool := exec.Command(filepath.Join("..", "..", "scripts", "npm-tool.sh"), "testtus")
	tool.Stderr = &messages
	dir, err := tool.Output()
	if err != nil {
		t.Fatalf("set up tus-js-client: %v\n%s", err, &messages)
	}
	client := exec.Command("node", append([]string{filepath.Join(strings.TrimSpace(string(dir)), "upload.mjs")}, arguments...)...)
	t.Cleanup(func() {
		if client.Process != nil {
			_ = client.Process.Kill() // does nothing to one that ended
		}
	})
	return client
}

// largeFile makes a file of so many MiB that is text to who looks at it, and returns its SHA-256.
func largeFile(t *testing.T, mib int) (name, digest string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "complaint file.txt")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sum, random := sha256.New(), rand.New(rand.NewPCG(7, 7))
	chunk := make([]byte, 1<<20)
	for range mib {
		for i := range chunk {
			chunk[i] = "abcdefghijklmnopqrstuvwxyz 0123\n"[random.Uint32()&31]
		}
		if _, err := io.MultiWriter(file, sum).Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	return name, hex.EncodeToString(sum.Sum(nil))
}

// uploadFeed is of a case that files can be sent to.
func uploadFeed() []map[string]any {
	return []map[string]any{fact("cms.case.converted.v1", "UP-1", 1, map[string]any{
		"frn": demo.FRN(1), "product": map[string]any{"sector": "Banking and payments", "group": "Cards", "product": "Credit cards"},
		"issue": "uploads", "consumer": map[string]any{"name": "Ursula Exampleton"}, "convertedAt": "2026-02-03T10:00:00Z",
	})}
}

// uploadBecomes waits until an upload has a status, and returns it as it is then.
func (a *api) uploadBecomes(who, id string, want ...string) map[string]any {
	a.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		status, _, body := a.get(who, "/api/v1/uploads/"+id)
		var upload map[string]any
		if err := json.Unmarshal([]byte(body), &upload); err != nil {
			a.t.Fatalf("upload %s: %d %s", id, status, body)
		}
		for _, name := range want {
			if upload["status"] == name {
				return upload
			}
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("upload %s did not become %v: %d %s", id, want, status, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// fetch writes what an address gives to w, and returns how many bytes that were.
func (a *api) fetch(w io.Writer, who, path string) int64 {
	a.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, a.url+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token[who])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body) // for the message alone
		a.t.Fatalf("GET %s: %d %s", path, response.StatusCode, text)
	}
	n, err := io.Copy(w, response.Body)
	if err != nil {
		a.t.Fatalf("GET %s: %v", path, err)
	}
	return n
}
