package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
)

// A case that an operator suppresses during a running export, on an open stream, with a notification and a file in
// line, is delivered by none of them afterwards (requirements 46 and 48). Shown again, it is as before.
func TestSuppressionReachesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const who, secret = "caseworker", "ZZZ-secret"
		hook := w.receive()
		scanner := clamav(t, 8)
		s := w.start(append(scanner.flags(), "--outbox", hook.url)...)
		s.manyCases(demo.FRN(1), 8_000, strings.Repeat("so that it does not fit between server and client ", 10))
		s.publish([]map[string]any{converted(secret), converted("ZZZ-shown")})
		w.caughtUp()

		export := s.slowExport(who)
		changes := s.follow(t, who)
		hook.goes(true) // messages wait in line
		request := s.notify(who, secret, "suppress-case", map[string]string{"ground": suppressionGround})
		s.notify(who, secret, "general-update", map[string]string{"message": "in line"})
		s.notify(who, "ZZZ-shown", "general-update", map[string]string{"message": "goes out"})
		file := s.upload(who, secret, "in line.pdf", pdf("in line"))
		s.uploadBecomes(who, file, "queued")
		half := s.begin(who, secret, "half way.txt", []byte("half "), 10)

		s.act("operator", http.MethodPost, "/api/v1/suppressions", map[string]any{"case": secret, "request": request, "reason": "Requested by the business."})
		s.publish([]map[string]any{
			fact("cms.case.stage-changed.v1", secret, 2, map[string]any{"stage": "investigation"}),
			fact("cms.case.stage-changed.v1", "ZZZ-shown", 2, map[string]any{"stage": "investigation"}),
		})
		w.caughtUp()

		if rest := export(); strings.Contains(rest, secret) || !strings.Contains(rest, "ZZZ-shown") {
			t.Errorf("the export ended with %q, want ZZZ-shown in it and not %s", rest[max(0, len(rest)-600):], secret)
		}
		seen := untilMentions(t, changes, "ZZZ-shown", `"position"`)
		if last := seen[len(seen)-1]; strings.Contains(last, secret) {
			t.Errorf("the stream says %s", last)
		}
		s.unknownTo(who, "/api/v1/uploads/"+file, "/api/v1/cases/"+secret, "/api/v1/notifications/"+request)
		if status, _, body := s.do(http.MethodPatch, who, half, "whole", "Tus-Resumable", "1.0.0", "Upload-Offset", "5", "Content-Type", "application/offset+octet-stream"); status < 400 {
			t.Errorf("the upload half-way went on: %d %s", status, body)
		}
		hook.goes(false)
		hook.until("the message of the other case", func(got []delivery) bool { return mentions(got, "goes out") })
		s.act("operator", http.MethodPost, "/api/v1/suppressions/"+secret+"/lift", map[string]any{"reason": "The business asked for it."})
		hook.until("the message that it is shown again", func(got []delivery) bool { return mentions(got, "portal.case.unsuppressed.v1") })
		for _, message := range hook.messages() {
			if message.Subject == secret && (message.Type == "portal.notification.sent.v1" || message.Type == "portal.upload.received.v1") {
				t.Errorf("it went out all the same: %+v", message)
			}
		}
		w.caughtUp()
		if got := s.object(who, "/api/v1/uploads/"+file); got["status"] != "stopped" {
			t.Errorf("the file is %v, want it stopped, to be tried again", got["status"])
		}
	})
}

// suppressionGround is one of the grounds that a request for suppression gives.
const suppressionGround = "colleague"

func converted(ref string) map[string]any {
	return fact("cms.case.converted.v1", ref, 1, map[string]any{
		"frn": demo.FRN(1), "product": map[string]any{"sector": "Banking and payments", "group": "Cards", "product": "Credit cards"},
		"issue": "export", "consumer": map[string]any{"name": "Export Exampleton"}, "convertedAt": "2026-02-03T10:00:00Z",
	})
}

// act gives a command that has to succeed, and returns its answer.
func (a *api) act(who, method, path string, body any) map[string]any {
	a.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	status, _, answer := a.do(method, who, path, string(text), "Content-Type", "application/json")
	var got map[string]any
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status >= 300 {
		a.t.Fatalf("%s %s as %s: %d %s", method, path, who, status, answer)
	}
	return got
}

// notify notifies about one case, and returns the notification's id.
func (a *api) notify(who, ref, kind string, fields map[string]string) string {
	a.t.Helper()
	got := a.act(who, http.MethodPost, "/api/v1/notifications", map[string]any{"type": kind, "fields": fields, "cases": []string{ref}})
	result := got["results"].([]any)[0].(map[string]any)
	if result["status"] != "sent" {
		a.t.Fatalf("notify about %s: got %v", ref, result)
	}
	return result["id"].(string)
}

// begin sends the first bytes of a file, and returns the path of the upload.
func (a *api) begin(who, ref, name string, first []byte, size int) string {
	a.t.Helper()
	status, header, body := a.do(http.MethodPost, who, "/api/v1/uploads", string(first),
		"Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(size), "Content-Type", "application/offset+octet-stream",
		"Upload-Metadata", "case "+base64Of(ref)+",filename "+base64Of(name))
	location := header.Get("Location")
	at := strings.Index(location, "/api/")
	if status != http.StatusCreated || at < 0 {
		a.t.Fatalf("begin upload: %d %s", status, body)
	}
	return location[at:]
}

// unknownTo fails where a path does not answer like one of what does not exist.
func (a *api) unknownTo(who string, paths ...string) {
	a.t.Helper()
	for _, path := range paths {
		if status, _, body := a.get(who, path); status != http.StatusNotFound {
			a.t.Errorf("GET %s as %s: got %d %s, want 404", path, who, status, body)
		}
	}
}

// slowExport begins an export, the first byte of which it reads, with hardly any room for what is not read yet. What it
// returns reads the rest.
func (a *api) slowExport(who string) (rest func() string) {
	a.t.Helper()
	var connection *net.TCPConn
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		connection = dialled.(*net.TCPConn)
		return connection, connection.SetReadBuffer(4 << 10)
	}}
	request := a.request(http.MethodGet, who, "/api/v1/cases/export?format=csv&sort=reference", "")
	response, err := (&http.Client{Transport: transport, Timeout: 3 * time.Minute}).Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = response.Body.Close() })
	reader := bufio.NewReaderSize(response.Body, 16)
	if first, err := reader.ReadByte(); err != nil || response.StatusCode != http.StatusOK {
		a.t.Fatalf("export: %d %v %q", response.StatusCode, err, first)
	}
	return func() string {
		if err := connection.SetReadBuffer(1 << 20); err != nil {
			a.t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			a.t.Errorf("the export broke off: %v", err)
		}
		return string(text)
	}
}

// untilMentions returns what a stream said up to the last thing before a pause in which all of words were mentioned.
func untilMentions(t *testing.T, stream <-chan string, words ...string) (said []string) {
	t.Helper()
	for {
		select {
		case line := <-stream:
			said = append(said, line)
			if mentionsAll(line, words) {
				return said
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("the stream never mentioned %v; it said %v", words, said)
		}
	}
}

func mentionsAll(line string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(line, word) {
			return false
		}
	}
	return true
}

func mentions(got []delivery, text string) bool {
	for _, message := range got {
		if strings.Contains(fmt.Sprint(message.Type, message.Data), text) {
			return true
		}
	}
	return false
}
