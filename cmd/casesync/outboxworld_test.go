package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/outbox"
)

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// published returns the messages in the outbox's file, the oldest first.
func (w *world) published() (messages []map[string]any) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.storage[1], "outbox.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var message map[string]any
		if json.Unmarshal(line, &message) == nil { // a crash leaves a part of a line
			messages = append(messages, message)
		}
	}
	return messages
}

// delivery is a message that a case management system got.
type delivery struct {
	ID, Type, Subject string
	Data              map[string]any
}

// receiver is a case management system that messages are posted to.
type receiver struct {
	t       *testing.T
	url     string
	secrets outbox.Secrets

	mu   sync.Mutex
	got  []delivery
	down bool
	// after is called after a message was taken, and before that is answered, with how many there are now.
	after func(count int)
}

// receive starts a receiver until the test ends, with a secret of the installation's.
func (w *world) receive() *receiver {
	w.t.Helper()
	secret := base64Of(strings.Repeat("secret of a webhook ", 2))
	dir := filepath.Join(w.storage[1], "secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, webhookSecret), []byte(secret), 0o600); err != nil {
		w.t.Fatal(err)
	}
	r := &receiver{t: w.t}
	var err error
	if r.secrets, err = outbox.ParseSecrets(secret); err != nil {
		w.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	r.url = "http://" + listener.Addr().String() + "/hook"
	server := &http.Server{Handler: http.HandlerFunc(r.take), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	w.t.Cleanup(func() { _ = server.Close() })
	return r
}

func (r *receiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // whoever sent it was killed
	}
	if err := r.secrets.Verify(request.Header, body, time.Now()); err != nil {
		r.t.Errorf("a message came that is not signed: %v", err)
	}
	r.mu.Lock()
	if r.down {
		r.mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var message delivery
	if err := json.Unmarshal(body, &message); err != nil {
		r.t.Errorf("a message came that is no CloudEvent: %v: %s", err, body)
	}
	r.got = append(r.got, message)
	count, after := len(r.got), r.after
	r.mu.Unlock()
	if after != nil {
		after(count)
	}
	w.WriteHeader(http.StatusNoContent)
}

// goes sets whether the receiver takes anything.
func (r *receiver) goes(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// messages returns what was taken until now.
func (r *receiver) messages() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.got...)
}

// first returns the messages without repetitions, in the order in which each came first.
func (r *receiver) first() (list []delivery) {
	seen := map[string]bool{}
	for _, message := range r.messages() {
		if !seen[message.ID] {
			seen[message.ID] = true
			list = append(list, message)
		}
	}
	return list
}

// until waits until cond holds of what was taken.
func (r *receiver) until(what string, cond func([]delivery) bool) {
	r.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !cond(r.messages()) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s did not happen; %d messages came", what, len(r.messages()))
		}
		time.Sleep(20 * time.Millisecond)
	}
}
