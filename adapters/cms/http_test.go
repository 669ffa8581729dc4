package cms

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/eventstore"
)

// serve runs the handler for a sender, and returns its address.
func (f *fixture) serve(tb testing.TB, by access.Principal) string {
	tb.Helper()
	server := httptest.NewServer(f.Handler(func(context.Context) access.Principal { return by }))
	tb.Cleanup(server.Close)
	return server.URL
}

// post sends a request, and returns the status, headers and body of the answer.
func post(tb testing.TB, address string, header map[string]string, body io.Reader) (int, http.Header, string) {
	tb.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, body)
	if err != nil {
		tb.Fatalf("make request: %v", err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	return do(tb, request)
}

func do(tb testing.TB, request *http.Request) (int, http.Header, string) {
	tb.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatalf("send: %v", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatalf("read answer: %v", err)
	}
	return response.StatusCode, response.Header, strings.TrimSpace(string(text))
}

var structured = map[string]string{"Content-Type": "application/cloudevents+json; charset=UTF-8"}

func TestHandlerStructured(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	address := f.serve(t, anySystem.By)
	text := stage("1", 1, "on-hold").text(t)
	status, header, body := post(t, address, structured, bytes.NewReader(text))
	equal(t, "answer", fmt.Sprint(status, " ", header.Get("Content-Type"), " ", body), `202 application/json {"results":[{"id":"1","status":"accepted"}]}`)
	equal(t, "position", header.Get("Casesync-Position"), "1")
	_, _, body = post(t, address, structured, bytes.NewReader(text))
	equal(t, "sent again", body, `{"results":[{"id":"1","status":"duplicate"}]}`)
}

// The SDK that most case systems would send with speaks all three modes.
func TestHandlerTakesTheSDKsRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	address := f.serve(t, anySystem.By)
	published := func(id string, sequence, title string) event.Event {
		e := event.New()
		e.SetID(id)
		e.SetSource(sourceA)
		e.SetType("cms.case.document-published.v1")
		e.SetSubject("C-1")
		e.SetTime(time.Date(2026, 3, 2, 10, 0, 0, 123_000_000, time.UTC))
		e.SetExtension("sequence", sequence)
		document := map[string]any{
			"documentId": id, "kind": "view", "title": title, "mediaType": "application/pdf", "size": 1,
			"sha256": strings.Repeat("0", 64), "url": "https://cms.example/d", "publishedAt": "2026-03-02T10:00:00Z",
		}
		if err := e.SetData(event.ApplicationJSON, document); err != nil {
			t.Fatalf("set data: %v", err)
		}
		return e
	}
	binary, err := cehttp.NewHTTPRequestFromEvent(context.Background(), address, published("1", "1", "Zoë's <view> & more"))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	_, _, body := do(t, binary)
	equal(t, "binary", body, `{"results":[{"id":"1","status":"accepted"}]}`)
	batch, err := cehttp.NewHTTPRequestFromEvents(context.Background(), address, []event.Event{published("3", "3", "c"), published("2", "2", "b"), published("1", "1", "a")})
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	_, _, body = do(t, batch)
	equal(t, "batch", body, `{"results":[{"id":"3","status":"held"},{"id":"2","status":"accepted"},{"id":"1","status":"duplicate"}]}`)
	single, err := json.Marshal(published("4", "4", "d"))
	if err != nil {
		t.Fatalf("write event: %v", err)
	}
	_, _, body = post(t, address, structured, bytes.NewReader(single))
	equal(t, "structured", body, `{"results":[{"id":"4","status":"accepted"}]}`)
	equal(t, "titles", f.stream(t, "casefile-C-1", func(d eventstore.Decoded) string {
		if fact, ok := d.Event.(*casefile.DocumentPublished); ok {
			document, _ := fact.Document.Get()
			return document.Title
		}
		return ""
	}), []string{"Zoë's <view> & more", "b", "c", "d"})
}

func TestHandlerBatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.limits.BatchEventsMax = 5
	address := f.serve(t, anySystem.By)
	batch := map[string]string{"Content-Type": mediaBatch}
	good := func(id string, subject string) string {
		return string(message{id: id, subject: subject, sequence: 1}.text(t))
	}
	_, _, body := post(t, address, batch, strings.NewReader("["+strings.Join([]string{
		good("1", "C-1"), `{"id":"broken","data":tru}`, `7`, "{\"id\":\"\xff\"}", good("2", "C-2"),
	}, ",")+"]"))
	var answered answer
	if err := json.Unmarshal([]byte(body), &answered); err != nil || len(answered.Results) != 5 {
		t.Fatalf("got %s, %v, want 5 results", body, err)
	}
	var got []string
	for _, result := range answered.Results {
		got = append(got, strings.TrimSpace(fmt.Sprint(result.ID, " ", result.Status, " ", result.Code)))
	}
	// What is broken in one event spoils no other, and is kept.
	equal(t, "results", got, []string{"1 accepted", "rejected invalid-json", "rejected invalid-envelope", "rejected invalid-json", "2 accepted"})
	equal(t, "dead letters", len(f.open(t)), 3)
	_, _, body = post(t, address, batch, strings.NewReader("[]"))
	equal(t, "an empty batch", body, `{"results":[]}`)
}

func TestHandlerProblems(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.limits = Limits{BodyBytesMax: 10_000, EventBytesMax: 5_000, BatchEventsMax: 2}
	address := f.serve(t, anySystem.By)
	binary := func(changes map[string]string) map[string]string {
		header := map[string]string{
			"Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "1", "ce-source": sourceA, "ce-subject": "C-1",
			"ce-type": "cms.case.stage-changed.v1", "ce-time": "2026-03-02T10:00:00Z",
		}
		maps.Copy(header, changes)
		return header
	}
	cases := []struct {
		name       string
		header     map[string]string
		body       string
		status     int
		code, want string
	}{
		{"wrong JSON", structured, `{"id":`, 400, "invalid-json", "ends too early (at byte 6)"},
		{"empty body", structured, ``, 400, "invalid-json", "ends too early"},
		{"invalid UTF-8", structured, "{\"id\":\"\xff\"}", 400, "invalid-json", "not valid UTF-8"},
		{"two events", structured, `{} {}`, 400, "invalid-json", "more text after the end"},
		{"no media type", nil, `{}`, 415, "media-type-unsupported", "Send application/cloudevents+json"},
		{"JSON without attributes", map[string]string{"Content-Type": "application/json"}, `{}`, 415, "media-type-unsupported", "JSON with the attributes in ce- headers"},
		{"XML", binary(map[string]string{"Content-Type": "text/xml"}), `<a/>`, 415, "media-type-unsupported", "Send"},
		{"another character set", map[string]string{"Content-Type": mediaStructured + "; charset=latin1"}, `{}`, 415, "media-type-unsupported", "in UTF-8"},
		{"compressed", map[string]string{"Content-Type": mediaStructured, "Content-Encoding": "gzip"}, `x`, 415, "media-type-unsupported", "send it without Content-Encoding"},
		{"body over the limit", structured, strings.Repeat(" ", 10_001), 413, "body-too-large", "more than 10000 bytes"},
		{"batch over the limit", map[string]string{"Content-Type": mediaBatch}, `[1,2,3]`, 413, "batch-too-large", "has 3 events, at most 2 are taken"},
		{"batch that is none", map[string]string{"Content-Type": mediaBatch}, `{}`, 400, "invalid-json", "a batch is a JSON array of events"},
		{"batch cut off", map[string]string{"Content-Type": mediaBatch}, `[{"id":"1"}`, 400, "invalid-json", "ends too early"},
		{"binary with broken data", binary(nil), `{"stage":`, 400, "invalid-json", "data is not valid JSON"},
		{"binary with data in a header", binary(map[string]string{"ce-data": "x"}), `{}`, 400, "invalid-envelope", "The header ce-data must"},
		{"binary with a broken header", binary(map[string]string{"ce-note": "%zz"}), `{}`, 400, "invalid-envelope", "percent-encoded UTF-8"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, header, body := post(t, address, c.header, strings.NewReader(c.body))
			var p problem
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("got %d %s, want a problem", status, body)
			}
			if status != c.status || p.Status != c.status || p.Code != c.code || !strings.Contains(p.Detail, c.want) || p.Title == "" ||
				header.Get("Content-Type") != "application/problem+json" || p.Type != "urn:casesync:problem:"+c.code {
				t.Errorf("got %d %s, want %d %s with %q", status, body, c.status, c.code, c.want)
			}
		})
	}
	t.Cleanup(func() {
		if got := len(f.open(t)); got != 0 {
			t.Errorf("got %d dead letters, want none: the requests were refused as a whole", got)
		}
	})
}

// One event over the limit, in a request that is not, is kept whole as any other that is rejected.
func TestHandlerEventTooLarge(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	big := stage("1", 1, strings.Repeat("x", 2<<20)).text(t)
	status, _, body := post(t, f.serve(t, anySystem.By), structured, bytes.NewReader(big))
	if status != 202 || !strings.Contains(body, `"id":"1","status":"rejected","code":"event-too-large"`) || !strings.Contains(body, "at most 1048576 are taken") {
		t.Errorf("got %d %s", status, body)
	}
	letter, err := f.letters.Show(context.Background(), f.open(t)[0].ID)
	if err != nil || !bytes.Equal(letter.Original, big) {
		t.Errorf("got %d bytes, %v, want the %d sent", len(letter.Original), err, len(big))
	}
}

func TestHandlerRoles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	status, _, body := post(t, f.serve(t, operator), structured, bytes.NewReader(stage("1", 1, "on-hold").text(t)))
	if status != 403 || !strings.Contains(body, `"code":"forbidden"`) || !strings.Contains(body, "events:publish") {
		t.Errorf("operator: got %d %s, want 403", status, body)
	}
	own := anySystem.By
	own.Source = sourceB
	status, _, body = post(t, f.serve(t, own), structured, bytes.NewReader(stage("1", 1, "on-hold").text(t)))
	if status != 202 || !strings.Contains(body, `"code":"source-mismatch","reason":"The event's source is not the one that this token may publish for`) {
		t.Errorf("another source: got %d %s, want it rejected", status, body)
	}
}

// While the log is down nothing is confirmed, and the sender is told when to come again.
func TestHandlerUnavailable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.log.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	status, header, body := post(t, f.serve(t, anySystem.By), structured, bytes.NewReader(stage("1", 1, "on-hold").text(t)))
	if status != 503 || header.Get("Retry-After") != "5" || !strings.Contains(body, `"code":"unavailable"`) || !strings.Contains(body, "send them all again") {
		t.Errorf("got %d %s, want 503", status, body)
	}
}
