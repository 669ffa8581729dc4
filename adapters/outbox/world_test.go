package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/adapters/keyring"
	"casesync/adapters/outbox"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 20 * time.Second
	source   = "https://portal.example.org"
	frn      = "123456"
	ada      = "7b0c9a7e-3c55-4f0c-8c80-0d7c1d0a0001" // user ids
	ben      = "7b0c9a7e-3c55-4f0c-8c80-0d7c1d0a0002"
)

var (
	errPlanted = errors.New("planted fault")
	operator   = access.Principal{ID: "token:operator", Kind: access.Machine, Roles: []access.Role{access.Operator}}
	noon       = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	digest     = strings.Repeat("0a", 32)
)

type logOfTests interface {
	eventstore.Log
	Close() error
}

// world is an installation: log, key ring and state, all real, and the deciders of what is in line.
type world struct {
	tb            testing.TB
	db            *sqldb.DB
	log           logOfTests
	ring          *keyring.Ring
	codec         *eventstore.Codec
	checkpoints   *state.Checkpoints
	cases         *eventstore.Handler[*casefile.State, casefile.Command, casefile.Event]
	uploads       *eventstore.Handler[*upload.State, upload.Command, upload.Event]
	notifications *eventstore.Handler[*notification.State, notification.Command, notification.Event]
}

func newWorld(tb testing.TB, address string) *world {
	tb.Helper()
	ctx := context.Background()
	w := &world{tb: tb}
	var err error
	w.db, err = sqldb.Open(ctx, address)
	w.must(err)
	tb.Cleanup(func() { _ = w.db.Close() })
	if path, is := strings.CutPrefix(address, "sqlite:"); is {
		w.log, err = sqlitelog.Open(ctx, filepath.Join(filepath.Dir(path), "log.db"), sqlitelog.Config{})
	} else {
		w.log, err = pglog.Open(ctx, address, pglog.Config{})
	}
	w.must(err)
	tb.Cleanup(func() { _ = w.log.Close() })
	w.ring, err = keyring.Open(ctx, w.db, keyring.NewFileKEK(filepath.Join(tb.TempDir(), "kek")), keyring.Config{})
	w.must(err)
	tb.Cleanup(w.ring.Close)
	w.codec = eventstore.NewCodec(catalog.New(), w.ring)
	w.checkpoints, err = state.OpenCheckpoints(ctx, w.db, nil)
	w.must(err)
	w.cases = eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*casefile.State, casefile.Command, casefile.Event]{
		Initial: casefile.Initial, Decide: casefile.Decide, Evolve: casefile.Evolve,
	}, 100)
	w.uploads = eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*upload.State, upload.Command, upload.Event]{
		Initial: upload.Initial, Decide: upload.Decide, Evolve: upload.Evolve,
	}, 100)
	w.notifications = eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*notification.State, notification.Command, notification.Event]{
		Initial: notification.Initial, Decide: notification.Decide, Evolve: notification.Evolve,
	}, 100)
	return w
}

func (w *world) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatalf("got %v, want no error", err)
	}
}

// append adds events to a stream, and returns their ids.
func (w *world) append(stream string, events ...any) []string {
	w.tb.Helper()
	name := eventstore.StreamName(stream)
	encoded, err := w.codec.Encode(w.tb.Context(), name, eventstore.Metadata{CommandID: uuid.New(), Actor: "system:test", OccurredAt: noon}, events...)
	w.must(err)
	_, err = w.log.Append(w.tb.Context(), name, eventstore.Any, encoded...)
	w.must(err)
	ids := make([]string, len(encoded))
	for i, event := range encoded {
		ids[i] = event.ID.String()
	}
	return ids
}

// convert makes a case.
func (w *world) convert(ref string) {
	w.append("casefile-"+ref, &casefile.Converted{Origin: feed.Origin{Source: "https://cms.example", ID: "1", Time: noon}, FRN: frn, ConvertedAt: noon})
}

func (w *world) suppress(ref string) {
	w.append("casefile-"+ref, &casefile.Suppressed{Origin: feed.Origin{Source: "https://cms.example", ID: "2", Time: noon}})
}

// allocate allocates a case n times, to and fro.
func (w *world) allocate(ref string, n int) []string {
	var events []any
	for i := range n {
		to, from := ada, ben
		if i%2 == 1 {
			to, from = ben, ada
		}
		events = append(events, &casefile.Allocated{To: to, From: from})
	}
	return w.append("casefile-"+ref, events...)
}

// queueUpload puts a file in line.
func (w *world) queueUpload(id, ref string) string {
	about := outgoing.About{Case: ref}
	ids := w.append("upload-"+id,
		&upload.Begun{About: about, FRN: frn, Person: ada, Bytes: 100, File: outgoing.Seal(ref, upload.File{Name: "letter to Mx Specimen.pdf"}), At: noon},
		&upload.Received{About: about, Content: outgoing.Seal(ref, upload.Content{SHA256: digest, MediaType: "application/pdf"}), At: noon},
		&upload.ScanBegun{About: about, Attempt: 1, At: noon}, &upload.Cleared{About: about, Attempt: 1, Scanner: "scanner 1", At: noon},
		&upload.Queued{About: about, Attempt: 1, At: noon})
	return ids[len(ids)-1]
}

// notify sends a notification.
func (w *world) notify(id, ref string, kind notification.TypeID, fields map[string]string) string {
	return w.append("notification-"+id, &notification.Sent{
		About: outgoing.About{Case: ref}, FRN: frn, Person: ada, Type: kind, Content: outgoing.Seal(ref, notification.Content{Fields: fields}), At: noon,
	})[0]
}

// standing is that of a case, as its stream has it now.
func (w *world) standing(ctx context.Context, ref string) (standing outgoing.Case, err error) {
	err = w.cases.State(ctx, eventstore.StreamName("casefile-"+ref), func(s *casefile.State, _ eventstore.Revision) {
		standing = outgoing.Standing(s)
	})
	return standing, err
}

func request(stream string) eventstore.Request {
	return eventstore.Request{
		Stream: eventstore.StreamName(stream), CommandID: uuid.New(), Actor: "system:outbox", OccurredAt: noon, Expected: eventstore.StreamExists,
	}
}

func (w *world) uploadLine() outbox.Line {
	return outbox.Line{
		Check: func(ctx context.Context, id string, attempt int) (goes bool, err error) {
			ref, stream := "", eventstore.StreamName("upload-"+id)
			if err := w.uploads.State(ctx, stream, func(s *upload.State, _ eventstore.Revision) { ref = s.Case() }); err != nil {
				return false, err
			}
			standing, err := w.standing(ctx, ref)
			if err != nil {
				return false, err
			}
			if _, err := w.uploads.Handle(ctx, request(string(stream)), upload.Check{Standing: standing, At: noon}); err != nil {
				return false, err
			}
			err = w.uploads.State(ctx, stream, func(s *upload.State, _ eventstore.Revision) { goes = s.Deliverable(attempt) })
			return goes, err
		},
		Note: func(ctx context.Context, id string, attempt int) error {
			_, err := w.uploads.Handle(ctx, request("upload-"+id), upload.NoteSent{Attempt: attempt, At: noon})
			return err
		},
	}
}

func (w *world) notificationLine() outbox.Line {
	return outbox.Line{
		Check: func(ctx context.Context, id string, _ int) (goes bool, err error) {
			ref, stream := "", eventstore.StreamName("notification-"+id)
			if err := w.notifications.State(ctx, stream, func(s *notification.State, _ eventstore.Revision) { ref = s.Case() }); err != nil {
				return false, err
			}
			standing, err := w.standing(ctx, ref)
			if err != nil {
				return false, err
			}
			if _, err := w.notifications.Handle(ctx, request(string(stream)), notification.Check{Standing: standing, At: noon}); err != nil {
				return false, err
			}
			err = w.notifications.State(ctx, stream, func(s *notification.State, _ eventstore.Revision) { goes = s.Deliverable() })
			return goes, err
		},
		Note: func(ctx context.Context, id string, _ int) error {
			_, err := w.notifications.Handle(ctx, request("notification-"+id), notification.NoteDelivered{At: noon})
			return err
		},
	}
}

// config is an outbox's to a publisher, in a hurry.
func (w *world) config(publisher message.Publisher) outbox.Config {
	return outbox.Config{
		Log: w.log, Codec: w.codec, Checkpoints: w.checkpoints, DB: w.db, Source: source, Publisher: publisher, Topic: "out",
		SessionMetadata: "session",
		Uploads:         w.uploadLine(), Notifications: w.notificationLine(),
		TryPause: time.Millisecond, ParkedPauseFirst: 5 * time.Millisecond, ParkedPauseMax: 20 * time.Millisecond, PollEvery: 10 * time.Millisecond,
		LeaseTTL: 2 * time.Second, RetryPauseFirst: time.Millisecond, RetryPauseMax: 5 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

func (w *world) open(config outbox.Config) *outbox.Outbox {
	w.tb.Helper()
	o, err := outbox.Open(w.tb.Context(), config)
	w.must(err)
	return o
}

// start runs an outbox until stop.
func (w *world) start(config outbox.Config) (o *outbox.Outbox, stop func()) {
	w.tb.Helper()
	o = w.open(config)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.tb.Errorf("run: got %v, want no error", err)
		}
	})
	w.tb.Cleanup(stop)
	return o, stop
}

// caughtUp waits until an outbox has dealt with all that is in the log now.
func (w *world) caughtUp() {
	w.tb.Helper()
	var end eventstore.Position
	for recorded, err := range w.log.ReadAll(w.tb.Context(), end) {
		w.must(err)
		end = recorded.Position
	}
	ctx, cancel := context.WithTimeout(w.tb.Context(), patience)
	defer cancel()
	w.must(follower.WaitFor(ctx, w.checkpoints, "outbox", end))
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func() bool) {
	w.tb.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			w.tb.Fatalf("still not so after %v: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// taken is a message as a consumer has it.
type taken struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Subject string         `json:"subject"`
	Data    map[string]any `json:"data"`
	session string
	body    []byte
}

// consumer is a publisher that keeps what it is given, and fails as it is told: before it keeps a message, or after.
type consumer struct {
	mu            sync.Mutex
	list          []taken
	before, after func(taken) error
}

func (c *consumer) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		if err := c.take(m); err != nil {
			return err
		}
	}
	return nil
}

func (c *consumer) take(m *message.Message) error {
	got := taken{session: m.Metadata["session"], body: m.Payload}
	if err := json.Unmarshal(m.Payload, &got); err != nil || got.ID != m.UUID {
		return fmt.Errorf("message %s is not what it says: %w", m.UUID, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.before != nil {
		if err := c.before(got); err != nil {
			return err
		}
	}
	c.list = append(c.list, got)
	if c.after != nil {
		return c.after(got)
	}
	return nil
}

func (c *consumer) Close() error { return nil }

func (c *consumer) fail(before, after func(taken) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before, c.after = before, after
}

func (c *consumer) all() []taken {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// firsts returns the ids of a session in the order in which each was seen first.
func (c *consumer) firsts(session string) (ids []string) {
	for _, m := range c.all() {
		if m.session == session && !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func ids(list []taken) (ids []string) {
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids
}

func (w *world) uploadStatus(t *testing.T, id string) (status string) {
	t.Helper()
	w.must(w.uploads.State(t.Context(), eventstore.StreamName("upload-"+id), func(s *upload.State, _ eventstore.Revision) { status = string(s.Status()) }))
	return status
}

func (w *world) notificationStatus(t *testing.T, id string) (status string) {
	t.Helper()
	w.must(w.notifications.State(t.Context(), eventstore.StreamName("notification-"+id), func(s *notification.State, _ eventstore.Revision) { status = string(s.Status()) }))
	return status
}

func jsonInto(text string, value any) error { return json.Unmarshal([]byte(text), value) }
