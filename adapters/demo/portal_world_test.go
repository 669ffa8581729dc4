package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	watermill "github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"casesync/adapters/cms"
	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/adapters/outbox"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/catalog"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqlitelog"
)

var given = Options{Seed: 1, Now: now}

// world is a portal with its real log, ingest and file of messages, and a case management system that answers it.
type world struct {
	t        *testing.T
	dir      string
	log      *sqlitelog.Log
	codec    *eventstore.Codec
	ingester *cms.Ingester
	outbox   *outbox.File
	server   *httptest.Server

	mu       sync.Mutex
	files    map[string]string // by upload
	fetched  map[string]int
	answered chan Event // after the portal has taken it
	// beforeAnswer runs after the portal has taken an event, and before it answers.
	beforeAnswer func(Event)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), files: map[string]string{}, fetched: map[string]int{}, answered: make(chan Event, 1000)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("set up: %v", err)
		}
	}
	database := func(name string) *sqldb.DB {
		db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(w.dir, name))
		must(err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	ring, err := keyring.Open(t.Context(), database("keyring.db"), keyring.NewFileKEK(filepath.Join(w.dir, "kek")), keyring.Config{})
	must(err)
	t.Cleanup(ring.Close)
	keys, err := ring.Ensure(t.Context(), "digest")
	must(err)
	w.codec = eventstore.NewCodec(catalog.New(), ring)
	w.log, err = sqlitelog.Open(t.Context(), filepath.Join(w.dir, "log.db"), sqlitelog.Config{})
	must(err)
	t.Cleanup(func() { _ = w.log.Close() })
	letters, err := state.OpenDeadLetters(t.Context(), database("state.db"), w.codec, nil)
	must(err)
	w.ingester, err = cms.NewIngester(cms.Config{Commands: commands.New(commands.Config{Log: w.log, Codec: w.codec}), DeadLetters: letters, DigestKey: keys[0].Secret})
	must(err)
	w.outbox, err = outbox.NewFile(w.path())
	must(err)
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) path() string { return filepath.Join(w.dir, "outbox", "outbox.jsonl") }

// serve is the portal's side for case management systems.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer secret" {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	if id, is := strings.CutPrefix(r.URL.Path, "/cms/v1/uploads/"); is {
		id = strings.TrimSuffix(id, "/content")
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fetched[id]++
		if content, there := w.files[id]; there {
			_, _ = io.WriteString(rw, content)
			return
		}
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	var e Event
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &e) != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	system := access.Principal{ID: "token:cms", Kind: access.Machine, Roles: []access.Role{access.CMS}, Source: Source}
	answer := httptest.NewRecorder()
	w.ingester.Handler(func(context.Context) access.Principal { return system }).ServeHTTP(answer, r)
	w.mu.Lock()
	before := w.beforeAnswer
	w.mu.Unlock()
	if before != nil {
		before(e)
	}
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes())
	w.answered <- e
}

// importCase gives the portal a case of the feed, as a file does.
func (w *world) importCase(ref string) {
	w.t.Helper()
	var lines [][]byte
	for _, e := range open(w.t).history(given, ref) {
		line, err := json.Marshal(e)
		if err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	importer := cms.Sender{By: access.Principal{ID: "system:import", Kind: access.Machine, Roles: []access.Role{access.CMS}}, Via: "file"}
	results, err := w.ingester.Take(w.t.Context(), importer, w.ingester.ParseAll(lines))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, result := range results {
		if result.Status != commands.Accepted {
			w.t.Fatalf("import %s: got %+v", ref, result)
		}
	}
}

// start runs the case management system until stop is called or the test ends.
func (w *world) start() (stop func()) {
	w.t.Helper()
	register := open(w.t)
	s := &System{
		Register: register, Given: given, URL: w.server.URL, Token: "secret", Every: time.Hour, Outbox: w.path(), Books: filepath.Join(w.dir, "books.db"),
		Client: &http.Client{Transport: &http.Transport{}}, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.t.Errorf("run: got %v, want the context's error", err)
		}
		s.Client.CloseIdleConnections()
	})
	w.t.Cleanup(stop)
	return stop
}

// tell records events, and puts the message of the last of them into the outbox. It returns the message's id.
func (w *world) tell(stream string, events ...any) string {
	w.t.Helper()
	name := eventstore.StreamName(stream)
	encoded, err := w.codec.Encode(w.t.Context(), name, eventstore.Metadata{CommandID: uuid.New(), Actor: "user:p-1", OccurredAt: now}, events...)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.log.Append(w.t.Context(), name, eventstore.Any, encoded...); err != nil {
		w.t.Fatal(err)
	}
	occasion := outbox.Occasion{}
	for recorded, err := range w.log.ReadStream(w.t.Context(), name, 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		if occasion.Decoded, err = w.codec.Decode(recorded); err != nil {
			w.t.Fatal(err)
		}
		if err := w.codec.Open(w.t.Context(), occasion.Decoded); err != nil {
			w.t.Fatal(err)
		}
		switch event := occasion.Event.(type) {
		case *upload.Begun:
			occasion.Begun = event
		case *upload.Received:
			occasion.Received = event
		}
	}
	message, is, err := outbox.Map("https://portal.example.org", occasion)
	if err != nil || !is {
		w.t.Fatalf("make message of %s: %v, %v", occasion.Type, is, err)
	}
	if err := w.outbox.Publish("", watermill.NewMessage(message.ID, message.Body)); err != nil {
		w.t.Fatal(err)
	}
	return message.ID
}

// upload sends a file and puts it in line; what is given out is content, nothing where that is "".
func (w *world) upload(ref, name, announced, content string) (id string) {
	w.t.Helper()
	id = uuid.NewString()
	if content != "" {
		w.mu.Lock()
		w.files[id] = content
		w.mu.Unlock()
	}
	w.queue(ref, id, name, announced, 1)
	return id
}

// queue puts an attempt of an upload in line, and returns the id of the message about it.
func (w *world) queue(ref, id, name, announced string, attempt int) string {
	w.t.Helper()
	about, sum := outgoing.About{Case: ref}, sha256.Sum256([]byte(announced))
	content := upload.Content{SHA256: hex.EncodeToString(sum[:]), MediaType: "application/pdf"}
	events := []any{&upload.Queued{About: about, Attempt: attempt, At: now}}
	if attempt == 1 {
		events = append([]any{
			&upload.Begun{About: about, FRN: FRN(1), Person: "p-1", Bytes: int64(len(announced)), File: private.Of(upload.File{Name: name}).About(outgoing.Subject(ref)), At: now},
			&upload.Received{About: about, Content: private.Of(content).About(outgoing.Subject(ref)), At: now},
		}, events...)
	}
	return w.tell("upload-"+id, events...)
}

// notify sends a notification.
func (w *world) notify(ref, kind string, fields map[string]string) (id string) {
	w.t.Helper()
	id = uuid.NewString()
	w.tell("notification-"+id, &notification.Sent{
		About: outgoing.About{Case: ref}, FRN: FRN(1), Person: "p-1", Type: notification.TypeID(kind), Content: private.Of(notification.Content{Fields: fields}).About(outgoing.Subject(ref)), At: now,
	})
	return id
}

// wait waits until the portal has taken events about a subject, and returns them.
func (w *world) wait(subject string, events int) []Event {
	w.t.Helper()
	var list []Event
	timeout := time.After(30 * time.Second)
	for len(list) < events {
		select {
		case e := <-w.answered:
			if e.Subject == subject {
				list = append(list, e)
			}
		case <-timeout:
			w.t.Fatalf("got %d events about %s, want %d", len(list), subject, events)
		}
	}
	return list
}

// recorded returns the types of the facts in a stream that came from a source's message, with their sequence.
func (w *world) recorded(stream string) []string {
	w.t.Helper()
	var list []string
	for e, err := range w.log.ReadStream(w.t.Context(), eventstore.StreamName(stream), 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		var stored struct {
			Origin *struct{ Sequence int }
		}
		if err := json.Unmarshal(e.Data, &stored); err != nil {
			w.t.Fatal(err)
		}
		if stored.Origin != nil {
			list = append(list, fmt.Sprintf("%s %d", e.Type, stored.Origin.Sequence))
		}
	}
	return list
}

// all returns what is recorded about everything but the live events.
func (w *world) all() map[string][]string {
	w.t.Helper()
	streams := map[string][]string{}
	for e, err := range w.log.ReadAll(w.t.Context(), eventstore.Position{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		name := string(e.Stream)
		if streams[name] == nil && !strings.Contains(name, "LIVE-") {
			streams[name] = w.recorded(name)
		}
	}
	return streams
}

// tailOf returns the last events of a stream.
func tailOf(events []string, n int) []string { return slices.Clone(events[max(0, len(events)-n):]) }
