package httpapi_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// A listener reads a stream of changes.
type listener struct {
	t      *testing.T
	cancel context.CancelFunc
	body   *http.Response
	events chan string // "type id ref", with a ticket's id in place of a case's reference; "id N" for an id alone, "beat" for a heartbeat
}

// listen opens a stream and waits until it has begun.
func (f *fixture) listen(token, lastEventID string) *listener {
	f.t.Helper()
	return f.listenWith("Authorization", "Bearer "+token, "Last-Event-ID", lastEventID)
}

// listenWith opens a stream with headers, as pairs of name and value, and waits until it has begun.
func (f *fixture) listenWith(header ...string) *listener {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	f.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/api/v1/events", nil)
	f.must(err)
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			request.Header.Set(header[i], header[i+1])
		}
	}
	response, err := f.Client().Do(request)
	f.must(err)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		f.t.Fatalf("GET /api/v1/events: got %d %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	l := &listener{t: f.t, cancel: cancel, body: response, events: make(chan string, 1000)}
	go l.read()
	return l
}

func (l *listener) read() {
	defer close(l.events)
	defer l.body.Body.Close()
	fields := map[string]string{}
	lines := bufio.NewScanner(l.body.Body)
	for lines.Scan() {
		line := lines.Text()
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "" && fields["data"] != "":
			_, ref, of := strings.Cut(fields["data"], `"ref":"`)
			if !of {
				_, ref, _ = strings.Cut(fields["data"], `"ticket":"`)
			}
			ref, _, _ = strings.Cut(ref, `"`)
			l.events <- strings.TrimSpace(fields["event"] + " " + fields["id"] + " " + ref)
			fields = map[string]string{}
		case line == "" && fields["id"] != "":
			l.events <- "id " + fields["id"]
			fields = map[string]string{}
		case line == "":
		case name == "":
			l.events <- "beat"
		default:
			fields[name] = value
		}
	}
}

// next returns the next event of a kind, and "" at the end of the stream.
func (l *listener) next(kinds ...string) string {
	l.t.Helper()
	for {
		select {
		case event := <-l.events:
			kind, _, _ := strings.Cut(event, " ")
			for _, wanted := range kinds {
				if kind == wanted || event == "" {
					return event
				}
			}
			if event == "" {
				return ""
			}
		case <-time.After(20 * time.Second):
			l.t.Fatalf("no %v came", kinds)
		}
	}
}

func TestStream(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		listener := f.listen(f.as(access.Caseworker), "")
		auditor := f.listen(f.as(access.Auditor), "")
		start := strings.TrimPrefix(listener.next("id"), "id ")
		if start != f.position {
			t.Errorf("the stream begins at %s, want the log's end, %s", start, f.position)
		}
		f.event("C5", "case.stage-changed", data{"stage": "on-hold"}) // foreign
		f.event("C6", "case.stage-changed", data{"stage": "on-hold"}) // suppressed
		f.event("C1", "case.stage-changed", data{"stage": "on-hold"})
		first := listener.next("case-changed")
		if want := "case-changed " + f.position + " C1"; first != want {
			t.Errorf("got %q, want %q: what may not be seen is not mentioned", first, want)
		}
		seen := auditor.next("case-changed") + auditor.next("case-changed") + auditor.next("case-changed")
		if !strings.Contains(seen, "C5") || !strings.Contains(seen, "C6") || !strings.Contains(seen, "C1") {
			t.Errorf("auditor: got %q, want C5, C6 and C1", seen)
		}
		// The read model has what the event speaks of.
		f.do(http.MethodGet, "/api/v1/cases/C1", f.as(access.Caseworker), "", "Casesync-Min-Position", f.position).want(http.StatusOK)
		listener.cancel()

		one := f.position
		f.event("C2", "case.stage-changed", data{"stage": "on-hold"})
		two := f.position
		f.event("C5", "case.stage-changed", data{"stage": "investigation"})
		f.event("C1", "case.stage-changed", data{"stage": "investigation"})
		back := f.listen(f.as(access.Caseworker), one)
		if got, want := back.next("case-changed"), "case-changed "+two+" C2"; got != want {
			t.Errorf("after coming back: got %q, want %q", got, want)
		}
		if got, want := back.next("case-changed"), "case-changed "+f.position+" C1"; got != want {
			t.Errorf("after coming back: got %q, want %q", got, want)
		}
		f.event("C2", "case.stage-changed", data{"stage": "investigation"})
		if got, want := back.next("case-changed"), "case-changed "+f.position+" C2"; got != want {
			t.Errorf("and live again: got %q, want %q", got, want)
		}
		for _, id := range []string{"999999999", "nonsense"} {
			if got := f.listen(f.as(access.Caseworker), id).next("reset", "case-changed"); !strings.HasPrefix(got, "reset ") {
				t.Errorf("Last-Event-ID %s: got %q, want reset", id, got)
			}
		}
	})
}

func TestStreamLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.Limits.StreamHeartbeat = 20 * time.Millisecond
		config.Limits.ReplayEventsMax = 3
		config.Limits.StreamsPerPrincipalMax = 2
	})
	feed(f)
	if got := f.listen(f.as(access.Caseworker), "1").next("reset", "case-changed"); !strings.HasPrefix(got, "reset ") {
		t.Errorf("too far behind: got %q, want reset", got)
	}
	token := f.as(access.Auditor)
	first := f.listen(token, "")
	first.next("beat")
	second := f.listen(token, "")
	f.do(http.MethodGet, "/api/v1/events", token, "").want(http.StatusTooManyRequests)
	f.must(f.tokens.Revoke(context.Background(), strings.Split(token, "_")[2]))
	for _, listener := range []*listener{first, second} {
		if got := listener.next("never"); got != "" {
			t.Errorf("after the token was revoked: got %q, want the end", got)
		}
	}
	open := f.listen(f.as(access.Supervisor), "")
	open.next("beat")
	f.api.Close()
	if got := open.next("never"); got != "" {
		t.Errorf("after the server closed: got %q, want the end", got)
	}
	f.do(http.MethodGet, "/api/v1/events", f.as(access.Supervisor), "").want(http.StatusServiceUnavailable)
	if got := f.do(http.MethodGet, "/readyz", "", "").want(http.StatusServiceUnavailable); got.text("ready") != "false" {
		t.Errorf("readyz while closing: got %s", got.body)
	}
}
