package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/demo"
	"casesync/adapters/outbox"
	"casesync/domain/access"
	"casesync/domain/notification"
)

// refuser is a case management system that refuses messages, until it takes them.
type refuser struct {
	*httptest.Server

	mu    sync.Mutex
	takes bool
	got   []string // ids
}

func newRefuser(t *testing.T) *refuser {
	t.Helper()
	r := &refuser{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.takes {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		r.got = append(r.got, request.Header.Get("Webhook-Id"))
	}))
	t.Cleanup(r.Close)
	return r
}

// take has the receiver take messages from now on.
func (r *refuser) take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes = true
}

func (r *refuser) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

// publishing publishes to a receiver until cond holds of how the outbox stands.
func (w *world) publishing(url, what string, cond func(outbox.Status) bool) {
	w.t.Helper()
	box, err := w.inside("serve", "--outbox", url).outbox(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		status, err := box.Status(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		if cond(status) {
			break
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: it did not come to that", what)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		w.t.Errorf("publish: %v", err)
	}
}

// parkedList is what `outbox list --json` prints.
func (w *world) parkedList(args ...string) (list []parkedLine) {
	w.t.Helper()
	for line := range strings.Lines(w.must(append([]string{"outbox", "list", "--json"}, args...)...)) {
		var m parkedLine
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			w.t.Fatalf("read %q: %v", line, err)
		}
		list = append(list, m)
	}
	return list
}

// What a case management system refuses is listed with its reason, and retried or skipped with another; what waits
// behind it in its case goes on then.
func TestOutboxCommands(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hook := newRefuser(t)
		secrets := filepath.Join(w.storage[1], "secrets")
		if err := os.MkdirAll(secrets, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(secrets, webhookSecret), []byte(base64Of(strings.Repeat("secret ", 5))), 0o600); err != nil {
			t.Fatal(err)
		}
		first, second := w.sendTwiceAboutTwo()
		w.publishing(hook.URL, "all is parked", func(s outbox.Status) bool { return s.LagEvents == 0 && s.Parked.Messages == 4 })
		w.checkParked(first, second)

		stuck := map[string]uuid.UUID{}
		for _, m := range w.parkedList("--status", "stuck") {
			stuck[m.Case] = m.EventID
		}
		w.must("outbox", "retry", stuck[first].String(), "--reason", "the receiver was upgraded")
		w.must("outbox", "skip", stuck[second].String(), "--reason", "told by e-mail")
		if output, code := w.run("outbox", "skip", stuck[second].String(), "--reason", "again"); code != exitFailed || !strings.Contains(output, "outbox list shows") {
			t.Errorf("skip again: got exit code %d, %q, want it refused", code, output)
		}
		hook.take()
		w.publishing(hook.URL, "the rest is published", func(s outbox.Status) bool { return len(hook.taken()) >= 3 && s.Parked.Messages == 0 })
		if got := hook.taken(); len(got) != 3 || !slices.Contains(got, stuck[first].String()) || slices.Contains(got, stuck[second].String()) {
			t.Errorf("got %v, want three of the four, without the one that was skipped", got)
		}
		left := w.parkedList()
		if len(left) != 1 || left[0].EventID != stuck[second] || left[0].Status != "skipped" || left[0].Reason != "told by e-mail" || left[0].ResolvedAt == nil {
			t.Errorf("got %+v, want the one that was skipped, with its reason", left)
		}
	})
}

// sendTwiceAboutTwo sends two notifications each about two cases, and returns their references.
func (w *world) sendTwiceAboutTwo() (first, second string) {
	w.t.Helper()
	s := w.inside("serve")
	casework, err := s.casework(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	cases := demoCases(w.t, s, feedNow, demo.FRN(1))
	first, second = cases[0].Reference, cases[1].Reference
	by := access.Principal{ID: "user:" + uuid.NewString(), Kind: access.User, Grants: map[string][]access.Role{demo.FRN(1): {access.Caseworker}}}
	for _, ref := range []string{first, second, first, second} {
		if _, _, err := casework.Notify(w.t.Context(), commands.Ask{By: by}, ref, notification.TypeID("general-update"), map[string]string{"message": "…"}); err != nil {
			w.t.Fatal(err)
		}
	}
	return first, second
}

// checkParked looks at what is said of four parked messages of two cases.
func (w *world) checkParked(first, second string) {
	w.t.Helper()
	output := w.must("outbox", "status")
	for _, want := range []string{"PARKED CASES", "STUCK"} {
		if !strings.Contains(output, want) {
			w.t.Errorf("status: got %s, want %q", output, want)
		}
	}
	var status outboxStanding
	if err := json.Unmarshal([]byte(w.must("outbox", "status", "--json")), &status); err != nil {
		w.t.Fatal(err)
	}
	if status.Cases != 2 || status.Messages != 4 || status.Stuck != 2 || status.LagEvents != 0 || status.Oldest == nil {
		w.t.Errorf("status: got %+v, want four messages of two cases, two of them stuck", status)
	}
	output = w.must("outbox", "list", "--case", first)
	if strings.Contains(output, second) || strings.Count(output, first) != 2 || !strings.Contains(output, "behind") || !strings.Contains(output, "stuck") {
		w.t.Errorf("list of one case: got\n%s\nwant one that is stuck, and one behind it", output)
	}
	all := w.parkedList()
	if rest := w.parkedList("--after", all[0].EventID.String(), "--limit", "2"); len(rest) != 2 || rest[0].EventID != all[1].EventID {
		w.t.Errorf("list after the first: got %+v, want the second and the third", rest)
	}
}
