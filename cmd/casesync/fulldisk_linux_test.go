package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// ownMounts tells the test that it runs where it may mount a disk that nobody else sees.
const ownMounts = "CASESYNC_TEST_OWN_MOUNTS"

// TestFullDisk runs itself again in a mount namespace of its own, as root or in a user namespace.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getenv(ownMounts) != "" {
		testFullDisk(t)
		return
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFullDisk$", "-test.v")
	again.Env = append(os.Environ(), ownMounts+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		again.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	}
	output, err := again.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine lets nobody mount a disk of his own: %v", err)
	}
	if err != nil || !bytes.Contains(output, []byte("--- PASS: TestFullDisk")) {
		t.Errorf("%v\n%s", err, output)
	}
}

// A full disk fails what meets it, clearly; nothing is confirmed that is not kept; and when there is
// room again everything goes on by itself.
func testFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("casesync", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	logged := &lockedText{}
	w := &world{t: t, storage: []string{"--data", dir}, store: "sqlite:" + filepath.Join(dir, "readmodel.db"), logged: logged}
	a, stop := w.serve()
	batches := slices.Collect(slices.Chunk(feedLines(t, 20_000), 100))

	taken := 0
	var status int
	var header http.Header
	var body string
	for ; taken < len(batches); taken++ {
		if status, header, body = a.handIn(batches[taken]); status != http.StatusAccepted {
			break
		}
	}
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"code":"unavailable"`) {
		t.Fatalf("after %d batches: got %d %s, want 503 and when to try again", taken, status, body)
	}
	if status, _, body := a.get("", "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"name":"ingest: events are kept","ready":false`) {
		t.Errorf("readyz with a full disk: got %d %s, want 503 for the events that could not be kept", status, body)
	}
	if !strings.Contains(logged.String(), "disk is full") {
		t.Errorf("the log does not say that the disk is full:\n%s", logged)
	}
	if status, _, body := a.get("auditor", "/api/v1/me"); status != http.StatusOK {
		t.Errorf("reading with a full disk: got %d %s", status, body)
	}

	if err := syscall.Mount("casesync", dir, "tmpfs", syscall.MS_REMOUNT, "size=256m"); err != nil {
		t.Fatal(err)
	}
	for i, batch := range batches[:min(taken+5, len(batches))] {
		status, _, body := a.handIn(batch)
		var answer struct{ Results []struct{ ID, Status string } }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusAccepted {
			t.Fatalf("batch %d with room again: got %d %s", i, status, body)
		}
		for _, result := range answer.Results {
			if i < taken && result.Status != "duplicate" {
				t.Errorf("%s was confirmed before the disk was full, and is %s now", result.ID, result.Status)
			}
		}
	}
	w.caughtUp()
	if status, _, body := a.get("", "/readyz"); status != http.StatusOK {
		t.Errorf("readyz with room again: got %d %s", status, body)
	}
	w.must("verify")
	stop()
}

// lockedText is text that several goroutines write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
