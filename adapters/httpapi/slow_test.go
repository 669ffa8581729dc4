package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// slowReader is a client that takes what it is sent up to a mark, and then nothing until it is let go.
type slowReader struct {
	header  http.Header
	mark    string
	stopped chan struct{} // closed at the mark
	goOn    chan struct{}

	mu   sync.Mutex
	once sync.Once
	text bytes.Buffer
}

func newSlowReader(mark string) *slowReader {
	return &slowReader{header: http.Header{}, mark: mark, stopped: make(chan struct{}), goOn: make(chan struct{})}
}

func (r *slowReader) Header() http.Header { return r.header }
func (r *slowReader) WriteHeader(int)     {}
func (r *slowReader) Flush()              {}

func (r *slowReader) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.text.Write(p)
	marked := strings.Contains(r.text.String(), r.mark)
	r.mu.Unlock()
	if marked {
		r.once.Do(func() { close(r.stopped) })
		<-r.goOn
	}
	return len(p), nil
}

func (r *slowReader) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// ask lets the server answer the reader; done is closed when it has.
func (r *slowReader) ask(f *fixture, role access.Role, path string) (done chan struct{}) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	f.t.Cleanup(cancel)
	request := httptest.NewRequest(http.MethodGet, path, nil).WithContext(ctx)
	request.Header.Set("Authorization", "Bearer "+f.as(role))
	done = make(chan struct{})
	go func() {
		defer close(done)
		f.api.ServeHTTP(r, request)
	}()
	return done
}

// convertMany hands in cases N0000, N0001 and so on, in batches.
func (f *fixture) convertMany(n int) {
	f.t.Helper()
	events := make([]map[string]any, n)
	for i := range events {
		ref := fmt.Sprintf("N%04d", i)
		f.sequence[ref] = 1
		events[i] = map[string]any{
			"specversion": "1.0", "id": ref, "source": "https://cms.example/one", "type": "cms.case.converted.v1", "subject": ref,
			"sequence": "1", "time": "2026-06-01T10:00:00Z", "data": converted(frnA, nil),
		}
	}
	for batch := range slices.Chunk(events, 1000) {
		body, err := json.Marshal(batch)
		f.must(err)
		got := f.do(http.MethodPost, "/cms/v1/events", f.cms, string(body), "Content-Type", "application/cloudevents-batch+json").want(http.StatusAccepted)
		f.position = got.header.Get("Casesync-Position")
	}
}

// TestSuppressionDuringExport: a case that is suppressed while a slow reader takes an export is not
// in what comes after it.
func TestSuppressionDuringExport(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		f.convertMany(1200)
		f.get(access.Caseworker, "/api/v1/cases?limit=10").want(http.StatusOK)
		reader := newSlowReader("N0000")
		done := reader.ask(f, access.Caseworker, "/api/v1/cases/export?sort=reference")
		<-reader.stopped
		if strings.Contains(reader.String(), "N1100") {
			t.Fatal("the export was read as a whole: the test cannot tell")
		}
		f.event("N1100", "case.suppressed", data{"reason": "asked by the consumer"})
		f.get(access.Caseworker, "/api/v1/cases/N1100").want(http.StatusNotFound)
		close(reader.goOn)
		<-done
		text := reader.String()
		for ref, want := range map[string]bool{"N0000": true, "N1099": true, "N1100": false, "N1101": true, "N1199": true} {
			if got := strings.Contains(text, ref); got != want {
				t.Errorf("%s in the export: got %v, want %v", ref, got, want)
			}
		}
	})
}

// TestSlowClientIsDropped: who does not take what he is sent is dropped, and others are told
// everything at once.
func TestSlowClientIsDropped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) { config.Limits.StreamQueueMax = 2 })
	feed(f)
	slow := newSlowReader("id: ")
	ended := slow.ask(f, access.Supervisor, "/api/v1/events")
	<-slow.stopped
	quick := f.listen(f.as(access.Caseworker), "")
	quick.next("id")
	const events = 8
	for i := range events {
		f.event("C1", "case.stage-changed", data{"stage": []string{"on-hold", "investigation"}[i%2]})
		if got, want := quick.next("case-changed"), "case-changed "+f.position+" C1"; got != want {
			t.Fatalf("the quick client: got %q, want %q", got, want)
		}
	}
	close(slow.goOn)
	<-ended
	if told := strings.Count(slow.String(), "event: case-changed"); told >= events {
		t.Errorf("the slow client was told of all %d changes; want it dropped", told)
	}
	// What it was told last is where it comes back.
	lines := strings.Split(strings.TrimSpace(slow.String()), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], "id: ")
	if got, want := f.listen(f.as(access.Supervisor), last).next("case-changed"), "case-changed "+f.position+" C1"; got != want {
		t.Errorf("the slow client, back: got %q, want %q", got, want)
	}
}

// TestResumeIsExact: a client that loses its connection again and again while events flow is told
// of each change once, in order.
func TestResumeIsExact(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const cases = 60
		f.event(frnA, "business.updated", data{"frn": frnA, "name": "Specimen Bank"})
		token := f.as(access.Caseworker)
		first := f.listen(token, "")
		last := strings.TrimPrefix(first.next("id"), "id ")
		first.cancel()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range cases {
				f.event("R"+strconv.Itoa(i), "case.converted", converted(frnA, nil))
			}
		}()
		var told []string
		connections := 0
		for len(told) < cases {
			connections++
			l := f.listen(token, last)
			for range 7 { // then the connection is lost
				event := l.next("case-changed", "id", "reset")
				kind, rest, _ := strings.Cut(event, " ")
				id, ref, _ := strings.Cut(rest, " ")
				if kind == "reset" || event == "" {
					t.Fatalf("connection %d after %s: got %q", connections, last, event)
				}
				if kind == "case-changed" {
					told = append(told, ref)
				}
				last = id
				if len(told) == cases {
					break
				}
			}
			l.cancel()
		}
		<-sent
		for i, ref := range told {
			if want := "R" + strconv.Itoa(i); ref != want {
				t.Fatalf("change %d: got %s, want %s; all: %v", i, ref, want, told)
			}
		}
		if connections < cases/7 {
			t.Errorf("there were %d connections only", connections)
		}
	})
}
