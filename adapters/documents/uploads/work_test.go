package uploads_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/inspect"
	"casesync/adapters/documents/uploads"
	"casesync/eventstore/sqldb/sqldbtest"
)

func bomb(t *testing.T) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	file, err := w.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// Each file gets its finding, and only what the scanner calls clean is clean.
func TestFindings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		clean, bad, packed := w.send([]byte("%PDF-1.7 clean")), w.send([]byte("%PDF-1.7 virus")), w.send(bomb(t))
		page := w.send([]byte("<!DOCTYPE html><html></html>")) // the decider refuses its type
		w.workOff()
		for id, want := range map[string]uploads.Finding{
			clean:  {Clean: true, Scanner: "test 1"},
			bad:    {Harmful: "Test.Virus", Scanner: "test 1"},
			packed: {Code: uploads.CodeArchive},
		} {
			if got := w.decider.finding(id); len(got) != 1 || got[0] != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		if got := w.decider.finding(page); len(got) != 0 {
			t.Errorf("refused for its type: got %+v, want it not scanned", got)
		}
		if w.scanner.scans != 2 {
			t.Errorf("got %d scans, want 2: an archive that is held is not sent", w.scanner.scans)
		}
		for _, err := range []error{clamd.ErrBeyond, clamd.ErrUnclear} {
			w.scanner.set(fmt.Errorf("a reason: %w", err))
			id := w.send([]byte("%PDF-1.7 " + err.Error()))
			w.workOff()
			if got := w.decider.finding(id); len(got) != 1 || got[0].Clean || got[0].Code == "" {
				t.Errorf("%v: got %+v, want it held", err, got)
			}
		}
	})
}

// While the scanner is unreachable everything waits, visibly; then it goes on. If it lasts too long, the file is held, and
// can be scanned again.
func TestUnreachableScanner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.scanner.set(fmt.Errorf("nobody there: %w", clamd.ErrUnreachable))
		began := w.clock.Now()
		id := w.send([]byte("%PDF-1.7 file"))
		for range 10 {
			w.workOff()
			w.clock.move(6 * time.Minute)
		}
		status, err := w.Status(ctx)
		if err != nil || status.Scanning != 1 || !status.OldestScan.Equal(began) || status.Faults[uploads.CodeUnreachable] != 1 {
			t.Errorf("got %+v, %v, want one that waits since %v", status, err, began)
		}
		if got := w.decider.finding(id); len(got) != 0 {
			t.Errorf("got %+v, want none", got)
		}
		if w.scanner.scans != 10 {
			t.Errorf("got %d scans, want 10", w.scanner.scans)
		}
		w.scanner.set(fmt.Errorf("not even connected: %w", clamd.ErrAway))
		w.workOff()
		w.scanner.set(nil)
		w.clock.move(11 * time.Second)
		w.workOff()
		if got := w.decider.finding(id); len(got) != 1 || !got[0].Clean {
			t.Errorf("reachable again: got %+v, want it clean", got)
		}
		w.scanner.set(clamd.ErrUnreachable)
		id = w.send([]byte("%PDF-1.7 another"))
		w.workOff()
		w.clock.move(25 * time.Hour)
		w.workOff()
		if got := w.decider.finding(id); len(got) != 1 || got[0].Code != uploads.CodeUnreachable {
			t.Errorf("for a day: got %+v, want %s", got, uploads.CodeUnreachable)
		}
		w.scanner.set(nil)
		for range 2 {
			if err := w.Rescan(ctx, id, "1234"); err != nil {
				t.Fatalf("rescan: %v", err)
			}
		}
		w.workOff()
		if got := w.decider.finding(id); len(got) != 2 || !got[1].Clean {
			t.Errorf("scanned again: got %+v, want it clean", got)
		}
		w.clock.move(8 * 24 * time.Hour)
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Rescan(ctx, id, "1234"); err != nil {
			t.Fatal(err)
		}
		w.workOff()
		if got := w.decider.finding(id); len(got) != 3 {
			t.Errorf("scanned after its row was forgotten: got %+v, want 3", got)
		}
	})
}

// Where the decider can not be reached the step is done again, from the same bytes.
func TestUndecided(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		down := errors.New("the log is down")
		id := w.send([]byte("%PDF-1.7 file"))
		for _, step := range []string{"complete", "scan", "found"} {
			w.decider.set(step, down)
			w.workOff()
			if status, err := w.Status(context.Background()); err != nil || status.Faults[uploads.FaultUndecided] != 1 {
				t.Errorf("%s: got %+v, %v, want it to wait", step, status, err)
			}
			w.decider.set(step, nil)
			w.clock.move(time.Minute)
		}
		w.workOff()
		if got := w.decider.finding(id); len(got) != 1 || !got[0].Clean {
			t.Errorf("got %+v, want it clean", got)
		}
	})
}

// A file that makes a program error happen waits, and the others go on.
func TestPanic(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		bad := w.send([]byte("%PDF-1.7 bad"))
		w.scanner.before = func() {
			w.scanner.before = nil
			panic("an index out of range")
		}
		w.workOff()
		good := w.send([]byte("%PDF-1.7 good"))
		w.workOff()
		status, err := w.Status(context.Background())
		if err != nil || status.Faults[uploads.FaultUnreadable] != 1 || len(w.decider.finding(bad)) != 0 || len(w.decider.finding(good)) != 1 {
			t.Errorf("got %+v, %v, want one that waits", status, err)
		}
	})
}

// What was altered on the disk is not scanned as if it were the file.
func TestAlteredFile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		id := w.send([]byte("%PDF-1.7 file"))
		if _, err := w.Work(context.Background()); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(w.dir, id[:2], id, "*-*"))
		if err != nil || len(paths) != 1 {
			t.Fatalf("got %v, %v, want one segment", paths, err)
		}
		data, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(paths[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		w.workOff()
		if status, err := w.Status(context.Background()); err != nil || status.Faults[uploads.FaultAltered] != 1 || len(w.decider.finding(id)) != 0 {
			t.Errorf("got %+v, %v, %+v, want it to wait", status, err, w.decider.finding(id))
		}
	})
}

// A worker that dies in the middle leaves its row to another, after the lease; what a slow one does then counts no more.
func TestLease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		id := w.send([]byte("%PDF-1.7 file"))
		if _, err := w.Work(context.Background()); err != nil {
			t.Fatal(err)
		}
		other, _ := w.process()
		w.scanner.before = func() { // while this worker is at it
			w.scanner.before = nil
			if done, err := other.Work(context.Background()); done || err != nil {
				t.Errorf("within the lease: got %v, %v, want nothing due", done, err)
			}
			w.clock.move(16 * time.Minute)
			w.scanner.mu.Unlock()
			defer w.scanner.mu.Lock()
			if done, err := other.Work(context.Background()); !done || err != nil {
				t.Errorf("after the lease: got %v, %v, want it taken", done, err)
			}
		}
		w.workOff()
		if got := w.decider.finding(id); len(got) == 0 || !got[0].Clean {
			t.Errorf("got %+v, want it clean", got)
		}
		if status, err := w.Status(context.Background()); err != nil || status.Scanning != 0 {
			t.Errorf("got %+v, %v, want nothing left", status, err)
		}
	})
}

// Run does all of it by itself, in several processes, and ends with its context.
func TestRun(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		other, _ := w.process()
		var group sync.WaitGroup
		for _, u := range []*uploads.Uploads{w.Uploads, other} {
			group.Go(func() {
				if err := u.Run(ctx); err != nil {
					t.Errorf("run: got %v, want nil", err)
				}
			})
		}
		var ids []string
		for i := range 6 {
			ids = append(ids, w.send([]byte(fmt.Sprint("%PDF-1.7 file ", i))))
		}
		for _, id := range ids {
			for len(w.decider.finding(id)) == 0 {
				select {
				case <-w.decider.told:
				case <-time.After(20 * time.Second):
					t.Fatal("nothing was found")
				}
			}
			if got := w.decider.finding(id); len(got) != 1 || !got[0].Clean {
				t.Errorf("got %+v, want it clean, once", got)
			}
		}
		cancel()
		group.Wait()
	})
}

// Two requests for one upload in two processes write it as if one had come after the other.
func TestRivals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, second := w.process()
		want := random(t, 30<<20)
		path := w.create(int64(len(want)))
		var group sync.WaitGroup
		for _, server := range []string{w.server.URL, second.URL, w.server.URL} {
			group.Go(func() {
				target := w.server
				if server == second.URL {
					target = second
				}
				for range 1000 {
					response := request(t, target, "HEAD", path, nil, nil)
					offset, err := strconv.ParseInt(response.Header.Get("Upload-Offset"), 10, 64)
					if response.StatusCode == http.StatusConflict {
						continue // taken over by another request
					}
					if err != nil || offset == int64(len(want)) {
						if err != nil {
							t.Errorf("head: got %d, %v", response.StatusCode, err)
						}
						return
					}
					end := min(offset+5<<20, int64(len(want)))
					patch(t, target, path, offset, bytes.NewReader(want[offset:end]))
				}
				t.Error("did not come to an end")
			})
		}
		group.Wait()
		w.workOff()
		if got := w.content(idOf(path)); !bytes.Equal(got, want) {
			t.Errorf("got %d other bytes", len(got))
		}
	})
}

// What is missing in a configuration stops the start.
func TestConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), func(c *uploads.Config) { c.Archives = inspect.Limits{PartsMax: 1} })
	for name, change := range map[string]func(*uploads.Config){
		"no store":   func(c *uploads.Config) { c.Store = nil },
		"no scanner": func(c *uploads.Config) { c.Scanner = nil },
		"a step":     func(c *uploads.Config) { c.Steps.NoteScan = nil },
		"no limit":   func(c *uploads.Config) { c.FileBytesMax = 0 },
		"no path":    func(c *uploads.Config) { c.BasePath = "" },
	} {
		config := w.config
		change(&config)
		if _, err := uploads.New(context.Background(), config); err == nil {
			t.Errorf("%s: got uploads, want an error", name)
		}
	}
}

// A worker that is at a long step keeps its row, also past the lease.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	const lease = 600 * time.Millisecond
	sqldbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, func(config *uploads.Config) { config.Lease = lease })
		id := w.send([]byte("%PDF-1.7 file"))
		if _, err := w.Work(context.Background()); err != nil {
			t.Fatal(err)
		}
		other, _ := w.process()
		w.scanner.before = func() {
			for range 30 {
				time.Sleep(lease / 10)
				w.clock.move(lease / 10)
				if done, err := other.Work(context.Background()); done || err != nil {
					t.Errorf("while it is at work: got %v, %v, want nothing due", done, err)
				}
			}
		}
		w.workOff()
		if got := w.decider.finding(id); len(got) != 1 || !got[0].Clean {
			t.Errorf("got %+v, want it found clean once", got)
		}
	})
}
