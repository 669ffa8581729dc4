package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/cms"
	"casesync/adapters/demo"
	"casesync/domain/access"
)

// inside opens the installation in this process, as a command with such arguments does, until the test ends.
func (w *world) inside(args ...string) *system {
	w.t.Helper()
	p := &program{
		settings: &manual{}, getenv: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, now: time.Now,
		logger: slog.New(slog.DiscardHandler),
	}
	if _, err := p.parse(append(args, w.storage...)); err != nil {
		w.t.Fatal(err)
	}
	if err := p.settings.complete(); err != nil {
		w.t.Fatal(err)
	}
	s := p.system()
	w.t.Cleanup(s.close)
	return s
}

// demoCases takes the open cases of a business out of the demonstration's feed.
func demoCases(t *testing.T, s *system, anchor time.Time, business string) []demo.OpenCase {
	t.Helper()
	register, err := demo.Open()
	if err != nil {
		t.Fatal(err)
	}
	options := demo.Options{Seed: demoSeed, Now: anchor}
	cases, wanted := register.OpenCases(options, business), map[string]bool{}
	for _, c := range cases {
		wanted[c.Reference] = true
	}
	ingester, err := s.ingester(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	feed, written := io.Pipe()
	go func() {
		_, err := demo.Write(written, func(yield func(demo.Event) bool) {
			for e := range register.Feed(options) {
				if wanted[e.Subject] && !yield(e) {
					return
				}
			}
		})
		written.CloseWithError(err)
	}()
	if _, err := cms.Import(t.Context(), ingester, feed, cms.ImportOptions{Sender: cms.Sender{By: importer, Via: "file"}}); err != nil {
		t.Fatal(err)
	}
	return cases
}

// What the people of a demonstration do is done once, also where the start that did it was cut short and another one
// does it all again.
func TestDemoContentIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	s := w.inside("serve", "--demo")
	casework, err := s.casework(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	anchor := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	f := furnishing{casework: casework, anchor: anchor, business: demo.FRN(1), caseworker: uuid.NewString()}
	cases := demoCases(t, s, anchor, f.business)
	imported, err := s.openedLog.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.make(t.Context(), cases); err != nil {
		t.Fatal(err)
	}
	made, err := s.openedLog.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// At least five notifications, one of which asks for suppression, two tickets with an answer, three views.
	if events := made.Position.Major - imported.Position.Major; events < 11 {
		t.Errorf("got %d events of what people did, want some of each", events)
	}
	restarted := w.inside("serve", "--demo")
	if f.casework, err = restarted.casework(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.make(t.Context(), cases); err != nil {
		t.Errorf("again: %v", err)
	}
	if head, err := s.openedLog.Head(t.Context()); err != nil || head.Position != made.Position {
		t.Errorf("again: got the head at %s, %v, want it still at %s", head.Position, err, made.Position)
	}
	views, err := casework.Views(t.Context(), f.caseworker)
	if err != nil || len(views) != 3 {
		t.Errorf("got %d views, %v, want 3", len(views), err)
	}
}

// A demonstration shows casework from end to end: its case system answers what people have sent, gives its documents
// out, and all is there after a restart, once.
func TestDemonstrationAnswers(t *testing.T) {
	long(t) // it imports the whole register
	t.Parallel()
	w := sqliteWorld(t)
	d, stop := w.demonstrate()
	var sent struct {
		Items []struct{ Type, Status, Case string }
	}
	d.until("all notifications are answered", func() bool {
		d.read("/api/v1/notifications", &sent)
		for _, n := range sent.Items {
			if n.Status != "acknowledged" && n.Status != "rejected" && n.Type != "suppress-case" {
				return false
			}
		}
		return len(sent.Items) >= 5
	})
	statuses := map[string]int{}
	for _, n := range sent.Items {
		statuses[n.Status]++
	}
	if statuses["acknowledged"] == 0 || statuses["rejected"] == 0 || statuses["delivered"] != 1 {
		t.Errorf("got %v, want some acknowledged, some rejected, and a request that waits", statuses)
	}
	d.downloads()
	stop()
	again, _ := w.demonstrate()
	before := len(sent.Items)
	if again.read("/api/v1/notifications", &sent); len(sent.Items) != before {
		t.Errorf("after a restart: got %d notifications, want %d", len(sent.Items), before)
	}
	again.downloads()
}

// demonstrated is a demonstration that is served, as its caseworker sees it.
type demonstrated struct {
	t     *testing.T
	url   string
	token string
}

// demonstrate serves a demonstration until stop is called or the test ends.
func (w *world) demonstrate() (d *demonstrated, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told, printed := io.Pipe()
	ended := make(chan int, 1)
	args := append([]string{"serve", "--demo", "--listen", "127.0.0.1:0", "--demo-answer-after", "10ms", "--demo-pause", "1h"}, unhurried...)
	go func() {
		code := run(ctx, append(args, w.storage...), func(string) string { return "" }, strings.NewReader(""), printed, w.t.Output())
		_ = printed.Close()
		ended <- code
	}()
	ready := make(chan struct{})
	go listenFor(told, "A simulated case management system", ready)
	done := false
	stop = func() {
		if !done {
			done = true
			cancel()
			if code := <-ended; code != exitDone {
				w.t.Errorf("serve --demo: exit code %d", code)
			}
		}
	}
	w.t.Cleanup(stop)
	select {
	case <-ready:
	case <-time.After(5 * time.Minute):
		w.t.Fatal("the demonstration did not begin")
	}
	text, err := os.ReadFile(filepath.Join(w.storage[1], "demo.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var kept demonstration
	if err := json.Unmarshal(text, &kept); err != nil {
		w.t.Fatal(err)
	}
	return &demonstrated{w.t, kept.Address, kept.token(access.Caseworker)}, stop
}

// listenFor closes ready once text was said, and listens on.
func listenFor(told io.Reader, text string, ready chan struct{}) {
	var heard strings.Builder
	buffer := make([]byte, 4096)
	for said := false; ; {
		n, err := told.Read(buffer)
		if err != nil {
			return
		}
		if heard.Write(buffer[:n]); !said && strings.Contains(heard.String(), text) {
			said = true
			close(ready)
		}
	}
}

func (d *demonstrated) get(path string) (status int, body []byte) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url+path, http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, body
}

// read reads an answer of the API.
func (d *demonstrated) read(path string, into any) {
	d.t.Helper()
	status, body := d.get(path)
	if status != http.StatusOK {
		d.t.Fatalf("%s: got %d: %s", path, status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		d.t.Fatal(err)
	}
}

func (d *demonstrated) until(what string, cond func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: it did not come to that", what)
		}
	}
}

// downloads downloads a key document.
func (d *demonstrated) downloads() {
	d.t.Helper()
	var found struct{ Items []struct{ Reference string } }
	d.until("there is a case with a view", func() bool {
		d.read("/api/v1/cases?status=open&stage=view-issued&limit=10", &found)
		return len(found.Items) > 0
	})
	ref := found.Items[0].Reference
	var documents struct{ Items []struct{ DocumentID string } }
	d.read("/api/v1/cases/"+ref+"/documents", &documents)
	if len(documents.Items) == 0 {
		d.t.Fatalf("%s has no document", ref)
	}
	status, body := d.get(fmt.Sprintf("/api/v1/cases/%s/documents/%s/content", ref, documents.Items[0].DocumentID))
	if status != http.StatusOK || !strings.HasPrefix(string(body), "%PDF-") || !strings.Contains(string(body), ref) {
		d.t.Errorf("got %d and %d bytes, want the document of %s", status, len(body), ref)
	}
}
